"""The Jinja2 environment that mail and pages share, and what their templates may call."""

import functools
from pathlib import Path
from typing import Any

from jinja2 import Environment, FileSystemLoader, StrictUndefined, select_autoescape
from markupsafe import Markup

from mail.text import clean_body
from releases.content import Block, Content
from releases.links import uri, with_links
from releases.plaintext import line_text, underlined, with_colon, wrap
from runtime.i18n import Direction, direction_of


def templates_folder() -> Path:
    """Where the templates lie, in a checkout as in an installed wheel."""
    return Path(__file__).parent.parent / "templates"


@functools.cache
def environment() -> Environment:
    """The environment: HTML escapes what it prints, and a name that is not there is an error."""
    made = Environment(
        loader=FileSystemLoader(templates_folder()),
        autoescape=select_autoescape(("html",), default=False),
        undefined=StrictUndefined,
        finalize=_printable,
        auto_reload=False,
    )
    made.filters |= {
        "direction": direction_of,
        "line_text": line_text,
        "parts": parts,
        "shape": shape,
        "underlined": underlined,
        "uri": uri,
        "with_colon": with_colon,
        "with_links": with_links,
        "wrap": wrap,
    }
    return made


def body_html(content: Content) -> Markup:
    """A release's body as an HTML fragment without styles, for its page on the web."""
    macros: Any = environment().get_template("shared/release_body.html").module
    body: Markup = macros.body(content, is_page=True)
    return body


def release_direction(content: Content) -> Direction:
    """How the release is written: by its language, else by its headline."""
    return direction_of(content.language, content.title)


def parts(text: str) -> list[str]:
    """The paragraphs of a plain text, which empty lines part."""
    return [part for part in clean_body(text).split("\n\n") if part.strip()]


def shape(block: Block) -> str:
    """The name that templates know a block's type by: "paragraph", "table" …"""
    return type(block).__name__.lower()


def _printable(value: object) -> object:
    """What a template prints, without control characters: no display knows what to do with them."""
    return clean_body(value) if type(value) is str else value

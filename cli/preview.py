"""`medianote preview`: what would be sent, without sending."""

import datetime as dt
import json
import sys
from pathlib import Path
from typing import Annotated, Final

import typer

from cli.errors import WRONG_USE, CommandError, say
from cli.release_files import read_release, say_unsure
from cli.sample_copy import SampleCopy, sample_copy
from cli.tables import shortened
from cli.typer_apps import new_app
from releases.blocks import Heading, plain_lines
from releases.parsing import Parsed
from runtime.settings import Settings, load_settings

app = new_app()

Out = Path | None
STANDARD_OUTPUT: Final = Path("-")


@app.command()
def preview(
    file: Annotated[
        str, typer.Argument(metavar="FILE", help="The release: plain text or Markdown; or -.")
    ],
    *,
    html: Annotated[
        Out, typer.Option(metavar="OUT", help="Write the HTML part here, or -.")
    ] = None,
    text: Annotated[
        Out, typer.Option(metavar="OUT", help="Write the text part here, or -.")
    ] = None,
    eml: Annotated[
        Out, typer.Option(metavar="OUT", help="Write the whole mail here, or -.")
    ] = None,
    as_json: Annotated[
        bool, typer.Option("--json", help="Print what was read in the text as a JSON object.")
    ] = False,
) -> None:
    """Show what would be sent, without sending: what was read, and the mail made of it.

    The mail is in English, to a sample subscriber of a sample list; its links lead nowhere.
    """
    to_screen = [path for path in (html, text, eml) if path == STANDARD_OUTPUT]
    if len(to_screen) + as_json > 1:
        raise CommandError("only one thing can go to standard output: one -, or --json", WRONG_USE)
    settings = load_settings(needs_database_only=True)
    parsed = read_release(file)
    if as_json:
        print(json.dumps(parsed.to_preview(), ensure_ascii=False))
    outputs = [
        (path, part) for path, part in ((html, "html"), (text, "text"), (eml, "eml")) if path
    ]
    if as_json and not outputs:
        return
    copy = sample_copy(parsed.content, settings, dt.datetime.now(settings.zone))
    for warning in copy.warnings:
        say(warning)
    for path, part in outputs:
        _write(path, getattr(copy, part))
    if not as_json and not outputs:
        print("\n".join(_summary(parsed, copy, settings)))
    if not as_json:
        say_unsure(parsed)


def _write(path: Path, octets: bytes) -> None:
    if path != STANDARD_OUTPUT:
        path.write_bytes(octets)
        return
    sys.stdout.flush()
    sys.stdout.buffer.write(octets)
    sys.stdout.buffer.flush()


def _summary(parsed: Parsed, copy: SampleCopy, settings: Settings) -> list[str]:
    """What was read, field by field, and how the mail begins."""
    content = parsed.content
    embargo = content.embargo and content.embargo.astimezone(settings.zone)
    fields = (
        ("title", content.title),
        ("subtitle", content.subtitle),
        ("series", content.series),
        ("kind", content.kind.value),
        ("office", content.office),
        ("place", content.place),
        ("date", content.date and content.date.isoformat()),
        ("embargo", embargo and f"{embargo:%Y-%m-%d %H:%M %Z} ({embargo.isoformat()})"),
        ("language", content.language),
        ("contacts", "; ".join(" ".join(contact.split()) for contact in content.contacts)),
        ("footer", content.footer and shortened(content.footer, 160)),
        ("subject", copy.subject),
        ("size", f"{len(copy.eml) / 1024:,.1f} kB"),
    )
    paragraphs = [
        f"## {words}" if isinstance(block, Heading) else words
        for block in content.body
        for words in plain_lines(block)
    ]
    lines = [f"{name + ':':<10} {value or '—'}" for name, value in fields]
    count = "1 paragraph" if len(paragraphs) == 1 else f"{len(paragraphs):,} paragraphs"
    lines.append(f"{'body:':<10} {count}")
    lines += (f"  {shortened(paragraph, 76)}" for paragraph in paragraphs)
    return lines

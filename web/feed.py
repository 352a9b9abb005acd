"""The feed of what is public (Atom, RFC 4287)."""

import datetime as dt
import re
from collections.abc import Sequence
from typing import Final
from xml.etree import ElementTree

from mail.text import clean_body, clean_line
from releases.published import Published
from releases.templating import body_html
from subscribers.links import Links

ATOM: Final = "http://www.w3.org/2005/Atom"
XML_LANG: Final = "{http://www.w3.org/XML/1998/namespace}lang"
_NOT_IN_XML: Final = re.compile("[\ufffe\uffff]")
"""What XML 1.0 cannot write, beside control characters and surrogates (section 2.2)."""
_TAG: Final = re.compile(r"[A-Za-z]{2,8}(-[A-Za-z0-9]{1,8})*")
NOTHING_YET: Final = dt.datetime(1970, 1, 1, tzinfo=dt.UTC)
"""`updated` of a feed without entries: the element must be there, and must not change."""


def atom(releases: Sequence[Published], links: Links, office: str) -> bytes:
    """The feed document: the same octets for the same releases."""
    ElementTree.register_namespace("", ATOM)
    feed = ElementTree.Element(f"{{{ATOM}}}feed")
    _add(feed, "id", links.feed_url())
    _add(feed, "title", office)
    _add(feed, "updated", _time(max((one.updated_at for one in releases), default=NOTHING_YET)))
    _link(feed, "self", links.feed_url(), "application/atom+xml")
    _link(feed, "alternate", f"{links.base_url}/", "text/html")
    _add(_add(feed, "author"), "name", office)
    for one in releases:
        _entry(feed, one, links, office)
    document: bytes = ElementTree.tostring(feed, encoding="utf-8", xml_declaration=True)
    return document


def _entry(feed: ElementTree.Element, one: Published, links: Links, office: str) -> None:
    content = one.content
    url = links.release_url(one.slug)
    entry = _add(feed, "entry")
    if content.language and _TAG.fullmatch(content.language):
        entry.set(XML_LANG, content.language)
    _add(entry, "id", url)
    _add(entry, "title", content.title)
    _add(entry, "published", _time(one.published_at))
    _add(entry, "updated", _time(one.updated_at))
    _link(entry, "alternate", url, "text/html")
    _add(_add(entry, "author"), "name", content.office or office)
    summary = content.subtitle or next(iter(content.plain_paragraphs()), None)
    if summary:
        _add(entry, "summary", summary)
    _add(entry, "content", str(body_html(content))).set("type", "html")


def _add(parent: ElementTree.Element, name: str, text: str | None = None) -> ElementTree.Element:
    child = ElementTree.SubElement(parent, f"{{{ATOM}}}{name}")
    if text is not None:
        clean = clean_body(text) if name == "content" else clean_line(text)
        child.text = _NOT_IN_XML.sub("", clean)
    return child


def _link(parent: ElementTree.Element, relation: str, href: str, kind: str) -> None:
    link = _add(parent, "link")
    link.set("rel", relation)
    link.set("href", href)
    link.set("type", kind)


def _time(moment: dt.datetime) -> str:
    return moment.astimezone(dt.UTC).isoformat(timespec="seconds").replace("+00:00", "Z")

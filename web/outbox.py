"""`/outbox`: the mails of the local outbox, for whoever sits at this machine.

A mail is somebody else's HTML: it is shown in a sandboxed frame, from a response that itself
forbids everything but its own styles, and its links are listed beside it.
"""

import datetime as dt
from collections.abc import Iterator
from dataclasses import dataclass
from email.message import EmailMessage
from typing import Final

import lxml.html
from fastapi import Request
from lxml.etree import ParserError
from starlette.responses import HTMLResponse, Response

from runtime.hosts import is_loopback
from runtime.i18n import zone_name
from web.pages import Site
from web.security import split_host
from worker.outbox import Outbox, recipient_of

MAILS_A_PAGE: Final = 50
PARTS: Final = ("html", "text", "headers", "source")
LINK_SCHEMES: Final = frozenset({"http", "https", "mailto", "tel"})
FRAME_HEADERS: Final = {
    "Content-Security-Policy": (
        "sandbox; default-src 'none'; style-src 'unsafe-inline'; img-src data:; "
        "frame-ancestors 'self'"
    ),
    "X-Content-Type-Options": "nosniff",
    "Referrer-Policy": "no-referrer",
    "Cache-Control": "no-store",
    "X-Robots-Tag": "noindex",
}
PAGE_POLICY: Final = (
    "default-src 'none'; style-src 'self'; img-src data:; frame-src 'self'; form-action 'self'; "
    "base-uri 'none'; frame-ancestors 'none'"
)


@dataclass(frozen=True, slots=True)
class Link:
    """A link in a mail: where it leads, and what it says."""

    href: str
    text: str


class OutboxPages:
    """The list, a mail, and the frame that holds its HTML."""

    def __init__(self, site: Site, outbox: Outbox) -> None:
        self._site = site
        self._outbox = outbox

    def list(self, request: Request, page: str = "1") -> Response:
        """The newest mails."""
        if not is_here(request):
            return self._site.error(request, 404)
        count = self._outbox.count()
        last = max(1, -(-count // MAILS_A_PAGE))
        number = min(int(page), last) if page.isdecimal() and len(page) < 9 else 1
        number = max(number, 1)
        ours = self._site.words_of(request)
        return self._site.page(
            request,
            "outbox.html",
            ours,
            headers={"Content-Security-Policy": PAGE_POLICY},
            lines=self._outbox.lines(limit=MAILS_A_PAGE, offset=(number - 1) * MAILS_A_PAGE),
            count=count,
            page=number,
            last=last,
            shown_time=self._shown_time,
        )

    def _shown_time(self, moment: dt.datetime) -> str:
        local = moment.astimezone(self._site.settings.zone)
        return f"{local:%Y-%m-%d %H:%M:%S} {zone_name(local)}"

    def mail(self, request: Request, key: str, part: str = "") -> Response:
        """One mail, in one of its parts."""
        source = self._outbox.source(key) if is_here(request) else None
        message = self._outbox.message(key) if source is not None else None
        if source is None or message is None:
            return self._site.error(request, 404)
        html, text = body(message, "html"), body(message, "plain")
        if part not in PARTS or (part == "html" and html is None):
            part = "html" if html is not None else "text"
        ours = self._site.words_of(request)
        return self._site.page(
            request,
            "outbox_mail.html",
            ours,
            headers={"Content-Security-Policy": PAGE_POLICY},
            key=key,
            part=part,
            has_html=html is not None,
            text=text,
            recipient=recipient_of(source),
            sender=str(message.get("From", "")),
            subject=str(message.get("Subject", "")),
            fields=[(name, str(value)) for name, value in message.items()],
            source=source.decode("utf-8", "replace"),
            size_bytes=len(source),
            links=list(links(html)) if html is not None else [],
        )

    def frame(self, request: Request, key: str) -> Response:
        """A mail's HTML part, as it is, and powerless."""
        message = self._outbox.message(key) if is_here(request) else None
        html = body(message, "html") if message is not None else None
        if html is None:
            return self._site.error(request, 404)
        return HTMLResponse(html, headers=FRAME_HEADERS)


def is_here(request: Request) -> bool:
    """Whether it comes from this machine, under one of its own names, through no proxy."""
    client = request.client.host if request.client else ""
    name, _ = split_host(request.headers.get("host", ""))
    return is_loopback(client) and is_loopback(name) and bool(request.state.is_direct)


def body(message: EmailMessage, subtype: str) -> str | None:
    """The text/SUBTYPE part of a mail; None without one."""
    part = message.get_body((subtype,))
    if part is None or part.get_content_subtype() != subtype:
        return None
    try:
        return str(part.get_content())
    except (LookupError, ValueError):
        octets = part.get_payload(decode=True)
        return octets.decode("utf-8", "replace") if isinstance(octets, bytes) else None


def links(html: str) -> Iterator[Link]:
    """The links of a mail that lead somewhere, each once, in their order."""
    try:
        document = lxml.html.document_fromstring(html.encode(), parser=_parser())
    except (ParserError, ValueError):
        return
    seen: set[str] = set()
    for anchor in document.iter("a"):
        href = (anchor.get("href") or "").strip()
        if href in seen or href.partition(":")[0].lower() not in LINK_SCHEMES:
            continue
        seen.add(href)
        yield Link(href, " ".join(anchor.text_content().split()) or href)


def _parser() -> lxml.html.HTMLParser:
    return lxml.html.HTMLParser(encoding="utf-8", no_network=True)

"""What the mails of releases have in common, alone or in a digest: frame, headers, checks.

The language is the subscriber's and decides our own words alone; the office's text stays as it
is written.
"""

import datetime as dt
import re
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Final
from zoneinfo import ZoneInfo

from markupsafe import Markup

from mail.addresses import AddressError, Mailbox, parse_address
from mail.headers import Headers, release_headers
from mail.holes import (
    PREFERENCES,
    UNSUBSCRIBE,
    WHY_HTML,
    WHY_TEXT,
    marker,
    split_at_markers,
)
from mail.message import build_message
from mail.stencil import Stencil, compile_stencil
from mail.text import clean_line
from releases.content import Content, Kind
from releases.errors import ReleaseError
from releases.inlining import inline_styles
from releases.links import with_links
from releases.templating import environment, release_direction
from runtime.i18n import Direction, Words, words

GMAIL_CLIP_BYTES: Final = 102 * 1024
"""Gmail shows this much of an HTML part, and the rest behind "View entire message"."""
SUBJECT_CHARACTERS: Final = 250

# What we call a kind where its office has not printed a name for it; OTHER has none.
KIND_LABELS: Final = {
    Kind.PRESS_RELEASE: "Press release",
    Kind.MEDIA_NOTE: "Media note",
    Kind.PRESS_STATEMENT: "Press statement",
    Kind.REMARKS: "Remarks",
    Kind.TRANSCRIPT: "Transcript",
    Kind.READOUT: "Readout",
    Kind.FACT_SHEET: "Fact sheet",
    Kind.NOTICE_TO_THE_PRESS: "Notice to the press",
    Kind.MEDIA_ADVISORY: "Media advisory",
}

_LANGUAGE_TAG: Final = re.compile(r"[A-Za-z]{2,8}(?:-[A-Za-z0-9]{1,8})*")


@dataclass(frozen=True, slots=True)
class Sending:
    """What an installation's settings say about its mail."""

    from_: Mailbox
    base_url: str
    """Without a slash at its end."""
    list_domain: str
    bounce_domain: str | None
    """A domain whose mail comes back to us: List-Unsubscribe has a mailto only with one."""
    postal_address: str
    timezone: ZoneInfo
    """The press office's zone."""
    is_rehearsal: bool = False


@dataclass(frozen=True, slots=True)
class Lead:
    """The list a copy is from: the first, in the officer's order, that the person is on."""

    slug: str
    title: str
    is_private: bool = False
    reply_to: Mailbox | None = None
    sender: Mailbox | None = None


@dataclass(frozen=True, slots=True)
class Copy:
    """For whom a mail is rendered, once for all of them. `date` is aware."""

    lead: Lead
    language: str
    format: str
    """"html" or "text"."""
    date: dt.datetime
    is_for_desk: bool = False


@dataclass(frozen=True, slots=True)
class Rendered:
    """One copy for many; the bodies still hold the markers of the stencil's holes."""

    subject: str
    html: str | None
    """None for who reads text only."""
    text: str
    stencil: Stencil
    size_bytes: int
    """Of a copy as it is sent, less the person's own values (some hundred bytes)."""
    warnings: tuple[str, ...]
    """For the press office, a plain line each."""


@dataclass(frozen=True, slots=True)
class Item:
    """A release as templates show it in a mail."""

    content: Content
    direction: Direction
    is_one_tongue: bool
    """Whether it is in the reader's language."""
    kind_label: str | None
    kind_is_ours: bool
    web_url: str | None
    is_whole: bool = True

    @property
    def start(self) -> str:
        """The side on which its lines begin: mail clients know no logical ones."""
        return side(self.direction)

    @property
    def end(self) -> str:
        """The other side."""
        return "right" if self.direction == "ltr" else "left"


def item_of(content: Content, ours: Words, *, web_url: str | None, is_whole: bool = True) -> Item:
    """A release for who reads our words in that language."""
    return Item(
        content=content,
        direction=release_direction(content),
        is_one_tongue=(content.language or "").lower().split("-")[0] == ours.language,
        kind_label=shown_kind(content, ours),
        kind_is_ours=not content.kind_label,
        web_url=web_url,
        is_whole=is_whole,
    )


def frame(copy: Copy, sending: Sending, sheet: Direction, sender: str | None) -> dict[str, Any]:
    """What the shell of a mail speaks of; `sheet` is the direction of what is in it.

    `sender` is who the mail is from, in its last line: a release's office, else ours. Raises
    ValueError for a format that does not exist.
    """
    if copy.format not in {"html", "text"}:
        raise ValueError(f"there is no format {copy.format!r}")
    ours = words(copy.language)
    return {
        "words": ours,
        "_": ours.gettext,
        "ngettext": ours.ngettext,
        "language": ours.language,
        "direction": ours.direction,
        "start": side(ours.direction),
        "sheet_direction": sheet,
        "sheet_start": side(sheet),
        "is_rehearsal": sending.is_rehearsal,
        "is_for_desk": copy.is_for_desk,
        "embargo": None,
        "sender": sender or sender_name(sending),
        "postal_address": clean_line(sending.postal_address),
        "preferences_url": f"{sending.base_url}/p/{marker(PREFERENCES)}",
        "unsubscribe_url": f"{sending.base_url}/u/{marker(UNSUBSCRIBE)}",
    }


def finished(
    name: str,
    view: Mapping[str, Any],
    copy: Copy,
    sending: Sending,
    *,
    tongue: str | None,
    reply_to: Mailbox | None,
    is_automatic: bool = False,
) -> Rendered:
    """A mail from the templates email/NAME.*; `tongue` is the language of its content.

    Raises ReleaseError for a text that cannot be mailed.
    """
    warnings: list[str] = []
    subject = _subject(name, view, warnings)
    view = {**view, "subject": subject}
    template = environment().get_template(f"email/{name}.txt")
    text = template.render(view, why=marker(WHY_TEXT)) + "\n"
    html = _html(name, view, warnings) if copy.format == "html" else None
    _check_holes(subject, copy.lead.title, text, html, is_for_desk=copy.is_for_desk)
    headers = _headers(
        subject,
        copy,
        sending,
        tongue=tongue if tongue and _LANGUAGE_TAG.fullmatch(tongue) else view["language"],
        reply_to=reply_to,
        is_automatic=is_automatic,
    )
    stencil = compile_stencil(build_message(headers, text, html))
    return Rendered(subject, html, text, stencil, stencil.static_size_bytes, tuple(warnings))


def shown_kind(content: Content, ours: Words) -> str | None:
    """The kind as the office prints it, but not in capitals; else our own name for it, if any.

    MEDIA NOTE and Media Note are shown as Media note: what they all mean looks alike.
    """
    printed = content.kind_label
    if not printed:
        return _our_name(content.kind, ours)
    standard = _our_name(content.kind, words(content.language or "en"))
    if standard and standard.casefold() == printed.casefold():
        return standard
    return printed.capitalize() if printed.isupper() else printed


def _our_name(kind: Kind, ours: Words) -> str | None:
    label = KIND_LABELS.get(kind)
    return ours.gettext(label) if label else None


def side(direction: str) -> str:
    """Where lines of that direction begin."""
    return "left" if direction == "ltr" else "right"


def sender_name(sending: Sending) -> str:
    """Who our mail is from, by name if there is one."""
    return sending.from_.name or str(sending.from_.address)


def contact_mailbox(content: Content) -> Mailbox | None:
    """The first mail address among the release's contacts that can take an answer."""
    for contact in content.contacts:
        for run in with_links(contact):
            if (run.href or "").startswith("mailto:"):
                try:
                    address = parse_address(run.text)
                except AddressError:
                    continue
                if not address.needs_smtputf8:
                    return Mailbox(address)
    return None


def _subject(name: str, view: Mapping[str, Any], warnings: list[str]) -> str:
    printed = environment().get_template(f"email/{name}.subject.txt").render(view)
    subject = clean_line(printed)
    if len(subject) <= SUBJECT_CHARACTERS:
        return subject
    warnings.append(
        f"the subject would have {len(subject):,} characters and was cut at {SUBJECT_CHARACTERS}; "
        "the headline in the mail is whole"
    )
    return subject[: SUBJECT_CHARACTERS - 1].rsplit(" ", 1)[0] + "…"


def _html(name: str, view: Mapping[str, Any], warnings: list[str]) -> str:
    template = environment().get_template(f"email/{name}.html")
    html = inline_styles(template.render(view, why=Markup(marker(WHY_HTML))))  # noqa: S704
    size_bytes = len(html.encode())
    if size_bytes > GMAIL_CLIP_BYTES:
        warnings.append(
            f"the HTML has {size_bytes / 1024:,.0f} kB; Gmail shows the first "
            f"{GMAIL_CLIP_BYTES // 1024} kB and hides the rest, the links at the end included"
        )
    return html


def _check_holes(
    subject: str, list_title: str, text: str, html: str | None, *, is_for_desk: bool
) -> None:
    """Nothing that came from outside may stand for a person's value."""
    found = [split_at_markers(subject + " " + list_title)[1::2], split_at_markers(text)[1::2]]
    links = [PREFERENCES] if is_for_desk else [PREFERENCES, UNSUBSCRIBE]
    expected = [[], [WHY_TEXT, *links]]
    if html is not None:
        found.append(split_at_markers(html)[1::2])
        expected.append([WHY_HTML, *links])
    if found != expected:
        raise ReleaseError(
            "the text contains a word that stands for a subscriber's values in our mails "
            f"({marker(WHY_TEXT)} or one like it); take it out"
        )


def _headers(
    subject: str,
    copy: Copy,
    sending: Sending,
    *,
    tongue: str,
    reply_to: Mailbox | None,
    is_automatic: bool,
) -> Headers:
    lead, bounce_domain = copy.lead, sending.bounce_domain
    unsubscribe = marker(UNSUBSCRIBE)
    return release_headers(
        sender=lead.sender or sending.from_,
        reply_to=lead.reply_to or reply_to,
        subject=subject,
        date=copy.date,
        language=tongue,
        list_title=lead.title,
        list_id=f"{lead.slug}.{sending.list_domain}",
        unsubscribe_url=f"{sending.base_url}/u/{unsubscribe}",
        unsubscribe_mailto=f"u-{unsubscribe}@{bounce_domain}" if bounce_domain else None,
        help_url=f"{sending.base_url}/p/{marker(PREFERENCES)}",
        archive_url=None if lead.is_private else f"{sending.base_url}/feed.atom",
        is_automatic=is_automatic,
        is_one_click=not copy.is_for_desk,
    )

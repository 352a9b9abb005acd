"""A release as mail: subject, HTML, text and the stencil, once for all who get the same copy.

Pure but for reading the templates. The language is the subscriber's and decides our own words
alone; the office's text stays as it is written.
"""

import datetime as dt
import re
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
from releases.plaintext import body_text
from releases.templating import environment, release_direction
from runtime.i18n import Words, words

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


def render(
    content: Content,
    *,
    slug: str,
    lead: Lead,
    sending: Sending,
    language: str,
    format: str,  # noqa: A002  # the glossary's noun, here as everywhere
    is_embargoed: bool,
    date: dt.datetime,
    is_for_desk: bool = False,
) -> Rendered:
    """Render a release for everyone who reads `language` and `format` ("html" or "text").

    `slug` is the release's; `date` is aware and becomes the Date header. A copy for a desk has
    several readers, none of whom can stop it for the others. Raises ReleaseError
    for a text that cannot be mailed, ValueError for an embargoed copy of what has no embargo.
    """
    if format not in {"html", "text"}:
        raise ValueError(f"there is no format {format!r}")
    ours = words(language)
    view = _view(content, slug, lead, sending, ours, is_embargoed=is_embargoed)
    view["is_for_desk"] = is_for_desk
    warnings: list[str] = []
    subject = _subject(view, warnings)
    view["subject"] = subject
    text = _text(view)
    html = _html(view, warnings) if format == "html" else None
    _check_holes(subject, lead.title, text, html, is_for_desk=is_for_desk)
    headers = _headers(view, lead, sending, date)
    stencil = compile_stencil(build_message(headers, text, html))
    return Rendered(subject, html, text, stencil, stencil.static_size_bytes, tuple(warnings))


def _view(
    content: Content, slug: str, lead: Lead, sending: Sending, ours: Words, *, is_embargoed: bool
) -> dict[str, Any]:
    """What the three templates speak of."""
    release = release_direction(content)
    base_url = sending.base_url
    # Whoever may read it there: /r/SLUG answers 404 to everybody else.
    is_on_the_web = not lead.is_private and not is_embargoed
    return {
        "content": content,
        "words": ours,
        "_": ours.gettext,
        "ngettext": ours.ngettext,
        "language": ours.language,
        "direction": ours.direction,
        "start": _side(ours.direction),
        "release_direction": release,
        "release_start": _side(release),
        "release_end": _side("rtl" if release == "ltr" else "ltr"),
        "is_one_tongue": (content.language or "").lower().split("-")[0] == ours.language,
        "is_rehearsal": sending.is_rehearsal,
        "embargo": _embargo(content, sending.timezone, ours) if is_embargoed else None,
        "kind_label": shown_kind(content, ours),
        "kind_is_ours": not content.kind_label,
        "sender": content.office or sending.from_.name or str(sending.from_.address),
        "postal_address": clean_line(sending.postal_address),
        "web_url": f"{base_url}/r/{slug}" if is_on_the_web else None,
        "preferences_url": f"{base_url}/p/{marker(PREFERENCES)}",
        "unsubscribe_url": f"{base_url}/u/{marker(UNSUBSCRIBE)}",
    }


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


def _side(direction: str) -> str:
    return "left" if direction == "ltr" else "right"


def _embargo(content: Content, zone: ZoneInfo, ours: Words) -> str:
    if content.embargo is None:
        raise ValueError("an embargoed copy needs a release with an embargo")
    moment = ours.moment(content.embargo, zone)
    return ours.gettext("EMBARGOED until %(moment)s") % {"moment": moment}


def _subject(view: dict[str, Any], warnings: list[str]) -> str:
    printed = environment().get_template("email/release.subject.txt").render(view)
    subject = clean_line(printed)
    if len(subject) <= SUBJECT_CHARACTERS:
        return subject
    warnings.append(
        f"the subject would have {len(subject):,} characters and was cut at {SUBJECT_CHARACTERS}; "
        "the headline in the mail is whole"
    )
    return subject[: SUBJECT_CHARACTERS - 1].rsplit(" ", 1)[0] + "…"


def _text(view: dict[str, Any]) -> str:
    template = environment().get_template("email/release.txt")
    return template.render(view, body=body_text(view["content"]), why=marker(WHY_TEXT)) + "\n"


def _html(view: dict[str, Any], warnings: list[str]) -> str:
    template = environment().get_template("email/release.html")
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


def _headers(view: dict[str, Any], lead: Lead, sending: Sending, date: dt.datetime) -> Headers:
    content: Content = view["content"]
    base_url, bounce_domain = sending.base_url, sending.bounce_domain
    unsubscribe = marker(UNSUBSCRIBE)
    tongue = content.language or ""
    return release_headers(
        sender=lead.sender or sending.from_,
        reply_to=lead.reply_to or contact_mailbox(content),
        subject=view["subject"],
        date=date,
        language=tongue if _LANGUAGE_TAG.fullmatch(tongue) else view["language"],
        list_title=lead.title,
        list_id=f"{lead.slug}.{sending.list_domain}",
        unsubscribe_url=f"{base_url}/u/{unsubscribe}",
        unsubscribe_mailto=f"u-{unsubscribe}@{bounce_domain}" if bounce_domain else None,
        help_url=f"{base_url}/p/{marker(PREFERENCES)}",
        archive_url=None if lead.is_private else f"{base_url}/feed.atom",
        is_one_click=not view["is_for_desk"],
    )


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

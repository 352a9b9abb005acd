"""The headers of our mail: who, what, which list, how to leave, and no robots please.

Each function gives a header's value as it stands in the message: ASCII, encoded and folded.
`release_headers` puts them together for a release, `notice_headers` for a notice.
"""

import re
from datetime import datetime
from email.utils import format_datetime

from mail.addresses import Mailbox, format_mailbox
from mail.encoded_words import LINE_MAX, fold, phrase_words, text_words
from mail.holes import MESSAGE_ID, TO, marker
from mail.text import clean_line, clean_name

Headers = tuple[tuple[str, str], ...]
"""Names and values, in the order in which they stand in the message."""

_URL = re.compile(r"(?:https?://|mailto:)[!#-;=?-~]+")
_LIST_ID = re.compile(r"[A-Za-z0-9_-]{1,63}(?:\.[A-Za-z0-9_-]{1,63})+")
_LANGUAGE = re.compile(r"[A-Za-z]{2,8}(?:-[A-Za-z0-9]{1,8})*")
SUBJECT_MAX_CHARACTERS = 500


class HeaderError(ValueError):
    """A header cannot be made from this; `header` names it."""

    def __init__(self, header: str, reason: str) -> None:
        super().__init__(f"{header}: {reason}")
        self.header = header


def mailbox_value(header: str, mailbox: Mailbox) -> str:
    """From, Reply-To and the like (RFC 5322 section 3.6.2).

    Raises HeaderError for an address that needs SMTPUTF8: as a sender it would keep the mail
    from everyone whose relay has none.
    """
    if mailbox.address.needs_smtputf8:
        raise HeaderError(header, "a sender's address must be ASCII before the @")
    return format_mailbox(mailbox, len(header) + 2).decode("ascii")


def subject_value(subject: str) -> str:
    """Subject (RFC 5322 section 3.6.5): one line, encoded where needed (RFC 2047)."""
    used = len("Subject: ")
    text = clean_line(subject)[:SUBJECT_MAX_CHARACTERS].rstrip(" ")
    return fold(text_words(text, LINE_MAX - used), used)


def date_value(date: datetime) -> str:
    """Date (RFC 5322 section 3.3), in the zone of the given moment, which must have one."""
    if date.utcoffset() is None:
        raise HeaderError("Date", "the moment has no time zone")
    return format_datetime(date)


def list_id_value(title: str, list_id: str) -> str:
    """List-Id (RFC 2919): the list's title as a phrase, its identifier in angle brackets."""
    if len(list_id) > 253 or not _LIST_ID.fullmatch(list_id):
        raise HeaderError("List-Id", f"“{list_id}” is no identifier of the form slug.domain")
    used = len("List-Id: ")
    return fold([*phrase_words(clean_name(title), LINE_MAX - used), f"<{list_id}>"], used)


def url_value(header: str, *urls: str) -> str:
    """List-Unsubscribe and its family (RFC 2369 section 2): URLs in angle brackets, in order.

    Each on a line of its own, never an encoded word: that would break one-click.
    """
    for url in urls:
        if not _URL.fullmatch(url):
            raise HeaderError(header, f"“{url}” is no http, https or mailto URL in ASCII")
    return ",\r\n ".join(f"<{url}>" for url in urls)


def language_value(language: str) -> str:
    """Content-Language (RFC 3282): one BCP 47 tag."""
    if not _LANGUAGE.fullmatch(language):
        raise HeaderError("Content-Language", f"“{language}” is no language tag")
    return language


def release_headers(
    *,
    sender: Mailbox,
    reply_to: Mailbox | None,
    subject: str,
    date: datetime,
    language: str,
    list_title: str,
    list_id: str,
    unsubscribe_url: str,
    unsubscribe_mailto: str | None,
    help_url: str,
    archive_url: str | None = None,
    is_automatic: bool = False,
    is_one_click: bool = True,
) -> Headers:
    """All headers of a release but MIME's, with the holes To and Message-ID.

    `unsubscribe_url` and `unsubscribe_mailto` (an address, given only where mail can come
    back) contain the marker of the unsubscribe token. `is_automatic` is for what no human
    wrote, a digest for example (RFC 3834 section 5). Where several people read one copy there
    is no one-click, and no mailto either: List-Unsubscribe then leads to a page.
    """
    unsubscribe = [unsubscribe_url]
    if unsubscribe_mailto is not None and is_one_click:
        unsubscribe.append(f"mailto:{unsubscribe_mailto}?subject=unsubscribe")
    headers = [
        *_envelope(sender, reply_to, subject, date, language),
        ("List-Id", list_id_value(list_title, list_id)),
        ("List-Unsubscribe", url_value("List-Unsubscribe", *unsubscribe)),
    ]
    if is_one_click:
        # RFC 8058 section 3.1: exactly this, and both headers must be signed.
        headers.append(("List-Unsubscribe-Post", "List-Unsubscribe=One-Click"))
    headers.append(("List-Help", url_value("List-Help", help_url)))
    if archive_url is not None:
        headers.append(("List-Archive", url_value("List-Archive", archive_url)))
    # RFC 2369 section 3.4: a list that only its office writes to.
    headers.append(("List-Post", "NO"))
    return (*headers, *_no_automatic_replies(), *_automatic(is_automatic=is_automatic))


def notice_headers(
    *, sender: Mailbox, reply_to: Mailbox | None, subject: str, date: datetime, language: str
) -> Headers:
    """All headers of a notice but MIME's: no list, and no human wrote it."""
    return (
        *_envelope(sender, reply_to, subject, date, language),
        *_no_automatic_replies(),
        *_automatic(is_automatic=True),
    )


def _envelope(
    sender: Mailbox, reply_to: Mailbox | None, subject: str, date: datetime, language: str
) -> Headers:
    headers = [("From", mailbox_value("From", sender))]
    if reply_to is not None:
        headers.append(("Reply-To", mailbox_value("Reply-To", reply_to)))
    return (
        *headers,
        ("To", marker(TO)),
        ("Subject", subject_value(subject)),
        ("Date", date_value(date)),
        ("Message-ID", marker(MESSAGE_ID)),
        ("Content-Language", language_value(language)),
    )


def _no_automatic_replies() -> Headers:
    return (
        # Not in any standard, but what vacation programs have looked at since 1983 (RFC 3834
        # section 2 allows for it).
        ("Precedence", "bulk"),
        # Exchange ([MS-OXCMAIL] section 2.1.3.2.20). Everything it can hold back but NDR:
        # "All" would cover that too, and reports of mail that did not arrive are how we learn
        # that an address is dead.
        ("X-Auto-Response-Suppress", "DR, RN, NRN, OOF, AutoReply"),
    )


def _automatic(*, is_automatic: bool) -> Headers:
    return (("Auto-Submitted", "auto-generated"),) if is_automatic else ()

"""Texts to publish, made to measure: the mail of each has a wanted size."""

import datetime as dt
import time
from typing import Final
from zoneinfo import ZoneInfo

from mail.addresses import Mailbox, parse_address
from mail.holes import (
    MESSAGE_ID,
    PREFERENCES,
    TO,
    UNSUBSCRIBE,
    WHY_HTML,
    WHY_TEXT,
    encode_html,
    encode_message_id,
    encode_text,
    encode_to,
    encode_token,
)
from mail.message_ids import message_id
from mail.tokens import Keyring, Purpose
from releases.parsing import parse
from releases.reason import why
from releases.rendering import Lead, Sending, render
from releases.slugs import slug_of

FROM: Final = "press@example.org"
BASE_URL: Final = "https://press.example.org"
POSTAL_ADDRESS: Final = "1 Example Street, Exampleville"
SECRET_KEY: Final = "a-key-for-measuring-only-0123456789"
SENDING: Final = Sending(
    from_=Mailbox(parse_address(FROM), "Press Office"),
    base_url=BASE_URL,
    list_domain="example.org",
    bounce_domain=None,
    postal_address=POSTAL_ADDRESS,
    timezone=ZoneInfo("UTC"),
)

_SENTENCES: Final = (
    "The ministers reviewed the work of the past year and agreed on the next steps. ",
    "They thanked the host country for its welcome. ",
    "They asked the secretariat to report before the summer on what is left to do. ",
)
_PARAGRAPH: Final = "".join(_SENTENCES)
_MANY: Final = 21  # paragraphs, from which the size of one is taken


def note(body: str) -> str:
    """A media note; its headline is unique, so that each is a release of its own."""
    return (
        f"Media Note Office of the Spokesperson\n\nMeeting of ministers {time.time_ns()}\n\n"
        f"Brussels, Belgium January 29, 2024\n\n{body}\n"
    )


def body_for(size_bytes: int, format: str = "html") -> str:  # noqa: A002
    """The body with which a mail has about so many octets; the shortest where all are larger."""
    least = _size(1, format)
    per_paragraph = (_size(_MANY, format) - least) / (_MANY - 1)
    return _body(max(1, 1 + round((size_bytes - least) / per_paragraph)))


def smallest_body() -> str:
    """A body of one sentence."""
    return _SENTENCES[1]


def mail_size(text: str, slug: str, format: str = "html") -> int:  # noqa: A002
    """Octets of the mail that a reader of a list of this slug gets, in this format."""
    now = dt.datetime.now(dt.UTC)
    return len(filled_mail(text, slug, format=format, number=12_345, now=now))


def filled_mail(
    text: str,
    slug: str,
    *,
    number: int,
    now: dt.datetime,
    format: str = "html",  # noqa: A002
) -> bytes:
    """The mail that the reader of this number gets; `now` is aware."""
    content, lead = parse(text).content, Lead(slug, slug.capitalize())
    rendered = render(
        content,
        slug=slug_of(content),
        lead=lead,
        sending=SENDING,
        language="en",
        format=format,
        is_embargoed=False,
        date=now,
    )
    reason = why((lead.title,), now.date(), "en")
    sign = Keyring([SECRET_KEY]).sign
    reader = Mailbox(parse_address(f"reader{number}@{slug}.example.net"), f"Reader {number}")
    return rendered.stencil.fill(
        {
            TO: encode_to(reader),
            MESSAGE_ID: encode_message_id(message_id(bytes(16), number, "example.org")),
            UNSUBSCRIBE: encode_token(sign(Purpose.UNSUBSCRIBE, number, 1)),
            PREFERENCES: encode_token(sign(Purpose.PREFERENCES, number)),
            WHY_TEXT: encode_text(reason.text),
            WHY_HTML: encode_html(reason.html),
        }
    )


def _size(paragraphs: int, format: str) -> int:  # noqa: A002
    return mail_size(note(_body(paragraphs)), "press", format)


def _body(paragraphs: int) -> str:
    return "\n\n".join(f"{number}. {_PARAGRAPH}" for number in range(1, paragraphs + 1))

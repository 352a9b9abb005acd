"""A release as one sample subscriber would get it: for previews, and before publishing."""

import datetime as dt
from dataclasses import dataclass
from typing import Final

from mail.addresses import Mailbox, parse_address
from mail.holes import (
    MESSAGE_ID,
    PREFERENCES,
    TO,
    UNSUBSCRIBE,
    WHY_HTML,
    WHY_TEXT,
    Value,
    encode_html,
    encode_message_id,
    encode_text,
    encode_to,
    encode_token,
    marker,
)
from mail.message_ids import message_id
from releases.content import Content
from releases.reason import why
from releases.rendering import Lead, render
from releases.sending import sending_of
from releases.slugs import slug_of
from runtime.settings import Settings

SAMPLE_LEAD: Final = Lead("press", "Press releases")
SAMPLE_TOKEN: Final = "samplelinkwhichleadsnowhere"  # noqa: S105 (it opens nothing)
SAMPLE_READER: Final = Mailbox(parse_address("reader@example.org"), "Sample Reader")


@dataclass(frozen=True, slots=True)
class SampleCopy:
    """A mail, and its parts; links with the sample token lead nowhere."""

    subject: str
    html: bytes
    text: bytes
    eml: bytes
    warnings: tuple[str, ...]


def sample_copy(
    content: Content, settings: Settings, now: dt.datetime, lead: Lead = SAMPLE_LEAD
) -> SampleCopy:
    """The mail that a sample subscriber of a list would get now (aware), in English.

    Raises ReleaseError for a text that cannot be mailed.
    """
    sending = sending_of(settings)
    rendered = render(
        content,
        slug=slug_of(content),
        lead=lead,
        sending=sending,
        language="en",
        format="html",
        is_embargoed=content.embargo is not None and content.embargo > now,
        date=now,
    )
    reason = why((lead.title,), now.date(), "en")
    values: dict[str, Value] = {
        TO: encode_to(SAMPLE_READER),
        MESSAGE_ID: encode_message_id(message_id(bytes(16), 0, sending.from_.address.domain)),
        UNSUBSCRIBE: encode_token(SAMPLE_TOKEN),
        PREFERENCES: encode_token(SAMPLE_TOKEN),
        WHY_TEXT: encode_text(reason.text),
        WHY_HTML: encode_html(reason.html),
    }
    parts = {WHY_TEXT: reason.text, WHY_HTML: reason.html}
    assert rendered.html is not None
    return SampleCopy(
        subject=rendered.subject,
        html=_filled(rendered.html, parts).encode(),
        text=_filled(rendered.text, parts).encode(),
        eml=rendered.stencil.fill(values),
        warnings=rendered.warnings,
    )


def _filled(part: str, values: dict[str, str]) -> str:
    """A part with its markers replaced, as a reader sees it."""
    for hole in (UNSUBSCRIBE, PREFERENCES):
        part = part.replace(marker(hole), SAMPLE_TOKEN)
    for hole, value in values.items():
        part = part.replace(marker(hole), value)
    return part

"""A release as mail: subject, HTML, text and the stencil, once for all who get the same copy.

Pure but for reading the templates.
"""

import datetime as dt
from zoneinfo import ZoneInfo

from releases.content import Content
from releases.mail_frame import (
    GMAIL_CLIP_BYTES,
    KIND_LABELS,
    SUBJECT_CHARACTERS,
    Copy,
    Lead,
    Rendered,
    Sending,
    contact_mailbox,
    finished,
    frame,
    item_of,
    shown_kind,
)
from releases.plaintext import body_text
from releases.templating import release_direction
from runtime.i18n import Words, words

__all__ = [
    "GMAIL_CLIP_BYTES",
    "KIND_LABELS",
    "SUBJECT_CHARACTERS",
    "Lead",
    "Rendered",
    "Sending",
    "contact_mailbox",
    "render",
    "shown_kind",
]


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
    copy = Copy(lead, language, format, date, is_for_desk)
    view = frame(copy, sending, release_direction(content), content.office)
    ours = words(language)
    # Whoever may read it there: /r/SLUG answers 404 to everybody else.
    is_on_the_web = not lead.is_private and not is_embargoed
    view |= {
        "content": content,
        "item": item_of(
            content, ours, web_url=f"{sending.base_url}/r/{slug}" if is_on_the_web else None
        ),
        "body": body_text(content),
        "embargo": _embargo(content, sending.timezone, ours) if is_embargoed else None,
    }
    return finished(
        "release",
        view,
        copy,
        sending,
        tongue=content.language,
        reply_to=contact_mailbox(content),
    )


def _embargo(content: Content, zone: ZoneInfo, ours: Words) -> str:
    if content.embargo is None:
        raise ValueError("an embargoed copy needs a release with an embargo")
    moment = ours.moment(content.embargo, zone)
    return ours.gettext("EMBARGOED until %(moment)s") % {"moment": moment}

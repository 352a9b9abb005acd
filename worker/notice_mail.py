"""A notice as a mail: its words in the look of our releases, HTML and plain text."""

import datetime as dt

from mail.addresses import Mailbox, parse_address
from mail.headers import notice_headers
from mail.holes import MESSAGE_ID, TO, encode_message_id, encode_to
from mail.message import build_message
from mail.message_ids import message_id
from mail.stencil import compile_stencil
from mail.text import clean_line
from releases.rendering import Sending
from releases.templating import environment
from runtime.i18n import words
from subscribers.record_models import Notice
from worker.notice_html import notice_html
from worker.notice_words import Said


def notice_mail(notice: Notice, said: Said, sending: Sending, date: dt.datetime) -> bytes:
    """The message to be sent: CRLF line ends, not dot-stuffed.

    The same notice has the same Message-ID each time. Raises ValueError for a value that cannot
    be put into a mail.
    """
    ours = words(notice.language)
    subject = clean_line(said.subject)
    if sending.is_rehearsal:
        subject = f"REHEARSAL: {subject}"
    view = {
        "subject": subject,
        "said": said,
        "language": ours.language,
        "direction": ours.direction,
        "start": "left" if ours.direction == "ltr" else "right",
        "sender": sending.from_.name or str(sending.from_.address),
        "postal_address": clean_line(sending.postal_address),
        "is_rehearsal": sending.is_rehearsal,
    }
    text = environment().get_template("email/notice.txt").render(view) + "\n"
    html = notice_html(view)
    headers = notice_headers(
        sender=sending.from_,
        reply_to=None,
        subject=subject,
        date=date,
        language=ours.language,
    )
    identifier = message_id(notice.salt, notice.id, sending.from_.address.domain)
    return compile_stencil(build_message(headers, text, html)).fill(
        {
            TO: encode_to(Mailbox(parse_address(notice.address), notice.name or "")),
            MESSAGE_ID: encode_message_id(identifier),
        }
    )

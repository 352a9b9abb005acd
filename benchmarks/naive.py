"""The naive way, for comparison: one Celery task a mail.

This is what is written in an afternoon, with our real templates: the broker holds one message a
person, and each task renders the mail with Jinja2, inlines its styles with Premailer, builds a
message with the standard library and opens a connection with smtplib. The afternoon was a good
one: the environment is made once a process, the release is read once, and a task is given all
it has to know of a person, so that no database is asked.
"""

import datetime as dt
import functools
import os
import smtplib
from collections.abc import Callable
from email.message import EmailMessage
from email.policy import SMTP
from pathlib import Path
from typing import Any

from celery import Celery
from markupsafe import Markup

from benchmarks.notes import BASE_URL, FROM, POSTAL_ADDRESS, SECRET_KEY
from mail.text import clean_line
from mail.tokens import Keyring, Purpose
from releases.content import Content
from releases.inlining import inline_styles
from releases.mail_frame import item_of
from releases.parsing import parse
from releases.plaintext import body_text
from releases.reason import why
from releases.slugs import slug_of
from releases.templating import environment
from runtime.i18n import words

app = Celery("naive", broker=os.environ.get("MEDIANOTE_BROKER_URL", "memory://"))
app.conf.update(task_ignore_result=True, task_default_queue="naive", worker_prefetch_multiplier=64)

LIST_TITLE = "Press"


@app.task(name="naive.send")  # type: ignore[untyped-decorator]  # celery has no types
def send(number: int, address: str, name: str) -> None:
    """Render, inline and send one mail. The note's file and the relay's port are settings."""
    message = mail_for(_release(), number, address, name, dt.datetime.now(dt.UTC))
    with smtplib.SMTP("127.0.0.1", int(os.environ["NAIVE_PORT"])) as relay:
        relay.send_message(message)


def mail_for(
    content: Content, number: int, address: str, name: str, now: dt.datetime
) -> EmailMessage:
    """The mail for one subscriber, rendered for them alone; `now` is aware."""
    sign = _keyring().sign
    preferences = f"{BASE_URL}/p/{sign(Purpose.PREFERENCES, number)}"
    unsubscribe = f"{BASE_URL}/u/{sign(Purpose.UNSUBSCRIBE, number, 1)}"
    render = _renderer(content, preferences, unsubscribe)
    reason = why((LIST_TITLE,), now.date(), "en")
    subject = clean_line(render("release.subject.txt"))
    message = EmailMessage(policy=SMTP.clone(max_line_length=500))
    message["From"] = f"Press Office <{FROM}>"
    message["To"] = f"{name} <{address}>"
    message["Subject"] = subject
    message["Date"] = now
    message["List-Id"] = f"{LIST_TITLE} <press.example.org>"
    message["List-Unsubscribe"] = f"<{unsubscribe}>"
    message["List-Unsubscribe-Post"] = "List-Unsubscribe=One-Click"
    message["List-Help"] = f"<{preferences}>"
    message.set_content(render("release.txt", body=body_text(content), why=reason.text) + "\n")
    page = render("release.html", subject=subject, why=Markup(reason.html))
    message.add_alternative(inline_styles(page), subtype="html")
    return message


def _renderer(content: Content, preferences: str, unsubscribe: str) -> Callable[..., str]:
    """Renders a template of `templates/email` with all that these speak of."""
    ours = words("en")
    view: dict[str, Any] = {
        "content": content,
        "words": ours,
        "_": ours.gettext,
        "ngettext": ours.ngettext,
        "language": ours.language,
        "direction": ours.direction,
        "start": "left",
        "sheet_direction": "ltr",
        "sheet_start": "left",
        "item": item_of(content, ours, web_url=f"{BASE_URL}/r/{slug_of(content)}"),
        "is_rehearsal": False,
        "embargo": None,
        "sender": content.office or "Press Office",
        "postal_address": POSTAL_ADDRESS,
        "preferences_url": preferences,
        "unsubscribe_url": unsubscribe,
        "is_for_desk": False,
    }

    def render(template: str, **more: object) -> str:
        return environment().get_template(f"email/{template}").render(view, **more)

    return render


@functools.cache
def _release() -> Content:
    return parse(Path(os.environ["NAIVE_NOTE"]).read_bytes()).content


@functools.cache
def _keyring() -> Keyring:
    return Keyring([SECRET_KEY])

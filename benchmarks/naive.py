"""The naive way, for comparison: one Celery task a mail, each with Jinja2, Premailer, smtplib.

This is what is written in an afternoon: the mail is rendered and inlined for each person, a
connection is opened for each, and the broker holds one message a person.
"""

import os
import smtplib
from email.message import EmailMessage
from pathlib import Path
from typing import Any

from celery import Celery
from jinja2 import Environment
from premailer import transform

app = Celery("naive", broker=os.environ.get("MEDIANOTE_BROKER_URL", "redis://127.0.0.1/0"))
app.conf.update(task_ignore_result=True, worker_prefetch_multiplier=64)
# The HTML of a real rendering, so that both sides inline the same mail.
_PAGE = os.environ.get("NAIVE_PAGE", "")
_PORT = int(os.environ.get("NAIVE_PORT", "25"))


@app.task(name="naive.send")  # type: ignore[untyped-decorator]  # celery has no types
def send(address: str, name: str) -> None:
    """Render, inline and send one mail."""
    context: dict[str, Any] = {"name": name, "address": address}
    page = Environment(autoescape=True).from_string(Path(_PAGE).read_text()).render(context)
    message = EmailMessage()
    message["From"] = "Press Office <press@example.org>"
    message["To"] = f"{name} <{address}>"
    message["Subject"] = "Meeting of ministers"
    message.set_content("Meeting of ministers")
    message.add_alternative(
        transform(page, allow_network=False, disable_validation=True, cssutils_logging_level=50),
        subtype="html",
    )
    with smtplib.SMTP("127.0.0.1", _PORT) as relay:
        relay.send_message(message)

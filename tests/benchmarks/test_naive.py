"""The naive way is honest: its reader gets what ours gets."""

import datetime as dt
from email import message_from_bytes
from email.policy import default

from benchmarks.naive import mail_for
from benchmarks.notes import body_for, filled_mail, mail_size, note, smallest_body
from releases.parsing import parse

NOW = dt.datetime(2026, 3, 5, 12, 0, tzinfo=dt.UTC)


def test_the_naive_mail_reads_as_ours_does() -> None:
    """Subject, text, HTML and the headers to leave by are the same for the same person."""
    text = note(body_for(16_000))
    ours = message_from_bytes(filled_mail(text, "press", number=7, now=NOW), policy=default)
    naive = message_from_bytes(
        mail_for(parse(text).content, 7, "reader7@press.example.net", "Reader 7", NOW).as_bytes(),
        policy=default,
    )
    for header in ("Subject", "To", "List-Unsubscribe", "List-Unsubscribe-Post", "List-Help"):
        assert str(naive[header]) == str(ours[header]), header
    for kind in ("plain", "html"):
        bodies = [mail.get_body((kind,)) for mail in (naive, ours)]
        contents = [body.get_content().strip() for body in bodies if body is not None]
        assert len(contents) == 2
        assert contents[0] == contents[1]


def test_a_mail_has_the_size_that_was_asked_for() -> None:
    """Within the half of a paragraph; the smallest is what a sentence as text takes."""
    assert abs(mail_size(note(body_for(16_000)), "press") - 16_000) < 500
    assert 1_000 < mail_size(note(smallest_body()), "press", "text") < 1_500

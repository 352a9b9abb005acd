"""Programs that look at mail on its way: they open every link, and press every button.

`make scanners` does the same with a thousand mails.
"""

import datetime as dt
import re
from collections.abc import Iterator
from email import policy
from email.parser import BytesParser
from pathlib import Path

import httpx
import pytest
import sqlalchemy as sa

from releases.models import Delivery
from subscribers.models import Subscription
from tests.support.scanners import Forms, ScannedOffice, Scanner, links_in, scanned_office

PEOPLE = 20
SLUGS = ("press", "europe", "travel")


@pytest.fixture
def installation(tmp_path: Path) -> Iterator[ScannedOffice]:
    """With three lists of twenty people."""
    with scanned_office(tmp_path) as made:
        for slug in SLUGS:
            made.add_list(slug, PEOPLE)
        yield made


def accepted(installation: ScannedOffice, moment: dt.datetime) -> None:
    """All were taken by a mail server at that moment."""
    with installation.database.transaction() as session:
        session.execute(sa.update(Delivery).values(decided_at=moment))


def test_scanners_end_no_subscription_and_people_do(installation: ScannedOffice) -> None:
    """Every link is opened and every button pressed as the mail comes: nothing has changed.

    A person who comes later stops their mail with one press.
    """
    before = installation.everything()
    scanner = Scanner(installation.client)
    for slug in SLUGS:
        for mail in installation.send(slug, PEOPLE):
            assert {link[:3] for link in links_in(mail.raw)} >= {"/u/", "/p/"}
            scanner.press(mail)
    assert len(installation.mails) == len(SLUGS) * PEOPLE
    assert set(scanner.looked) == {200}
    assert set(scanner.pressed) == {422}
    # Stop, a pause, save, a private link, stop all: where the machine was quick enough.
    assert scanner.pressed.total() + scanner.too_late >= 5 * len(installation.mails)
    assert scanner.pressed.total() >= 2 * len(installation.mails)
    assert installation.everything() == before
    accepted(installation, dt.datetime.now(dt.UTC) - dt.timedelta(seconds=11))
    (link,) = (one for one in links_in(installation.mails[0].raw) if one.startswith("/u/"))
    fields, *_ = Forms(installation.client.get(link).text).posts
    answer = installation.client.post(link, data=dict(fields))
    assert "Stopped." in answer.text
    assert installation.everything() != before


def test_an_undo_that_came_too_soon_is_offered_again(installation: ScannedOffice) -> None:
    """Another release may come while somebody thinks: who presses again has their undo."""
    (mail, *_) = installation.send("press", PEOPLE)
    long_ago = dt.datetime.now(dt.UTC) - dt.timedelta(minutes=5)
    accepted(installation, long_ago)
    (link,) = (one for one in links_in(mail.raw) if one.startswith("/u/"))
    first, *_ = Forms(installation.client.get(link).text).posts
    stopped = installation.client.post(link, data=dict(first))
    undo, reason = Forms(stopped.text).posts
    accepted(installation, dt.datetime.now(dt.UTC))
    for fields in (undo, [*reason, ("why", "changed jobs")]):
        again = installation.client.post(link, data=dict(fields))
        assert again.status_code == 422
        assert "Please wait ten seconds, then press once more." in again.text
        accepted(installation, long_ago)
        repeated = [one for one in Forms(again.text).posts if set(dict(one)) == set(dict(fields))]
        assert len(repeated) == 1
        assert installation.client.post(link, data=dict(repeated[0])).status_code == 200
        accepted(installation, dt.datetime.now(dt.UTC))


def test_one_click_is_never_held_back(installation: ScannedOffice) -> None:
    """A mail system that asks for it on behalf of a person is obeyed at once (RFC 8058)."""
    first, *_ = installation.send("press", PEOPLE)
    accepted(installation, dt.datetime.now(dt.UTC))
    mail = BytesParser(policy=policy.default).parsebytes(first.raw)
    assert mail["List-Unsubscribe-Post"] == "List-Unsubscribe=One-Click"
    (url,) = re.findall(r"<(http[^>]+)>", mail["List-Unsubscribe"])
    answer = installation.client.post(
        url.removeprefix("http://127.0.0.1:8000"), data={"List-Unsubscribe": "One-Click"}
    )
    assert (answer.status_code, answer.cookies) == (200, httpx.Cookies())
    assert not answer.is_redirect
    with installation.database.reading() as session:
        ended = session.scalars(
            sa.select(Subscription.end_reason).where(Subscription.state == "ended")
        ).all()
    assert ended == ["one-click"]

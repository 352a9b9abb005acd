"""Programs that look at mail on its way: they open every link, and press every button."""

import datetime as dt
import re
from collections.abc import Iterator
from email import policy
from email.parser import BytesParser
from html.parser import HTMLParser
from pathlib import Path

import httpx
import pytest
import sqlalchemy as sa

from releases.models import Delivery
from runtime.database import Database
from runtime.migrations import migrate
from runtime.settings import Settings
from subscribers.models import Subscriber, Subscription
from subscribers.record_models import Consent
from tests.support.fleet import status_of, wait_until
from tests.support.office import HASH_KEY, Office
from web.app import create_app
from web.server import serving_app
from worker.doorbell import ring_prepare
from worker.embedded import running_worker

PEOPLE = 60


class Forms(HTMLParser):
    """The forms of a page: hidden and visible fields as they are, and each button's."""

    def __init__(self, page: str) -> None:
        super().__init__()
        self.posts: list[list[tuple[str, str]]] = []
        self._fields: list[tuple[str, str]] | None = None
        self._buttons: list[tuple[str, str]] = []
        self.feed(page)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        found = {name: value or "" for name, value in attrs}
        if tag == "form":
            self._fields, self._buttons = [], []
        elif self._fields is not None and tag == "input":
            is_box = found.get("type") in {"checkbox", "radio"}
            if "name" in found and (not is_box or "checked" in found):
                self._fields.append((found["name"], found.get("value", "")))
        elif self._fields is not None and tag == "button":
            self._buttons.append((found.get("name", ""), found.get("value", "")))

    def handle_endtag(self, tag: str) -> None:
        if tag == "form" and self._fields is not None:
            for name, value in self._buttons:
                self.posts.append([*self._fields, *([(name, value)] if name else [])])
            self._fields = None


class Delivered:
    """A release that has gone out to many, their mails, and the pages."""

    def __init__(self, office: Office, folder: Path, client: httpx.Client) -> None:
        self.database = office.database
        self.client = client
        self.mails = [path.read_bytes() for path in (folder / "outbox" / "new").iterdir()]

    def links(self, mail: bytes) -> list[str]:
        """The paths of every link in a mail."""
        parsed = BytesParser(policy=policy.default).parsebytes(mail)
        html = parsed.get_body(("html",))
        assert html is not None
        text = html.get_content() + str(parsed["List-Unsubscribe"])
        return sorted(set(re.findall(r"http://127\.0\.0\.1:8000(/[a-z]/[A-Za-z0-9-]+)", text)))

    def accepted(self, moment: dt.datetime) -> None:
        """All were taken by a mail server at that moment."""
        with self.database.transaction() as session:
            session.execute(sa.update(Delivery).values(decided_at=moment))

    def everything(self) -> list[object]:
        """All that a subscriber could have changed."""
        with self.database.reading() as session:
            return [
                [tuple(row) for row in session.execute(sa.select(*table.__table__.columns))]
                for table in (Subscriber, Subscription, Consent)
            ]


@pytest.fixture
def delivered(tmp_path: Path) -> Iterator[Delivered]:
    settings = Settings(state_dir=tmp_path / "state", hash_key=HASH_KEY)
    migrate(settings.database)
    office = Office(Database(settings.database))
    office.subscribe(office.people(PEOPLE), office.lists("press")["press"])
    with running_worker(settings):
        distribution = office.publish("press")
        ring_prepare(settings, distribution)
        wait_until(lambda: status_of(office, distribution).is_finished, 30)
    with (
        serving_app(create_app(settings, office.database)) as url,
        httpx.Client(base_url=url, trust_env=False, timeout=20) as client,
    ):
        yield Delivered(office, settings.state_folder, client)


def test_scanners_end_no_subscription_and_people_do(delivered: Delivered) -> None:
    """Every link is opened and every button pressed within ten seconds: nothing has changed.

    A person who comes later stops their mail with one press.
    """
    assert len(delivered.mails) == PEOPLE
    before = delivered.everything()
    pressed = 0
    for number, mail in enumerate(delivered.mails):
        links = delivered.links(mail)
        assert {link[:3] for link in links} >= {"/u/", "/p/"}
        pages = [(link, delivered.client.get(link)) for link in links]
        if number % 10 == 0:
            delivered.accepted(dt.datetime.now(dt.UTC))
        for link, page in pages:
            for fields in Forms(page.text).posts:
                answer = delivered.client.post(
                    link,
                    content=httpx.QueryParams(fields).__str__(),
                    headers={"Content-Type": "application/x-www-form-urlencoded"},
                )
                assert answer.status_code == 422
                assert "Please press once more." in answer.text
                pressed += 1
    assert pressed >= 3 * PEOPLE
    assert delivered.everything() == before
    delivered.accepted(dt.datetime.now(dt.UTC) - dt.timedelta(seconds=11))
    (link,) = (one for one in delivered.links(delivered.mails[0]) if one.startswith("/u/"))
    (fields,) = Forms(delivered.client.get(link).text).posts
    answer = delivered.client.post(link, data=dict(fields))
    assert "Stopped." in answer.text
    assert delivered.everything() != before


def test_one_click_is_never_held_back(delivered: Delivered) -> None:
    """A mail system that asks for it on behalf of a person is obeyed at once (RFC 8058)."""
    delivered.accepted(dt.datetime.now(dt.UTC))
    mail = BytesParser(policy=policy.default).parsebytes(delivered.mails[0])
    assert mail["List-Unsubscribe-Post"] == "List-Unsubscribe=One-Click"
    (url,) = re.findall(r"<(http[^>]+)>", mail["List-Unsubscribe"])
    answer = delivered.client.post(
        url.removeprefix("http://127.0.0.1:8000"), data={"List-Unsubscribe": "One-Click"}
    )
    assert (answer.status_code, answer.cookies) == (200, httpx.Cookies())
    assert not answer.is_redirect
    with delivered.database.reading() as session:
        ended = session.scalars(
            sa.select(Subscription.end_reason).where(Subscription.state == "ended")
        ).all()
    assert ended == ["one-click"]

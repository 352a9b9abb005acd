"""Programs that look at mail on its way: they open its links, and press every button there.

They begin with each mail as soon as it lies in the mailbox, while others are being sent.
"""

import contextlib
import re
import time
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass
from email import policy
from email.parser import BytesParser
from html.parser import HTMLParser
from pathlib import Path

import httpx
import sqlalchemy as sa

from runtime.database import Database
from runtime.migrations import migrate
from runtime.settings import Settings
from subscribers.models import Subscriber, Subscription
from subscribers.record_models import Consent, Notice
from tests.support.office import HASH_KEY, Office
from web.app import create_app
from web.server import serving_app
from worker.doorbell import ring_prepare
from worker.embedded import running_worker

ARRIVAL_SECONDS = 60.0
AT_ONCE_SECONDS = 9.0
"""Scanners submit forms within ten seconds of the delivery; later ones act as people do."""
URLENCODED = {"Content-Type": "application/x-www-form-urlencoded"}


@dataclass(frozen=True, slots=True)
class Mail:
    """A delivered mail, and when it was (seconds of the epoch)."""

    raw: bytes
    delivered_at: float


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


def links_in(raw: bytes) -> list[str]:
    """The paths of every link of ours in a mail, its headers included."""
    parsed = BytesParser(policy=policy.default).parsebytes(raw)
    html, text = parsed.get_body(("html",)), parsed.get_body(("plain",))
    assert html is not None
    assert text is not None
    everything = html.get_content() + text.get_content() + "".join(map(str, parsed.values()))
    return sorted(set(re.findall(r"http://127\.0\.0\.1:8000(/[a-z]/[A-Za-z0-9-]+)", everything)))


class Scanner:
    """One such program, and what it was answered."""

    def __init__(self, client: httpx.Client) -> None:
        self._client = client
        self.looked: Counter[int] = Counter()
        self.pressed: Counter[int] = Counter()
        self.too_late = 0

    def look(self, mail: Mail) -> list[tuple[str, str]]:
        """Open every link: paths and pages."""
        pages = []
        for link in links_in(mail.raw):
            answer = self._client.get(link)
            self.looked[answer.status_code] += 1
            pages.append((link, answer.text))
        return pages

    def press(self, mail: Mail) -> None:
        """Open every link, and submit every form there with every button it has."""
        for link, page in self.look(mail):
            for fields in Forms(page).posts:
                if time.time() - mail.delivered_at > AT_ONCE_SECONDS:
                    self.too_late += 1
                    continue
                answer = self._client.post(
                    link, content=str(httpx.QueryParams(fields)), headers=URLENCODED
                )
                self.pressed[answer.status_code] += 1
                assert "Please wait ten seconds, then press once more." in answer.text, answer.text


class ScannedOffice:
    """An installation whose mail is looked at on its way: worker, outbox and pages."""

    def __init__(self, settings: Settings, database: Database, client: httpx.Client) -> None:
        self.settings = settings
        self.database = database
        self.office = Office(database)
        self.client = client
        self.mails: list[Mail] = []
        self._outbox = settings.state_folder / "outbox" / "new"

    def add_list(self, slug: str, people: int) -> None:
        """A list with so many people of its own."""
        self.office.subscribe(self.office.people(people), self.office.lists(slug)[slug])

    def send(self, slug: str, count: int) -> Iterator[Mail]:
        """Publish to the list; each mail as soon as it is delivered."""
        known = set(self._outbox.iterdir()) if self._outbox.exists() else set()
        ring_prepare(self.settings, self.office.publish(slug, title=f"News of {slug}"))
        give_up_at = time.monotonic() + ARRIVAL_SECONDS
        arrived = 0
        while arrived < count:
            assert time.monotonic() < give_up_at, f"{arrived} of {count} mails came"
            new = set(self._outbox.iterdir()) - known if self._outbox.exists() else set()
            known |= new
            for path in new:
                arrived += 1
                self.mails.append(Mail(path.read_bytes(), path.stat().st_mtime))
                yield self.mails[-1]
            time.sleep(0.005)

    def everything(self) -> list[object]:
        """All that a subscriber could have changed, and the notices of it."""
        with self.database.reading() as session:
            return [
                [tuple(row) for row in session.execute(sa.select(*table.__table__.columns))]
                for table in (Subscriber, Subscription, Consent, Notice)
            ]


@contextlib.contextmanager
def scanned_office(folder: Path) -> Iterator[ScannedOffice]:
    """An installation on the embedded default, its worker running and its pages served."""
    settings = Settings(state_dir=folder / "state", hash_key=HASH_KEY)
    migrate(settings.database)
    database = Database(settings.database)
    try:
        with (
            serving_app(create_app(settings, database)) as url,
            httpx.Client(base_url=url, trust_env=False, timeout=20) as client,
            running_worker(settings),
        ):
            yield ScannedOffice(settings, database, client)
    finally:
        database.dispose()

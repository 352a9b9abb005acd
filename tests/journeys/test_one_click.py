"""One-click from delivered mail: whatever has happened since, one post ends it (RFC 8058)."""

import contextlib
import datetime as dt
import time
from collections.abc import Iterator
from pathlib import Path
from statistics import median
from typing import Literal
from urllib.parse import urlsplit

import pytest
import sqlalchemy as sa

from releases.forgetting import erase_person
from releases.models import Delivery, Distribution
from releases.retention import drop_old
from runtime.database import Database
from runtime.settings import Settings
from subscribers.commands import Wanted, save
from subscribers.consents import Via
from subscribers.merging import merge
from subscribers.models import Subscription
from subscribers.record_models import Notice
from tests.releases.test_retention import begin_next_partition
from tests.support.fleet import status_of, wait_until
from tests.support.office import HASH_KEY, Office
from tests.support.one_click import NotOfferedError, Offer, post, read_offer, request
from web.app import create_app
from web.server import serving_app
from worker.doorbell import ring_prepare
from worker.embedded import running_worker

KEYS = [f"signing key number {number} of the tests" for number in range(4)]
VIA = Via("test")
Encoding = Literal["urlencoded", "multipart"]
Place = tuple[str, int]


class Installation:
    """Readers of three lists, real mail to them, and pages at an https address."""

    def __init__(self, folder: Path, database_url: str) -> None:
        self.folder = folder
        self.database_url = database_url
        self.office = Office(Database(database_url))
        self.lists = self.office.lists("press", "europe", "travel")
        self.readers = self.office.people(4)
        for list_id in self.lists.values():
            self.office.subscribe(self.readers, list_id)

    def settings(self, keys: list[str], retired: list[str]) -> Settings:
        return Settings(
            state_dir=self.folder / "state",
            database_url=self.database_url,
            hash_key=HASH_KEY,
            base_url="https://press.example.org",
            secret_keys=tuple(keys),
            retired_keys=tuple(retired),
        )

    def send(self, title: str, *lists: str, keys: list[str] = KEYS[:1]) -> list[bytes]:
        """Send a release to lists; the raw mails in the order of the readers."""
        settings = self.settings(keys, [])
        box = settings.state_folder / "outbox" / "new"
        before = set(box.iterdir()) if box.exists() else set()
        with running_worker(settings):
            distribution = self.office.publish(*(lists or ("press",)), title=title)
            ring_prepare(settings, distribution)
            wait_until(lambda: status_of(self.office, distribution).is_finished, 30)
            wait_until(lambda: len(set(box.iterdir()) - before) == len(self.readers), 10)
        mails = [path.read_bytes() for path in set(box.iterdir()) - before]
        return sorted(mails, key=lambda raw: raw.partition(b"To: ")[2].partition(b"reader")[2][:2])

    def mails(self) -> int:
        """How many mails are in the outbox."""
        return len(list((self.folder / "state" / "outbox" / "new").iterdir()))

    @contextlib.contextmanager
    def served(self, keys: list[str] = KEYS[:1], retired: list[str] = []) -> Iterator[Place]:  # noqa: B006
        """The pages, with these keys; where they are."""
        app = create_app(self.settings(keys, retired), self.office.database)
        with serving_app(app) as url:
            parts = urlsplit(url)
            yield parts.hostname or "", parts.port or 0

    def followed(self, reader: int) -> set[str]:
        """The lists that a reader is on."""
        with self.office.database.reading() as session:
            ids = session.scalars(
                sa.select(Subscription.list_id).where(
                    Subscription.subscriber_id == reader, Subscription.state == "active"
                )
            ).all()
        return {slug for slug, list_id in self.lists.items() if list_id in ids}


@pytest.fixture
def installation(tmp_path: Path, database_url: str) -> Iterator[Installation]:
    """On SQLite, then on PostgreSQL."""
    made = Installation(tmp_path, database_url)
    yield made
    made.office.database.dispose()


def click(raw: bytes, place: Place, encoding: Encoding = "multipart") -> None:
    """What a mail system does when its user asks to be taken off; all that it may rely on."""
    answer = post(read_offer(raw), encoding, at=place)
    assert answer.status == 200
    assert not {"location", "refresh", "set-cookie", "www-authenticate"} & set(answer.headers)


def test_one_post_ends_every_list_of_the_copy(installation: Installation) -> None:
    """In either encoding, once or twice; nobody else's, no other list, and no mail is sent."""
    mails = installation.send("Harbour opens", "press", "europe")
    assert {urlsplit(read_offer(raw).uri)[:2] for raw in mails} == {("https", "press.example.org")}
    first, second, third, _ = installation.readers
    with installation.served() as place, running_worker(installation.settings(KEYS[:1], [])):
        click(mails[0], place, "urlencoded")
        assert installation.followed(first) == {"travel"}
        click(mails[1], place, "multipart")
        assert installation.followed(second) == {"travel"}
        click(mails[0], place, "multipart")
        click(mails[0], place, "urlencoded")
        assert installation.followed(first) == {"travel"}
        assert installation.followed(third) == {"press", "europe", "travel"}
        # What was queued would be on its way within this second.
        time.sleep(1.5)
    assert installation.mails() == len(mails)
    with installation.office.database.reading() as session:
        assert session.scalar(sa.select(sa.func.count(Notice.id))) == 0


def test_what_is_no_one_click_ends_nothing(installation: Installation) -> None:
    """A look, and a post with any other body, by whatever way it is written."""
    (raw, *_) = installation.send("Harbour opens")
    offer = read_offer(raw)
    wrong = [
        Offer(offer.uri, "List-Unsubscribe", ""),
        Offer(offer.uri, "List-Unsubscribe", "One-Click-Not"),
        Offer(offer.uri, "List-Unsubscribe-Post", "One-Click"),
        Offer(offer.uri, "unsubscribe", "List-Unsubscribe=One-Click"),
    ]
    with installation.served() as place:
        for method in ("GET", "HEAD"):
            assert request(method, offer.uri, at=place).status == 200
        for one in wrong:
            for encoding in ("urlencoded", "multipart"):
                assert post(one, encoding, at=place).status == 422  # type: ignore[arg-type]
        assert request("POST", offer.uri, at=place).status == 422
        assert request("PUT", offer.uri, at=place).status == 405
    assert installation.followed(installation.readers[0]) == {"press", "europe", "travel"}


def test_who_left_and_came_back_can_leave_by_the_old_mail(installation: Installation) -> None:
    """A new subscription ends by the link that ended the one before."""
    (raw, *_) = installation.send("Harbour opens")
    (reader, *_) = installation.readers
    with installation.served() as place:
        for _ in range(2):
            click(raw, place)
            assert installation.followed(reader) == {"europe", "travel"}
            with installation.office.database.transaction() as session:
                save(session, reader, Wanted(on=frozenset([installation.lists["press"]])), VIA)
            assert "press" in installation.followed(reader)
        click(raw, place)
    assert installation.followed(reader) == {"europe", "travel"}


def test_mail_of_every_key_works_after_every_rotation(tmp_path: Path, sqlite_url: str) -> None:
    """Keys that sign no more, or are retired, still end what was mailed under them."""
    installation = Installation(tmp_path, sqlite_url)
    mails = [
        installation.send(f"Release {number}", keys=KEYS[number::-1])[number]
        for number in range(len(KEYS))
    ]
    rotations = [
        (KEYS[3:], KEYS[:3]),
        (KEYS[3:1:-1], KEYS[1::-1]),
        (KEYS[::-1], []),
        (["a key that came much later", KEYS[3]], KEYS[:3]),
        (["a key that came much later"], KEYS),
    ]
    press = Wanted(on=frozenset([installation.lists["press"]]))
    for keys, retired in rotations:
        with installation.served(keys, retired) as place:
            for raw, reader in zip(mails, installation.readers, strict=True):
                assert "press" in installation.followed(reader)
                click(raw, place)
                assert installation.followed(reader) == {"europe", "travel"}
        for reader in installation.readers:
            with installation.office.database.transaction() as session:
                save(session, reader, press, VIA)
    with installation.served(KEYS[3:], KEYS[1:3]) as place:
        # Whoever gives a key up altogether gives up its links: nothing else is accepted for them.
        assert post(read_offer(mails[0]), "multipart", at=place).status == 404
    assert "press" in installation.followed(installation.readers[0])
    installation.office.database.dispose()


def test_links_outlive_the_deliveries(installation: Installation) -> None:
    """When who got what has been forgotten, whoever got it can still leave."""
    mails = installation.send("Harbour opens", "press", "europe")
    database = installation.office.database
    with database.transaction() as session:
        long_ago = dt.datetime.now(dt.UTC) - dt.timedelta(days=500)
        session.execute(sa.update(Distribution).values(finished_at=long_ago, created_at=long_ago))
        old = session.scalars(sa.select(Distribution.id)).one()
    begin_next_partition(installation.office)
    assert drop_old(database, dt.timedelta(days=400)) == [old]
    with database.reading() as session:
        kept = sa.select(sa.func.count()).where(Delivery.distribution_id == old)
        assert session.scalar(kept) == 0
    with installation.served() as place:
        click(mails[2], place)
    assert installation.followed(installation.readers[2]) == {"travel"}


def test_links_of_who_was_merged_and_of_who_was_erased(installation: Installation) -> None:
    """Merged: what they are now ends. Erased: nothing is left to end; the answer is the same."""
    mails = installation.send("Harbour opens")
    keep, other, gone, _ = installation.readers
    with installation.office.database.transaction() as session:
        merge(session, keep, other, VIA)
    with installation.office.database.transaction() as session:
        erase_person(session, gone, VIA, hash_key=HASH_KEY)
    with installation.served() as place:
        click(mails[1], place)
        assert installation.followed(keep) == {"europe", "travel"}
        click(mails[0], place)
        click(mails[2], place)
    assert installation.followed(keep) == {"europe", "travel"}


def test_it_answers_in_milliseconds(installation: Installation) -> None:
    """Ten of them at most, ours and the client's together, in the middle of a hundred posts."""
    (raw, *_) = installation.send("Harbour opens")
    offer = read_offer(raw)
    spent = []
    with installation.served() as place:
        for _ in range(100):
            began = time.process_time()
            assert post(offer, "multipart", at=place).status == 200
            spent.append(time.process_time() - began)
    assert median(spent) < 0.010, spent


@pytest.mark.parametrize(
    ("old", "new"),
    [
        (b"List-Unsubscribe-Post: List-Unsubscribe=One-Click\n", b""),
        (b"=One-Click", b"=one-click"),
        (b"List-Unsubscribe: <https:", b"List-Unsubscribe: <http:"),
        (b"List-Unsubscribe: <", b"List-Unsubscribe: <https://x.example/>,\n <"),
        (
            b"List-Unsubscribe: <",
            b"List-Unsubscribe: <mailto:x@example.org>\nList-Unsubscribe: <",
        ),
        (b"List-Unsubscribe: <", b"List-Unsubscribe: =?utf-8?q?x?= <"),
    ],
)
def test_the_client_is_strict(tmp_path: Path, sqlite_url: str, old: bytes, new: bytes) -> None:
    """It refuses what RFC 8058 does not allow, so that it proves something about what it takes."""
    installation = Installation(tmp_path, sqlite_url)
    (raw, *_) = installation.send("Harbour opens")
    read_offer(raw)
    assert old in raw
    with pytest.raises(NotOfferedError):
        read_offer(raw.replace(old, new))
    installation.office.database.dispose()

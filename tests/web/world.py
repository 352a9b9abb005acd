"""A served installation with people and releases in it, for the tests of the pages."""

import contextlib
import datetime as dt
import os
import re
from collections.abc import Iterator
from typing import Any

import httpx
import sqlalchemy as sa

from mail.tokens import Keyring
from releases.content import Content
from releases.models import Batch, Distribution
from releases.publishing import Order, Published, publish
from runtime.database import Database
from runtime.settings import Settings
from subscribers.links import Links
from subscribers.models import Subscriber, Subscription
from subscribers.record_models import Notice
from tests.support.people import HASH_KEY, add_list, add_list_set, add_person
from web.app import create_app
from web.operations import Metrics
from web.server import serving_app

KEY = "the first signing key of the tests"
SALT = bytes(16)


class World:
    """Lists press and europe (public), travel (public, nobody), desk (private), and Jo."""

    def __init__(self, url: str, database: Database, settings: Settings, metrics: Metrics) -> None:
        self.url = url
        self.metrics = metrics
        self.database = database
        self.settings = settings
        self.links = Links(settings.public_url, Keyring([KEY]))
        with database.transaction() as session:
            press = add_list(
                session,
                "press",
                "Press releases",
                description="Statements, media notes and readouts, about 12 a week",
            )
            europe = add_list(
                session, "europe", "Europe", description="All that concerns Europe, about 4 a week"
            )
            add_list(session, "travel", "Travel warnings", description="Only when it matters")
            desk = add_list(session, "desk", "Accredited press", is_private=True)
            add_list(session, "pool", "White pool", is_private=True)
            lists = [press, europe, desk]
            self.jo = add_person(session, "jo@example.com", lists).id
            self.ali = add_person(session, "ali@example.com", lists, language="ar").id
            self.pair = add_list_set(session, [press, europe]).id
            self.single = add_list_set(session, [press]).id
            self.private = add_list_set(session, [desk]).id

    def unsubscribe_path(self, person: int | None = None, list_set: int | None = None) -> str:
        return f"/u/{self.links.unsubscribe_token(person or self.jo, list_set or self.pair)}"

    def preferences_path(self, person: int | None = None) -> str:
        return f"/p/{self.links.preferences_token(person or self.jo)}"

    def private_path(self, person: int | None = None, *, age_hours: float = 0) -> str:
        """The path of a private link that was mailed so long ago."""
        made_at = dt.datetime.now(dt.UTC) - dt.timedelta(hours=age_hours)
        return self.links.private_url(person or self.jo, made_at).removeprefix(self.links.base_url)

    def client(self, **options: Any) -> httpx.Client:
        # Without TLS nobody is verified, and loading whom to trust takes longer than most tests.
        return httpx.Client(base_url=self.url, timeout=20, trust_env=False, verify=False, **options)

    def followed(self, person: int | None = None) -> set[str]:
        """The lists that a person is on (active)."""
        with self.database.reading() as session:
            rows = session.execute(
                sa.text(
                    "SELECT slug FROM subscription JOIN mailing_list m ON m.id = list_id "
                    "WHERE subscriber_id = :id AND state = 'active'"
                ),
                {"id": person or self.jo},
            )
            return {row.slug for row in rows}

    def person(self, person: int | None = None) -> Subscriber:
        """The subscriber as they are now."""
        with self.database.reading() as session:
            found = session.get_one(Subscriber, person or self.jo)
            session.expunge(found)
            return found

    def set_person(self, person: int | None = None, **values: Any) -> None:
        """Set columns of a subscriber, as an import would have left them."""
        with self.database.transaction() as session:
            session.execute(
                sa.update(Subscriber).where(Subscriber.id == (person or self.jo)).values(**values)
            )

    def notices(self, person: int | None = None) -> list[tuple[str, dict[str, Any]]]:
        """Kind and detail of the notices queued for a person, the oldest first."""
        with self.database.reading() as session:
            rows = session.execute(
                sa.select(Notice.kind, Notice.detail)
                .where(Notice.subscriber_id == (person or self.jo))
                .order_by(Notice.id)
            )
            return [(kind, detail) for kind, detail in rows]

    def history(self) -> list[tuple[Any, ...]]:
        """All subscriptions, in full."""
        with self.database.reading() as session:
            columns = Subscription.__table__.columns
            return [tuple(row) for row in session.execute(sa.select(*columns).order_by("id"))]

    def publish(self, content: Content, *lists: str, **order: Any) -> Published:
        made = Order(content=content, lists=lists or ("press",), **order)
        return publish(self.database, made, salt=SALT)

    def set_distribution(self, distribution_id: int, **values: Any) -> None:
        with self.database.transaction() as session:
            session.execute(
                sa.update(Distribution).where(Distribution.id == distribution_id).values(**values)
            )

    def add_batch(self, distribution_id: int, **counts: int) -> None:
        with self.database.transaction() as session:
            session.add(
                Batch(
                    distribution_id=distribution_id,
                    first_id=1,
                    last_id=10,
                    state="done",
                    due_at=dt.datetime(2026, 6, 25, tzinfo=dt.UTC),
                    size=sum(counts.values()),
                    **counts,
                )
            )


@contextlib.contextmanager
def world(database_url: str, **environment: str) -> Iterator[World]:
    """An installation on this database, with further settings as environment variables."""
    environment = {"MEDIANOTE_SECRET_KEYS": KEY, "MEDIANOTE_HASH_KEY": HASH_KEY} | environment
    os.environ.update(environment)
    try:
        settings = Settings()
    finally:
        for name in environment:
            del os.environ[name]
    database = Database(database_url, pool_size=10)
    try:
        app = create_app(settings, database)
        with serving_app(app) as url:
            yield World(url, database, settings, app.state.metrics)
    finally:
        database.dispose()


def seal_of(page: str) -> str:
    """The seal in a page's form, as a browser would send it back."""
    found = re.search(r'name="seal" value="([^"]+)"', page)
    assert found is not None, page
    return found.group(1)


def undo_of(page: str) -> str:
    """The token of a page's "Undo" button."""
    found = re.search(r'name="undo" value="([^"]+)"', page)
    assert found is not None, page
    return found.group(1)

"""A small press office for tests: lists, subscribers, and releases to send them."""

import datetime as dt
import functools
import itertools
import secrets
from collections.abc import Iterable
from zoneinfo import ZoneInfo

import sqlalchemy as sa

from mail.addresses import parse_mailbox
from mail.hashing import suppression_hash
from releases.blocks import Paragraph, Run
from releases.content import Content
from releases.expansion import expand
from releases.partitions import build_partitions
from releases.publishing import Order, publish
from releases.rendering import Sending
from releases.renderings import make_copies
from runtime.database import Database
from subscribers.models import (
    MailingList,
    Subscriber,
    Subscription,
    SubscriptionState,
    Suppression,
)

HASH_KEY = "k" * 32
LONG_AGO = dt.datetime(2024, 3, 5, 12, tzinfo=dt.UTC)
SENDING = Sending(
    from_=parse_mailbox("Press Office <press@newsroom.example.org>"),
    base_url="https://press.example.org",
    list_domain="newsroom.example.org",
    bounce_domain=None,
    postal_address="1 Example Street",
    timezone=ZoneInfo("UTC"),
)


class Office:
    """Fills a migrated database; names are short, for tests read them often."""

    def __init__(self, database: Database) -> None:
        self.database = database
        self._numbers = itertools.count(1)

    def lists(self, *slugs: str) -> dict[str, int]:
        """Make public lists; their ids by slug."""
        with self.database.transaction() as session:
            made = {slug: MailingList(slug=slug, title=slug.title()) for slug in slugs}
            session.add_all(made.values())
            session.flush()
            return {slug: row.id for slug, row in made.items()}

    def people(
        self, count: int, *, language: str = "en", form: str = "html", domain: str = "example.net"
    ) -> list[int]:
        """Make subscribers; their ids in rising order."""
        numbers = list(itertools.islice(self._numbers, count))
        rows = [
            {
                "address": f"reader{number}@{domain}",
                "address_key": f"reader{number}@{domain}",
                "address_hash": suppression_hash(HASH_KEY, f"reader{number}@{domain}"),
                "name": f"Reader {number}",
                "language": language,
                "format": form,
            }
            for number in numbers
        ]
        with self.database.transaction() as session:
            session.execute(sa.insert(Subscriber), rows)
            newest = sa.select(Subscriber.id).order_by(Subscriber.id.desc()).limit(count)
            return sorted(session.scalars(newest))

    def subscribe(
        self,
        people: Iterable[int],
        list_id: int,
        *,
        state: SubscriptionState = SubscriptionState.ACTIVE,
        began_at: dt.datetime | None = LONG_AGO,
        ended_at: dt.datetime | None = None,
        frequency: str = "at-once",
    ) -> None:
        """Subscribe people to a list."""
        rows = [
            {
                "subscriber_id": person,
                "list_id": list_id,
                "state": state,
                "began_at": began_at,
                "ended_at": ended_at,
                "frequency": frequency,
                "source": "test",
            }
            for person in people
        ]
        with self.database.transaction() as session:
            session.execute(sa.insert(Subscription), rows)

    def leave(self, person: int, list_id: int) -> None:
        """The person's subscription ends now."""
        with self.database.transaction() as session:
            session.execute(
                sa.update(Subscription)
                .where(Subscription.subscriber_id == person, Subscription.list_id == list_id)
                .values(state="ended", ended_at=dt.datetime.now(dt.UTC), end_reason="test")
            )

    def pause(self, person: int, until: dt.datetime) -> None:
        """The person wants no mail until then."""
        with self.database.transaction() as session:
            session.get_one(Subscriber, person).paused_until = until

    def suppress(self, person: int, reason: str = "hard bounce") -> None:
        """The person's address must not be mailed."""
        with self.database.transaction() as session:
            subscriber = session.get_one(Subscriber, person)
            session.add(Suppression(address_hash=subscriber.address_hash, reason=reason))

    def publish(self, *lists: str, title: str = "A headline", **order: object) -> int:
        """Publish a release; the distribution's id. The same title is the same version."""
        content = Content(title=title, body=(Paragraph((Run("It was announced today."),)),))
        published = publish(
            self.database, Order(content, tuple(lists), **order), salt=secrets.token_bytes(16)
        )
        build_partitions(self.database)
        return published.distribution_id

    def expand(self, distribution_id: int) -> int:
        """Expand to the end; how many batches were ready to deliver."""
        batches: list[int] = []
        is_more_left = expand(
            self.database,
            distribution_id,
            make_copies=functools.partial(
                make_copies, self.database, distribution_id, sending=SENDING
            ),
            on_batches=batches.append,
            may_go_on=lambda: True,
        )
        assert not is_more_left
        return sum(batches)

"""A year of digests by a simulated clock: everything once, and in time, for everyone."""

import datetime as dt
import random
from collections import Counter
from zoneinfo import ZoneInfo

import pytest
import sqlalchemy as sa

from releases.models import Delivery, DistributionRelease, ReleaseVersion
from subscribers.models import PLAN_ANEW, Frequency, Subscriber, Subscription
from tests.support.digests import DigestRoom

ZONES = (
    "Europe/Berlin",
    "Australia/Lord_Howe",  # clocks go by half an hour
    "America/Santiago",  # changes at midnight
)
HOURS = (2, 8, 0)
DAY = dt.timedelta(days=1)
START = dt.datetime(2026, 1, 5, tzinfo=dt.UTC)


class Year:
    """Readers of every zone, hour and frequency; releases, changes of mind and outages."""

    def __init__(self, url: str, seed: int) -> None:
        self.room = DigestRoom(url)
        self.chance = random.Random(seed)
        self.lists = self.room.office.lists("press", "arts", "trade")
        self.readers: list[int] = []
        for number, zone in enumerate(ZONES):
            frequencies = self.chance.choices(list(Frequency), weights=[1, 2, 5], k=2)
            first, second = self.chance.sample(list(self.lists.values()), 2)
            (reader,) = self.room.readers(1, first, frequency=frequencies[0], form="text")
            self.room.office.subscribe([reader], second, frequency=frequencies[1])
            self.room.set([reader], timezone=zone, digest_hour=HOURS[number % len(HOURS)])
            self.readers.append(reader)
        self.out: dict[str, tuple[dt.datetime, tuple[int, ...]]] = {}

    def run(self, days: int, start: dt.datetime) -> None:
        """Some hours of each day something happens; workers plan each half hour, unless away."""
        away_until = start
        for step in range(days * 48):
            now = start + step * dt.timedelta(minutes=30)
            if self.chance.random() < 1 / 110:
                self.publish(now - dt.timedelta(minutes=self.chance.randrange(1, 29)))
            if self.chance.random() < 1 / 200:
                self.change_a_mind(now)
            if self.chance.random() < 1 / 900:
                away_until = now + dt.timedelta(hours=self.chance.randrange(2, 60))
            if now >= away_until:
                self.plan(now)
        # Whoever is owed something still, gets it within the next week.
        for step in range(9 * 48):
            self.plan(start + days * DAY + step * dt.timedelta(minutes=30))

    def plan(self, now: dt.datetime) -> None:
        with self.room.database.reading() as session:
            first = session.scalar(sa.select(sa.func.min(Subscriber.next_digest_at)))
        if first is not None and first <= now:
            self.room.plan(now)

    def publish(self, at: dt.datetime) -> None:
        title = f"Release {len(self.out) + 1}"
        slugs = self.chance.sample(list(self.lists), self.chance.choice([1, 1, 2]))
        self.room.release(title, *slugs, at=at)
        self.out[title] = at, tuple(self.lists[slug] for slug in slugs)

    def change_a_mind(self, now: dt.datetime) -> None:
        reader = self.chance.choice(self.readers)
        with self.room.database.reading() as session:
            list_id = session.scalars(
                sa.select(Subscription.list_id)
                .where(Subscription.subscriber_id == reader)
                .order_by(Subscription.list_id)
            ).all()[self.chance.randrange(2)]
        self.room.change(reader, list_id, self.chance.choice(list(Frequency)), now)

    def copies(self) -> Counter[tuple[int, str]]:
        """How often each reader was given each release."""
        with self.room.database.reading() as session:
            return Counter(
                (reader, title)
                for reader, title in session.execute(
                    sa.select(Delivery.subscriber_id, ReleaseVersion.title)
                    .join(
                        DistributionRelease,
                        DistributionRelease.distribution_id == Delivery.distribution_id,
                    )
                    .join(ReleaseVersion, ReleaseVersion.id == DistributionRelease.version_id)
                )
            )

    def expected(self) -> set[tuple[int, str]]:
        """Every release for everyone who is on one of its lists."""
        with self.room.database.reading() as session:
            followed = session.execute(
                sa.select(Subscription.subscriber_id, Subscription.list_id)
            ).all()
        return {
            (reader, title)
            for title, (_, lists) in self.out.items()
            for reader, list_id in followed
            if list_id in lists
        }


def check(year: Year) -> None:
    """Each release once for each person."""
    copies = year.copies()
    assert set(copies) == year.expected()
    assert {pair: count for pair, count in copies.items() if count != 1} == {}


@pytest.mark.unmeasured
def test_a_year_of_digests(sqlite_url: str) -> None:
    """Everyone got each release once, though clocks changed, workers were away, and people
    changed how often they read.
    """
    year = Year(sqlite_url, seed=2026)
    year.run(days=364, start=START)
    assert len(year.out) > 100
    check(year)


@pytest.mark.unmeasured
@pytest.mark.parametrize(
    "start", [dt.datetime(2026, 3, 27, tzinfo=dt.UTC), dt.datetime(2026, 10, 23, tzinfo=dt.UTC)]
)
def test_the_changes_of_clocks_on_postgresql(postgresql_url: str, start: dt.datetime) -> None:
    """The same, a week around them."""
    year = Year(postgresql_url, seed=start.month)
    year.run(days=6, start=start)
    check(year)


def test_digests_come_at_the_readers_hour(sqlite_url: str) -> None:
    """At eight where the reader is, before and after the clocks change."""
    room = DigestRoom(sqlite_url)
    press = room.office.lists("press")["press"]
    zone = ZoneInfo("Europe/Berlin")
    (reader,) = room.readers(1, press, form="text")
    room.set([reader], timezone=zone.key, digest_hour=8)
    hours = Counter[str]()
    for day in (*range(80, 90), *range(290, 300)):
        room.set([reader], next_digest_at=PLAN_ANEW)
        room.plan(START + day * DAY)
        room.release(f"Release {day}", "press", at=START + day * DAY + dt.timedelta(minutes=1))
        with room.database.reading() as session:
            at = session.scalars(sa.select(Subscriber.next_digest_at)).one()
        assert at is not None
        assert len(room.plan(at)) == 1
        hours[f"{at.astimezone(zone):%H:%M}"] += 1
    assert hours == {"08:00": 20}

"""An office whose digests are planned at times that a test says."""

import datetime as dt
from zoneinfo import ZoneInfo

import sqlalchemy as sa

from releases.digests.turn import Turn
from releases.models import (
    Delivery,
    Distribution,
    DistributionKind,
    DistributionRelease,
    DistributionState,
    ReleaseVersion,
)
from runtime.database import Database
from subscribers.models import PLAN_ANEW, Subscriber, Subscription
from tests.support.office import Office

UTC = ZoneInfo("UTC")


class DigestRoom:
    """An office whose digests are planned at times that the test says."""

    def __init__(self, url: str) -> None:
        self.office = Office(Database(url))
        self.database = self.office.database

    def readers(
        self, count: int, *lists: int, frequency: str = "daily", form: str = "html"
    ) -> list[int]:
        """People who read these lists, and whose next digest is still to be worked out."""
        people = self.office.people(count, form=form)
        for list_id in lists:
            self.office.subscribe(people, list_id, frequency=frequency)
        self.set(people, next_digest_at=PLAN_ANEW)
        return people

    def set(self, people: list[int], **values: object) -> None:
        """Set columns of subscribers."""
        with self.database.transaction() as session:
            session.execute(sa.update(Subscriber).where(Subscriber.id.in_(people)).values(values))

    def change(self, person: int, list_id: int, frequency: str, at: dt.datetime) -> None:
        """Change a frequency as the pages do."""
        with self.database.transaction() as session:
            one = session.scalars(
                sa.select(Subscription).where(
                    Subscription.subscriber_id == person, Subscription.list_id == list_id
                )
            ).one()
            one.frequency_before, one.frequency = one.frequency, frequency
            one.frequency_changed_at = at
        self.set([person], next_digest_at=PLAN_ANEW)

    def release(
        self, title: str, *lists: str, at: dt.datetime, state: str = "complete", **more: object
    ) -> int:
        """A release that came out then; its distribution, expanded unless it waits."""
        number = self.office.publish(*lists, title=title)
        self.edit(number, due_at=at)
        if state in {"complete", "running"}:
            self.office.expand(number)
        self.edit(number, state=DistributionState(state), **more)
        return number

    def edit(self, distribution_id: int, **values: object) -> None:
        """Set columns of a distribution."""
        with self.database.transaction() as session:
            session.execute(
                sa.update(Distribution).where(Distribution.id == distribution_id).values(values)
            )

    def plan(self, now: dt.datetime) -> list[int]:
        """Plan what is due then, and expand it; the new digests."""
        before = set(self.digests())
        self.plan_only(now)
        made = [one for one in self.digests() if one not in before]
        for one in made:
            self.edit(one, state=DistributionState.RUNNING)
            self.office.expand(one)
        return made

    def plan_only(self, now: dt.datetime) -> None:
        """Plan what is due then."""
        turn = Turn(self.database, UTC)
        while turn.plan_some(now):
            pass

    def next_of(self, reader: int) -> dt.datetime | None:
        """When a reader's next digest is due."""
        with self.database.reading() as session:
            return session.get_one(Subscriber, reader).next_digest_at

    def digests(self) -> list[int]:
        """All digests there are."""
        with self.database.reading() as session:
            return list(
                session.scalars(
                    sa.select(Distribution.id)
                    .where(Distribution.kind == DistributionKind.DIGEST)
                    .order_by(Distribution.id)
                )
            )

    def titles(self, distribution_id: int) -> list[str]:
        """What a distribution carries, in its order."""
        with self.database.reading() as session:
            return list(
                session.scalars(
                    sa.select(ReleaseVersion.title)
                    .join(DistributionRelease, DistributionRelease.version_id == ReleaseVersion.id)
                    .where(DistributionRelease.distribution_id == distribution_id)
                    .order_by(DistributionRelease.position)
                )
            )

    def got(self, person: int) -> list[str]:
        """The titles of everything for which a person has a delivery, by distribution."""
        with self.database.reading() as session:
            return list(
                session.scalars(
                    sa.select(ReleaseVersion.title)
                    .join(DistributionRelease, DistributionRelease.version_id == ReleaseVersion.id)
                    .join(Delivery, Delivery.distribution_id == DistributionRelease.distribution_id)
                    .where(Delivery.subscriber_id == person)
                    .order_by(DistributionRelease.distribution_id, DistributionRelease.position)
                )
            )

"""What time brings: distributions whose moment has come, whose deadline has passed, that were
cancelled, or that an outage has made stale. The sweep calls these, again and again.
"""

import datetime as dt
from collections.abc import Callable
from dataclasses import dataclass
from typing import Final

import sqlalchemy as sa
from sqlalchemy.orm import Session

from releases.batches import has_open_batch, recount, reopen_or_finish
from releases.digests.withdrawn import take_back_if_withdrawn
from releases.models import (
    URGENT_LANE,
    Batch,
    BatchState,
    Delivery,
    DeliveryState,
    Distribution,
    DistributionKind,
    DistributionRelease,
    DistributionState,
    ReleaseVersion,
)
from releases.outcomes import GivenUp
from releases.publishing import RETRY_WINDOW
from releases.recording import give_up
from runtime.database import Database, database_now, read_clock
from runtime.facts import read_fact, remember_fact

PULSE: Final = "worker.pulse"
PULSE_EVERY: Final = dt.timedelta(seconds=10)
OUTAGE: Final = dt.timedelta(hours=1)
"""After so long without any worker, what was running is held."""
LATE: Final = dt.timedelta(hours=2)
"""A scheduled distribution that is later than this is held."""
BATCHES_PER_TRANSACTION: Final = 5

State = DistributionState
CANCELLED: Final = GivenUp(is_cancelled=True, reason="cancelled")
TOO_LATE: Final = GivenUp(is_cancelled=False, reason="not delivered before the deadline")


@dataclass(frozen=True, slots=True)
class Unfinished:
    """A distribution about which something may be left to do."""

    id: int
    state: str
    lane: int
    is_digest: bool
    due_in_seconds: float
    """Until its time has come; below zero when it has."""
    is_too_late: bool
    """Its deadline has passed."""
    is_expanded: bool
    expanded_to: int

    @property
    def is_first(self) -> bool:
        """Whether it is urgent, or no digest and about to begin: it waits behind no other."""
        is_to_begin = self.state == State.SCHEDULED and not self.is_digest
        return self.lane == URGENT_LANE or is_to_begin

    @property
    def is_due(self) -> bool:
        """Whether its time has come."""
        return self.due_in_seconds <= 0


def unfinished(session: Session) -> list[Unfinished]:
    """All distributions that are not finished: few."""
    rows = session.execute(
        sa.select(
            Distribution.id,
            Distribution.state,
            Distribution.lane,
            (Distribution.kind == DistributionKind.DIGEST).label("is_digest"),
            Distribution.due_at,
            database_now().label("moment"),
            (Distribution.deadline_at <= database_now()).label("is_too_late"),
            Distribution.is_expanded,
            Distribution.expanded_to,
        )
        .where(Distribution.finished_at.is_(None))
        .order_by(Distribution.lane, Distribution.id)
    )
    return [
        Unfinished(
            row.id,
            row.state,
            row.lane,
            row.is_digest,
            due_in_seconds=(row.due_at - row.moment).total_seconds(),
            is_too_late=row.is_too_late,
            is_expanded=row.is_expanded,
            expanded_to=row.expanded_to,
        )
        for row in rows
    ]


def pulse_is_fresh(session: Session) -> bool:
    """Whether a worker has been running; until one says so, nothing is delivered."""
    fact = read_fact(session, PULSE)
    return fact is not None and read_clock(session) - fact.known_at <= OUTAGE


def keep_pulse(session: Session) -> list[int]:
    """Say that a worker runs. After an outage, first hold what ran before it: those held."""
    fact = read_fact(session, PULSE)
    last = fact.known_at if fact is not None else None
    moment = read_clock(session)
    # A pulse of the future is one from before the clock was set back.
    if last is not None and dt.timedelta(0) <= moment - last < PULSE_EVERY:
        return []
    remember_fact(session, PULSE, {})
    if last is not None and moment - last <= OUTAGE:
        return []
    stale = sa.and_(
        Distribution.due_at < moment - OUTAGE,
        # A digest tells what has been, at whatever hour.
        Distribution.kind != DistributionKind.DIGEST,
    )
    since = f"no worker ran from {last:%Y-%m-%d %H:%M} UTC" if last else "no worker ran before"
    held = session.scalars(
        sa.update(Distribution)
        .where(Distribution.state == State.RUNNING, stale)
        .values(
            state=State.HELD,
            note=f"{since} until {moment:%Y-%m-%d %H:%M} UTC: resume it if it is still news",
        )
        .returning(Distribution.id)
    )
    return sorted(held)


def hold(session: Session, distribution_id: int, note: str) -> None:
    """running → held, with the reason in one plain line."""
    session.execute(
        sa.update(Distribution)
        .where(Distribution.id == distribution_id, Distribution.state == State.RUNNING)
        .values(state=State.HELD, note=note)
    )


def start(session: Session, distribution_id: int) -> bool:
    """scheduled → running when its time has come, or → held when that is long ago."""
    distribution = session.get(Distribution, distribution_id, with_for_update=True)
    moment = read_clock(session)
    if (
        distribution is None
        or distribution.state != State.SCHEDULED
        or distribution.due_at > moment
    ):
        return False
    if distribution.kind == DistributionKind.DIGEST:
        if take_back_if_withdrawn(session, distribution):
            return False
    elif moment - distribution.due_at > LATE and not _is_lift(session, distribution):
        distribution.state = State.HELD
        distribution.note = (
            f"it was due at {distribution.due_at:%Y-%m-%d %H:%M} UTC and no worker ran: "
            "resume it if it is still news"
        )
        return False
    distribution.state = State.RUNNING
    # A lift may be days late, and is tried for as long as if it were not.
    distribution.deadline_at = max(distribution.deadline_at, moment + RETRY_WINDOW)
    return True


def _is_lift(session: Session, distribution: Distribution) -> bool:
    """Whether it goes out when an embargo lifts: people wait for it, however late."""
    found = session.scalar(
        sa.select(ReleaseVersion.id)
        .join(DistributionRelease, DistributionRelease.version_id == ReleaseVersion.id)
        .where(
            DistributionRelease.distribution_id == distribution.id,
            ReleaseVersion.embargo_at == distribution.due_at,
        )
        .limit(1)
    )
    return found is not None


def batches_to_deliver(session: Session, limit: int) -> int:
    """How many batches could be leased now; `limit` when there are more."""
    found = (
        sa.select(Batch.id)
        .join(Distribution, Distribution.id == Batch.distribution_id)
        .where(
            Batch.state == sa.literal_column("'open'"),
            Batch.due_at <= database_now(),
            Distribution.state == State.RUNNING,
            Distribution.deadline_at > database_now(),
        )
        .limit(limit)
        .subquery()
    )
    return session.scalar(sa.select(sa.func.count()).select_from(found)) or 0


def forget_waiting(session: Session) -> None:
    """The database's clock has gone back: what waits, waits for a time of the old reckoning.

    All of it is tried now; how long it should have waited is not known any more.
    """
    unfinished = sa.select(Distribution.id).where(
        Distribution.state.in_((State.RUNNING, State.PAUSED, State.HELD))
    )
    # Also what is in a worker's hands: it comes back when its deferred ones are due.
    batches = session.scalars(
        sa.select(Batch)
        .where(
            Batch.state != BatchState.DONE,
            sa.or_(Batch.due_at > database_now(), Batch.deferred > 0),
            Batch.distribution_id.in_(unfinished),
        )
        .order_by(Batch.id)
        .with_for_update()
    ).all()
    for batch in batches:
        batch.due_at = database_now()
        if batch.deferred:
            session.execute(
                sa.update(Delivery)
                .where(
                    Delivery.distribution_id == batch.distribution_id,
                    Delivery.subscriber_id.between(batch.first_id, batch.last_id),
                    Delivery.state == DeliveryState.DEFERRED,
                )
                .values(due_at=database_now())
            )


def finish_cancelled(
    database: Database, distribution_id: int, may_go_on: Callable[[], bool] = lambda: True
) -> None:
    """Decide what a cancelled distribution left open, range by range, and finish it.

    It does some ranges, and more while `may_go_on`: the sweep has other things to do, too.
    """
    _give_up_open(database, distribution_id, CANCELLED, State.CANCELLED, may_go_on)
    with database.transaction() as session:
        distribution = session.get(Distribution, distribution_id, with_for_update=True)
        if (
            distribution is not None
            and distribution.state == State.CANCELLED
            and distribution.finished_at is None
            and not has_open_batch(session, distribution_id)
        ):
            distribution.finished_at = read_clock(session)


def give_up_late(
    database: Database, distribution_id: int, may_go_on: Callable[[], bool] = lambda: True
) -> None:
    """Decide what is still open when a running distribution's deadline has passed; as above."""
    _give_up_open(database, distribution_id, TOO_LATE, State.RUNNING, may_go_on)


def _give_up_open(
    database: Database,
    distribution_id: int,
    decision: GivenUp,
    state: State,
    may_go_on: Callable[[], bool],
) -> None:
    """All open batches; those in a worker's hands come open within seconds."""
    while True:
        with database.transaction() as session:
            batches = session.scalars(
                sa.select(Batch)
                .join(Distribution, Distribution.id == Batch.distribution_id)
                .where(
                    Batch.distribution_id == distribution_id,
                    Batch.state == BatchState.OPEN,
                    Distribution.state == state,
                )
                .order_by(Batch.id)
                .limit(BATCHES_PER_TRANSACTION)
                .with_for_update(of=Batch, skip_locked=True)
            ).all()
            for batch in batches:
                give_up(session, batch, decision)
                reopen_or_finish(batch, recount(session, batch), read_clock(session))
        if len(batches) < BATCHES_PER_TRANSACTION or not may_go_on():
            return

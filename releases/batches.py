"""A batch's counts: those of the deliveries in its range, always counted anew."""

import datetime as dt
from dataclasses import asdict, dataclass
from typing import Any

import sqlalchemy as sa
from sqlalchemy.orm import Session, aliased

from releases.models import (
    Batch,
    BatchState,
    Delivery,
    DeliveryState,
    Distribution,
    DistributionState,
)
from runtime.database import database_now


@dataclass(frozen=True, slots=True)
class Counts:
    """How many deliveries of a range are in which state."""

    size: int
    queued: int
    accepted: int
    deferred: int
    failed: int
    suppressed: int
    cancelled: int
    uncertain: int
    repeats: int
    last_due_at: dt.datetime | None
    """When all of the deferred ones are due again."""

    def columns(self) -> dict[str, int]:
        """What the batch's row holds of it."""
        columns = asdict(self)
        del columns["last_due_at"]
        return columns


def count_range(session: Session, distribution_id: int, first: int, last: int) -> Counts:
    """Count the deliveries of a range, by state."""
    bounds = {"distribution_id": distribution_id, "first": first, "last": last}
    return Counts(**session.execute(_COUNT, bounds).one()._mapping)


def count_parts(
    session: Session, distribution_id: int, first: int, last: int, size: int
) -> list[tuple[int, Counts]]:
    """Cut a range into parts of so many deliveries: the last subscriber's id, and the counts."""
    bounds = {"distribution_id": distribution_id, "first": first, "last": last, "size": size}
    found = []
    for row in session.execute(_COUNT_PARTS, bounds).all():
        counts = dict(row._mapping)
        last_of_part: int = counts.pop("last_id")
        found.append((last_of_part, Counts(**counts)))
    return found


def recount(session: Session, batch: Batch) -> Counts:
    """Write a batch's counts anew; the batch's row is locked by the caller."""
    counts = count_range(session, batch.distribution_id, batch.first_id, batch.last_id)
    for name, value in counts.columns().items():
        setattr(batch, name, value)
    return counts


def _counts(delivery: Any) -> tuple[sa.ColumnElement[Any], ...]:
    """The columns of Counts, over the deliveries that `delivery` stands for."""
    states = DeliveryState
    return (
        sa.func.count().label("size"),
        *(
            sa.func.count().filter(delivery.state == state.value).label(state.value)
            for state in states
        ),
        sa.func.coalesce(sa.func.sum(delivery.repeats), 0).label("repeats"),
        sa.func.max(delivery.due_at)
        .filter(delivery.state == states.DEFERRED.value)
        .label("last_due_at"),
    )


_OF_THE_RANGE = (
    Delivery.distribution_id == sa.bindparam("distribution_id"),
    Delivery.subscriber_id >= sa.bindparam("first"),
    Delivery.subscriber_id <= sa.bindparam("last"),
)
_COUNT = sa.select(*_counts(Delivery)).where(*_OF_THE_RANGE)
_NUMBERED = (
    sa.select(
        Delivery.subscriber_id,
        Delivery.state,
        Delivery.repeats,
        Delivery.due_at,
        (
            (sa.func.row_number().over(order_by=Delivery.subscriber_id) - 1) // sa.bindparam("size")
        ).label("part"),
    )
    .where(*_OF_THE_RANGE)
    .subquery()
)
_COUNT_PARTS = (
    sa.select(sa.func.max(_NUMBERED.c.subscriber_id).label("last_id"), *_counts(_NUMBERED.c))
    .group_by(_NUMBERED.c.part)
    .order_by(_NUMBERED.c.part)
)


def reopen_or_finish(batch: Batch, counts: Counts, now: dt.datetime) -> None:
    """A batch that is in nobody's hands: open while something is left of it, else done.

    What is queued can go at once; deferred ones go together, when all of them are due.
    """
    batch.lease_id = None
    if counts.queued:
        batch.state = BatchState.OPEN
        batch.due_at = now
    elif counts.deferred:
        batch.state = BatchState.OPEN
        batch.due_at = counts.last_due_at or now
    else:
        batch.state = BatchState.DONE


def has_open_batch(session: Session, distribution_id: int) -> bool:
    """Whether something of it is open or in a worker's hands."""
    found = session.scalar(
        sa.select(Batch.id)
        .where(Batch.distribution_id == distribution_id, Batch.state != BatchState.DONE)
        .limit(1)
    )
    return found is not None


def is_overtaken() -> sa.Exists:
    """Whether a more urgent distribution than a `Distribution` has a batch to be leased now."""
    urgent = aliased(Distribution)
    return sa.exists().where(
        Batch.state == sa.literal_column("'open'"),
        Batch.lane < Distribution.lane,
        Batch.due_at <= database_now(),
        urgent.id == Batch.distribution_id,
        urgent.state == DistributionState.RUNNING,
        urgent.deadline_at > database_now(),
    )

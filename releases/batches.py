"""A batch's counts: those of the deliveries in its range, always counted anew."""

import datetime as dt
from typing import Any, Final, NamedTuple, Protocol

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
from runtime.asked_often import AskedOften
from runtime.database import database_now


class Range(Protocol):
    """Deliveries of one distribution: those of a range of subscribers, as a batch has them."""

    @property
    def distribution_id(self) -> int:
        """The distribution."""

    @property
    def first_id(self) -> int:
        """The first subscriber that may be in it."""

    @property
    def last_id(self) -> int:
        """The last one."""


class Counts(NamedTuple):
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
        return {name: getattr(self, name) for name in COUNTED}


COUNTED: Final = tuple(name for name in Counts._fields if name != "last_due_at")
"""The columns of a batch's row that hold its counts."""


def bounds_of(range_: Range) -> dict[str, Any]:
    """A range, as the values of a statement."""
    return {
        "distribution_id": range_.distribution_id,
        "first": range_.first_id,
        "last": range_.last_id,
    }


def count_range(session: Session, range_: Range) -> Counts:
    """Count the deliveries of a range, by state, once what the session knows is written."""
    session.flush()
    counted = _COUNT.row(session, bounds_of(range_))
    assert counted is not None
    return Counts(*counted)


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
    counts = count_range(session, batch)
    for name, value in counts.columns().items():
        setattr(batch, name, value)
    return counts


def _counts(delivery: Any) -> tuple[sa.ColumnElement[Any], ...]:
    """The columns of Counts, in its order, over the deliveries that `delivery` stands for."""
    columns: dict[str, sa.ColumnElement[Any]] = {
        state.value: sa.func.count().filter(delivery.state == state.value)
        for state in DeliveryState
    }
    columns["size"] = sa.func.count()
    columns["repeats"] = sa.func.coalesce(sa.func.sum(delivery.repeats), 0)
    columns["last_due_at"] = sa.func.max(delivery.due_at).filter(
        delivery.state == DeliveryState.DEFERRED.value
    )
    return tuple(columns[name].label(name) for name in Counts._fields)


_OF_THE_RANGE = (
    Delivery.distribution_id == sa.bindparam("distribution_id"),
    Delivery.subscriber_id >= sa.bindparam("first"),
    Delivery.subscriber_id <= sa.bindparam("last"),
)
_COUNT: Final = AskedOften(sa.select(*_counts(Delivery)).where(*_OF_THE_RANGE))
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
    """A batch that is in nobody's hands: open while something is left of it, else done."""
    batch.lease_id = None
    batch.state = BatchState.DONE
    if (due_at := due_again(counts, now)) is not None:
        batch.state = BatchState.OPEN
        batch.due_at = due_at


def due_again(counts: Counts, now: dt.datetime) -> dt.datetime | None:
    """When a batch that is in nobody's hands is due; None when nothing of it is left.

    What is queued can go at once; deferred ones go together, when all of them are due.
    """
    if counts.queued:
        return now
    return (counts.last_due_at or now) if counts.deferred else None


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
    urgent, batch = aliased(Distribution), aliased(Batch)
    return sa.exists().where(
        batch.state == sa.literal_column("'open'"),
        batch.lane < Distribution.lane,
        batch.due_at <= database_now(),
        urgent.id == batch.distribution_id,
        urgent.state == DistributionState.RUNNING,
        urgent.deadline_at > database_now(),
    )

"""A batch's counts: those of the deliveries in its range, always counted anew."""

import datetime as dt
from dataclasses import asdict, dataclass

import sqlalchemy as sa
from sqlalchemy.orm import Session

from releases.models import Batch, BatchState, Delivery, DeliveryState


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


def recount(session: Session, batch: Batch) -> Counts:
    """Write a batch's counts anew; the batch's row is locked by the caller."""
    counts = count_range(session, batch.distribution_id, batch.first_id, batch.last_id)
    for name, value in counts.columns().items():
        setattr(batch, name, value)
    return counts


def _of(state: DeliveryState) -> sa.ColumnElement[int]:
    return sa.func.count().filter(Delivery.state == state.value).label(state.value)


_COUNT = sa.select(
    sa.func.count().label("size"),
    _of(DeliveryState.QUEUED),
    _of(DeliveryState.ACCEPTED),
    _of(DeliveryState.DEFERRED),
    _of(DeliveryState.FAILED),
    _of(DeliveryState.SUPPRESSED),
    _of(DeliveryState.CANCELLED),
    _of(DeliveryState.UNCERTAIN),
    sa.func.coalesce(sa.func.sum(Delivery.repeats), 0).label("repeats"),
    sa.func.max(Delivery.due_at)
    .filter(Delivery.state == DeliveryState.DEFERRED.value)
    .label("last_due_at"),
).where(
    Delivery.distribution_id == sa.bindparam("distribution_id"),
    Delivery.subscriber_id >= sa.bindparam("first"),
    Delivery.subscriber_id <= sa.bindparam("last"),
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

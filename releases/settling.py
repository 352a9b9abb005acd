"""Settling: a distribution is complete when every one of its deliveries is accounted for."""

from dataclasses import dataclass
from typing import TypeAlias

import sqlalchemy as sa
from sqlalchemy.orm import Session

from releases.batches import has_open_batch
from releases.models import (
    Batch,
    Delivery,
    DeliveryState,
    Distribution,
    DistributionState,
)
from runtime.database import database_now

_DECIDED = (
    DeliveryState.ACCEPTED,
    DeliveryState.FAILED,
    DeliveryState.SUPPRESSED,
    DeliveryState.CANCELLED,
    DeliveryState.UNCERTAIN,
)


@dataclass(frozen=True, slots=True)
class Completed:
    """Everything adds up."""


@dataclass(frozen=True, slots=True)
class NotYet:
    """Something is left to expand or to deliver, or it does not run."""


@dataclass(frozen=True, slots=True)
class Unbalanced:
    """The books do not agree: it is held, and the note says in what."""

    note: str


Settlement: TypeAlias = Completed | NotYet | Unbalanced


def settle(session: Session, distribution_id: int) -> Settlement:
    """Complete a distribution if its deliveries, its batches and its audience agree."""
    distribution = session.get(Distribution, distribution_id, with_for_update=True)
    if (
        distribution is None
        or distribution.state != DistributionState.RUNNING
        or not distribution.is_expanded
        or has_open_batch(session, distribution_id)
    ):
        return NotYet()
    counted, books = _count(session, distribution_id)
    decided = sum(counted.get(state, 0) for state in _DECIDED)
    if decided == distribution.eligible == sum(counted.values()) and all(
        counted.get(state, 0) == count for state, count in books.items()
    ):
        distribution.state = DistributionState.COMPLETE
        distribution.finished_at = database_now()
        distribution.note = None
        return Completed()
    note = (
        f"the books do not agree: {distribution.eligible} eligible, deliveries {counted}, "
        f"batches {books}; please report this"
    )
    distribution.state = DistributionState.HELD
    distribution.note = note
    return Unbalanced(note)


def _count(session: Session, distribution_id: int) -> tuple[dict[str, int], dict[str, int]]:
    """Deliveries by state, and what the batches say of them.

    One statement, that both are of one moment: an acceptance may come late, between two.
    """
    deliveries = (
        sa.select(sa.literal(True), Delivery.state, sa.func.count())
        .where(Delivery.distribution_id == distribution_id)
        .group_by(Delivery.state)
    )
    batches = (
        sa.select(
            sa.literal(False),
            sa.literal(state.value),
            sa.func.coalesce(sa.func.sum(getattr(Batch, state)), 0),
        ).where(Batch.distribution_id == distribution_id)
        for state in DeliveryState
    )
    counted: dict[str, int] = {}
    books: dict[str, int] = {}
    for is_counted, state, count in session.execute(sa.union_all(deliveries, *batches)):
        (counted if is_counted else books)[state] = int(count)
    return counted, books

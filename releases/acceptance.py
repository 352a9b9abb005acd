"""Whether a mail of ours has only just been taken, as a scanner on its way would find it."""

import datetime as dt
import enum
from collections.abc import Collection
from typing import Final

import sqlalchemy as sa
from sqlalchemy.orm import Session

from releases.digests.membership import may_have_a_delivery
from releases.models import Batch, BatchState, Delivery, DeliveryState, Distribution
from runtime.database import Database, execute, read_clock
from subscribers.notices import NoticeKind
from subscribers.record_models import Notice

JUST_NOW: Final = dt.timedelta(seconds=10)
_LATELY: Final = dt.timedelta(minutes=1)


class Arrival(enum.Enum):
    """How lately something of ours came to a subscriber."""

    JUST_NOW = enum.auto()
    """A mail server took it within the last ten seconds."""
    PERHAPS = enum.auto()
    """It is being sent, and the ledger may not know yet that it was taken."""
    EARLIER = enum.auto()


_LATELY_SENT: Final = sa.select(
    sa.or_(
        sa.exists().where(
            sa.or_(
                Distribution.state.not_in(["complete", "cancelled"]),
                Distribution.finished_at.is_(None),
            )
        ),
        sa.exists().where(
            # The transaction's clock, so that an index is used; it is that much earlier at most.
            Distribution.finished_at
            > sa.func.now() - sa.literal(2 * _LATELY, sa.Interval(native=True))
        ),
    )
)


def arrival_of_release(database: Database, subscriber_id: int) -> Arrival:
    """How lately a release came to a subscriber; one question where none has gone out lately."""
    if database.is_postgresql:
        with database.asking() as session:
            if not execute(session, _LATELY_SENT, {}).scalar_one():
                return Arrival.EARLIER
    # Several questions, which must see one state: a delivery may be accepted between them.
    with database.reading() as session:
        return last_release(session, subscriber_id)


def last_release(session: Session, subscriber_id: int) -> Arrival:
    """How lately a release came; reads a handful of rows by their keys."""
    now = read_clock(session)
    running = sa.select(Distribution.id).where(
        sa.or_(
            Distribution.state.not_in(["complete", "cancelled"]),
            Distribution.finished_at.is_(None),
        ),
        may_have_a_delivery([subscriber_id]),
    )
    ended = (
        sa.select(Distribution.id)
        .where(Distribution.finished_at > now - _LATELY, may_have_a_delivery([subscriber_id]))
        .order_by(Distribution.id.desc())
    )
    ids = {*session.scalars(running), *session.scalars(ended)}
    if not ids:
        return Arrival.EARLIER
    rows = session.execute(
        sa.select(Delivery.distribution_id, Delivery.state, Delivery.decided_at).where(
            Delivery.distribution_id.in_(ids), Delivery.subscriber_id == subscriber_id
        )
    ).all()
    if any(
        state == DeliveryState.ACCEPTED and decided_at is not None and now - decided_at < JUST_NOW
        for _, state, decided_at in rows
    ):
        return Arrival.JUST_NOW
    open_ones = [one for one, state, _ in rows if state in (DeliveryState.QUEUED, "deferred")]
    is_leased = sa.select(Batch.id).where(
        Batch.distribution_id.in_(open_ones),
        Batch.first_id <= subscriber_id,
        Batch.last_id >= subscriber_id,
        Batch.state == BatchState.LEASED,
    )
    is_under_way = bool(open_ones) and session.scalar(is_leased.limit(1)) is not None
    return Arrival.PERHAPS if is_under_way else Arrival.EARLIER


def last_notice(session: Session, subscriber_id: int, kinds: Collection[NoticeKind]) -> Arrival:
    """The same of notices of these kinds."""
    now = read_clock(session)
    rows = session.execute(
        sa.select(Notice.decided_at, Notice.attempts, Notice.lease_id).where(
            Notice.subscriber_id == subscriber_id,
            Notice.created_at > now - dt.timedelta(hours=1),
            Notice.kind.in_([kind.value for kind in kinds]),
        )
    ).all()
    if any(at is not None and now - at < JUST_NOW for at, _, _ in rows):
        return Arrival.JUST_NOW
    is_under_way = any(at is None and (tries or lease) for at, tries, lease in rows)
    return Arrival.PERHAPS if is_under_way else Arrival.EARLIER

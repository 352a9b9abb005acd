"""Leases: a worker process's hold on the batches it delivers.

One row per process, renewed by the database's clock. Whoever frees its batches deletes it, so
a worker that finds its row gone knows that they are somebody else's.
"""

import datetime as dt
from collections.abc import Sequence
from dataclasses import dataclass
from functools import partial
from typing import Any, Final, NamedTuple

import sqlalchemy as sa
from sqlalchemy.orm import Session

from releases.models import (
    Batch,
    BatchState,
    Delivery,
    DeliveryState,
    Distribution,
    DistributionState,
    Lease,
)
from runtime.asked_often import AskedOften
from runtime.database import Moment, database_now, is_postgresql, read_clock
from subscribers.models import (
    ListSetMember,
    Subscriber,
    Subscription,
    SubscriptionState,
    Suppression,
)

LEASE_SECONDS: Final = 8.0


class Recipient(NamedTuple):
    """Who a copy goes to, and what is put into it."""

    since: dt.datetime
    """When the oldest of the subscriptions began that this copy comes through."""
    subscriber_id: int
    attempts: int
    is_in_doubt: bool
    rendering_id: int
    list_set_id: int
    address: str
    name: str | None
    language: str


_recipient: Final = partial(tuple.__new__, Recipient)
"""Makes one of a row: half of `Recipient._make`'s time, which is a function of Python's."""


@dataclass(frozen=True, slots=True)
class Leased:
    """A batch that this worker holds: whom to mail, and who is withheld and why."""

    batch_id: int
    distribution_id: int
    first_id: int
    last_id: int
    salt: bytes
    has_note: bool
    is_rehearsal: bool
    recipients: tuple[Recipient, ...]
    withheld: dict[int, str]


def take_lease(session: Session, worker: str, folder: str, journal: str) -> int:
    """A new lease; its id. `journal` is a file in the journal folder, or empty."""
    lease = Lease(
        worker=worker,
        folder=folder,
        journal=journal,
        expires_at=read_clock(session) + dt.timedelta(seconds=LEASE_SECONDS),
    )
    session.add(lease)
    session.flush()
    return lease.id


def renew_lease(session: Session, lease_id: int) -> bool:
    """Hold it for another 8 s; False when it is gone and its batches with it."""
    expires_at = read_clock(session) + dt.timedelta(seconds=LEASE_SECONDS)
    renewed = session.execute(
        sa.update(Lease)
        .where(Lease.id == lease_id)
        .values(expires_at=expires_at)
        .returning(Lease.id)
    )
    return renewed.first() is not None


def hold_lease(session: Session, lease_id: int) -> dt.datetime | None:
    """Keep the lease's row from being deleted until the end of the transaction.

    What the database's clock says; None when the row is gone. Comes before any lock on a batch,
    here and where leases are adopted.
    """
    found = _HOLD.row(session, {"lease_id": lease_id})
    # In UTC: what is added to a moment of another zone is added by the clock on its wall.
    return found[0].astimezone(dt.UTC) if found is not None else None


def release_lease(session: Session, lease_id: int) -> None:
    """Give it back; what it still holds is open again."""
    if session.scalar(sa.select(Lease.id).where(Lease.id == lease_id).with_for_update()) is None:
        return
    session.execute(
        sa.update(Batch)
        .where(Batch.lease_id == lease_id)
        .values(state=BatchState.OPEN, lease_id=None)
    )
    session.execute(sa.delete(Lease).where(Lease.id == lease_id))


def lease_next(session: Session, lease_id: int) -> Leased | None:
    """The most urgent open batch, leased: lane, then round, then age. None when there is none.

    With everyone in it who is due, and what their copies need.
    """
    found = _NEXT.row(session, {})
    if found is None:
        return None
    batch_id, distribution_id, first_id, last_id, *_ = found
    _TAKE.write(session, {"batch_id": batch_id, "taken_by": lease_id})
    bounds = {"distribution_id": distribution_id, "first": first_id, "last": last_id}
    rows = _rows(session, bounds)
    recipients = tuple(
        [
            _recipient(row[2:])
            for row in rows
            if row[0] is None and not row[1] and row[2] is not None
        ]
    )
    withheld: dict[int, str] = {}
    if len(recipients) < len(rows):
        withheld = _withheld(session, distribution_id, rows)
    return Leased(*(*found, recipients, withheld))


def _rows(session: Session, bounds: dict[str, Any]) -> Sequence[tuple[Any, ...]]:
    """Those who are due: why they are suppressed, whether they pause, and a Recipient's values."""
    return (_READ_POSTGRESQL if is_postgresql(session) else _READ_SQLITE).rows(session, bounds)


def _withheld(
    session: Session, distribution_id: int, rows: Sequence[Sequence[Any]]
) -> dict[int, str]:
    """Who must not be mailed after all, and why."""
    withheld: dict[int, str] = {}
    unfollowed: list[int] = []
    for reason, is_paused, since, subscriber_id, *_ in rows:
        if reason is not None:
            withheld[subscriber_id] = reason
        elif since is None:
            unfollowed.append(subscriber_id)
        elif is_paused:
            withheld[subscriber_id] = "paused"
    if unfollowed:
        withheld |= _why_unfollowed(session, distribution_id, unfollowed)
    return withheld


def _why_unfollowed(
    session: Session, distribution_id: int, people: Sequence[int]
) -> dict[int, str]:
    """Who follows none of the lists of their copy any more: suspended, or left."""
    suspended = set(
        session.scalars(
            sa.select(Delivery.subscriber_id)
            .join(Subscription, Subscription.subscriber_id == Delivery.subscriber_id)
            .where(
                Delivery.distribution_id == distribution_id,
                Delivery.subscriber_id.in_(people),
                Subscription.state == SubscriptionState.SUSPENDED,
                _is_of_the_copy(),
            )
        )
    )
    return {person: "suspended" if person in suspended else "left" for person in people}


def _is_of_the_copy() -> sa.ColumnElement[bool]:
    """A subscription is to a list that the delivery's copy comes through."""
    return sa.exists().where(
        ListSetMember.list_set_id == Delivery.list_set_id,
        ListSetMember.list_id == Subscription.list_id,
    )


def _read(moment: sa.types.TypeEngine[Any]) -> sa.Select[*tuple[Any, ...]]:
    """The due deliveries of a range, with what their copies need.

    Correlated subqueries, not joins: a planner without statistics for a young partition takes
    joins of ranges for tiny, and is wrong by a factor of a thousand. `moment` is the type by
    which a thousand moments are read.
    """
    first: sa.BindParameter[int] = sa.bindparam("first")
    last: sa.BindParameter[int] = sa.bindparam("last")
    since = (
        sa.select(sa.func.min(Subscription.began_at))
        .where(
            Subscription.subscriber_id == Delivery.subscriber_id,
            Subscription.state == SubscriptionState.ACTIVE,
            _is_of_the_copy().correlate(Subscription, Delivery),
        )
        .scalar_subquery()
    )
    reason = (
        sa.select(Suppression.reason)
        .where(Suppression.address_hash == Subscriber.address_hash)
        .scalar_subquery()
    )
    return (
        sa.select(
            reason,
            Subscriber.paused_until > database_now(),
            sa.type_coerce(since, moment),
            Delivery.subscriber_id,
            Delivery.attempts,
            Delivery.is_in_doubt,
            Delivery.rendering_id,
            Delivery.list_set_id,
            Subscriber.address,
            Subscriber.name,
            Subscriber.language,
        )
        .outerjoin(Subscriber, Subscriber.id == Delivery.subscriber_id)
        .where(
            Delivery.distribution_id == sa.bindparam("distribution_id"),
            Delivery.subscriber_id.between(first, last),
            sa.or_(
                Delivery.state == DeliveryState.QUEUED,
                sa.and_(
                    Delivery.state == DeliveryState.DEFERRED, Delivery.due_at <= database_now()
                ),
            ),
        )
        .order_by(Delivery.subscriber_id)
    )


_HOLD: Final = AskedOften(
    sa.select(database_now())
    .select_from(Lease)
    .where(Lease.id == sa.bindparam("lease_id"))
    .with_for_update(read=True, key_share=True)
)
_NEXT: Final = AskedOften(
    sa.select(  # what `Leased` begins with
        Batch.id,
        Batch.distribution_id,
        Batch.first_id,
        Batch.last_id,
        Distribution.salt,
        Distribution.note.is_not(None),
        Distribution.is_rehearsal,
    )
    .join(Distribution, Distribution.id == Batch.distribution_id)
    .where(
        Batch.state == sa.literal_column("'open'"),
        Batch.due_at <= database_now(),
        Distribution.state == DistributionState.RUNNING,
        Distribution.deadline_at > database_now(),
    )
    .order_by(Batch.lane, Batch.round, Batch.id)
    .limit(1)
    .with_for_update(of=Batch, skip_locked=True)
)
_TAKE: Final = AskedOften(
    sa.update(Batch)
    .where(Batch.id == sa.bindparam("batch_id"))
    .values(state=BatchState.LEASED, lease_id=sa.bindparam("taken_by"))
)
_READ_SQLITE: Final = AskedOften(_read(Moment()))
# As the driver reads them: aware, in whatever zone.
_READ_POSTGRESQL: Final = AskedOften(_read(sa.DateTime(timezone=True)))

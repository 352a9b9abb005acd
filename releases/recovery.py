"""What happens when a worker is killed or stalls: its batches are freed, after its journal.

A journal is read by `worker.journal`; here it is a sequence of what was begun and of what came
of it, for each batch.
"""

import datetime as dt
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from typing import Final

import sqlalchemy as sa
from sqlalchemy.orm import Session

from mail.replies import Failed, InDoubt
from releases.batches import recount, reopen_or_finish
from releases.leasing import LEASE_SECONDS
from releases.models import Batch, Delivery, Distribution, Lease
from releases.outcomes import OPEN
from releases.recording import Entry, record
from runtime.database import read_clock

LOSSES_MAX: Final = 25
"""A batch whose worker died this often is not tried any more: something in it kills workers."""


LONGEST: Final = dt.timedelta(seconds=LEASE_SECONDS + 1)
"""No lease ends later than this from now, unless the database's clock has gone back."""
SHORTENED: Final = dt.timedelta(seconds=6.5)
"""Longer than a worker begins messages after its last renewal (`worker.lease.FRESH_SECONDS`)."""


@dataclass(frozen=True, slots=True)
class OtherLease:
    """A worker's lease, as seen by another worker."""

    id: int
    worker: str
    folder: str
    journal: str
    is_expired: bool
    is_folder_alive: bool
    """Another lease of its journal folder lives: only workers there free its batches."""
    is_too_long: bool = False
    """It ends later than any can: it was dated before the database's clock went back."""


def other_leases(session: Session) -> tuple[dt.datetime, list[OtherLease]]:
    """All leases there are, and the database's time just after they were read."""
    rows = session.execute(
        sa.select(Lease.id, Lease.worker, Lease.folder, Lease.journal, Lease.expires_at)
    ).all()
    moment = read_clock(session)
    alive = {folder for *_, folder, _, expires_at in rows if expires_at > moment}
    return moment, [
        OtherLease(
            id_,
            worker,
            folder,
            journal,
            is_expired=expires_at <= moment,
            is_folder_alive=folder in alive,
            is_too_long=expires_at > moment + LONGEST,
        )
        for id_, worker, folder, journal, expires_at in rows
    ]


def shorten_leases(session: Session) -> None:
    """Leases that end later than any can, end soon.

    Who lives renews its lease before that; who cannot has begun nothing for half a second then.
    """
    moment = read_clock(session)
    leases = session.scalars(
        sa.select(Lease)
        .where(Lease.expires_at > moment + LONGEST)
        .with_for_update(skip_locked=True)
    )
    for lease in leases:
        lease.expires_at = moment + SHORTENED


def adopt(
    session: Session,
    lease_id: int,
    journal: Mapping[int, Sequence[Entry]],
    *,
    is_whole: bool = True,
    even_if_it_lives: bool = False,
) -> list[int] | None:
    """Free the batches of a lease that has run out, and delete it.

    Returns the batches that were freed; None when the lease is alive, or in somebody's hands.

    `journal` holds the attempts by batch. Where it is lost, or not `is_whole`, all that is
    undecided and not in it is in doubt. `even_if_it_lives`: its worker is known to be dead
    before the lease has run out.
    """
    moment = read_clock(session)
    expires_at = session.scalar(
        sa.select(Lease.expires_at).where(Lease.id == lease_id).with_for_update(skip_locked=True)
    )
    if expires_at is None or (expires_at > moment and not even_if_it_lives):
        return None
    batches = _lock_batches(session, lease_id, journal)
    for batch in batches:
        entries = list(journal.get(batch.id, ()))
        if not is_whole:
            entries += _others_in_doubt(session, batch, entries)
        record(session, batch, lease_id, entries, is_holder=True, retry_at=moment)
        batch.losses += 1
        if batch.losses >= LOSSES_MAX:
            _park(session, batch, lease_id, moment)
        reopen_or_finish(batch, recount(session, batch), moment)
        if any(type(entry.outcome) is InDoubt for entry in entries):
            # What is in doubt goes at once, whatever else of the batch waits for later.
            batch.due_at = moment
    held = {batch.id for batch in batches}
    for batch_id in sorted(journal.keys() - held):
        apply_late(session, lease_id, batch_id, journal[batch_id])
    session.flush()
    session.execute(sa.delete(Lease).where(Lease.id == lease_id))
    return [batch.id for batch in batches]


def _lock_batches(session: Session, lease_id: int, journal: Collection[int]) -> list[Batch]:
    """The lease's batches; what else the journal speaks of is locked with them, by rising id.

    A turn of the ledger locks its batches in that order too: neither waits for the other.
    """
    locked = session.scalars(
        sa.select(Batch)
        .where(sa.or_(Batch.lease_id == lease_id, Batch.id.in_(list(journal))))
        .order_by(Batch.id)
        .with_for_update()
    ).all()
    return [batch for batch in locked if batch.lease_id == lease_id]


def apply_late(session: Session, lease_id: int, batch_id: int, entries: Sequence[Entry]) -> None:
    """What a journal says of a batch that is not its lease's any more: acceptances count."""
    batch = session.get(Batch, batch_id, with_for_update=True)
    if batch is not None and not _is_forgotten(session, batch.distribution_id):
        record(session, batch, lease_id, entries, is_holder=False, retry_at=read_clock(session))
        recount(session, batch)


def _is_forgotten(session: Session, distribution_id: int) -> bool:
    """Whether its deliveries are dropped, and its batches' counts final; not while this lasts."""
    dropped_at = session.scalar(
        sa.select(Distribution.deliveries_dropped_at)
        .where(Distribution.id == distribution_id)
        .with_for_update(read=True)
    )
    return dropped_at is not None


def _others_in_doubt(session: Session, batch: Batch, known: Sequence[Entry]) -> list[Entry]:
    rows = session.execute(
        sa.select(Delivery.subscriber_id, Delivery.attempts).where(
            Delivery.distribution_id == batch.distribution_id,
            Delivery.subscriber_id.between(batch.first_id, batch.last_id),
            Delivery.state.in_(OPEN),
        )
    )
    lost = InDoubt("the worker's host was lost with its journal")
    noted = {entry.subscriber_id for entry in known}
    return [
        Entry(subscriber_id, attempts + 1, lost)
        for subscriber_id, attempts in rows
        if subscriber_id not in noted
    ]


def _park(session: Session, batch: Batch, lease_id: int, moment: dt.datetime) -> None:
    """Fail what is left: it has ended its worker each time."""
    rows = session.execute(
        sa.select(Delivery.subscriber_id, Delivery.attempts).where(
            Delivery.distribution_id == batch.distribution_id,
            Delivery.subscriber_id.between(batch.first_id, batch.last_id),
            Delivery.state.in_(OPEN),
        )
    )
    failed = Failed(None, f"a worker died {batch.losses} times while it delivered this batch")
    entries = [Entry(subscriber_id, attempts + 1, failed) for subscriber_id, attempts in rows]
    record(session, batch, lease_id, entries, is_holder=True, retry_at=moment)

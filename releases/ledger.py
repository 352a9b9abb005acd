"""The ledger: one transaction writes what became of batches, and leases and reads the next.

Locks are taken in one order everywhere: the lease's row, batches by id, their deliveries, the
distribution.
"""

import datetime as dt
import random
from collections.abc import Callable, Collection, Sequence
from dataclasses import dataclass, field, replace
from typing import Final

import sqlalchemy as sa
from sqlalchemy.orm import Session

from releases.backoff import retry_delay_seconds
from releases.batches import Counts, is_overtaken, recount, reopen_or_finish
from releases.leasing import Leased, Recipient, hold_lease, lease_next, read_batch
from releases.models import Batch, Distribution, DistributionState
from releases.recording import Entry, record, withhold
from runtime.database import read_clock


@dataclass(frozen=True, slots=True)
class Report:
    """What a worker has to say about a batch it leased."""

    batch_id: int
    entries: Sequence[Entry]
    is_done: bool = False
    """Nothing of it is in the worker's hands any more."""
    relay_trouble: str | None = None
    """Why no relay could take the rest, in one plain line."""
    retry_after_seconds: float = 0.0
    clears_note: bool = False
    """The distribution's note spoke of a relay that answers again."""
    is_held_back: bool = False
    """A limit held some of its people back: they were not tried, and it is no further round."""


@dataclass(frozen=True, slots=True)
class Turn:
    """What one transaction brought."""

    is_lease_held: bool
    leased: Leased | None = None
    stopped: frozenset[int] = frozenset()
    """Distributions among those in hand that do not run any more, or make way: something
    more urgent waits to be leased."""
    finished: frozenset[int] = frozenset()
    """Distributions that had a batch finished: there may be nothing left of them."""
    lost: frozenset[int] = field(default=frozenset())
    """Batches that are not this worker's any more."""
    is_some_given_back: bool = False
    """A batch came back before all of it was tried, and can be leased again now."""


def take_turn(
    session: Session,
    lease_id: int,
    reports: Sequence[Report],
    *,
    wants_next: bool,
    jitter: random.Random,
    why_withheld: Callable[[str, bool], str | None],
    in_hand: Collection[int] = (),
) -> Turn:
    """Write reports, then lease and read the next batch, in the caller's transaction.

    `in_hand` are the distributions of batches that the worker holds and does not report now.
    `why_withheld` says of an address, and whether the distribution is a rehearsal, why it must
    not be mailed now, if so.
    """
    is_lease_held = hold_lease(session, lease_id)
    batches = _lock_batches(session, [report.batch_id for report in reports])
    moment = read_clock(session)
    lost: set[int] = set()
    finished: set[int] = set()
    notes: dict[int, str | None] = {}
    is_some_given_back = False
    for report in reports:
        batch = batches[report.batch_id]
        is_holder = is_lease_held and batch.lease_id == lease_id
        delay = dt.timedelta(seconds=retry_delay_seconds(batch.round, jitter.random()))
        record(
            session,
            batch,
            lease_id,
            report.entries,
            is_holder=is_holder,
            retry_at=moment + delay,
        )
        counts = recount(session, batch)
        if not is_holder:
            lost.add(batch.id)
        elif report.is_done:
            _close(batch, counts, report, moment)
            _note_of(report, notes, batch.distribution_id)
            finished.add(batch.distribution_id)
            is_some_given_back |= (
                (counts.queued > 0 or report.is_held_back)
                and report.relay_trouble is None
                and report.retry_after_seconds <= 0
            )
    # Before leasing: what we lease ourselves must overtake what is in our hands, too.
    stopped = _to_stop(session, {*in_hand, *(one.distribution_id for one in batches.values())})
    leased = None
    if wants_next and is_lease_held:
        leased = _lease(session, lease_id, why_withheld)
    session.flush()
    for distribution_id in sorted(notes):
        _set_note(session, distribution_id, notes[distribution_id])
    return Turn(
        is_lease_held, leased, stopped, frozenset(finished), frozenset(lost), is_some_given_back
    )


def _lock_batches(session: Session, ids: Sequence[int]) -> dict[int, Batch]:
    if not ids:
        return {}
    return {batch.id: batch for batch in session.scalars(_LOCK, {"ids": list(ids)})}


def _close(batch: Batch, counts: Counts, report: Report, moment: dt.datetime) -> None:
    reopen_or_finish(batch, counts, moment)
    if counts.queued or report.relay_trouble is not None or report.is_held_back:
        # What no relay could take, or no limit let through, was not tried: no further round.
        batch.due_at = moment + dt.timedelta(seconds=report.retry_after_seconds)
    elif counts.deferred:
        batch.round += 1


def _note_of(report: Report, notes: dict[int, str | None], distribution_id: int) -> None:
    if report.relay_trouble is not None:
        notes[distribution_id] = report.relay_trouble
    elif report.clears_note:
        notes.setdefault(distribution_id, None)


def _set_note(session: Session, distribution_id: int, note: str | None) -> None:
    """What a running distribution waits for, in one plain line; None when it waits no more."""
    session.execute(
        sa.update(Distribution)
        .where(
            Distribution.id == distribution_id,
            Distribution.state == DistributionState.RUNNING,
            Distribution.note.is_distinct_from(note),
        )
        .values(note=note)
    )


def _lease(
    session: Session, lease_id: int, why_withheld: Callable[[str, bool], str | None]
) -> Leased | None:
    batch = lease_next(session, lease_id)
    if batch is None:
        return None
    session.flush()
    leased = read_batch(session, batch)
    kept: list[Recipient] = []
    for recipient in leased.recipients:
        reason = why_withheld(recipient.address, leased.is_rehearsal)
        if reason is None:
            kept.append(recipient)
        else:
            leased.withheld[recipient.subscriber_id] = reason
    if leased.withheld:
        withhold(session, batch, leased.withheld)
        recount(session, batch)
    return replace(leased, recipients=tuple(kept))


def _to_stop(session: Session, distributions: Collection[int]) -> frozenset[int]:
    if not distributions:
        return frozenset()
    return frozenset(session.scalars(_TO_STOP, {"distributions": list(distributions)}))


_LOCK: Final = (
    sa.select(Batch)
    .where(Batch.id.in_(sa.bindparam("ids", expanding=True)))
    .order_by(Batch.id)
    .with_for_update()
)
_TO_STOP: Final = sa.select(Distribution.id).where(
    Distribution.id.in_(sa.bindparam("distributions", expanding=True)),
    sa.or_(Distribution.state != DistributionState.RUNNING, is_overtaken()),
)

"""The ledger: one transaction writes what became of batches, and leases and reads the next.

Locks are taken in one order everywhere: the lease's row, batches by id, their deliveries, the
distribution.
"""

import datetime as dt
import random
from collections.abc import Callable, Collection, Sequence
from dataclasses import dataclass, field, replace
from typing import Final, NamedTuple

import sqlalchemy as sa
from sqlalchemy.orm import Session

from releases.backoff import retry_delay_seconds
from releases.batches import COUNTED, Counts, count_range, due_again, is_overtaken
from releases.leasing import Leased, Recipient, hold_lease, lease_next
from releases.models import Batch, BatchState, Distribution, DistributionState
from releases.recording import Entry, record, withhold
from runtime.asked_often import AskedOften
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
    """Write reports, one of a batch at most, then lease and read the next, in one transaction.

    `in_hand` are the distributions of batches that the worker holds and does not report now.
    `why_withheld` says of an address, and whether the distribution is a rehearsal, why it must
    not be mailed now, if so.
    """
    held_at = hold_lease(session, lease_id)
    is_lease_held = held_at is not None
    moment = held_at or read_clock(session)
    batches = {id_: _lock(session, id_) for id_ in sorted(report.batch_id for report in reports)}
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
        counts = count_range(session, batch)
        if not is_holder:
            lost.add(batch.id)
        elif report.is_done:
            batch = _closed(batch, counts, report, moment)
            _note_of(report, notes, batch.distribution_id)
            finished.add(batch.distribution_id)
            is_some_given_back |= (
                (counts.queued > 0 or report.is_held_back)
                and report.relay_trouble is None
                and report.retry_after_seconds <= 0
            )
        _write(session, batch, counts)
    # Found before leasing: what we lease ourselves must overtake what is in our hands, too.
    stopped = {batch.distribution_id for batch in batches.values() if batch.is_to_stop}
    others = set(in_hand) - {batch.distribution_id for batch in batches.values()}
    stopped.update(one for one in others if _TO_STOP.row(session, {"distribution_id": one}))
    leased = None
    if wants_next and is_lease_held:
        leased = _lease(session, lease_id, why_withheld)
    for distribution_id in sorted(notes):
        _set_note(session, distribution_id, notes[distribution_id])
    return Turn(
        is_lease_held,
        leased,
        frozenset(stopped),
        frozenset(finished),
        frozenset(lost),
        is_some_given_back,
    )


class _Locked(NamedTuple):
    """A batch whose row is locked, as a report found it."""

    is_to_stop: bool
    """Its distribution did not run any more, or made way, when the lock was asked for."""
    id: int
    distribution_id: int
    first_id: int
    last_id: int
    round: int
    state: str
    due_at: dt.datetime
    lease_id: int | None


def _lock(session: Session, batch_id: int) -> _Locked:
    found = _LOCK.row(session, {"batch_id": batch_id})
    assert found is not None
    return _Locked(*found)


def _closed(batch: _Locked, counts: Counts, report: Report, moment: dt.datetime) -> _Locked:
    due_at = due_again(counts, moment)
    state = BatchState.OPEN if due_at is not None else BatchState.DONE
    round_ = batch.round
    if counts.queued or report.relay_trouble is not None or report.is_held_back:
        # What no relay could take, or no limit let through, was not tried: no further round.
        due_at = moment + dt.timedelta(seconds=report.retry_after_seconds)
    elif counts.deferred:
        round_ += 1
    return batch._replace(state=state, due_at=due_at or batch.due_at, lease_id=None, round=round_)


def _write(session: Session, batch: _Locked, counts: Counts) -> None:
    values = {"round": batch.round, "state": batch.state, "due_at": batch.due_at}
    values |= {"lease_id": batch.lease_id, **counts.columns()}
    _WRITE.write(
        session, {f"new_{name}": value for name, value in values.items()} | {"batch_id": batch.id}
    )


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
    leased = lease_next(session, lease_id)
    if leased is None:
        return None
    kept: list[Recipient] = []
    for recipient in leased.recipients:
        reason = why_withheld(recipient.address, leased.is_rehearsal)
        if reason is None:
            kept.append(recipient)
        else:
            leased.withheld[recipient.subscriber_id] = reason
    if leased.withheld:
        withhold(session, leased, leased.withheld)
        counts = count_range(session, leased).columns()
        session.execute(sa.update(Batch).where(Batch.id == leased.batch_id).values(counts))
    return replace(leased, recipients=tuple(kept))


_IS_TO_STOP: Final = sa.or_(Distribution.state != DistributionState.RUNNING, is_overtaken())
_TO_STOP: Final = AskedOften(
    sa.select(Distribution.id).where(
        Distribution.id == sa.bindparam("distribution_id"), _IS_TO_STOP
    )
)
_LOCK: Final = AskedOften(
    sa.select(
        sa.select(_IS_TO_STOP).where(Distribution.id == Batch.distribution_id).scalar_subquery(),
        *(getattr(Batch, name) for name in _Locked._fields[1:]),
    )
    .where(Batch.id == sa.bindparam("batch_id"))
    .with_for_update()
)
_WRITTEN: Final = ("round", "state", "due_at", "lease_id", *COUNTED)
_WRITE: Final = AskedOften(
    sa.update(Batch)
    .where(Batch.id == sa.bindparam("batch_id"))
    .values({name: sa.bindparam(f"new_{name}") for name in _WRITTEN})
)

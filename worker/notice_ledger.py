"""What lanes write about notices: which one is whose, and what came of it.

A lane takes a notice under its lease, and lets go of it when something came of it. The rules are
those of deliveries (`releases.outcomes`); there is no journal, so that whatever a lost worker had
in its hands is in doubt.
"""

import datetime as dt
import random
from dataclasses import dataclass, replace
from typing import Final

import sqlalchemy as sa
from sqlalchemy.orm import Session, aliased

from mail.replies import InDoubt, Outcome, Unsent
from releases.backoff import retry_delay_seconds
from releases.leasing import hold_lease
from releases.models import Lease
from releases.outcomes import Attempt, GivenUp, Standing, after_attempt, without_attempt
from runtime.database import Database, database_now, read_clock
from runtime.logging import get_logger
from subscribers.notices import NoticeKind
from subscribers.record_models import Notice, NoticeState

RETRY_WINDOW: Final = dt.timedelta(hours=48)
LOSSES_MAX: Final = 3
"""A notice whose worker died this often is not tried any more: it may be what kills workers."""
KEEP: Final = dt.timedelta(days=30)
"""Decided notices hold addresses: they are not kept for longer."""
_LOST: Final = InDoubt("its worker was lost")
_TOO_LATE: Final = "given up after two days"

log = get_logger("worker")


@dataclass(frozen=True, slots=True)
class Held:
    """A notice in a lane's hands, for one attempt."""

    id: int
    attempt: Attempt


def is_any_due(session: Session) -> bool:
    """Whether a notice waits to be sent now that no lane holds."""
    return session.scalar(sa.select(Notice.id).where(_is_free()).limit(1)) is not None


def take_next(session: Session, lease_id: int) -> Held | None:
    """Take the notice that has been due for longest; None when there is none, or no lease."""
    if not hold_lease(session, lease_id):
        return None
    while True:
        notice = session.scalar(
            sa.select(Notice)
            .where(_is_free())
            .order_by(Notice.due_at, Notice.id)
            .limit(1)
            .with_for_update(skip_locked=True)
        )
        if notice is None:
            return None
        if notice.lease_id is not None:
            if _lives(session, notice.lease_id):
                continue
            _note_loss(session, notice, notice.lease_id)
        if notice.due_at is not None:
            notice.lease_id = lease_id
            return Held(notice.id, Attempt(lease_id, notice.attempts + 1))
        session.flush()


def settle(session: Session, held: Held, outcome: Outcome) -> None:
    """Write what came of an attempt. An acceptance counts whoever holds the notice by now."""
    notice = session.get(Notice, held.id, with_for_update=True)
    if notice is None:
        return  # it was erased meanwhile
    now = read_clock(session)
    is_holder = notice.lease_id == held.attempt.lease_id
    before = _standing(notice)
    stands = after_attempt(
        before, held.attempt, outcome, is_holder=is_holder, retry_at=_retry_at(notice, now)
    )
    if is_holder:
        notice.lease_id = None
        if stands.is_open and now - notice.created_at > RETRY_WINDOW:
            if isinstance(outcome, Unsent):
                stands = replace(stands, reason=outcome.why)
            stands = without_attempt(stands, GivenUp(is_cancelled=False, reason=_TOO_LATE))
    if stands != before:
        _apply(session, notice, stands, now)


def give_up(session: Session, held: Held, decision: GivenUp) -> None:
    """Nothing is to be sent, or can be."""
    notice = session.get(Notice, held.id, with_for_update=True)
    if notice is None or notice.lease_id != held.attempt.lease_id:
        return
    notice.lease_id = None
    _apply(session, notice, without_attempt(_standing(notice), decision), read_clock(session))


def forget_old_notices(database: Database) -> None:
    """Delete what was decided and is a month old."""
    with database.transaction() as session:
        session.execute(
            sa.delete(Notice)
            .where(Notice.created_at < read_clock(session) - KEEP, Notice.due_at.is_(None))
            .execution_options(synchronize_session=False)
        )


def _is_free() -> sa.ColumnElement[bool]:
    is_held = sa.exists().where(Lease.id == Notice.lease_id)
    # Word of changes comes in their order: the last one says how things stand.
    earlier = aliased(Notice)
    is_early = sa.and_(
        Notice.kind == NoticeKind.CHANGED.value,
        sa.exists().where(
            earlier.subscriber_id == Notice.subscriber_id,
            earlier.kind == NoticeKind.CHANGED.value,
            earlier.due_at.is_not(None),
            earlier.id < Notice.id,
        ),
    )
    return sa.and_(Notice.due_at <= database_now(), ~is_held, ~is_early)


def _lives(session: Session, lease_id: int) -> bool:
    """Whether a lease is there after all.

    The statement that found and locked the notice sees no lease that was taken since it began,
    though it does see who holds the notice by then.
    """
    return session.scalar(sa.select(Lease.id).where(Lease.id == lease_id)) is not None


def _note_loss(session: Session, notice: Notice, lease_id: int) -> None:
    """Its lane's lease has run out: nobody knows whether it was sent."""
    now = read_clock(session)
    attempt = Attempt(lease_id, notice.attempts + 1)
    stands = after_attempt(_standing(notice), attempt, _LOST, is_holder=True, retry_at=now)
    notice.lease_id = None
    notice.losses += 1
    log.warning("a worker was lost with a notice in its hands", notice=notice.id)
    if notice.losses >= LOSSES_MAX:
        why = f"a worker was lost {notice.losses} times while it sent this"
        stands = without_attempt(stands, GivenUp(is_cancelled=False, reason=why))
    elif now - notice.created_at > RETRY_WINDOW:
        stands = without_attempt(stands, GivenUp(is_cancelled=False, reason=_TOO_LATE))
    _apply(session, notice, stands, now)


def _standing(notice: Notice) -> Standing:
    return Standing(
        state=notice.state,
        attempts=notice.attempts,
        is_in_doubt=notice.is_in_doubt,
        reason=notice.reason,
        reply=notice.reply,
        due_at=notice.due_at,
    )


def _retry_at(notice: Notice, now: dt.datetime) -> dt.datetime:
    # S311: only to spread tries over time.
    delay = retry_delay_seconds(notice.attempts, random.random())  # noqa: S311
    return now + dt.timedelta(seconds=delay)


def _apply(session: Session, notice: Notice, stands: Standing, now: dt.datetime) -> None:
    notice.state = NoticeState(stands.state)
    notice.attempts = stands.attempts
    notice.is_in_doubt = stands.is_in_doubt
    notice.reason = stands.reason
    notice.reply = stands.reply
    notice.due_at = stands.due_at if stands.is_open else None
    if stands.is_open:
        return
    notice.decided_at = notice.decided_at or now
    if notice.state in {NoticeState.FAILED, NoticeState.UNCERTAIN}:
        log.warning(
            "a notice was given up",
            notice=notice.id,
            kind=notice.kind,
            state=str(notice.state),
            reason=notice.reason,
        )
    if notice.kind == NoticeKind.ERASED:
        # The last that we know of somebody who asked us to know nothing.
        session.delete(notice)

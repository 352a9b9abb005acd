"""The notices' lane: a thread of its own in each worker that sends what is due, one by one.

A notice is claimed in a short transaction (it is due again after a while, should its worker be
lost), sent over a connection of its own, and decided in another. A worker that dies between a
server's answer and that leaves it to be sent again, with the same Message-ID.
"""

import datetime as dt
import random
from collections.abc import Callable, Sequence
from typing import Final

import sqlalchemy as sa
from sqlalchemy.orm import Session, object_session

from mail.replies import Accepted, Deferred, Failed, InDoubt, Outcome, Unsent
from mail.smtp_items import Item
from releases.backoff import retry_delay_seconds
from releases.outcomes import cut
from releases.rehearsal import Rehearsal
from releases.rendering import Sending
from runtime.database import Database, database_now, read_clock
from runtime.logging import get_logger
from subscribers.links import Links
from subscribers.models import Subscriber, Suppression
from subscribers.notices import NoticeKind
from subscribers.record_models import Notice, NoticeState
from worker.notice_mail import notice_mail
from worker.notice_words import say
from worker.smtp import Postman

HOLD: Final = dt.timedelta(seconds=60)
"""A notice whose worker is lost is due again after so long."""
RETRY_WINDOW: Final = dt.timedelta(hours=48)
UNSENT_AGAIN: Final = dt.timedelta(seconds=30)
"""No relay could take it: that says nothing about the notice."""
KEEP: Final = dt.timedelta(days=30)
"""Decided notices hold addresses: they are not kept for longer."""
CLAIM: Final = 50
# What somebody asked for at this very address, just now.
_TO_SUPPRESSED: Final = frozenset(
    {
        NoticeKind.CONFIRM_SIGN_UP,
        NoticeKind.NOT_BY_FORM,
        NoticeKind.CONFIRM_ADDRESS,
        NoticeKind.PRIVATE_LINK,
        NoticeKind.ERASED,
    }
)

log = get_logger("worker")


class NoticeLane:
    """Sends what is due; for one thread at a time, other workers may do the same."""

    def __init__(
        self,
        database: Database,
        postman: Postman,
        links: Links,
        sending: Sending,
        rehearsal: Rehearsal,
        *,
        is_stopping: Callable[[], bool],
    ) -> None:
        self._database = database
        self._postman = postman
        self._links = links
        self._sending = sending
        self._rehearsal = rehearsal
        self._is_stopping = is_stopping

    def send_due(self) -> int:
        """Send all that is due now; how many were tried."""
        tried = 0
        while not self._is_stopping():
            items = self._claim()
            if items is None:
                break
            tried += len(items)
            self._send(items)
        self._postman.close()
        return tried

    def _claim(self) -> list[Item] | None:
        """The next ones as mails; None when nothing is due."""
        with self._database.transaction() as session:
            due = session.scalars(
                sa.select(Notice)
                .where(Notice.due_at <= database_now())
                .order_by(Notice.due_at)
                .limit(CLAIM)
                .with_for_update(skip_locked=True)
            ).all()
            if not due:
                return None
            now = read_clock(session)
            return [item for notice in due if (item := self._take(session, notice, now))]

    def _take(self, session: Session, notice: Notice, now: dt.datetime) -> Item | None:
        """Hold a notice and make its mail; None where it is not to be sent."""
        why = self._why_not(session, notice)
        said = None
        if why is None:
            said = say(session, notice, self._links, self._sending.timezone, now)
            why = None if said else "what it speaks of is gone"
        if said is None:
            _decide(notice, NoticeState.CANCELLED, now, why)
            return None
        try:
            data = notice_mail(notice, said, self._sending, notice.created_at)
            item = Item(notice.id, str(self._sending.from_.address), notice.address, data)
        except ValueError as error:
            _decide(notice, NoticeState.FAILED, now, str(error))
            return None
        notice.attempts += 1
        notice.due_at = now + HOLD
        return item

    def _why_not(self, session: Session, notice: Notice) -> str | None:
        withheld = self._rehearsal.why_withheld(notice.address, False)
        if withheld is not None:
            return withheld
        if NoticeKind(notice.kind) in _TO_SUPPRESSED or notice.subscriber_id is None:
            return None
        return session.scalar(
            sa.select(Suppression.reason)
            .join(Subscriber, Subscriber.address_hash == Suppression.address_hash)
            .where(Subscriber.id == notice.subscriber_id, Subscriber.address == notice.address)
        )

    def _send(self, items: Sequence[Item]) -> None:
        left = iter(items)
        self._postman.run(
            lambda: next(left, None),
            lambda _item: None,
            lambda item, outcome: self._record(item.key, outcome),
            lambda: not self._is_stopping(),
        )

    def _record(self, notice_id: int, outcome: Outcome) -> None:
        with self._database.transaction() as session:
            notice = session.get(Notice, notice_id, with_for_update=True)
            if notice is None or notice.state == NoticeState.ACCEPTED:
                return  # it was erased meanwhile, or another worker was quicker
            now = read_clock(session)
            match outcome:
                case Accepted():
                    notice.reply = cut(str(outcome.reply))
                    _decide(notice, NoticeState.ACCEPTED, now, None)
                case Failed():
                    notice.reply = cut(str(outcome.reply)) if outcome.reply else None
                    _decide(notice, NoticeState.FAILED, now, outcome.why)
                case Deferred() | InDoubt() | Unsent():
                    _put_off(notice, outcome, now)


def is_any_due(session: Session) -> bool:
    """Whether a notice waits to be sent now."""
    due = sa.select(Notice.id).where(Notice.due_at <= database_now()).limit(1)
    return session.scalar(due) is not None


def forget_old_notices(database: Database) -> None:
    """Delete what was decided a month ago."""
    with database.transaction() as session:
        session.execute(
            sa.delete(Notice)
            .where(Notice.created_at < read_clock(session) - KEEP, Notice.due_at.is_(None))
            .execution_options(synchronize_session=False)
        )


def _put_off(notice: Notice, outcome: Deferred | InDoubt | Unsent, now: dt.datetime) -> None:
    if now - notice.created_at > RETRY_WINDOW:
        _decide(notice, NoticeState.FAILED, now, outcome.why)
        return
    if isinstance(outcome, Unsent):
        notice.due_at = now + UNSENT_AGAIN
        return
    # S311: only to spread tries over time.
    delay = retry_delay_seconds(notice.attempts - 1, random.random())  # noqa: S311
    notice.state = NoticeState.DEFERRED
    notice.reason = cut(outcome.why)
    notice.due_at = now + dt.timedelta(seconds=delay)


def _decide(notice: Notice, state: NoticeState, now: dt.datetime, why: str | None) -> None:
    notice.state = state
    notice.reason = cut(why) if why else None
    notice.due_at = None
    notice.decided_at = now
    session = object_session(notice)
    if notice.kind == NoticeKind.ERASED and session is not None:
        # The last that we know of somebody who asked us to know nothing.
        session.delete(notice)
    if state == NoticeState.FAILED:
        log.warning("a notice has failed", notice=notice.id, kind=notice.kind)

"""How notices stand, for whoever looks after an installation."""

import datetime as dt
from dataclasses import dataclass
from typing import Final

import sqlalchemy as sa
from sqlalchemy.orm import Session

from runtime.database import read_clock
from subscribers.record_models import Notice, NoticeState

LATELY: Final = dt.timedelta(days=1)


@dataclass(frozen=True, slots=True)
class NoticeBacklog:
    """What waits, and what was given up within the last day."""

    queued: int
    deferred: int
    failed: int
    uncertain: int
    oldest_seconds: float
    """How long ago the oldest that waits was queued."""
    overdue_seconds: float
    """For how long the first that is due has been due: hardly any time where lanes work."""
    reason: str | None
    """Why the last one was given up."""


def notice_backlog(session: Session) -> NoticeBacklog:
    """As of now; reads only what waits or was given up."""
    now = read_clock(session)
    # The conditions of the partial indexes.
    waiting = session.execute(
        sa.select(
            Notice.state,
            sa.func.count().label("number"),
            sa.func.min(Notice.created_at).label("oldest"),
            sa.func.min(Notice.due_at).label("due"),
        )
        .where(Notice.due_at.is_not(None))
        .group_by(Notice.state)
    ).all()
    lately = sa.and_(sa.text("state IN ('failed', 'uncertain')"), Notice.decided_at > now - LATELY)
    given_up = session.execute(
        sa.select(Notice.state, sa.func.count().label("number"))
        .where(lately)
        .group_by(Notice.state)
    ).all()
    reason = session.scalar(
        sa.select(Notice.reason).where(lately).order_by(Notice.decided_at.desc()).limit(1)
    )
    counts = {row.state: row.number for row in (*waiting, *given_up)}
    oldest = min((row.oldest for row in waiting), default=now)
    due = min((row.due for row in waiting), default=now)
    return NoticeBacklog(
        queued=counts.get(NoticeState.QUEUED, 0),
        deferred=counts.get(NoticeState.DEFERRED, 0),
        failed=counts.get(NoticeState.FAILED, 0),
        uncertain=counts.get(NoticeState.UNCERTAIN, 0),
        oldest_seconds=max(0.0, (now - oldest).total_seconds()),
        overdue_seconds=max(0.0, (now - due).total_seconds()),
        reason=reason,
    )

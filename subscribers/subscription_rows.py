"""Subscriptions as rows: how they begin, end and are followed again, for one subscriber.

For `subscribers.commands`, which says what a page or a command may ask for.
"""

import datetime as dt
from collections.abc import Sequence
from typing import Any, Final

import sqlalchemy as sa
from sqlalchemy.orm import Session, aliased

from runtime.database import database_now, insert
from subscribers.models import MailingList, Subscriber, Subscription, SubscriptionState
from subscribers.undo import Undo

State = SubscriptionState
WHILE_SUSPENDED: Final = ", while suspended"
"""Ends the reason of what was suspended when it ended, so that an undo does not revive it."""


class NotOffered(ValueError):
    """Asked for what the page did not offer: a list that is not public, another format."""


def lock(session: Session, subscriber_id: int) -> dt.datetime:
    """Wait for other changes of this subscriber; returns the database's now, after that."""
    # Deliveries and imports may still refer to the row: only its changes exclude each other.
    session.execute(
        sa.select(Subscriber.id)
        .where(Subscriber.id == subscriber_id)
        .with_for_update(key_share=True)
    )
    now: dt.datetime | None = session.scalar(sa.select(database_now()))
    assert now is not None
    return now


def end(
    session: Session,
    subscriber_id: int,
    now: dt.datetime,
    reason: str,
    which: sa.ColumnElement[bool],
    *but: State,
) -> tuple[int, ...]:
    """End the open subscriptions `which`, those in the states `but` excepted."""
    ended = session.scalars(
        sa.update(Subscription)
        .where(
            Subscription.subscriber_id == subscriber_id,
            Subscription.state.not_in([State.ENDED, *but]),
            which,
        )
        .values(
            state=State.ENDED,
            ended_at=now,
            end_reason=sa.case(
                (Subscription.state == State.SUSPENDED, reason + WHILE_SUSPENDED), else_=reason
            ),
        )
        .returning(Subscription.list_id)
        .execution_options(synchronize_session=False)
    )
    return tuple(sorted(ended))


def join(
    session: Session, subscriber_id: int, now: dt.datetime, wanted: frozenset[int], *, source: str
) -> tuple[int, ...]:
    """Begin the wanted lists that are not followed yet; those must be public."""
    rows = session.execute(
        sa.select(Subscription.list_id, Subscription.state).where(
            Subscription.subscriber_id == subscriber_id, Subscription.state != State.ENDED
        )
    )
    open_states = {row.list_id: row.state for row in rows}
    joining = {i for i in wanted if open_states.get(i, State.PENDING) == State.PENDING}
    public = set(
        session.scalars(
            sa.select(MailingList.id).where(
                MailingList.id.in_(joining), MailingList.is_private.is_(False)
            )
        )
    )
    if joining - public:
        raise NotOffered("only public lists can be joined")
    session.execute(
        sa.update(Subscription)
        .where(
            Subscription.subscriber_id == subscriber_id,
            Subscription.list_id.in_(joining),
            Subscription.state == State.PENDING,
        )
        .values(state=State.ACTIVE, began_at=now)
        .execution_options(synchronize_session=False)
    )
    _insert(
        session,
        [
            {
                "subscriber_id": subscriber_id,
                "list_id": list_id,
                "state": State.ACTIVE.value,
                "began_at": now,
                "source": source,
            }
            for list_id in sorted(joining - set(open_states))
        ],
    )
    return tuple(sorted(joining))


def revive(session: Session, what: Undo, *, source: str) -> tuple[int, ...]:
    """Follow again what the change had ended, unless it was followed or left anew since."""
    newer = aliased(Subscription)
    ended = session.scalars(
        sa.select(Subscription).where(
            Subscription.subscriber_id == what.subscriber_id,
            Subscription.ended_at == what.at,
            Subscription.began_at.is_not(None),
            Subscription.end_reason.not_like(f"%{WHILE_SUSPENDED}"),
            ~sa.exists().where(
                newer.subscriber_id == Subscription.subscriber_id,
                newer.list_id == Subscription.list_id,
                newer.id > Subscription.id,
            ),
        )
    ).all()
    _insert(
        session,
        [
            {
                "subscriber_id": old.subscriber_id,
                "list_id": old.list_id,
                "state": State.ACTIVE.value,
                "frequency": old.frequency,
                # Since the same day as before: an undone slip is no new start.
                "began_at": old.began_at,
                "source": source,
            }
            for old in ended
        ],
    )
    return tuple(sorted(old.list_id for old in ended))


def _insert(session: Session, rows: Sequence[dict[str, Any]]) -> None:
    if not rows:
        return
    # An import may have begun one at the same moment: then that row is the one.
    session.execute(insert(session, Subscription).on_conflict_do_nothing(), list(rows))

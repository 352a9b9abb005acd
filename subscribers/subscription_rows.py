"""Subscriptions as rows: how they begin, end and are followed again, for one subscriber.

For `subscribers.commands`, which says what a page or a command may ask for.
"""

import datetime as dt
from collections.abc import Mapping, Sequence
from typing import Any, Final

import sqlalchemy as sa
from sqlalchemy.orm import Session, aliased
from sqlalchemy.sql.dml import ReturningUpdate

from runtime.database import Base, BigId, Moment, execute, insert
from subscribers.changes import Paced
from subscribers.frequencies import is_no_digest_due
from subscribers.models import (
    PLAN_ANEW,
    Frequency,
    MailingList,
    Subscriber,
    Subscription,
    SubscriptionState,
)

State = SubscriptionState
WHILE_SUSPENDED: Final = ", while suspended"
"""Ends the reason of what was suspended when it ended, so that an undo does not revive it."""


_WHO: Final = sa.bindparam("subscriber", type_=BigId)
_people: Final = Base.metadata.tables[Subscriber.__tablename__]
_rows: Final = Base.metadata.tables[Subscription.__tablename__]
_OPEN: Final = sa.select(Subscription.list_id, Subscription.state).where(
    Subscription.subscriber_id == _WHO, Subscription.state != State.ENDED
)
_PLAN_ANEW: Final = (
    sa.update(_people)
    .where(
        _people.c.id == _WHO,
        sa.exists().where(
            Subscription.subscriber_id == _WHO,
            sa.or_(
                Subscription.frequency != Frequency.AT_ONCE,
                Subscription.frequency_before.is_not(None),
            ),
        ),
        is_no_digest_due(),
    )
    .values(next_digest_at=PLAN_ANEW)
)


class NotOffered(ValueError):
    """Asked for what the page did not offer: a list that is not public, another format."""


def end(
    session: Session,
    subscriber_id: int,
    now: dt.datetime,
    reason: str,
    which: sa.ColumnElement[bool],
    *but: State,
) -> tuple[int, ...]:
    """End the open subscriptions `which`, those in the states `but` excepted."""
    return end_by(session, ending(which, *but), subscriber_id, now, reason)


def ending(which: sa.ColumnElement[bool], *but: State) -> ReturningUpdate[int]:
    """The statement of `end`, for `end_by`: making it takes longer than running it."""
    return (
        sa.update(_rows)
        .where(
            Subscription.subscriber_id == _WHO,
            Subscription.state.not_in([State.ENDED, *but]),
            which,
        )
        .values(
            state=State.ENDED,
            ended_at=sa.bindparam("now", type_=Moment()),
            end_reason=sa.case(
                (Subscription.state == State.SUSPENDED, sa.bindparam("reason_suspended")),
                else_=sa.bindparam("reason"),
            ),
        )
        .returning(Subscription.list_id)
    )


def end_by(
    session: Session,
    statement: ReturningUpdate[int],
    subscriber_id: int,
    now: dt.datetime,
    reason: str,
    **values: int,
) -> tuple[int, ...]:
    """`end` by a statement made before; `values` are those that it leaves open."""
    ended = execute(
        session,
        statement,
        {
            "subscriber": subscriber_id,
            "now": now,
            "reason": str(reason),
            "reason_suspended": reason + WHILE_SUSPENDED,
            **values,
        },
    ).scalars()
    return tuple(sorted(ended))


def join(
    session: Session,
    subscriber_id: int,
    now: dt.datetime,
    wanted: frozenset[int],
    frequencies: Mapping[int, str],
    *,
    source: str,
    desk_id: int | None = None,
) -> tuple[int, ...]:
    """Begin the wanted lists that are not followed yet; those must be public.

    They come as `frequencies` says, and at once where it says nothing. `desk_id`: the desk that
    forwards them.
    """
    if not wanted:
        return ()
    rows = execute(session, _OPEN, {"subscriber": subscriber_id})
    open_states = {row.list_id: row.state for row in rows}
    joining = {i for i in wanted if open_states.get(i, State.PENDING) == State.PENDING}
    if not joining:
        return ()
    public = set(
        session.scalars(
            sa.select(MailingList.id).where(
                MailingList.id.in_(joining), MailingList.is_private.is_(False)
            )
        )
    )
    if joining - public:
        raise NotOffered("only public lists can be joined")
    for list_id in sorted(joining & set(open_states)):
        chosen = {"frequency": frequencies[list_id]} if list_id in frequencies else {}
        session.execute(
            sa.update(Subscription)
            .where(
                Subscription.subscriber_id == subscriber_id,
                Subscription.list_id == list_id,
                Subscription.state == State.PENDING,
            )
            .values(state=State.ACTIVE, began_at=now, desk_id=desk_id, **chosen)
            .execution_options(synchronize_session=False)
        )
    _insert(
        session,
        [
            {
                "subscriber_id": subscriber_id,
                "list_id": list_id,
                "state": State.ACTIVE.value,
                "frequency": frequencies.get(list_id, Frequency.AT_ONCE),
                "desk_id": desk_id,
                "began_at": now,
                "source": source,
            }
            for list_id in sorted(joining - set(open_states))
        ],
    )
    return tuple(sorted(joining))


def pace(
    session: Session,
    subscriber_id: int,
    now: dt.datetime,
    frequencies: Mapping[int, Frequency],
    *,
    only_from: dt.datetime | None = None,
) -> tuple[Paced, ...]:
    """Change how often followed lists come; what was published before comes as it would have.

    `only_from`: only those that were changed last at that moment.
    """
    if not frequencies:
        return ()
    followed = sa.select(Subscription).where(
        Subscription.subscriber_id == subscriber_id,
        Subscription.list_id.in_(frequencies),
        Subscription.state.in_([State.ACTIVE, State.SUSPENDED]),
    )
    if only_from is not None:
        followed = followed.where(Subscription.frequency_changed_at == only_from)
    paced: list[Paced] = []
    for one in session.scalars(followed.order_by(Subscription.list_id)):
        before, after = Frequency(one.frequency), frequencies[one.list_id]
        if before != after:
            one.frequency_before, one.frequency, one.frequency_changed_at = before, after, now
            paced.append(Paced(one.list_id, before, after))
    session.flush()
    return tuple(paced)


def plan_digests_anew(session: Session, subscriber_id: int) -> None:
    """Have it worked out when the subscriber's next digest is due, if any can be.

    One that is due stays so: the turn for it works out the next one, too.
    """
    execute(session, _PLAN_ANEW, {"subscriber": subscriber_id})


def revive(
    session: Session,
    subscriber_id: int,
    at: dt.datetime,
    *,
    source: str,
    which: sa.ColumnElement[bool],
) -> tuple[int, ...]:
    """Follow again what ended at that moment (of it, `which`), unless there is a newer row."""
    newer = aliased(Subscription)
    ended = session.scalars(
        sa.select(Subscription).where(
            Subscription.subscriber_id == subscriber_id,
            Subscription.ended_at == at,
            Subscription.began_at.is_not(None),
            Subscription.end_reason.not_like(f"%{WHILE_SUSPENDED}"),
            which,
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
                "frequency_before": old.frequency_before,
                "frequency_changed_at": old.frequency_changed_at,
                "desk_id": old.desk_id,
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

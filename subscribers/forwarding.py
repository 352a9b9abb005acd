"""What a desk forwards: subscriptions of its members, each of which ends when the desk's does.

A desk forwards public lists only. Mail goes to the member directly, with their own links: a
forwarded subscription is theirs to end, and no way back to the desk's.

Locks are taken on the desk first, then on its members in the order of their ids.
"""

import datetime as dt
from collections.abc import Mapping
from dataclasses import replace
from typing import Any, Final

import sqlalchemy as sa
from sqlalchemy.orm import Session, aliased

from runtime.database import BigId
from subscribers import subscription_rows as rows
from subscribers.changes import Change
from subscribers.consents import By, Via, record
from subscribers.locking import lock
from subscribers.models import (
    MailingList,
    Subscriber,
    Subscription,
    SubscriptionState,
    Suppression,
)
from subscribers.record_models import Consent, DeskMember, DeskMemberState

LEFT_DESK: Final = "left_desk"
"""In the consent log's detail: the member's row that ended with what was forwarded."""
_FORWARDED: Final = sa.select(Subscription.subscriber_id, Subscription.list_id).where(
    Subscription.desk_id == sa.bindparam("desk", type_=BigId),
    Subscription.state != SubscriptionState.ENDED,
)


def offered(session: Session, desk_id: int) -> frozenset[int]:
    """The lists that a desk can forward: public ones that it follows, while it may be mailed."""
    return frozenset(
        session.scalars(
            sa.select(Subscription.list_id)
            .join(MailingList, MailingList.id == Subscription.list_id)
            .join(Subscriber, Subscriber.id == Subscription.subscriber_id)
            .outerjoin(Suppression, Suppression.address_hash == Subscriber.address_hash)
            .where(
                Subscription.subscriber_id == desk_id,
                Subscription.state == SubscriptionState.ACTIVE,
                MailingList.is_private.is_(False),
                Subscriber.is_desk,
                Suppression.id.is_(None),
            )
        )
    )


def settle(session: Session, desk_id: int, at: dt.datetime, via: Via) -> None:
    """End what the desk forwards and does not get itself any more.

    To be called by whatever ends, suspends or suppresses a subscriber's mail; for who is no
    desk it is one look into an index. `at` is the moment of the desk's own change, by which an
    undo of that finds these.
    """
    forwarded = session.execute(_FORWARDED, {"desk": desk_id}).all()
    if not forwarded:
        return
    kept = offered(session, desk_id)
    is_lost = sa.and_(Subscription.desk_id == desk_id, Subscription.list_id.not_in(kept))
    for member in sorted({person for person, list_id in forwarded if list_id not in kept}):
        lock(session, member)
        left = rows.end(session, member, at, By.DESK, is_lost)
        logged(session, Change(member, at, left=left), via)


def forward_again(
    session: Session, desk_id: int, ended_at: dt.datetime, now: dt.datetime, via: Via
) -> None:
    """After a desk's change was undone: what ended with it is forwarded again."""
    ended = sa.and_(
        Subscription.desk_id == desk_id,
        Subscription.ended_at == ended_at,
        Subscription.end_reason == By.DESK.value,
    )
    members = session.scalars(sa.select(Subscription.subscriber_id).where(ended).distinct())
    for member in sorted(members):
        lock(session, member)
        joined = rows.revive(
            session, member, ended_at, source=By.UNDO, which=sa.and_(ended, may_be_followed())
        )
        logged(session, Change(member, now, joined=joined), via)


def rejoin(session: Session, entry: Consent) -> None:
    """After leaving a desk was undone: be its member again, if its keeper had no say since."""
    if LEFT_DESK not in entry.detail:
        return
    left = session.get(DeskMember, entry.detail[LEFT_DESK])
    if left is None or left.ended_at != entry.at or left.subscriber_id != entry.subscriber_id:
        return
    newer = session.scalar(
        sa.select(sa.func.min(DeskMember.id)).where(
            DeskMember.desk_id == left.desk_id,
            DeskMember.address_key == left.address_key,
            DeskMember.id > left.id,
        )
    )
    if newer is None:
        left.state, left.ended_at = DeskMemberState.ACTIVE, None
        session.flush()


def may_be_followed() -> sa.ColumnElement[bool]:
    """Whether a subscription is its subscriber's own, or can still be forwarded to them."""
    desks = aliased(Subscription)
    return sa.or_(
        Subscription.desk_id.is_(None),
        sa.and_(
            sa.exists().where(
                desks.subscriber_id == Subscription.desk_id,
                desks.list_id == Subscription.list_id,
                desks.state == SubscriptionState.ACTIVE,
            ),
            sa.exists().where(
                DeskMember.desk_id == Subscription.desk_id,
                DeskMember.subscriber_id == Subscription.subscriber_id,
                DeskMember.state == DeskMemberState.ACTIVE,
            ),
        ),
    )


def logged(
    session: Session, change: Change, via: Via, detail: Mapping[str, Any] | None = None
) -> Change:
    """The change, with its entry in the consent log if it is one, or if there is a `detail`."""
    if change.is_nothing and not detail:
        return change
    rows.plan_digests_anew(session, change.subscriber_id)
    said = change.to_json() | dict(detail or {})
    entry_id = record(session, change.subscriber_id, By.DESK, said, via, change.at)
    return replace(change, entry_id=entry_id)

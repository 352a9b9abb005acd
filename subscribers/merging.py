"""Two subscribers that are one person become one: nothing that either followed is lost.

The entries of both stay on the consent log as they were written, and links of old mail to the
one that is merged work for the one that is kept (`subscribers.merged`).
"""

import datetime as dt
from typing import Any, Final

import sqlalchemy as sa
from sqlalchemy.orm import Session

from mail.addresses import Address, parse_address
from subscribers import subscription_rows as rows
from subscribers.consents import By, Via, record
from subscribers.locking import lock
from subscribers.merged import current_id
from subscribers.models import (
    Subscriber,
    Subscription,
    SubscriptionState,
    Suppression,
)
from subscribers.record_models import (
    AddressChange,
    Consent,
    DeskMember,
    DeskMemberState,
    MergedSubscriber,
    Notice,
)
from subscribers.suppressions import BOUNCED

_RANK: Final = (SubscriptionState.PENDING, SubscriptionState.SUSPENDED, SubscriptionState.ACTIVE)


class MergeError(Exception):
    """Two that cannot be merged; one plain line with what to do."""


def merge(session: Session, keep_id: int, other_id: int, via: Via) -> int:
    """Merge `other_id` into `keep_id`; the entry on the consent log. Raises MergeError.

    What both follow goes on as the one that says most (active before suspended before pending),
    since the earlier day. Name and outlet are filled in where there was none.
    """
    if keep_id == other_id:
        raise MergeError("these are one subscriber already")
    for subscriber_id in sorted((keep_id, other_id)):
        now = lock(session, subscriber_id)
    keep = session.get(Subscriber, keep_id, populate_existing=True)
    other = session.get(Subscriber, other_id, populate_existing=True)
    if keep is None or other is None:
        raise MergeError("one of them is gone")
    if keep.is_desk or other.is_desk:
        raise MergeError("a desk is read by many, and is merged with nobody")
    detail = {"merged": other_id, "address": other.address}
    _join_subscriptions(session, keep_id, other_id, now)
    _suppress_too(session, keep, other)
    _move_records(session, keep_id, other_id, now)
    keep.name, keep.outlet = keep.name or other.name, keep.outlet or other.outlet
    session.delete(other)
    session.flush()
    session.execute(
        sa.update(MergedSubscriber)
        .where(MergedSubscriber.into_id == other_id)
        .values(into_id=keep_id)
        .execution_options(synchronize_session=False)
    )
    session.add(MergedSubscriber(subscriber_id=other_id, into_id=keep_id, merged_at=now))
    rows.plan_digests_anew(session, keep_id)
    return record(session, keep_id, By.MERGE, detail, via, now)


def _join_subscriptions(session: Session, keep_id: int, other_id: int, now: dt.datetime) -> None:
    kept = {one.list_id: one for one in _open(session, keep_id)}
    for theirs in _open(session, other_id):
        ours = kept.get(theirs.list_id)
        if ours is None:
            continue
        if _RANK.index(SubscriptionState(theirs.state)) > _RANK.index(
            SubscriptionState(ours.state)
        ):
            ours.state, ours.frequency = theirs.state, theirs.frequency
            ours.frequency_before = theirs.frequency_before
            ours.frequency_changed_at = theirs.frequency_changed_at
            ours.desk_id = theirs.desk_id
        elif ours.state == theirs.state and theirs.desk_id is None:
            # What somebody follows by themselves ends with no desk.
            ours.desk_id = None
        began = [one for one in (ours.began_at, theirs.began_at) if one is not None]
        ours.began_at = min(began, default=None)
        theirs.state, theirs.ended_at, theirs.end_reason = (
            SubscriptionState.ENDED,
            now,
            By.MERGE.value,
        )
    session.flush()
    _move(session, Subscription, keep_id, other_id)


def _open(session: Session, subscriber_id: int) -> list[Subscription]:
    return list(
        session.scalars(
            sa.select(Subscription)
            .where(
                Subscription.subscriber_id == subscriber_id,
                Subscription.state != SubscriptionState.ENDED,
            )
            .execution_options(populate_existing=True)
        )
    )


def _suppress_too(session: Session, keep: Subscriber, other: Subscriber) -> None:
    """Whoever is not to be mailed at the other address is not at this one, unless it bounced."""
    theirs = session.scalar(
        sa.select(Suppression).where(Suppression.address_hash == other.address_hash)
    )
    ours = session.scalar(
        sa.select(Suppression).where(Suppression.address_hash == keep.address_hash)
    )
    for found, missing, address_hash in (
        (theirs, ours, keep.address_hash),
        (ours, theirs, other.address_hash),
    ):
        if found is not None and missing is None and found.reason != BOUNCED:
            session.add(
                Suppression(address_hash=address_hash, reason=found.reason, note=found.note)
            )


def _move_records(session: Session, keep_id: int, other_id: int, now: dt.datetime) -> None:
    desks = sa.select(DeskMember.desk_id).where(
        DeskMember.subscriber_id == keep_id, DeskMember.state == DeskMemberState.ACTIVE
    )
    is_twice = sa.and_(
        DeskMember.subscriber_id == other_id,
        DeskMember.state == DeskMemberState.ACTIVE,
        DeskMember.desk_id.in_(session.scalars(desks).all()),
    )
    session.execute(
        sa.update(DeskMember)
        .where(is_twice)
        .values(state=DeskMemberState.ENDED, ended_at=now)
        .execution_options(synchronize_session=False)
    )
    for table in (DeskMember, Notice, AddressChange):
        _move(session, table, keep_id, other_id)


def _move(session: Session, table: Any, keep_id: int, other_id: int) -> None:
    session.execute(
        sa.update(table)
        .where(table.subscriber_id == other_id)
        .values(subscriber_id=keep_id)
        .execution_options(synchronize_session=False)
    )


def merged_from(session: Session, address: Address) -> int | None:
    """Who had the address before being merged into another: that one's id, as far as is logged."""
    persons = sa.union(
        sa.select(MergedSubscriber.subscriber_id), sa.select(MergedSubscriber.into_id)
    )
    entries = session.execute(
        sa.select(Consent.subscriber_id, Consent.detail)
        .where(Consent.what == By.MERGE, Consent.subscriber_id.in_(persons))
        .order_by(Consent.id.desc())
    )
    for subscriber_id, detail in entries:
        if "address" in detail and parse_address(detail["address"]).key == address.key:
            return current_id(session, subscriber_id)
    return None

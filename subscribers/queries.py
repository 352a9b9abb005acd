"""Reads: what one subscriber gets, and which lists a copy came through."""

import datetime as dt
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

import sqlalchemy as sa
from sqlalchemy.orm import Session

from subscribers.digest_times import Wish
from subscribers.merged import current_id
from subscribers.models import (
    Frequency,
    ListSetMember,
    MailingList,
    Subscriber,
    Subscription,
    SubscriptionState,
    Suppression,
)

FOLLOWED: Final = (SubscriptionState.ACTIVE, SubscriptionState.SUSPENDED)


@dataclass(frozen=True, slots=True)
class Choice:
    """A list as one subscriber sees it: what it is, and how their subscription stands."""

    list_id: int
    slug: str
    title: str
    description: str | None
    is_private: bool
    state: SubscriptionState | None
    """Of the subscription that has not ended; None without one."""
    frequency: Frequency
    """Of that subscription; at once without one."""
    topic: str | None
    """The heading under which pages have it."""
    cadence: str | None
    """How often something comes, in the office's words."""
    wish: Wish
    """When its digests come, as far as it says so."""

    @property
    def is_on(self) -> bool:
        """Whether the subscriber follows it; a suspended subscription only rests."""
        return self.state in FOLLOWED


@dataclass(frozen=True, slots=True)
class Profile:
    """What a subscriber gets, how they like to read it, and what they told us of themselves."""

    subscriber_id: int
    address: str
    language: str
    format: str
    name: str | None
    outlet: str | None
    timezone: str | None
    digest_hour: int | None
    paused_until: dt.datetime | None
    """May have gone by."""
    is_desk: bool
    """Several people read it."""
    is_suppressed: bool
    """Nothing is mailed to this address, whatever it follows."""
    is_anything_open: bool
    """They are on a list, or may come onto one once it is confirmed: there is mail to stop."""
    choices: tuple[Choice, ...]
    """By title: all public lists, and the private ones that they are on."""


@dataclass(frozen=True, slots=True)
class Copy:
    """Who a copy went to, and the lists it came through."""

    address: str | None
    """None when the subscriber has been erased since."""
    language: str | None
    is_desk: bool
    """Several people read it."""
    timezone: str | None
    paused_until: dt.datetime | None
    """May have gone by."""
    choices: tuple[Choice, ...]


def profile(session: Session, subscriber_id: int) -> Profile | None:
    """What the subscriber gets and may choose from; None when there is no such one."""
    found = _present(session, subscriber_id)
    if found is None:
        return None
    subscriber_id = found.id
    opened = _open(session, subscriber_id)
    # What is only pending on a private list is the press office's to confirm.
    on = [list_id for list_id, one in opened.items() if one.state in FOLLOWED]
    offered = sa.or_(MailingList.is_private.is_(False), MailingList.id.in_(on))
    lists = session.scalars(sa.select(MailingList).where(offered)).all()
    suppressed = session.scalar(
        sa.select(Suppression.id).where(Suppression.address_hash == found.address_hash)
    )
    return Profile(
        subscriber_id=found.id,
        address=found.address,
        language=found.language,
        format=found.format,
        name=found.name,
        outlet=found.outlet,
        timezone=found.timezone,
        digest_hour=found.digest_hour,
        paused_until=found.paused_until,
        is_desk=found.is_desk,
        is_suppressed=suppressed is not None,
        is_anything_open=bool(opened),
        choices=_choices(lists, opened),
    )


def copy(session: Session, subscriber_id: int, list_set_id: int) -> Copy:
    """The copy that an unsubscribe link came with.

    Such a link works for ever, so whatever has gone since is left out without complaint.
    """
    found = _present(session, subscriber_id)
    lists = session.scalars(
        sa.select(MailingList)
        .join(ListSetMember, ListSetMember.list_id == MailingList.id)
        .where(ListSetMember.list_set_id == list_set_id)
    ).all()
    return Copy(
        address=found.address if found else None,
        language=found.language if found else None,
        is_desk=found is not None and found.is_desk,
        timezone=found.timezone if found else None,
        paused_until=found.paused_until if found else None,
        choices=_choices(lists, _open(session, found.id if found else subscriber_id)),
    )


@dataclass(frozen=True, slots=True)
class Name:
    """What a list is called, and to whom it may be named."""

    list_id: int
    title: str
    is_private: bool


def names(session: Session, list_ids: Sequence[int]) -> tuple[Name, ...]:
    """What these lists are called, in the order in which pages name them."""
    rows = session.execute(
        sa.select(MailingList.id, MailingList.title, MailingList.is_private).where(
            MailingList.id.in_(list_ids)
        )
    )
    return tuple(sorted((Name(*row) for row in rows), key=lambda one: one.title.casefold()))


def titles(session: Session, list_ids: Sequence[int]) -> tuple[str, ...]:
    """The titles of these lists, in the order in which pages name them."""
    return tuple(one.title for one in names(session, list_ids))


def frequencies(
    session: Session, subscriber_id: int, list_ids: Sequence[int]
) -> dict[int, Frequency]:
    """How often these lists come, by list; those that are not followed are left out."""
    opened = _open(session, subscriber_id)
    return {one: Frequency(opened[one].frequency) for one in list_ids if one in opened}


def _present(session: Session, subscriber_id: int) -> Subscriber | None:
    """The subscriber, or the one that it was merged into."""
    found = session.get(Subscriber, subscriber_id)
    if found is None:
        return session.get(Subscriber, current_id(session, subscriber_id))
    return found


def _open(session: Session, subscriber_id: int) -> dict[int, sa.Row[int, str, str]]:
    """The subscriptions that have not ended, by list: `state` and `frequency`."""
    rows = session.execute(
        sa.select(Subscription.list_id, Subscription.state, Subscription.frequency).where(
            Subscription.subscriber_id == subscriber_id,
            Subscription.state != SubscriptionState.ENDED,
        )
    )
    return {row.list_id: row for row in rows}


def _choices(
    lists: Sequence[MailingList], opened: dict[int, sa.Row[int, str, str]]
) -> tuple[Choice, ...]:
    return tuple(
        _choice(found, opened.get(found.id))
        for found in sorted(lists, key=lambda one: (one.title.casefold(), one.slug))
    )


def _choice(found: MailingList, opened: sa.Row[int, str, str] | None) -> Choice:
    return Choice(
        list_id=found.id,
        slug=found.slug,
        title=found.title,
        description=found.description,
        is_private=found.is_private,
        state=SubscriptionState(opened.state) if opened else None,
        frequency=Frequency(opened.frequency) if opened else Frequency.AT_ONCE,
        topic=found.topic,
        cadence=found.cadence,
        wish=Wish(found.timezone, found.digest_hour),
    )

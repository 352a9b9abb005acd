"""Reads: what one subscriber gets, and which lists a copy came through."""

import datetime as dt
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Final

import sqlalchemy as sa
from sqlalchemy.orm import Session

from runtime.database import BigId, execute
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
from subscribers.record_models import DeskMember, DeskMemberState

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
    is_a_member: bool
    """A desk forwards something to them, or would."""
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
    rows = execute(session, _PROFILE, {"subscriber": subscriber_id}).all()
    if not rows:
        merged_into = current_id(session, subscriber_id)
        if merged_into == subscriber_id:
            return None
        rows = execute(session, _PROFILE, {"subscriber": merged_into}).all()
        if not rows:
            return None
    found = rows[0]
    lists = [row for row in rows if row.list_id is not None]
    return Profile(
        subscriber_id=found.subscriber_id,
        address=found.address,
        language=found.language,
        format=found.format,
        name=found.name,
        outlet=found.outlet,
        timezone=found.timezone,
        digest_hour=found.digest_hour,
        paused_until=found.paused_until,
        is_desk=found.is_desk,
        is_a_member=bool(found.is_a_member),
        is_suppressed=bool(found.is_suppressed),
        is_anything_open=any(row.state for row in lists),
        # What is only pending on a private list is the press office's to confirm.
        choices=_choices([row for row in lists if not row.is_private or row.state in FOLLOWED]),
    )


def copy(session: Session, subscriber_id: int, list_set_id: int) -> Copy:
    """The copy that an unsubscribe link came with.

    Such a link works for ever, so whatever has gone since is left out without complaint.
    """
    values = {"subscriber": subscriber_id, "list_set_id": list_set_id}
    rows = execute(session, _COPY, values).all()
    if rows and rows[0].address is None:
        # Nearly always one who was erased; or else merged into another.
        merged_into = current_id(session, subscriber_id)
        if merged_into != subscriber_id:
            rows = execute(session, _COPY, values | {"subscriber": merged_into}).all()
    if not rows:
        # A list set without any list: who it is all the same.
        found = profile(session, subscriber_id)
        if found is None:
            return Copy(None, None, False, None, None, ())
        return Copy(
            found.address, found.language, found.is_desk, found.timezone, found.paused_until, ()
        )
    return Copy(
        address=rows[0].address,
        language=rows[0].language,
        is_desk=bool(rows[0].is_desk),
        timezone=rows[0].timezone,
        paused_until=rows[0].paused_until,
        choices=_choices(rows),
    )


@dataclass(frozen=True, slots=True)
class Name:
    """What a list is called, and to whom it may be named."""

    list_id: int
    title: str
    is_private: bool


def names(session: Session, list_ids: Sequence[int]) -> tuple[Name, ...]:
    """What these lists are called, in the order in which pages name them."""
    if not list_ids:
        return ()
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
    if not list_ids:
        return {}
    opened = _open(session, subscriber_id)
    return {one: Frequency(opened[one].frequency) for one in list_ids if one in opened}


def _open(session: Session, subscriber_id: int) -> dict[int, sa.Row[int, str, str]]:
    """The subscriptions that have not ended, by list: `state` and `frequency`."""
    rows = session.execute(
        sa.select(Subscription.list_id, Subscription.state, Subscription.frequency).where(
            Subscription.subscriber_id == subscriber_id,
            Subscription.state != SubscriptionState.ENDED,
        )
    )
    return {row.list_id: row for row in rows}


def _choices(rows: Sequence[sa.Row[*tuple[Any, ...]]]) -> tuple[Choice, ...]:
    return tuple(
        Choice(
            list_id=row.list_id,
            slug=row.slug,
            title=row.title,
            description=row.description,
            is_private=row.is_private,
            state=SubscriptionState(row.state) if row.state else None,
            frequency=Frequency(row.frequency) if row.frequency else Frequency.AT_ONCE,
            topic=row.topic,
            cadence=row.cadence,
            wish=Wish(row.list_timezone, row.list_digest_hour),
        )
        for row in sorted(rows, key=lambda one: ((one.title or "").casefold(), one.slug))
    )


_WHO: Final = sa.bindparam("subscriber", type_=BigId)
_IS_THEIRS: Final = sa.and_(
    Subscription.list_id == MailingList.id,
    Subscription.subscriber_id == _WHO,
    Subscription.state != SubscriptionState.ENDED,
)
_OF_LISTS: Final = (
    MailingList.id.label("list_id"),
    MailingList.slug,
    MailingList.title,
    MailingList.description,
    MailingList.is_private,
    Subscription.state,
    Subscription.frequency,
    MailingList.topic,
    MailingList.cadence,
    MailingList.timezone.label("list_timezone"),
    MailingList.digest_hour.label("list_digest_hour"),
)
_PROFILE: Final = (
    # Made once: a page asks one question, and every link in a mail leads to a page.
    sa.select(
        Subscriber.id.label("subscriber_id"),
        Subscriber.address,
        Subscriber.language,
        Subscriber.format,
        Subscriber.name,
        Subscriber.outlet,
        Subscriber.timezone.label("timezone"),
        Subscriber.digest_hour.label("digest_hour"),
        Subscriber.paused_until,
        Subscriber.is_desk,
        sa.exists()
        .where(
            DeskMember.subscriber_id == Subscriber.id, DeskMember.state == DeskMemberState.ACTIVE
        )
        .label("is_a_member"),
        sa.exists()
        .where(Suppression.address_hash == Subscriber.address_hash)
        .label("is_suppressed"),
        *_OF_LISTS,
    )
    .select_from(Subscriber)
    .join(
        sa.join(MailingList, Subscription, _IS_THEIRS, isouter=True),
        sa.or_(MailingList.is_private.is_(False), Subscription.state.is_not(None)),
        isouter=True,
    )
    .where(Subscriber.id == _WHO)
)
_COPY: Final = (
    sa.select(
        Subscriber.address,
        Subscriber.language,
        Subscriber.is_desk,
        Subscriber.timezone.label("timezone"),
        Subscriber.paused_until,
        *_OF_LISTS,
    )
    .select_from(ListSetMember)
    .join(MailingList, MailingList.id == ListSetMember.list_id)
    .join(Subscriber, Subscriber.id == _WHO, isouter=True)
    .join(Subscription, _IS_THEIRS, isouter=True)
    .where(ListSetMember.list_set_id == sa.bindparam("list_set_id", type_=BigId))
)

"""Reads: what one subscriber gets, and which lists a copy came through."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

import sqlalchemy as sa
from sqlalchemy.orm import Session

from subscribers.models import (
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

    @property
    def is_on(self) -> bool:
        """Whether the subscriber follows it; a suspended subscription only rests."""
        return self.state in FOLLOWED


@dataclass(frozen=True, slots=True)
class Profile:
    """What a subscriber gets, and how they like to read it."""

    subscriber_id: int
    address: str
    language: str
    format: str
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
    choices: tuple[Choice, ...]


def profile(session: Session, subscriber_id: int) -> Profile | None:
    """What the subscriber gets and may choose from; None when there is no such one."""
    found = session.get(Subscriber, subscriber_id)
    if found is None:
        return None
    states = _open_states(session, subscriber_id)
    # What is only pending on a private list is the press office's to confirm.
    on = [list_id for list_id, state in states.items() if state in FOLLOWED]
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
        is_desk=found.is_desk,
        is_suppressed=suppressed is not None,
        is_anything_open=bool(states),
        choices=_choices(lists, states),
    )


def copy(session: Session, subscriber_id: int, list_set_id: int) -> Copy:
    """The copy that an unsubscribe link came with.

    Such a link works for ever, so whatever has gone since is left out without complaint.
    """
    found = session.get(Subscriber, subscriber_id)
    lists = session.scalars(
        sa.select(MailingList)
        .join(ListSetMember, ListSetMember.list_id == MailingList.id)
        .where(ListSetMember.list_set_id == list_set_id)
    ).all()
    return Copy(
        address=found.address if found else None,
        language=found.language if found else None,
        is_desk=found is not None and found.is_desk,
        choices=_choices(lists, _open_states(session, subscriber_id)),
    )


def titles(session: Session, list_ids: Sequence[int]) -> tuple[str, ...]:
    """The titles of these lists, in the order in which pages name them."""
    found = session.scalars(sa.select(MailingList.title).where(MailingList.id.in_(list_ids))).all()
    return tuple(sorted(found, key=str.casefold))


def _open_states(session: Session, subscriber_id: int) -> dict[int, SubscriptionState]:
    rows = session.execute(
        sa.select(Subscription.list_id, Subscription.state).where(
            Subscription.subscriber_id == subscriber_id,
            Subscription.state != SubscriptionState.ENDED,
        )
    )
    return {list_id: SubscriptionState(state) for list_id, state in rows}


def _choices(
    lists: Sequence[MailingList], states: dict[int, SubscriptionState]
) -> tuple[Choice, ...]:
    return tuple(
        Choice(
            list_id=found.id,
            slug=found.slug,
            title=found.title,
            description=found.description,
            is_private=found.is_private,
            state=states.get(found.id),
        )
        for found in sorted(lists, key=lambda one: (one.title.casefold(), one.slug))
    )

"""Reads about desks: who keeps one, who its members are, and what it forwards to each."""

import datetime as dt
from collections.abc import Mapping
from dataclasses import asdict, dataclass
from typing import Any, Final

import sqlalchemy as sa
from sqlalchemy.orm import Session

from mail.addresses import parse_address
from runtime.database import BigId, execute
from subscribers.forwarding import offered
from subscribers.links import CONFIRM_DAYS
from subscribers.models import (
    MailingList,
    Subscriber,
    Subscription,
    SubscriptionState,
)
from subscribers.record_models import Desk, DeskMember, DeskMemberState

_FACTS: Final = (
    # Made once: every form posted by a shared link asks it.
    sa.select(Desk.name, Subscriber.address, Subscriber.language)
    .join(Subscriber, Subscriber.id == Desk.subscriber_id)
    .where(Desk.subscriber_id == sa.bindparam("desk", type_=BigId))
)


class DeskError(Exception):
    """What cannot be done with a desk; the text is one plain line."""


class UnknownDeskError(DeskError):
    """No desk has this address."""

    def __init__(self, address: str) -> None:
        super().__init__(f"no desk has the address {address} (`medianote desks show`)")


@dataclass(frozen=True, slots=True)
class DeskFacts:
    """A desk: a subscriber whose mail several people read."""

    desk_id: int
    name: str
    address: str
    language: str


@dataclass(frozen=True, slots=True)
class Forwardable:
    """A list that a desk can forward, as one member sees it."""

    list_id: int
    slug: str
    title: str
    description: str | None
    is_forwarded: bool
    """By this desk, to this member."""
    is_otherwise: bool
    """The member has it already: by themselves, or through another desk."""


@dataclass(frozen=True, slots=True)
class Membership:
    """A desk, as one of its members sees it."""

    desk_id: int
    name: str
    lists: tuple[Forwardable, ...]
    """By title."""


@dataclass(frozen=True, slots=True)
class Member:
    """A member, as the keeper sees them: at the address that was invited."""

    member_id: int
    address: str
    state: DeskMemberState
    since: dt.datetime
    """When they joined; of who is invited: when that was."""
    is_over: bool
    """Invited, and too long ago to be accepted."""

    def to_json(self) -> dict[str, Any]:
        """The object that `desks show --json` prints for each member."""
        return {"address": self.address, "state": self.state, "since": self.since.isoformat()}


@dataclass(frozen=True, slots=True)
class Invited:
    """An invitation, for whoever has its link."""

    member_id: int
    name: str
    address: str
    language: str
    is_accepted: bool
    lists: tuple[Forwardable, ...]


@dataclass(frozen=True, slots=True)
class DeskSummary:
    """A desk, as the office sees it."""

    desk_id: int
    address: str
    name: str
    keeper: str
    lists: tuple[str, ...]
    """The slugs of what it follows, in their order."""
    members: tuple[Member, ...]

    def to_json(self) -> dict[str, Any]:
        """The object that `desks show --json` prints for each desk."""
        said = asdict(self) | {"members": [member.to_json() for member in self.members]}
        del said["desk_id"]
        return said


def desk_facts(session: Session, subscriber_id: int) -> DeskFacts | None:
    """What a desk is; None for a subscriber who is none, or is not there."""
    found = execute(session, _FACTS, {"desk": subscriber_id}).one_or_none()
    if found is None:
        return None
    return DeskFacts(subscriber_id, found.name, found.address, found.language)


def desk_by_address(session: Session, address: str) -> int:
    """The desk at an address; raises UnknownDeskError, and AddressError for what is none."""
    found = session.scalar(
        sa.select(Subscriber.id).where(
            Subscriber.address_key == parse_address(address).key, Subscriber.is_desk
        )
    )
    if found is None:
        raise UnknownDeskError(address)
    return found


def members(session: Session, desk_id: int, now: dt.datetime) -> tuple[Member, ...]:
    """A desk's members and who is invited, by address."""
    rows = session.scalars(
        sa.select(DeskMember)
        .where(DeskMember.desk_id == desk_id, DeskMember.state != DeskMemberState.ENDED)
        .order_by(DeskMember.address_key)
    )
    return tuple(
        Member(
            member_id=row.id,
            address=row.address,
            state=DeskMemberState(row.state),
            since=row.joined_at or row.invited_at,
            is_over=is_over(row, now),
        )
        for row in rows
    )


def is_over(member: DeskMember, now: dt.datetime) -> bool:
    """Whether an invitation can no longer be accepted."""
    return member.state == DeskMemberState.INVITED and now - member.invited_at > dt.timedelta(
        days=CONFIRM_DAYS
    )


def memberships(session: Session, subscriber_id: int) -> tuple[Membership, ...]:
    """The desks that a subscriber is a member of, by name."""
    desks = session.execute(
        sa.select(Desk.subscriber_id, Desk.name)
        .join(DeskMember, DeskMember.desk_id == Desk.subscriber_id)
        .where(
            DeskMember.subscriber_id == subscriber_id,
            DeskMember.state == DeskMemberState.ACTIVE,
        )
        .order_by(sa.func.lower(Desk.name), Desk.subscriber_id)
    ).all()
    if not desks:
        return ()
    followed = _followed(session, subscriber_id)
    return tuple(
        Membership(desk_id, name, _forwardable(session, desk_id, followed))
        for desk_id, name in desks
    )


def is_a_member(session: Session, subscriber_id: int) -> bool:
    """Whether a desk forwards something to a subscriber, or would."""
    found = session.scalar(
        sa.select(DeskMember.id)
        .where(
            DeskMember.subscriber_id == subscriber_id,
            DeskMember.state == DeskMemberState.ACTIVE,
        )
        .limit(1)
    )
    return found is not None


def invitation(session: Session, member_id: int, now: dt.datetime) -> Invited | None:
    """What somebody is invited to; None when that is over, or they are a member no longer."""
    member = session.get(DeskMember, member_id)
    if member is None or member.state == DeskMemberState.ENDED or is_over(member, now):
        return None
    desk = session.get(Desk, member.desk_id)
    if desk is None:
        return None
    known = session.execute(
        sa.select(Subscriber.id, Subscriber.language).where(
            Subscriber.address_key == member.address_key
        )
    ).one_or_none()
    followed = _followed(session, known.id) if known else {}
    return Invited(
        member_id=member.id,
        name=desk.name,
        address=member.address,
        language=known.language if known else desk_language(session, desk.subscriber_id),
        is_accepted=member.state == DeskMemberState.ACTIVE,
        lists=_forwardable(session, desk.subscriber_id, followed),
    )


def desk_language(session: Session, desk_id: int) -> str:
    """The language in which a desk is spoken to, and who is invited by it."""
    return session.scalars(sa.select(Subscriber.language).where(Subscriber.id == desk_id)).one()


def desk_summaries(session: Session, now: dt.datetime) -> list[DeskSummary]:
    """All desks, by name."""
    rows = session.execute(
        sa.select(Desk, Subscriber.address)
        .join(Subscriber, Subscriber.id == Desk.subscriber_id)
        .order_by(sa.func.lower(Desk.name), Desk.subscriber_id)
    )
    return [
        DeskSummary(
            desk_id=desk.subscriber_id,
            address=address,
            name=desk.name,
            keeper=desk.keeper_address,
            lists=_slugs(session, desk.subscriber_id),
            members=members(session, desk.subscriber_id, now),
        )
        for desk, address in rows
    ]


def _slugs(session: Session, desk_id: int) -> tuple[str, ...]:
    return tuple(
        session.scalars(
            sa.select(MailingList.slug)
            .join(Subscription, Subscription.list_id == MailingList.id)
            .where(
                Subscription.subscriber_id == desk_id,
                Subscription.state == SubscriptionState.ACTIVE,
            )
            .order_by(MailingList.slug)
        )
    )


def _followed(session: Session, subscriber_id: int) -> Mapping[int, int | None]:
    """What a subscriber is on, active or suspended: the desk by list, None for their own."""
    rows = session.execute(
        sa.select(Subscription.list_id, Subscription.desk_id).where(
            Subscription.subscriber_id == subscriber_id,
            Subscription.state.in_([SubscriptionState.ACTIVE, SubscriptionState.SUSPENDED]),
        )
    )
    return {row.list_id: row.desk_id for row in rows}


def _forwardable(
    session: Session, desk_id: int, followed: Mapping[int, int | None]
) -> tuple[Forwardable, ...]:
    lists = session.scalars(
        sa.select(MailingList).where(MailingList.id.in_(offered(session, desk_id)))
    )
    return tuple(
        Forwardable(
            list_id=one.id,
            slug=one.slug,
            title=one.title,
            description=one.description,
            is_forwarded=followed.get(one.id) == desk_id,
            is_otherwise=one.id in followed and followed[one.id] != desk_id,
        )
        for one in sorted(lists, key=lambda one: (one.title.casefold(), one.slug))
    )

"""A desk's members: invited by its keeper, joining and leaving by themselves.

Each change takes place inside its caller's transaction and may come twice. The desk's row is
locked first, then the member's.
"""

import enum
from typing import Final

import sqlalchemy as sa
from sqlalchemy.orm import Session

from mail.addresses import Address, parse_address
from mail.hashing import suppression_hash
from subscribers import forwarding, notices
from subscribers import subscription_rows as rows
from subscribers.changes import Change
from subscribers.consents import By, Via
from subscribers.desk_commands import HOUR, known_or_made
from subscribers.desks import DeskError, desk_language, is_over
from subscribers.forwarding import LEFT_DESK
from subscribers.locking import lock
from subscribers.models import Subscriber, Subscription, Suppression
from subscribers.notices import NoticeKind
from subscribers.record_models import Desk, DeskMember, DeskMemberState
from subscribers.subscription_rows import NotOffered

INVITATIONS_PER_HOUR: Final = 20
"""Of one desk; and to one address at most one."""


class Invitation(enum.Enum):
    """What became of inviting somebody."""

    SENT = enum.auto()
    SENT_LATELY = enum.auto()
    """One went out less than an hour ago."""
    SUPPRESSED = enum.auto()
    """Nothing is mailed to this address; keepers are told the same as of one that was sent."""
    MEMBER_ALREADY = enum.auto()
    IS_A_DESK = enum.auto()
    TOO_MANY = enum.auto()
    """The desk has sent as many as it may in an hour."""


def invite(session: Session, desk_id: int, address: Address, *, hash_key: str) -> Invitation:
    """Invite somebody to a desk, by mail; who was invited before is reminded."""
    now = lock(session, desk_id)
    known = session.scalar(sa.select(Subscriber).where(Subscriber.address_key == address.key))
    if known is not None and known.is_desk:
        return Invitation.IS_A_DESK
    lately = session.scalars(
        sa.select(DeskMember.address_key).where(
            DeskMember.desk_id == desk_id, DeskMember.invited_at > now - HOUR
        )
    ).all()
    member = _open_member(session, desk_id, address)
    if member is not None and member.state == DeskMemberState.ACTIVE:
        return Invitation.MEMBER_ALREADY
    if address.key in lately:
        return Invitation.SENT_LATELY
    if len(lately) >= INVITATIONS_PER_HOUR:
        return Invitation.TOO_MANY
    if member is None:
        member = DeskMember(
            desk_id=desk_id,
            address=str(address),
            address_key=address.key,
            state=DeskMemberState.INVITED,
        )
        session.add(member)
    member.invited_at = now
    session.flush()
    if _is_suppressed(session, address, hash_key):
        return Invitation.SUPPRESSED
    notices.queue(
        session,
        NoticeKind.DESK_INVITATION,
        address=str(address),
        language=known.language if known else desk_language(session, desk_id),
        detail={"member_id": member.id},
    )
    return Invitation.SENT


def accept(
    session: Session, member_id: int, wanted: frozenset[int], via: Via, *, hash_key: str
) -> bool:
    """Become a desk's member and get the wanted lists through it; False when that is over.

    Who is one already stays as they are. Raises NotOffered for what the desk does not forward.
    """
    invited = session.get(DeskMember, member_id)
    if invited is None:
        return False
    now = lock(session, invited.desk_id)
    session.refresh(invited)
    desk = session.get(Desk, invited.desk_id)
    if desk is None or invited.state == DeskMemberState.ENDED or is_over(invited, now):
        return False
    if invited.state == DeskMemberState.ACTIVE:
        return True
    language = desk_language(session, desk.subscriber_id)
    person_id = known_or_made(session, parse_address(invited.address), hash_key, language)
    if session.get_one(Subscriber, person_id).is_desk:
        return False
    if not wanted <= forwarding.offered(session, desk.subscriber_id):
        raise NotOffered("a list that the desk does not forward")
    now = lock(session, person_id)
    invited.state, invited.joined_at = DeskMemberState.ACTIVE, now
    invited.subscriber_id = person_id
    joined = rows.join(
        session, person_id, now, wanted, {}, source=By.DESK, desk_id=desk.subscriber_id
    )
    forwarding.logged(
        session, Change(person_id, now, joined=joined), via, {"joined_desk": desk.subscriber_id}
    )
    return True


def choose(
    session: Session,
    desk_id: int,
    subscriber_id: int,
    on: frozenset[int],
    off: frozenset[int],
    via: Via,
) -> Change:
    """What a member wants forwarded; what they follow by themselves stays as it is.

    Raises NotOffered for what the desk does not forward, or not to them.
    """
    lock(session, desk_id)
    now = lock(session, subscriber_id)
    if _active_member(session, desk_id, subscriber_id) is None:
        raise NotOffered("no member of this desk")
    if not on <= forwarding.offered(session, desk_id):
        raise NotOffered("a list that the desk does not forward")
    joined = rows.join(session, subscriber_id, now, on, {}, source=By.DESK, desk_id=desk_id)
    is_off = sa.and_(Subscription.desk_id == desk_id, Subscription.list_id.in_(off - on))
    left = rows.end(session, subscriber_id, now, By.DESK, is_off)
    change = Change(subscriber_id, now, joined=joined, left=left)
    return forwarding.logged(session, change, via)


def leave(session: Session, desk_id: int, subscriber_id: int, via: Via) -> Change:
    """A member leaves: nothing more is forwarded to them. The desk goes on as before."""
    lock(session, desk_id)
    member = _active_member(session, desk_id, subscriber_id)
    if member is None:
        return Change(subscriber_id, lock(session, subscriber_id))
    return _end(session, member, subscriber_id, via)


def remove(session: Session, desk_id: int, member_id: int, via: Via) -> str | None:
    """The keeper ends a membership, or an invitation; the address, None when it is no more."""
    now = lock(session, desk_id)
    member = session.get(DeskMember, member_id)
    if member is None or member.desk_id != desk_id or member.state == DeskMemberState.ENDED:
        return None
    if member.subscriber_id is not None:
        _end(session, member, member.subscriber_id, via)
    else:
        member.state, member.ended_at = DeskMemberState.ENDED, now
        session.flush()
    return member.address


def member_by_address(session: Session, desk_id: int, address: Address) -> int:
    """Somebody's membership or invitation; raises DeskError without one."""
    member = _open_member(session, desk_id, address)
    if member is None:
        raise DeskError(f"{address} is no member of this desk, and not invited to it")
    return member.id


def forget_member(session: Session, subscriber_id: int, address_key: str) -> None:
    """Take somebody's address out of all desks, for an erasure."""
    session.execute(
        sa.delete(DeskMember).where(
            sa.or_(DeskMember.subscriber_id == subscriber_id, DeskMember.address_key == address_key)
        )
    )


def _end(session: Session, member: DeskMember, subscriber_id: int, via: Via) -> Change:
    now = lock(session, subscriber_id)
    member.state, member.ended_at = DeskMemberState.ENDED, now
    session.flush()
    left = rows.end(session, subscriber_id, now, By.DESK, Subscription.desk_id == member.desk_id)
    return forwarding.logged(
        session, Change(subscriber_id, now, left=left), via, {LEFT_DESK: member.id}
    )


def _open_member(session: Session, desk_id: int, address: Address) -> DeskMember | None:
    return session.scalar(
        sa.select(DeskMember).where(
            DeskMember.desk_id == desk_id,
            DeskMember.address_key == address.key,
            DeskMember.state != DeskMemberState.ENDED,
        )
    )


def _active_member(session: Session, desk_id: int, subscriber_id: int) -> DeskMember | None:
    return session.scalar(
        sa.select(DeskMember).where(
            DeskMember.desk_id == desk_id,
            DeskMember.subscriber_id == subscriber_id,
            DeskMember.state == DeskMemberState.ACTIVE,
        )
    )


def _is_suppressed(session: Session, address: Address, hash_key: str) -> bool:
    hashed = suppression_hash(hash_key, address.key)
    found = session.scalar(sa.select(Suppression.id).where(Suppression.address_hash == hashed))
    return found is not None

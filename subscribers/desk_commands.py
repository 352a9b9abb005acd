"""Making desks, and whatever concerns their keepers.

Each takes place inside its caller's transaction.
"""

import datetime as dt
from typing import Final

import sqlalchemy as sa
from sqlalchemy.orm import Session

from mail.addresses import Address, parse_address
from mail.hashing import suppression_hash
from mail.text import name_fault
from runtime.database import insert
from runtime.i18n import best_language
from subscribers import forwarding, notices
from subscribers.consents import By, Via, record
from subscribers.desks import DeskError, desk_language, is_a_member
from subscribers.locking import lock
from subscribers.models import Subscriber
from subscribers.notices import NoticeKind
from subscribers.record_models import Desk, DeskMember

KEEPER_MAILS_PER_HOUR: Final = 3
HOUR: Final = dt.timedelta(hours=1)


def create_desk(
    session: Session,
    address: str,
    name: str,
    keeper: str,
    via: Via,
    *,
    hash_key: str,
    language: str = "en",
) -> int:
    """Make a desk of an address, known to us or not; its keeper is mailed its private link.

    The subscriber's id. Raises AddressError, and DeskError for what cannot be a desk.
    """
    parsed, keepers, name = parse_address(address), parse_address(keeper), name.strip()
    fault = name_fault(name) if name else "a desk needs a name: its members read it"
    if fault is not None:
        raise DeskError(fault)
    if keepers.key == parsed.key:
        raise DeskError("the keeper's address must be another than the desk's, which many read")
    desk_id = known_or_made(session, parsed, hash_key, language)
    now = lock(session, desk_id)
    if session.get(Desk, desk_id) is not None:
        raise DeskError(f"{parsed} is a desk already")
    if is_a_member(session, desk_id):
        raise DeskError(f"{parsed} is a member of a desk, and cannot be one")
    session.add(Desk(subscriber_id=desk_id, name=name, keeper_address=str(keepers)))
    session.execute(sa.update(Subscriber).where(Subscriber.id == desk_id).values(is_desk=True))
    session.flush()
    record(session, desk_id, By.OFFICE, {"desk": name}, via, now)
    _mail_keeper(session, desk_id, "made")
    return desk_id


def change_keeper(session: Session, desk_id: int, keeper: str) -> None:
    """Another keeper, who is mailed the desk's private link; raises AddressError, DeskError."""
    lock(session, desk_id)
    desk = session.get_one(Desk, desk_id)
    keepers = parse_address(keeper)
    if session.scalar(sa.select(Subscriber.is_desk).where(Subscriber.address_key == keepers.key)):
        raise DeskError("a keeper's address must be one that a single person reads, and no desk's")
    desk.keeper_address = str(keepers)
    session.flush()
    _mail_keeper(session, desk_id, "made")


def ask_keeper(session: Session, desk_id: int) -> bool:
    """Tell the keeper that a reader would stop the desk's mail; False after too many an hour."""
    now = lock(session, desk_id)
    lately = notices.count_since(session, desk_id, [NoticeKind.DESK_LINK], now - HOUR)
    if lately >= KEEPER_MAILS_PER_HOUR:
        return False
    _mail_keeper(session, desk_id, "stop")
    return True


def close_desk(session: Session, desk_id: int, via: Via) -> None:
    """A desk's address is a reader's like others from now on; what it forwarded ends.

    What the address gets stays as it is. For an erasure this comes first.
    """
    now = lock(session, desk_id)
    session.execute(sa.update(Subscriber).where(Subscriber.id == desk_id).values(is_desk=False))
    forwarding.settle(session, desk_id, now, via)
    session.execute(sa.delete(DeskMember).where(DeskMember.desk_id == desk_id))
    session.execute(sa.delete(Desk).where(Desk.subscriber_id == desk_id))


def _mail_keeper(session: Session, desk_id: int, why: str) -> None:
    notices.queue(
        session,
        NoticeKind.DESK_LINK,
        address=session.get_one(Desk, desk_id).keeper_address,
        language=desk_language(session, desk_id),
        subscriber_id=desk_id,
        detail={"why": why},
    )


def known_or_made(session: Session, address: Address, hash_key: str, language: str) -> int:
    """The subscriber of an address, made if there is none."""
    session.execute(
        insert(session, Subscriber)
        .values(
            address=str(address),
            address_key=address.key,
            address_hash=suppression_hash(hash_key, address.key),
            language=best_language(language),
        )
        .on_conflict_do_nothing()
    )
    return session.scalars(
        sa.select(Subscriber.id).where(Subscriber.address_key == address.key)
    ).one()

"""A change of address: asked for on the private page, confirmed by mail at the new address.

Whoever asks learns nothing of whose the new address is. The old one is told, and can undo it.
"""

import datetime as dt
import enum
from dataclasses import dataclass
from typing import Final

import sqlalchemy as sa
from sqlalchemy.orm import Session

from mail.addresses import Address, parse_address
from mail.hashing import suppression_hash
from runtime.database import Database, read_clock
from subscribers.consents import By, Via, record
from subscribers.links import CONFIRM_DAYS
from subscribers.locking import lock
from subscribers.merging import merge
from subscribers.models import Subscriber, Suppression
from subscribers.notices import NoticeKind, queue
from subscribers.record_models import AddressChange, Consent, Desk

CHANGES_MAX: Final = 3
"""So many changes an hour are asked for by one subscriber."""
HOUR: Final = dt.timedelta(hours=1)
KEEP: Final = dt.timedelta(days=CONFIRM_DAYS, hours=1)


class Asking(enum.Enum):
    """What became of asking for a change."""

    SENT = enum.auto()
    SAME = enum.auto()
    """It is the subscriber's address already."""
    TOO_MANY = enum.auto()
    GONE = enum.auto()


class Refused(enum.Enum):
    """Why a change of address is not made."""

    OVER = enum.auto()
    """Too old, taken back, or another change has taken its place."""
    SUPPRESSED = enum.auto()
    """Nothing is mailed to the new address."""
    IS_A_DESK = enum.auto()
    """A desk and a person cannot share an address."""


@dataclass(frozen=True, slots=True)
class Confirmed:
    """The change is made, now or before."""

    subscriber_id: int
    address: str


@dataclass(frozen=True, slots=True)
class Asked:
    """A change that was asked for, as its page shows it."""

    subscriber_id: int
    address: str
    language: str
    asked_at: dt.datetime
    is_confirmed: bool
    is_undone: bool


def read_change(session: Session, change_id: int) -> Asked | None:
    """A change that was asked for; None where it, or its subscriber, is gone."""
    asked = session.get(AddressChange, change_id)
    found = session.get(Subscriber, asked.subscriber_id) if asked else None
    if asked is None or found is None:
        return None
    return Asked(
        found.id,
        asked.address,
        found.language,
        asked.created_at,
        asked.confirmed_at is not None,
        asked.undone_at is not None,
    )


def request(session: Session, subscriber_id: int, address: Address, *, hash_key: str) -> Asking:
    """Ask for a change: queues the mail to the new address, once an hour for each."""
    now = lock(session, subscriber_id)
    found = session.get(Subscriber, subscriber_id, populate_existing=True)
    if found is None:
        return Asking.GONE
    if address.key == found.address_key:
        return Asking.SAME
    lately = session.scalars(
        sa.select(AddressChange.address_key).where(
            AddressChange.subscriber_id == subscriber_id, AddressChange.created_at > now - HOUR
        )
    ).all()
    if len(lately) >= CHANGES_MAX:
        return Asking.TOO_MANY
    asked = AddressChange(
        subscriber_id=subscriber_id,
        address_before=found.address,
        address=str(address),
        address_key=address.key,
        address_hash=suppression_hash(hash_key, address.key),
        created_at=now,
    )
    session.add(asked)
    session.flush()
    if address.key not in lately:
        queue(
            session,
            NoticeKind.CONFIRM_ADDRESS,
            address=str(address),
            language=found.language,
            subscriber_id=subscriber_id,
            detail={"address_change_id": asked.id},
        )
    return Asking.SENT


def confirm(session: Session, change_id: int, via: Via) -> Confirmed | Refused:
    """Make the change, for whoever read the mail at the new address; may come twice.

    Where the address is another subscriber's, both are the same person: they are merged.
    """
    asked = session.get(AddressChange, change_id)
    if asked is None:
        return Refused.OVER
    now = lock(session, asked.subscriber_id)
    session.refresh(asked)
    found = session.get(Subscriber, asked.subscriber_id, populate_existing=True)
    if found is None or asked.undone_at is not None:
        return Refused.OVER
    if asked.confirmed_at is not None:
        return Confirmed(found.id, asked.address)
    is_late = now - asked.created_at > dt.timedelta(days=CONFIRM_DAYS)
    if is_late or found.address != asked.address_before:
        return Refused.OVER
    if _is_suppressed(session, asked.address_hash):
        return Refused.SUPPRESSED
    refused = _take_over(session, found, asked, via)
    if refused is not None:
        return refused
    old, old_hash = found.address, found.address_hash
    found.address, found.address_key = asked.address, asked.address_key
    found.address_hash = asked.address_hash
    asked.confirmed_at = now
    detail = {
        "before": {"address": old},
        "after": {"address": asked.address},
        "hash_before": old_hash.hex(),
    }
    entry_id = record(session, found.id, By.ADDRESS_CHANGE, detail, via, now)
    if not _is_suppressed(session, old_hash):
        queue(
            session,
            NoticeKind.ADDRESS_CHANGED,
            address=old,
            language=found.language,
            subscriber_id=found.id,
            detail={"entry_id": entry_id},
        )
    return Confirmed(found.id, asked.address)


def restore(session: Session, found: Subscriber, entry: Consent, now: dt.datetime) -> bool:
    """Give back the address that a change took, where it is free; for an undo of that change.

    What else was asked for and waits for its confirmation is void.
    """
    if entry.what != By.ADDRESS_CHANGE or "hash_before" not in entry.detail:
        return False
    session.execute(
        sa.update(AddressChange)
        .where(AddressChange.subscriber_id == found.id, AddressChange.undone_at.is_(None))
        .values(undone_at=now)
        .execution_options(synchronize_session=False)
    )
    old = parse_address(entry.detail["before"]["address"])
    if found.address != entry.detail["after"]["address"]:
        return False
    taken = session.scalar(sa.select(Subscriber.id).where(Subscriber.address_key == old.key))
    if taken is not None:
        return False
    found.address, found.address_key = str(old), old.key
    found.address_hash = bytes.fromhex(entry.detail["hash_before"])
    return True


def forget_old_address_changes(database: Database) -> None:
    """Delete those whose time is over: what was changed is on the consent log."""
    with database.transaction() as session:
        session.execute(
            sa.delete(AddressChange)
            .where(AddressChange.created_at < read_clock(session) - KEEP)
            .execution_options(synchronize_session=False)
        )


def _take_over(
    session: Session, found: Subscriber, asked: AddressChange, via: Via
) -> Refused | None:
    """Free the new address: who had it becomes one with `found`."""
    other = session.scalar(sa.select(Subscriber).where(Subscriber.address_key == asked.address_key))
    if found.is_desk:
        keeper = session.scalar(
            sa.select(Desk.keeper_address).where(Desk.subscriber_id == found.id)
        )
        if other is not None or (keeper and parse_address(keeper).key == asked.address_key):
            return Refused.IS_A_DESK
    if other is None:
        return None
    if other.is_desk:
        return Refused.IS_A_DESK
    merge(session, found.id, other.id, via)
    return None


def _is_suppressed(session: Session, address_hash: bytes) -> bool:
    found = sa.select(Suppression.id).where(Suppression.address_hash == address_hash)
    return session.scalar(found) is not None

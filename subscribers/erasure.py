"""Erasure: what we knew of somebody goes, and a keyed hash of their address stays."""

from typing import Any

import sqlalchemy as sa
from sqlalchemy.orm import Session

from mail.addresses import parse_address
from mail.hashing import suppression_hash
from runtime.database import insert
from subscribers import forwarding, merged
from subscribers import subscription_rows as rows
from subscribers.consents import By, Via
from subscribers.desk_members import forget_member
from subscribers.locking import lock
from subscribers.models import Subscriber, Subscription, Suppression
from subscribers.notices import NoticeKind, queue
from subscribers.record_models import (
    AddressChange,
    Consent,
    Desk,
    DeskMember,
    MergedSubscriber,
    Notice,
    SignUp,
    SignUpList,
)
from subscribers.suppressions import ERASED, OFFICE


def erase(session: Session, subscriber_id: int, via: Via, *, hash_key: str) -> list[int]:
    """Erase a subscriber; the ids that old deliveries and links name, none where there is no one.

    One last mail says so, and is forgotten when it is sent. What the office has suppressed
    stays so, without its note.
    """
    subscriber_id = merged.current_id(session, subscriber_id)
    now = lock(session, subscriber_id)
    found = session.get(Subscriber, subscriber_id, populate_existing=True)
    if found is None:
        return []
    ids = merged.ids_of(session, subscriber_id)
    addresses = _addresses(session, found)
    # What a desk forwards ends with it.
    rows.end(session, subscriber_id, now, By.STOP_ALL, sa.true())
    forwarding.settle(session, subscriber_id, now, via)
    _forget_notices(session, ids, addresses)
    queue(session, NoticeKind.ERASED, address=found.address, language=found.language)
    hashes = {key: suppression_hash(hash_key, key) for key in addresses}
    _delete(session, SignUpList, SignUpList.sign_up_id.in_(_sign_ups(hashes)))
    _delete(session, SignUp, SignUp.address_hash.in_(hashes.values()))
    _delete(session, AddressChange, AddressChange.subscriber_id.in_(ids))
    for key in addresses:
        forget_member(session, subscriber_id, key)
    _delete(session, DeskMember, DeskMember.desk_id == subscriber_id)
    _delete(session, Desk, Desk.subscriber_id == subscriber_id)
    _delete(session, Subscription, Subscription.subscriber_id == subscriber_id)
    _delete(session, Subscriber, Subscriber.id == subscriber_id)
    # The log gives up entries of nobody only.
    _delete(session, Consent, Consent.subscriber_id.in_(ids))
    _delete(session, MergedSubscriber, MergedSubscriber.into_id == subscriber_id)
    _suppress(session, found.address_hash)
    session.expunge(found)
    return ids


def _addresses(session: Session, found: Subscriber) -> set[str]:
    """The keys of the addresses that they had with us, as far as that is still known."""
    changes = session.scalars(
        sa.select(AddressChange.address_before).where(AddressChange.subscriber_id == found.id)
    )
    entries = session.scalars(
        sa.select(Consent.detail).where(
            Consent.subscriber_id == found.id,
            Consent.what.in_([By.ADDRESS_CHANGE.value, By.MERGE.value]),
        )
    )
    had = [*changes, *(said["address"] for said in entries if "address" in said)]
    return {found.address_key, *(parse_address(one).key for one in had)}


def _forget_notices(session: Session, ids: list[int], addresses: set[str]) -> None:
    _delete(session, Notice, Notice.subscriber_id.in_(ids))
    # Those of sign-ups and invitations name nobody: few, and none older than a month.
    unnamed = session.execute(
        sa.select(Notice.id, Notice.address).where(Notice.subscriber_id.is_(None))
    )
    theirs = [row.id for row in unnamed if parse_address(row.address).key in addresses]
    _delete(session, Notice, Notice.id.in_(theirs))


def _sign_ups(hashes: dict[str, bytes]) -> sa.Select[int]:
    return sa.select(SignUp.id).where(SignUp.address_hash.in_(hashes.values()))


def _suppress(session: Session, address_hash: bytes) -> None:
    session.execute(
        insert(session, Suppression)
        .values(address_hash=address_hash, reason=ERASED)
        .on_conflict_do_nothing()
    )
    session.execute(
        sa.update(Suppression)
        .where(Suppression.address_hash == address_hash)
        .values(
            reason=sa.case((Suppression.reason == OFFICE, OFFICE), else_=ERASED),
            note=None,
        )
        .execution_options(synchronize_session=False)
    )


def _delete(session: Session, table: Any, which: sa.ColumnElement[bool]) -> None:
    session.execute(sa.delete(table).where(which).execution_options(synchronize_session=False))

"""Why an address is not mailed, and which reasons its owner can take back.

The office's own suppressions are made and lifted here, inside the caller's transaction.
"""

from typing import Final

import sqlalchemy as sa
from sqlalchemy.orm import Session

from mail.addresses import Address
from mail.hashing import suppression_hash
from subscribers import forwarding
from subscribers.consents import By, Via, record
from subscribers.locking import lock
from subscribers.models import Subscriber, Suppression

OFFICE: Final = "office"
"""The press office has stopped it, and only the press office lifts it."""
ERASED: Final = "erased"
"""Its owner had all that we knew erased; a later sign-up of theirs lifts it."""
BOUNCED: Final = "hard bounce"
"""No mail reaches the address; that says nothing of its owner's other ones."""


def is_liftable_by_sign_up(reason: str) -> bool:
    """Whether a sign-up that was confirmed by mail lifts a suppression of this reason."""
    return reason != OFFICE


def suppress(session: Session, address: Address, note: str, via: Via, *, hash_key: str) -> bool:
    """Stop all mail to an address, known or not; False where the office had done so before.

    `note` is why, in the office's words; the newest one is kept.
    """
    address_hash = suppression_hash(hash_key, address.key)
    subscriber_id = _owner(session, address)
    now = lock(session, subscriber_id)
    found = session.scalar(sa.select(Suppression).where(Suppression.address_hash == address_hash))
    was_so = found is not None and found.reason == OFFICE
    if found is None:
        session.add(Suppression(address_hash=address_hash, reason=OFFICE, note=note))
    else:
        found.reason, found.note = OFFICE, note
    session.flush()
    if subscriber_id:
        record(session, subscriber_id, By.OFFICE, {"suppressed": OFFICE, "note": note}, via, now)
        forwarding.settle(session, subscriber_id, now, via)
    return not was_so


def suppression_of(session: Session, address: Address, *, hash_key: str) -> Suppression | None:
    """What stops mail to an address, known or not."""
    address_hash = suppression_hash(hash_key, address.key)
    return session.scalar(sa.select(Suppression).where(Suppression.address_hash == address_hash))


def lift(session: Session, address: Address, note: str, via: Via, *, hash_key: str) -> str | None:
    """Let mail go to an address again, whatever had stopped it.

    The reason that it was stopped for; None where it was not.
    """
    address_hash = suppression_hash(hash_key, address.key)
    subscriber_id = _owner(session, address)
    now = lock(session, subscriber_id)
    found = session.scalar(sa.select(Suppression).where(Suppression.address_hash == address_hash))
    if found is None:
        return None
    reason = found.reason
    session.delete(found)
    session.flush()
    if subscriber_id:
        record(session, subscriber_id, By.OFFICE, {"lifted": reason, "note": note}, via, now)
    return reason


def _owner(session: Session, address: Address) -> int:
    """Who has the address; 0, which nobody is, where it is unknown."""
    known = sa.select(Subscriber.id).where(Subscriber.address_key == address.key)
    return session.scalar(known) or 0

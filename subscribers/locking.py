"""One change of a subscriber at a time: who changes something waits for the subscriber first."""

import datetime as dt
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Final

import sqlalchemy as sa
from sqlalchemy.orm import Session

from runtime.database import Base, BigId, database_now, execute, read_clock
from subscribers.changes import FIELDS
from subscribers.merged import current_id
from subscribers.models import Subscriber

_WHO: Final = sa.bindparam("subscriber", type_=BigId)
_people: Final = Base.metadata.tables[Subscriber.__tablename__]
_locking: Final = (
    # Deliveries and imports may still refer to the row: only its changes exclude each other.
    sa.select(Subscriber.is_desk, *(_people.c[name] for name in FIELDS))
    .where(Subscriber.id == _WHO)
    .with_for_update(key_share=True)
    .cte("locked")
)
# The clock is read once the row is there, and so after the wait for it.
_LOCK: Final = sa.select(*_locking.c, database_now().label("now")).select_from(_locking)
_SET_FIELDS: Final = (
    # All of them, so that it is one statement, made once.
    sa.update(_people)
    .where(_people.c.id == _WHO)
    .values({name: sa.bindparam(f"new_{name}") for name in FIELDS})
)


class KeeperOnly(Exception):
    """A desk's subscription, asked to end by one of those who read its mail."""


@dataclass(frozen=True, slots=True)
class Locked:
    """A subscriber whom only this transaction changes."""

    subscriber_id: int
    now: dt.datetime
    """By the database's clock, once it was so."""
    fields: Mapping[str, Any]
    """What of their row may be changed (`FIELDS`), as it is."""


def lock(session: Session, subscriber_id: int, *, but_no_desk: bool = False) -> dt.datetime:
    """Wait for other changes of this subscriber; returns the database's now, after that.

    `but_no_desk`: raises KeeperOnly for a desk.
    """
    found = _locked(session, subscriber_id, but_no_desk=but_no_desk)
    return read_clock(session) if found is None else found.now


def lock_current(
    session: Session, subscriber_id: int, *, but_no_desk: bool = False
) -> tuple[int, dt.datetime]:
    """`lock`, of the one that this subscriber was merged into, where it was: who, and now."""
    found = _locked_current(session, subscriber_id, but_no_desk=but_no_desk)
    return (
        (subscriber_id, read_clock(session)) if found is None else (found.subscriber_id, found.now)
    )


def lock_to_change(session: Session, subscriber_id: int) -> Locked | None:
    """`lock_current`, with what there is to be changed; None for a subscriber who is gone."""
    return _locked_current(session, subscriber_id, but_no_desk=False)


def set_fields(session: Session, locked: Locked, changed: Mapping[str, Any]) -> None:
    """Have these of a locked subscriber's `FIELDS` changed."""
    became = {f"new_{name}": value for name, value in {**locked.fields, **changed}.items()}
    execute(session, _SET_FIELDS, {"subscriber": locked.subscriber_id, **became})


def _locked_current(session: Session, subscriber_id: int, *, but_no_desk: bool) -> Locked | None:
    found = _locked(session, subscriber_id, but_no_desk=but_no_desk)
    if found is None:
        merged_into = current_id(session, subscriber_id)
        if merged_into != subscriber_id:
            found = _locked(session, merged_into, but_no_desk=but_no_desk)
    return found


def _locked(session: Session, subscriber_id: int, *, but_no_desk: bool) -> Locked | None:
    """None where there is no such subscriber."""
    found = execute(session, _LOCK, {"subscriber": subscriber_id}).one_or_none()
    if found is None:
        return None
    if found.is_desk and but_no_desk:
        raise KeeperOnly
    return Locked(subscriber_id, found.now, {name: getattr(found, name) for name in FIELDS})

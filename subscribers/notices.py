"""Notices: queueing one mail to one person, in the transaction that causes it.

A worker renders and sends it within seconds; what it says follows from its kind and `detail`.
What would go to a desk goes to its keeper: everybody reads a desk's mail, and a notice's link
may change all.
"""

import datetime as dt
import enum
import secrets
from collections.abc import Collection, Mapping
from typing import Any, Final

import sqlalchemy as sa
from sqlalchemy.orm import Session

from mail.addresses import parse_address
from runtime.database import Base, BigId, Moment, database_now, execute
from subscribers.models import Subscriber
from subscribers.record_models import Desk, Notice, NoticeState

SALT_OCTETS: Final = 16


class NoticeKind(enum.StrEnum):
    """What a notice is about; in brackets what its `detail` holds."""

    CONFIRM_SIGN_UP = "confirm-sign-up"
    """Somebody asked for mail at this address. [sign_up_id]"""
    ALREADY_SUBSCRIBED = "already-subscribed"
    """Somebody asked for lists that they get already. [lists: ids]"""
    NOT_BY_FORM = "not-by-form"
    """The office itself has stopped mail to this address: only it can change that. []"""
    PRIVATE_LINK = "private-link"
    """A link to see and change everything. []"""
    CHANGED = "changed"
    """Something was changed by a link in one of our mails. [entry_id: of the consent log]"""
    CONFIRM_ADDRESS = "confirm-address"
    """To the new address: confirm it. [address_change_id]"""
    ADDRESS_CHANGED = "address-changed"
    """To the old address: mail goes elsewhere from now on. [entry_id]"""
    ERASED = "erased"
    """Everything that we knew is gone. []"""
    DESK_INVITATION = "desk-invitation"
    """A desk would forward some of its mail. [member_id]"""
    DESK_LINK = "desk-link"
    """To a desk's keeper: the desk's private link. [why: "made" (a keeper) or "stop"]"""


_notices: Final = Base.metadata.tables[Notice.__tablename__]
_ADD: Final = (
    sa.insert(_notices)
    .values(due_at=database_now(), created_at=database_now())
    .returning(_notices.c.id)
)
_WHO: Final = sa.bindparam("subscriber", type_=BigId)
_COUNT: Final = sa.select(sa.func.count()).where(
    Notice.subscriber_id == _WHO,
    Notice.created_at >= sa.bindparam("since", type_=Moment()),
    Notice.kind.in_(sa.bindparam("kinds", expanding=True)),
    Notice.state != NoticeState.CANCELLED,
)
_READER: Final = sa.select(
    Subscriber.address,
    Subscriber.language,
    Subscriber.name,
    Subscriber.is_desk,
    _COUNT.scalar_subquery().label("queued"),
).where(Subscriber.id == _WHO)
_KEEPER: Final = (
    sa.select(Desk.keeper_address)
    .where(
        sa.or_(
            Desk.subscriber_id == _WHO,
            Desk.subscriber_id
            == sa.select(Subscriber.id)
            .where(Subscriber.address_key == sa.bindparam("key"), Subscriber.is_desk)
            .scalar_subquery(),
        )
    )
    .limit(1)
)


def queue(
    session: Session,
    kind: NoticeKind,
    *,
    address: str,
    language: str,
    subscriber_id: int | None = None,
    name: str | None = None,
    detail: Mapping[str, Any] | None = None,
) -> int:
    """Queue a notice to an address; its id."""
    keeper_address = _keeper(session, kind, address, subscriber_id)
    if keeper_address is not None:
        address, name = keeper_address, None
    return _add(
        session,
        kind,
        detail,
        subscriber_id=subscriber_id,
        address=address,
        name=name,
        language=language,
    )


def queue_for(
    session: Session,
    subscriber: Subscriber,
    kind: NoticeKind,
    detail: Mapping[str, Any] | None = None,
) -> int:
    """Queue a notice to a subscriber; its id."""
    return queue(
        session,
        kind,
        address=subscriber.address,
        language=subscriber.language,
        subscriber_id=subscriber.id,
        name=subscriber.name,
        detail=detail,
    )


def queue_few(
    session: Session,
    subscriber_id: int,
    kind: NoticeKind,
    since: dt.datetime,
    most: int,
    detail: Mapping[str, Any] | None = None,
) -> bool:
    """Queue a notice to a subscriber, unless so many of its kind were queued since then.

    False where they were. Who is not there is told nothing.
    """
    values = {"subscriber": subscriber_id, "since": since, "kinds": [kind.value]}
    found = execute(session, _READER, values).one_or_none()
    if found is None:
        return True
    if found.queued >= most:
        return False
    reader = {"address": found.address, "language": found.language, "name": found.name}
    if found.is_desk:
        queue(session, kind, subscriber_id=subscriber_id, detail=detail, **reader)
    else:
        # Nobody keeps it, so there is no keeper to be looked for.
        _add(session, kind, detail, subscriber_id=subscriber_id, **reader)
    return True


def count_since(
    session: Session, subscriber_id: int, kinds: Collection[NoticeKind], since: dt.datetime
) -> int:
    """How many notices of these kinds were queued for a subscriber since then."""
    found: int | None = session.scalar(
        _COUNT,
        {
            "subscriber": subscriber_id,
            "since": since,
            "kinds": [kind.value for kind in kinds],
        },
    )
    return found or 0


def _add(
    session: Session, kind: NoticeKind, detail: Mapping[str, Any] | None, **columns: Any
) -> int:
    columns |= {"kind": kind.value, "detail": dict(detail or {})}
    columns["salt"] = secrets.token_bytes(SALT_OCTETS)
    notice_id: int = execute(session, _ADD, columns).scalar_one()
    return notice_id


def _keeper(
    session: Session, kind: NoticeKind, address: str, subscriber_id: int | None
) -> str | None:
    """The keeper's address, of a notice to a desk."""
    if kind is NoticeKind.CONFIRM_ADDRESS:
        return None  # its keeper has asked for it, and the new address must show that it is there
    return session.scalar(_KEEPER, {"subscriber": subscriber_id, "key": parse_address(address).key})

"""Everything that is known about one subscriber, as JSON: for their download, and the office."""

import datetime as dt
from typing import Any, Final

import sqlalchemy as sa
from sqlalchemy.orm import Session

from subscribers import merged
from subscribers.models import MailingList, Subscriber, Subscription, Suppression
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

_NOT_TOLD: Final = frozenset(
    {"address_hash", "address_key", "salt", "next_digest_at", "lease_id", "losses"}
)
"""Made from what is told, or of use to us alone."""


def known(session: Session, subscriber_id: int) -> dict[str, Any] | None:
    """What is known, in plain names; moments are ISO 8601. None where there is no such one."""
    subscriber_id = merged.current_id(session, subscriber_id)
    found = session.get(Subscriber, subscriber_id)
    if found is None:
        return None
    ids = merged.ids_of(session, subscriber_id)
    return {
        "subscriber": _row(found),
        "suppressed": _suppressed(session, found),
        "subscriptions": _subscriptions(session, subscriber_id),
        "consent_log": _rows(session, Consent, Consent.subscriber_id.in_(ids)),
        "notices": _rows(session, Notice, Notice.subscriber_id.in_(ids)),
        "sign_ups": _sign_ups(session, found),
        "address_changes": _rows(session, AddressChange, AddressChange.subscriber_id.in_(ids)),
        "desk": _rows(session, Desk, Desk.subscriber_id == subscriber_id),
        "desk_memberships": _memberships(session, subscriber_id),
        "merged": _rows(session, MergedSubscriber, MergedSubscriber.into_id == subscriber_id),
    }


def _suppressed(session: Session, found: Subscriber) -> dict[str, Any] | None:
    row = session.scalar(
        sa.select(Suppression).where(Suppression.address_hash == found.address_hash)
    )
    return None if row is None else _row(row)


def _subscriptions(session: Session, subscriber_id: int) -> list[dict[str, Any]]:
    rows = session.execute(
        sa.select(Subscription, MailingList.slug, MailingList.title)
        .join(MailingList, MailingList.id == Subscription.list_id)
        .where(Subscription.subscriber_id == subscriber_id)
        .order_by(Subscription.id)
    )
    return [{"list": slug, "title": title} | _row(row) for row, slug, title in rows]


def _sign_ups(session: Session, found: Subscriber) -> list[dict[str, Any]]:
    rows = session.scalars(
        sa.select(SignUp).where(SignUp.address_hash == found.address_hash).order_by(SignUp.id)
    ).all()
    lists = session.execute(
        sa.select(SignUpList.sign_up_id, MailingList.slug, SignUpList.frequency)
        .join(MailingList, MailingList.id == SignUpList.list_id)
        .where(SignUpList.sign_up_id.in_([row.id for row in rows]))
    ).all()
    return [
        _row(row)
        | {"lists": {one.slug: one.frequency for one in lists if one.sign_up_id == row.id}}
        for row in rows
    ]


def _memberships(session: Session, subscriber_id: int) -> list[dict[str, Any]]:
    rows = session.execute(
        sa.select(DeskMember, Desk.name)
        .join(Desk, Desk.subscriber_id == DeskMember.desk_id)
        .where(DeskMember.subscriber_id == subscriber_id)
        .order_by(DeskMember.id)
    )
    return [{"name": name} | _row(row) for row, name in rows]


def _rows(session: Session, table: Any, which: sa.ColumnElement[bool]) -> list[dict[str, Any]]:
    by = getattr(table, "id", table.subscriber_id)
    return [_row(row) for row in session.scalars(sa.select(table).where(which).order_by(by))]


def _row(row: Any) -> dict[str, Any]:
    values = ((column.key, getattr(row, column.key)) for column in sa.inspect(row).mapper.columns)
    return {name: _plain(value) for name, value in values if name not in _NOT_TOLD}


def _plain(value: Any) -> Any:
    return value.isoformat() if isinstance(value, dt.datetime) else value

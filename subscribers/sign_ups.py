"""Sign-ups: forms of `/subscribe`, which change nothing until they are confirmed by mail.

Whoever fills in the form learns nothing about the address that they give, and nobody can be
mailed through it more than once an hour.
"""

import datetime as dt
import enum
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Final

import sqlalchemy as sa
from sqlalchemy.orm import Session

from mail.addresses import Address
from mail.hashing import suppression_hash
from runtime.database import Database, insert, read_clock
from subscribers import subscription_rows as rows
from subscribers.changes import Change
from subscribers.consents import By, Via, record
from subscribers.links import CONFIRM_DAYS
from subscribers.locking import lock
from subscribers.models import (
    Frequency,
    MailingList,
    Subscriber,
    Subscription,
    SubscriptionState,
    Suppression,
)
from subscribers.notices import NoticeKind, queue, queue_for
from subscribers.record_models import SignUp, SignUpList
from subscribers.suppressions import is_liftable_by_sign_up

HOUR: Final = dt.timedelta(hours=1)
NETWORK_MAX: Final = 20
LIST_MAX: Final = 600
"""So many sign-ups an hour are taken from a network, and for a list."""
KEEP: Final = dt.timedelta(days=CONFIRM_DAYS, hours=1)


@dataclass(frozen=True, slots=True)
class Asked:
    """What a form asks for; lists are ids of public ones, with their frequencies."""

    address: Address
    lists: Mapping[int, Frequency]
    language: str
    format: str


class Answer(enum.Enum):
    """What becomes of a form. Nothing of it depends on whose the address is."""

    TAKEN = enum.auto()
    TOO_MANY = enum.auto()
    """From this network, or for a list, within the hour."""


def ask(session: Session, asked: Asked, via: Via, *, hash_key: str) -> Answer:
    """Keep what a form asks for, and queue the mail that explains; once an hour an address."""
    now = read_clock(session)
    if _is_flooded(session, asked, via, now):
        return Answer.TOO_MANY
    address_hash = suppression_hash(hash_key, asked.address.key)
    _take_turns(session, address_hash)
    mailed_lately = session.scalar(
        sa.select(SignUp.id)
        .where(
            SignUp.address_hash == address_hash,
            SignUp.created_at > now - HOUR,
            SignUp.mailed_at.is_not(None),
        )
        .limit(1)
    )
    sign_up = SignUp(
        address=str(asked.address),
        address_key=asked.address.key,
        address_hash=address_hash,
        language=asked.language,
        format=asked.format,
        page=via.page,
        network=via.network,
        mailed_at=None if mailed_lately else now,
    )
    session.add(sign_up)
    session.flush()
    session.add_all(
        SignUpList(sign_up_id=sign_up.id, list_id=list_id, frequency=how.value)
        for list_id, how in sorted(asked.lists.items())
    )
    session.flush()
    if not mailed_lately:
        _mail(session, sign_up, asked)
    return Answer.TAKEN


def confirm(session: Session, sign_up_id: int, via: Via) -> Change | None:
    """Do what a sign-up asks for, for whoever read the mail about it; may come twice.

    None where it is too old, or the press office has stopped mail to the address.
    """
    sign_up = session.get(SignUp, sign_up_id, with_for_update=True)
    if sign_up is None:
        return None
    now = read_clock(session)
    if sign_up.confirmed_at is None and now - sign_up.created_at > dt.timedelta(days=CONFIRM_DAYS):
        return None
    suppression = session.scalar(
        sa.select(Suppression).where(Suppression.address_hash == sign_up.address_hash)
    )
    if suppression is not None and not is_liftable_by_sign_up(suppression.reason):
        return None
    if sign_up.confirmed_at is not None:
        return Change(sign_up.subscriber_id or 0, sign_up.confirmed_at)
    if suppression is not None:
        session.delete(suppression)
    subscriber_id = _subscriber_of(session, sign_up)
    now = lock(session, subscriber_id)
    wanted = {
        one.list_id: Frequency(one.frequency)
        for one in session.scalars(
            sa.select(SignUpList)
            .join(MailingList, MailingList.id == SignUpList.list_id)
            .where(SignUpList.sign_up_id == sign_up.id, MailingList.is_private.is_(False))
        )
    }
    joined = rows.join(
        session, subscriber_id, now, frozenset(wanted), wanted, source=By.SIGN_UP.value
    )
    paced = rows.pace(
        session, subscriber_id, now, {one: how for one, how in wanted.items() if one not in joined}
    )
    # Who signs up for a list by themselves keeps it when the desk that forwards it does not.
    session.execute(
        sa.update(Subscription)
        .where(
            Subscription.subscriber_id == subscriber_id,
            Subscription.list_id.in_(wanted),
            Subscription.state != SubscriptionState.ENDED,
        )
        .values(desk_id=None)
        .execution_options(synchronize_session=False)
    )
    rows.plan_digests_anew(session, subscriber_id)
    sign_up.confirmed_at, sign_up.subscriber_id = now, subscriber_id
    change = Change(subscriber_id, now, joined=joined, paced=paced)
    detail = change.to_json() | {
        "asked": sorted(wanted),
        "asked_at": sign_up.created_at.isoformat(),
    }
    entry_id = record(session, subscriber_id, By.SIGN_UP, detail, via, now)
    return Change(subscriber_id, now, joined=joined, paced=paced, entry_id=entry_id)


def lists_of(session: Session, sign_up_id: int) -> dict[int, str]:
    """The lists that a sign-up asks for, and how often each is to come."""
    rows = session.execute(
        sa.select(SignUpList.list_id, SignUpList.frequency)
        .where(SignUpList.sign_up_id == sign_up_id)
        .order_by(SignUpList.list_id)
    )
    return {row.list_id: row.frequency for row in rows}


def forget_old_sign_ups(database: Database) -> None:
    """Delete those whose time to be confirmed is over: what was agreed to is on the log."""
    with database.transaction() as session:
        old = sa.select(SignUp.id).where(SignUp.created_at < read_clock(session) - KEEP)
        session.execute(
            sa.delete(SignUpList)
            .where(SignUpList.sign_up_id.in_(old))
            .execution_options(synchronize_session=False)
        )
        session.execute(
            sa.delete(SignUp).where(SignUp.id.in_(old)).execution_options(synchronize_session=False)
        )


def _is_flooded(session: Session, asked: Asked, via: Via, now: dt.datetime) -> bool:
    if via.network is not None:
        from_there = session.scalar(
            sa.select(sa.func.count()).where(
                SignUp.network == via.network, SignUp.created_at > now - HOUR
            )
        )
        if (from_there or 0) >= NETWORK_MAX:
            return True
    return any(
        (
            session.scalar(
                sa.select(sa.func.count()).where(
                    SignUpList.list_id == list_id, SignUpList.created_at > now - HOUR
                )
            )
            or 0
        )
        >= LIST_MAX
        for list_id in asked.lists
    )


def _take_turns(session: Session, address_hash: bytes) -> None:
    """Two forms for one address at once: one of them finds that the other was mailed.

    In SQLite a writing transaction is alone from its beginning.
    """
    if session.get_bind().dialect.name == "postgresql":
        number = int.from_bytes(address_hash[:8], "big", signed=True)
        session.execute(sa.select(sa.func.pg_advisory_xact_lock(number)))


def _mail(session: Session, sign_up: SignUp, asked: Asked) -> None:
    """The mail that explains: to confirm, or why there is nothing to confirm."""
    reason = session.scalar(
        sa.select(Suppression.reason).where(Suppression.address_hash == sign_up.address_hash)
    )
    found = session.scalar(
        sa.select(Subscriber).where(Subscriber.address_key == sign_up.address_key)
    )
    if reason is not None and not is_liftable_by_sign_up(reason):
        queue(session, NoticeKind.NOT_BY_FORM, address=sign_up.address, language=sign_up.language)
    elif found is not None and reason is None and _has_all(session, found.id, asked):
        queue_for(session, found, NoticeKind.ALREADY_SUBSCRIBED, {"lists": sorted(asked.lists)})
    else:
        queue(
            session,
            NoticeKind.CONFIRM_SIGN_UP,
            address=sign_up.address,
            language=sign_up.language,
            detail={"sign_up_id": sign_up.id},
        )


def _has_all(session: Session, subscriber_id: int, asked: Asked) -> bool:
    followed = session.execute(
        sa.select(Subscription.list_id, Subscription.frequency).where(
            Subscription.subscriber_id == subscriber_id,
            Subscription.state == SubscriptionState.ACTIVE,
        )
    )
    has = {row.list_id: row.frequency for row in followed}
    return all(has.get(list_id) == how for list_id, how in asked.lists.items())


def _subscriber_of(session: Session, sign_up: SignUp) -> int:
    """Who has the address; made where there is nobody."""
    session.execute(
        insert(session, Subscriber)
        .values(
            address=sign_up.address,
            address_key=sign_up.address_key,
            address_hash=sign_up.address_hash,
            language=sign_up.language,
            format=sign_up.format,
        )
        .on_conflict_do_nothing()
    )
    return session.scalars(
        sa.select(Subscriber.id).where(Subscriber.address_key == sign_up.address_key)
    ).one()

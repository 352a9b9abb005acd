"""Changes of what a subscriber gets: the only writers, whatever page or command asks.

Each takes place inside its caller's transaction, may come twice, is written on the consent log
when it changes anything, and never lifts a suppression: what is suppressed stays so whatever
the subscriber follows.
"""

import datetime as dt
import enum
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field, replace
from typing import Any, Final

import sqlalchemy as sa
from sqlalchemy.orm import Session

from runtime.database import BigId
from runtime.i18n import best_language, supported
from runtime.zones import known_zones
from subscribers import address_changes, forwarding
from subscribers import subscription_rows as rows
from subscribers.changes import FIELDS, Change, fields_from_json, paced_from_json
from subscribers.consents import By, Via, record
from subscribers.locking import lock, lock_current, lock_to_change, set_fields
from subscribers.merged import current_id
from subscribers.models import (
    Format,
    Frequency,
    ListSetMember,
    Subscriber,
    Subscription,
    SubscriptionState,
)
from subscribers.record_models import Consent
from subscribers.subscription_rows import NotOffered
from subscribers.undo import UNDO_DAYS, Undo

TEXT_MAX_CHARACTERS: Final = 200
"""Of a name or an outlet."""


class Keep(enum.Enum):
    """Stands for what is to stay as it is, where None means something else."""

    KEEP = enum.auto()


KEEP: Final = Keep.KEEP
_END_COPY: Final = rows.ending(
    Subscription.list_id.in_(
        sa.select(ListSetMember.list_id).where(
            ListSetMember.list_set_id == sa.bindparam("list_set", type_=BigId)
        )
    )
)


@dataclass(frozen=True, slots=True)
class Wanted:
    """What a subscriber wants; what is not named stays as it is."""

    on: frozenset[int] = frozenset()
    off: frozenset[int] = frozenset()
    frequencies: Mapping[int, str] = field(default_factory=dict)
    """By list: of lists that are on, or are to be."""
    language: str | None = None
    """One of the supported languages; None: as it is."""
    format: str | None = None
    name: str | Keep | None = KEEP
    """None: there shall be none."""
    outlet: str | Keep | None = KEEP
    timezone: str | Keep | None = KEEP
    """An IANA name; None: that of their lists."""
    digest_hour: int | Keep | None = KEEP
    paused_until: dt.datetime | Keep | None = KEEP
    """Aware; None: mail comes."""


@dataclass(frozen=True, slots=True)
class TooLate:
    """A change that can no longer be undone."""


def unsubscribe(
    session: Session,
    subscriber_id: int,
    list_set_id: int,
    *,
    reason: By,
    via: Via,
    only: Iterable[int] | None = None,
) -> Change:
    """End the lists that a copy came through (of them, `only` these); the rest stay.

    Answers the same way when they ended long ago, or when the subscriber is gone. Raises
    KeeperOnly for a desk, whose copies have many readers.
    """
    subscriber_id, now = lock_current(session, subscriber_id, but_no_desk=True)
    statement = _END_COPY
    if only is not None:
        statement = statement.where(Subscription.list_id.in_(list(only)))
    left = rows.end_by(session, statement, subscriber_id, now, reason, list_set=list_set_id)
    return _logged(session, Change(subscriber_id, now, left=left), reason, via)


def stop_all(session: Session, subscriber_id: int, via: Via) -> Change:
    """End everything that the subscriber gets, or might get once it is confirmed."""
    subscriber_id, now = lock_current(session, subscriber_id)
    left = rows.end(session, subscriber_id, now, By.STOP_ALL, sa.true())
    return _logged(session, Change(subscriber_id, now, left=left), By.STOP_ALL, via)


def save(session: Session, subscriber_id: int, wanted: Wanted, via: Via) -> Change:
    """Make what the subscriber gets what they want.

    Public lists can be joined by whoever has had mail from us at their address, which is what
    holding a link of ours shows; private ones can only be left. Raises NotOffered, having
    changed nothing, for anything else.
    """
    locked = lock_to_change(session, subscriber_id)
    if locked is None:
        raise NotOffered("there is no such subscriber")
    subscriber_id, now = locked.subscriber_id, locked.now
    fields = _checked(wanted, locked.fields["language"])
    if not set(wanted.frequencies.values()) <= set(Frequency):
        raise NotOffered("there is no such frequency")
    joined = rows.join(
        session, subscriber_id, now, wanted.on, wanted.frequencies, source=By.PREFERENCES
    )
    left: tuple[int, ...] = ()
    if wanted.off - wanted.on:
        is_left = Subscription.list_id.in_(wanted.off - wanted.on)
        left = rows.end(
            session, subscriber_id, now, By.PREFERENCES, is_left, SubscriptionState.PENDING
        )
    paced = rows.pace(
        session,
        subscriber_id,
        now,
        {one: Frequency(how) for one, how in wanted.frequencies.items() if one not in joined},
    )
    before, after = _differing(locked.fields, fields)
    if after:
        set_fields(session, locked, after)
    change = Change(subscriber_id, now, joined, left, paced, before, after)
    return _logged(session, change, By.PREFERENCES, via)


def undo(session: Session, what: Undo, via: Via) -> Change | TooLate:
    """Take a change back, as far as nothing newer has taken its place; may come twice.

    What ended is followed again in a new row, since the same day as before; what was only
    pending or suspended is not, as no mail came by it.
    """
    person = current_id(session, what.subscriber_id)
    now = lock(session, person)
    entry = session.get(Consent, what.entry_id)
    if entry is None or entry.subscriber_id != what.subscriber_id:
        return TooLate()
    if now - entry.at > dt.timedelta(days=UNDO_DAYS):
        return TooLate()
    is_begun_then = sa.and_(Subscription.began_at == entry.at, Subscription.source != By.UNDO.value)
    left = rows.end(session, person, now, By.UNDO, is_begun_then)
    forwarding.rejoin(session, entry)
    may_come = forwarding.may_be_followed()
    joined = rows.revive(session, person, entry.at, source=By.UNDO, which=may_come)
    forwarding.forward_again(session, person, entry.at, now, via)
    paced = rows.pace(
        session,
        person,
        now,
        {one.list_id: one.before for one in paced_from_json(entry.detail.get("paced", []))},
        only_from=entry.at,
    )
    before: dict[str, Any] = {}
    after: dict[str, Any] = {}
    found = session.get(Subscriber, person, populate_existing=True)
    if found is not None:
        was = fields_from_json(entry.detail.get("before", {}))
        became = fields_from_json(entry.detail.get("after", {}))
        before, after = _set(
            found,
            {
                name: was[name]
                for name in was
                if name in FIELDS and getattr(found, name) == became[name]
            },
        )
        if address_changes.restore(session, found, entry, now):
            before, after = became, was
    session.flush()
    change = Change(person, now, joined, left, paced, before, after)
    return _logged(session, change, By.UNDO, via)


def _checked(wanted: Wanted, language: str) -> dict[str, Any]:
    """The fields to be set; raises NotOffered for what no page offers. `language`: as it is."""
    fields: dict[str, Any] = {}
    if wanted.language is not None and wanted.language != best_language(language):
        if wanted.language not in supported():
            raise NotOffered(f"there is no language “{wanted.language}”")
        fields["language"] = wanted.language
    if wanted.format is not None:
        if wanted.format not in set(Format):
            raise NotOffered(f"there is no format “{wanted.format}”")
        fields["format"] = wanted.format
    for name in ("name", "outlet"):
        text = getattr(wanted, name)
        if text is not KEEP:
            fields[name] = text
            if text is not None and len(text) > TEXT_MAX_CHARACTERS:
                raise NotOffered(f"this {name} is too long")
    if wanted.timezone is not KEEP:
        if wanted.timezone is not None and wanted.timezone not in known_zones():
            raise NotOffered(f"there is no time zone “{wanted.timezone}”")
        fields["timezone"] = wanted.timezone
    if wanted.digest_hour is not KEEP:
        if wanted.digest_hour is not None and wanted.digest_hour not in range(24):
            raise NotOffered("there is no such hour")
        fields["digest_hour"] = wanted.digest_hour
    if wanted.paused_until is not KEEP:
        fields["paused_until"] = wanted.paused_until
    return fields


def _set(found: Subscriber, fields: Mapping[str, Any]) -> tuple[dict[str, Any], dict[str, Any]]:
    """Set what differs; what it was, and what it is now."""
    before, after = _differing({name: getattr(found, name) for name in fields}, fields)
    for name, value in after.items():
        setattr(found, name, value)
    return before, after


def _differing(
    known: Mapping[str, Any], fields: Mapping[str, Any]
) -> tuple[dict[str, Any], dict[str, Any]]:
    """Of these fields those that differ from what is known: what they were, and what they are."""
    after = {name: value for name, value in fields.items() if known[name] != value}
    return {name: known[name] for name in after}, after


def _logged(session: Session, change: Change, by: By, via: Via) -> Change:
    if change.is_nothing:
        return change
    if change.left:
        forwarding.settle(session, change.subscriber_id, change.at, via)
    rows.plan_digests_anew(session, change.subscriber_id)
    entry_id = record(session, change.subscriber_id, by, change.to_json(), via, change.at)
    return replace(change, entry_id=entry_id)

"""Changes of what a subscriber gets: the only writers, whatever page or command asks.

Each takes place inside its caller's transaction, may come twice, and never lifts a
suppression: what is suppressed stays so whatever the subscriber follows.
"""

import datetime as dt
import enum
from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any

import sqlalchemy as sa
from sqlalchemy.orm import Session

from runtime.i18n import best_language, supported
from subscribers import subscription_rows as rows
from subscribers.models import (
    Format,
    ListSetMember,
    Subscriber,
    Subscription,
    SubscriptionState,
)
from subscribers.subscription_rows import NotOffered
from subscribers.undo import Undo


class By(enum.StrEnum):
    """By what a subscription ended, or began."""

    ONE_CLICK = "one-click"
    UNSUBSCRIBE_PAGE = "unsubscribe page"
    PREFERENCES = "preferences"
    STOP_ALL = "stop all"
    UNDO = "undo"


@dataclass(frozen=True, slots=True)
class Wanted:
    """What a subscriber wants; lists that are not named stay as they are."""

    on: frozenset[int] = frozenset()
    off: frozenset[int] = frozenset()
    language: str | None = None
    """One of the supported languages; None: as it is."""
    format: str | None = None


@dataclass(frozen=True, slots=True)
class Change:
    """What became different; list ids in rising order. It is told, and can be undone."""

    subscriber_id: int
    at: dt.datetime
    joined: tuple[int, ...] = ()
    left: tuple[int, ...] = ()
    language: str | None = None
    """The new one, if it changed."""
    format: Format | None = None
    language_before: str | None = None
    format_before: Format | None = None

    @property
    def is_nothing(self) -> bool:
        """Whether all is as it was."""
        return not (self.joined or self.left or self.language or self.format)

    @property
    def undo(self) -> Undo:
        """What takes it back."""
        return Undo(
            self.subscriber_id, self.at, self.language_before, self.language, self.format_before
        )


@dataclass(frozen=True, slots=True)
class TooLate:
    """A change that can no longer be undone."""


def unsubscribe(
    session: Session,
    subscriber_id: int,
    list_set_id: int,
    *,
    reason: By,
    only: Iterable[int] | None = None,
) -> Change:
    """End the lists that a copy came through (of them, `only` these); the rest stay.

    Answers the same way when they ended long ago, or when the subscriber is gone.
    """
    members = sa.select(ListSetMember.list_id).where(ListSetMember.list_set_id == list_set_id)
    if only is not None:
        members = members.where(ListSetMember.list_id.in_(list(only)))
    now = rows.lock(session, subscriber_id)
    left = rows.end(session, subscriber_id, now, reason, Subscription.list_id.in_(members))
    return Change(subscriber_id, now, left=left)


def stop_all(session: Session, subscriber_id: int) -> Change:
    """End everything that the subscriber gets, or might get once it is confirmed."""
    now = rows.lock(session, subscriber_id)
    left = rows.end(session, subscriber_id, now, By.STOP_ALL, sa.true())
    return Change(subscriber_id, now, left=left)


def save(session: Session, subscriber_id: int, wanted: Wanted) -> Change:
    """Make what the subscriber gets what they want.

    Public lists can be joined by whoever has had mail from us at their address, which is what
    holding a link of ours shows; private ones can only be left. Raises NotOffered, having
    changed nothing, for anything else.
    """
    now = rows.lock(session, subscriber_id)
    found = session.get(Subscriber, subscriber_id)
    if found is None:
        raise NotOffered("there is no such subscriber")
    joined = rows.join(session, subscriber_id, now, wanted.on, source=By.PREFERENCES)
    is_left = Subscription.list_id.in_(wanted.off - wanted.on)
    left = rows.end(session, subscriber_id, now, By.PREFERENCES, is_left, SubscriptionState.PENDING)
    change: dict[str, Any] = {}
    if wanted.language is not None and wanted.language != best_language(found.language):
        if wanted.language not in supported():
            raise NotOffered(f"there is no language “{wanted.language}”")
        change |= {"language": wanted.language, "language_before": found.language}
        found.language = wanted.language
    if wanted.format is not None and wanted.format != found.format:
        if wanted.format not in set(Format):
            raise NotOffered(f"there is no format “{wanted.format}”")
        before = Format(found.format)
        change |= {"format": Format(wanted.format), "format_before": before}
        found.format = wanted.format
    session.flush()
    return Change(subscriber_id, now, joined=joined, left=left, **change)


def undo(session: Session, what: Undo) -> Change | TooLate:
    """Take a change back, as far as nothing newer has taken its place; may come twice.

    What ended is followed again in a new row, since the same day as before; what was only
    pending or suspended is not, as no mail came by it.
    """
    now = rows.lock(session, what.subscriber_id)
    if what.is_too_late(now):
        return TooLate()
    is_begun_then = sa.and_(Subscription.began_at == what.at, Subscription.source != By.UNDO.value)
    left = rows.end(session, what.subscriber_id, now, By.UNDO, is_begun_then)
    joined = rows.revive(session, what, source=By.UNDO)
    found = session.get(Subscriber, what.subscriber_id)
    change: dict[str, Any] = {}
    if found is not None and what.language_before and found.language == what.language_after:
        found.language = what.language_before
        change["language"] = best_language(found.language)
    if found is not None and what.format_before and found.format != what.format_before:
        found.format = what.format_before
        change["format"] = what.format_before
    session.flush()
    return Change(what.subscriber_id, now, joined=joined, left=left, **change)

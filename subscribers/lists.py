"""Mailing lists: making and changing one, and reading how many people are on each."""

import re
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from typing import Any, Final

import sqlalchemy as sa
from sqlalchemy.orm import Session

from runtime.database import database_now
from subscribers.list_fields import ListError, checked
from subscribers.models import (
    PLAN_ANEW,
    Frequency,
    MailingList,
    Subscriber,
    Subscription,
    SubscriptionState,
)

SLUG_MAX_CHARACTERS: Final = 63
"""A slug is a label of List-Id (RFC 2919 section 2), so of a domain name (RFC 1035)."""
_SLUG = re.compile(r"[a-z0-9]([a-z0-9-]*[a-z0-9])?")


class ListExistsError(ListError):
    """The slug is in use."""


class UnknownListError(ListError):
    """A list that does not exist."""

    def __init__(self, slug: str, known: Sequence[str]) -> None:
        self.slug = slug
        self.known = tuple(known)
        there = f"there are: {', '.join(known)}" if known else "there are no lists yet"
        super().__init__(f"no list is called “{slug}”; {there} (`medianote lists create`)")


@dataclass(frozen=True, slots=True)
class ListSummary:
    """A list and how many subscriptions it has by state; ended ones do not count."""

    slug: str
    title: str
    description: str | None
    is_private: bool
    reply_to: str | None
    sender: str | None
    topic: str | None
    cadence: str | None
    timezone: str | None
    digest_hour: int | None
    active: int
    pending: int
    suspended: int

    def to_json(self) -> dict[str, Any]:
        """The object that `lists show --json` prints for each list."""
        said = asdict(self)
        said["private"] = said.pop("is_private")
        return said


def slug_fault(slug: str) -> str | None:
    """Why this cannot be a list's slug, in one plain line; None when it can."""
    if len(slug) > SLUG_MAX_CHARACTERS:
        return f"a list's slug has at most {SLUG_MAX_CHARACTERS} characters, this has {len(slug)}"
    if _SLUG.fullmatch(slug) is None:
        return (
            f"“{slug}” cannot be a list's slug: it is made of lower-case letters a to z, digits "
            "and hyphens, with no hyphen at its beginning or end"
        )
    return None


def create_list(
    session: Session,
    slug: str,
    title: str,
    *,
    is_private: bool = False,
    **given: str | None,
) -> MailingList:
    """Make a list; raises ListExistsError, and ListError for what cannot be kept or mailed.

    `given` are others of `LIST_FIELDS`, as `subscribers.list_fields.checked` takes them.
    """
    fault = slug_fault(slug)
    if fault is not None:
        raise ListError(fault)
    fields = checked({"title": title} | _said(given))
    made = MailingList(slug=slug, is_private=is_private, **fields)
    try:
        with session.begin_nested():
            session.add(made)
    except sa.exc.IntegrityError:
        known = session.scalar(sa.select(MailingList).where(MailingList.slug == slug))
        if known is None:
            raise
        raise ListExistsError(
            f"the list {slug} exists already; its title is “{known.title}”"
        ) from None
    return made


def change_list(session: Session, slug: str, **given: str | None) -> list[str]:
    """Change these fields of a list; the names of those that became different.

    An empty text takes a field away. Raises UnknownListError, and ListError as `create_list`.
    """
    found, fields = list_by_slug(session, slug), checked(_said(given))
    different = [name for name, value in fields.items() if getattr(found, name) != value]
    for name in different:
        setattr(found, name, fields[name])
    session.flush()
    if "timezone" in different or "digest_hour" in different:
        _plan_digests_anew(session, found.id)
    return different


def _plan_digests_anew(session: Session, list_id: int) -> None:
    """The list's hour or zone is that of all who have not chosen one."""
    readers = sa.select(Subscription.subscriber_id).where(
        Subscription.list_id == list_id,
        Subscription.state != SubscriptionState.ENDED,
        sa.or_(
            Subscription.frequency != Frequency.AT_ONCE, Subscription.frequency_before.is_not(None)
        ),
    )
    session.execute(
        sa.update(Subscriber)
        .where(Subscriber.id.in_(readers), Subscriber.next_digest_at > database_now())
        .values(next_digest_at=PLAN_ANEW)
        .execution_options(synchronize_session=False)
    )


def _said(given: Mapping[str, str | None]) -> dict[str, str]:
    return {name: text for name, text in given.items() if text is not None}


def list_by_slug(session: Session, slug: str) -> MailingList:
    """The list of this slug; raises UnknownListError, which names those that there are."""
    found = session.scalar(sa.select(MailingList).where(MailingList.slug == slug))
    if found is None:
        known = session.scalars(sa.select(MailingList.slug).order_by(MailingList.slug)).all()
        raise UnknownListError(slug, known)
    return found


def list_summaries(session: Session) -> list[ListSummary]:
    """All lists by slug, with their counts."""
    counts = {
        (list_id, state): count
        for list_id, state, count in session.execute(
            sa.select(Subscription.list_id, Subscription.state, sa.func.count())
            .where(Subscription.state != SubscriptionState.ENDED)
            .group_by(Subscription.list_id, Subscription.state)
        )
    }
    return [
        ListSummary(
            slug=found.slug,
            title=found.title,
            description=found.description,
            is_private=found.is_private,
            reply_to=found.reply_to,
            sender=found.sender,
            topic=found.topic,
            cadence=found.cadence,
            timezone=found.timezone,
            digest_hour=found.digest_hour,
            active=counts.get((found.id, SubscriptionState.ACTIVE), 0),
            pending=counts.get((found.id, SubscriptionState.PENDING), 0),
            suspended=counts.get((found.id, SubscriptionState.SUSPENDED), 0),
        )
        for found in session.scalars(sa.select(MailingList).order_by(MailingList.slug))
    ]

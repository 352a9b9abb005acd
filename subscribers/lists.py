"""Mailing lists: making one, and reading how many people are on each."""

import re
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from typing import Any, Final

import sqlalchemy as sa
from sqlalchemy.orm import Session

from mail.addresses import AddressError, parse_sender
from mail.text import name_fault
from subscribers.address_words import told
from subscribers.models import MailingList, Subscription, SubscriptionState

SLUG_MAX_CHARACTERS: Final = 63
"""A slug is a label of List-Id (RFC 2919 section 2), so of a domain name (RFC 1035)."""
_SLUG = re.compile(r"[a-z0-9]([a-z0-9-]*[a-z0-9])?")


class ListError(Exception):
    """A list that cannot be made; the text is one plain line."""


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
    description: str | None = None,
    reply_to: str | None = None,
    sender: str | None = None,
) -> MailingList:
    """Make a list; raises ListExistsError, and ListError for values that cannot be mailed.

    `reply_to` and `sender` are mailboxes, `Name <address>`.
    """
    title = title.strip()
    fault = slug_fault(slug) or _title_fault(title)
    if fault is not None:
        raise ListError(fault)
    made = MailingList(
        slug=slug,
        title=title,
        description=(description or "").strip() or None,
        is_private=is_private,
        reply_to=_mailbox("--reply-to", reply_to),
        sender=_mailbox("--sender", sender),
    )
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
            active=counts.get((found.id, SubscriptionState.ACTIVE), 0),
            pending=counts.get((found.id, SubscriptionState.PENDING), 0),
            suspended=counts.get((found.id, SubscriptionState.SUSPENDED), 0),
        )
        for found in session.scalars(sa.select(MailingList).order_by(MailingList.slug))
    ]


def _title_fault(title: str) -> str | None:
    if not title:
        return "a list needs a title: people read it in every mail"
    fault = name_fault(title)
    return None if fault is None else fault.replace("the name", "the title")


def _mailbox(option: str, text: str | None) -> str | None:
    if text is None:
        return None
    if len(text.strip().splitlines()) > 1:
        raise ListError(f"{option}: there is a line break in it: write all of it on one line")
    try:
        return str(parse_sender(text))
    except AddressError as error:
        raise ListError(f"{option}: {told(error, text)}") from error

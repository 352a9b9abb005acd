"""Publish: from a read release and an order to a distribution that will run, or a refusal.

One transaction freezes the release's version and inserts the distribution; a crash leaves
either nothing or a distribution that the sweep finds. Ringing is the caller's, after it.
"""

import datetime as dt
from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Final

import sqlalchemy as sa
from sqlalchemy.orm import Session

from releases.audience import LISTS_MAX
from releases.content import Content
from releases.errors import EmbargoError
from releases.models import (
    ORDINARY_LANE,
    URGENT_LANE,
    Distribution,
    DistributionKind,
    DistributionList,
    DistributionRelease,
    DistributionState,
    Release,
    ReleaseVersion,
)
from releases.prospects import (
    NobodyLeft,
    Prospect,
    PublishError,
    check_audience,
    check_memory,
)
from releases.slugs import numbered, slug_of
from runtime.database import Database, insert, is_postgresql, read_clock
from subscribers.lists import UnknownListError
from subscribers.models import MailingList

__all__ = ["NobodyLeft", "Order", "PublishError", "Published", "publish"]

RETRY_WINDOW: Final = dt.timedelta(hours=48)
"""How long after its time a distribution's deferred deliveries are tried again."""
PAST_TOLERANCE: Final = dt.timedelta(minutes=1)


@dataclass(frozen=True, slots=True)
class Order:
    """What an officer asks for. Moments are aware; `lists` are slugs in the officer's order."""

    content: Content
    lists: tuple[str, ...]
    at: dt.datetime | None = None
    embargo: dt.datetime | None = None
    is_again: bool = False
    is_urgent: bool = False
    is_rehearsal: bool = False
    undo_seconds: int = 0
    """So long nothing is sent, and cancelling leaves no mail behind."""


@dataclass(frozen=True, slots=True)
class Published:
    """A distribution that will run."""

    distribution_id: int
    slug: str
    version: int
    is_new_version: bool
    due_at: dt.datetime
    is_scheduled: bool
    has_undo: bool = False
    """Whether it is scheduled only so that it can be stopped before its first mail."""


@dataclass(frozen=True, slots=True)
class Due:
    """When a distribution is due."""

    at: dt.datetime
    is_scheduled: bool
    has_undo: bool


def with_embargo(content: Content, option: dt.datetime | None) -> Content:
    """The content under the embargo of text or option; EmbargoError when the two disagree."""
    if option is None:
        return content
    if content.embargo is not None and content.embargo != option:
        raise EmbargoError(
            f"the text says it is under embargo until {content.embargo.isoformat()}, the option "
            f"--embargo says {option.isoformat()}: make them agree, or leave the option out"
        )
    return replace(content, embargo=option)


def publish(database: Database, order: Order, *, salt: bytes) -> Published:
    """Freeze the version and insert the distribution; raises PublishError, EmbargoError or
    UnknownListError.

    `salt` is 16 random octets, from which the Message-IDs derive. That the release renders is
    checked by the caller before (releases.rendering), as that takes long.
    """
    content = with_embargo(order.content, order.embargo)
    slugs = tuple(dict.fromkeys(order.lists))
    if not slugs:
        raise PublishError("name at least one list: --list SLUG")
    if len(slugs) > LISTS_MAX:
        raise PublishError(f"a distribution goes to {LISTS_MAX} lists at most: publish in parts")
    with database.transaction() as session:
        lists = _lists(session, slugs)
        due = due_of(order.at, order.undo_seconds, read_clock(session))
        check_embargo(content.embargo, lists, due.at)
        version, slug, is_new = _freeze(session, content)
        if not (is_new or order.is_again):
            check_memory(session, version.id, is_rehearsal=order.is_rehearsal)
        if not due.is_scheduled or due.has_undo:
            check_audience(
                session,
                Prospect((version.id,), tuple(lists), due.at, order.is_rehearsal, order.is_again),
            )
        if not due.is_scheduled:
            due = replace(due, at=read_clock(session))
        distribution = Distribution(
            kind=DistributionKind.CORRECTION if version.number > 1 else DistributionKind.RELEASE,
            lane=lane_of(order.is_urgent),
            is_again=order.is_again,
            is_rehearsal=order.is_rehearsal,
            is_embargoed=content.embargo is not None and content.embargo > due.at,
            salt=salt,
        )
        number = insert_distribution(
            session, distribution, due, [version.id], [chosen.id for chosen in lists]
        )
    return Published(number, slug, version.number, is_new, due.at, due.is_scheduled, due.has_undo)


def lane_of(is_urgent: bool) -> int:
    """The lane of a distribution and its batches: lower ones go first."""
    return URGENT_LANE if is_urgent else ORDINARY_LANE


def insert_distribution(
    session: Session,
    distribution: Distribution,
    due: Due,
    versions: Sequence[int],
    lists: Sequence[int],
) -> int:
    """Insert a distribution of these versions to these lists, due then; its id."""
    distribution.state = (
        DistributionState.SCHEDULED if due.is_scheduled else DistributionState.RUNNING
    )
    distribution.due_at = due.at
    distribution.deadline_at = due.at + RETRY_WINDOW
    session.add(distribution)
    session.flush()
    session.add_all(
        DistributionRelease(distribution_id=distribution.id, version_id=version, position=position)
        for position, version in enumerate(versions)
    )
    session.add_all(
        DistributionList(distribution_id=distribution.id, list_id=list_id, position=position)
        for position, list_id in enumerate(lists)
    )
    return distribution.id


def _lists(session: Session, slugs: Sequence[str]) -> list[MailingList]:
    """The lists of these slugs, in their order."""
    found = {chosen.slug: chosen for chosen in session.scalars(sa.select(MailingList))}
    for slug in slugs:
        if slug not in found:
            raise UnknownListError(slug, sorted(found))
    return [found[slug] for slug in slugs]


def due_of(at: dt.datetime | None, undo_seconds: int, now: dt.datetime) -> Due:
    """When it is due: now or at that time, and not before the undo window has passed.

    Raises PublishError for a time in the past.
    """
    if at is not None and at < now - PAST_TOLERANCE:
        raise PublishError(
            f"--at {at.isoformat()} has passed (it is {now.isoformat(timespec='seconds')}): "
            "name a later time, or leave --at out to send now"
        )
    wanted = max(at or now, now)
    earliest = now + dt.timedelta(seconds=undo_seconds)
    due_at = max(wanted, earliest)
    return Due(due_at, is_scheduled=due_at > now, has_undo=earliest > wanted)


def check_embargo(
    embargo: dt.datetime | None, lists: Sequence[MailingList], due_at: dt.datetime
) -> None:
    """An embargo that lies ahead of the sending goes to private lists only."""
    if embargo is None or embargo <= due_at:
        return
    public = [chosen.slug for chosen in lists if not chosen.is_private]
    if public:
        raise EmbargoError(
            f"under embargo until {embargo.isoformat()}, and these lists are public: "
            f"{', '.join(public)}. Send it to private lists only, or when the embargo lifts: "
            f"--at {embargo.isoformat()}"
        )


def _freeze(session: Session, content: Content) -> tuple[ReleaseVersion, str, bool]:
    """The version of this content, its release's slug, and whether it is new; its row is locked."""
    digest = content.digest()
    if is_postgresql(session):
        # Two officers who publish one text at the same moment must not make two releases of it.
        # (In SQLite a writing transaction is alone from its beginning.)
        key = int.from_bytes(digest[:8], "big", signed=True)
        session.execute(sa.select(sa.func.pg_advisory_xact_lock(key)))
    known = session.scalar(
        sa.select(ReleaseVersion).where(ReleaseVersion.content_digest == digest).with_for_update()
    )
    if known is not None:
        return known, session.get_one(Release, known.release_id).slug, False
    release = _release(session, content)
    # Numbers are given under the release's lock.
    session.execute(sa.select(Release.id).where(Release.id == release.id).with_for_update())
    last = session.scalar(
        sa.select(sa.func.max(ReleaseVersion.number)).where(ReleaseVersion.release_id == release.id)
    )
    version = ReleaseVersion(
        release_id=release.id,
        number=(last or 0) + 1,
        content_digest=digest,
        content=content.to_json(),
        title=content.title,
        embargo_at=content.embargo,
    )
    session.add(version)
    session.flush()
    return version, release.slug, True


def _release(session: Session, content: Content) -> Release:
    """The release of a new version: the one whose slug front matter names, else a new one."""
    wanted = slug_of(content)
    if content.slug:
        named = session.scalar(sa.select(Release).where(Release.slug == content.slug))
        if named is not None:
            return named
    slug, number = wanted, 1
    while True:
        made = session.scalar(
            insert(session, Release)
            .values(slug=slug)
            .on_conflict_do_nothing(index_elements=["slug"])
            .returning(Release.id)
        )
        if made is not None:
            return session.get_one(Release, made)
        number += 1
        slug = numbered(wanted, number)

"""Publish: from a read release and an order to a distribution that will run, or a refusal.

One transaction freezes the release's version and inserts the distribution; a crash leaves
either nothing or a distribution that the sweep finds. Ringing is the caller's, after it.
"""

import datetime as dt
from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Final

import sqlalchemy as sa
from sqlalchemy.orm import Session, aliased

from releases.audience import HAS_IT, LISTS_MAX
from releases.content import Content
from releases.errors import EmbargoError
from releases.models import (
    Batch,
    Delivery,
    Distribution,
    DistributionKind,
    DistributionList,
    DistributionRelease,
    DistributionState,
    Release,
    ReleaseVersion,
)
from releases.slugs import numbered, slug_of
from runtime.database import Database, insert, is_postgresql, read_clock
from subscribers.lists import UnknownListError
from subscribers.models import Frequency, MailingList, Subscription, SubscriptionState

RETRY_WINDOW: Final = dt.timedelta(hours=48)
"""How long after its time a distribution's deferred deliveries are tried again."""
PAST_TOLERANCE: Final = dt.timedelta(minutes=1)


class PublishError(Exception):
    """A publication that is refused; the text is one plain line with what to do."""


class NobodyLeft(PublishError):
    """Nobody would get it: no subscribers, or all of them have this version already."""


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


@dataclass(frozen=True, slots=True)
class Published:
    """A distribution that will run."""

    distribution_id: int
    slug: str
    version: int
    is_new_version: bool
    due_at: dt.datetime
    is_scheduled: bool


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
        now = read_clock(session)
        due_at = _due(order.at, now)
        _check_embargo(content, lists, due_at)
        version, slug, is_new = _freeze(session, content)
        if not (is_new or order.is_again):
            _check_memory(session, version.id, order)
        is_scheduled = due_at > now
        if not is_scheduled:
            _check_audience(session, version.id, lists, now, order)
            due_at = read_clock(session)
        distribution = Distribution(
            kind=DistributionKind.CORRECTION if version.number > 1 else DistributionKind.RELEASE,
            state=DistributionState.SCHEDULED if is_scheduled else DistributionState.RUNNING,
            lane=0 if order.is_urgent else 1,
            is_again=order.is_again,
            is_rehearsal=order.is_rehearsal,
            is_embargoed=content.embargo is not None and content.embargo > due_at,
            salt=salt,
            due_at=due_at,
            deadline_at=due_at + RETRY_WINDOW,
        )
        session.add(distribution)
        session.flush()
        session.add(
            DistributionRelease(distribution_id=distribution.id, version_id=version.id, position=0)
        )
        session.add_all(
            DistributionList(distribution_id=distribution.id, list_id=chosen.id, position=position)
            for position, chosen in enumerate(lists)
        )
    return Published(distribution.id, slug, version.number, is_new, due_at, is_scheduled)


def _lists(session: Session, slugs: Sequence[str]) -> list[MailingList]:
    """The lists of these slugs, in their order."""
    found = {chosen.slug: chosen for chosen in session.scalars(sa.select(MailingList))}
    for slug in slugs:
        if slug not in found:
            raise UnknownListError(slug, sorted(found))
    return [found[slug] for slug in slugs]


def _due(at: dt.datetime | None, now: dt.datetime) -> dt.datetime:
    if at is None:
        return now
    if at < now - PAST_TOLERANCE:
        raise PublishError(
            f"--at {at.isoformat()} has passed (it is {now.isoformat(timespec='seconds')}): "
            "name a later time, or leave --at out to send now"
        )
    return max(at, now)


def _check_embargo(content: Content, lists: Sequence[MailingList], due_at: dt.datetime) -> None:
    """An embargo that lies ahead of the sending goes to private lists only."""
    if content.embargo is None or content.embargo <= due_at:
        return
    public = [chosen.slug for chosen in lists if not chosen.is_private]
    if public:
        raise EmbargoError(
            f"under embargo until {content.embargo.isoformat()}, and these lists are public: "
            f"{', '.join(public)}. Send it to private lists only, or when the embargo lifts: "
            f"--at {content.embargo.isoformat()}"
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


def _check_memory(session: Session, version_id: int, order: Order) -> None:
    """Refuse what would reach people again because it is not known any more who they are."""
    sent_on = session.scalar(
        sa.select(sa.func.min(Distribution.due_at))
        .join(DistributionRelease, DistributionRelease.distribution_id == Distribution.id)
        .where(
            DistributionRelease.version_id == version_id,
            Distribution.is_rehearsal.is_(order.is_rehearsal),
            Distribution.deliveries_dropped_at.is_not(None),
            sa.exists().where(
                Batch.distribution_id == Distribution.id, Batch.accepted + Batch.uncertain > 0
            ),
        )
    )
    if sent_on is not None:
        raise PublishError(
            f"this version went out on {sent_on:%Y-%m-%d}, and who got it is not kept any more: "
            "--again sends it to everyone on the lists"
        )


def _check_audience(
    session: Session,
    version_id: int,
    lists: Sequence[MailingList],
    now: dt.datetime,
    order: Order,
) -> None:
    """Refuse when nobody would get it, and say which of the two reasons it is."""
    names = ", ".join(chosen.slug for chosen in lists)
    member = sa.select(Subscription.subscriber_id).where(
        Subscription.list_id.in_([chosen.id for chosen in lists]),
        Subscription.state == SubscriptionState.ACTIVE,
        Subscription.frequency == Frequency.AT_ONCE,
        Subscription.began_at <= now,
    )
    if session.scalar(member.limit(1)) is None:
        raise NobodyLeft(
            f"nobody to send to: no active subscribers on {names} (`medianote subscribers import`)"
        )
    if order.is_again:
        return
    earlier = session.scalars(
        sa.select(DistributionRelease.distribution_id)
        .join(Distribution, Distribution.id == DistributionRelease.distribution_id)
        .where(
            DistributionRelease.version_id == version_id,
            Distribution.is_rehearsal.is_(order.is_rehearsal),
        )
    ).all()
    has_it = sa.exists().where(
        Delivery.distribution_id.in_(earlier),
        Delivery.subscriber_id == Subscription.subscriber_id,
        Delivery.state.in_(HAS_IT),
    )
    if session.scalar(member.where(~has_it, ~_is_next(earlier)).limit(1)) is None:
        raise NobodyLeft(
            f"everyone on {names} has this version already, or is about to get it; "
            "--again sends it to all of them anew"
        )


def _is_next(earlier: Sequence[int]) -> sa.Exists:
    """Whether a subscriber is about to be served by one of these, which has no row of them yet."""
    theirs = aliased(Subscription)
    return sa.exists().where(
        Distribution.id.in_(earlier),
        Distribution.state == DistributionState.RUNNING,
        Distribution.is_expanded.is_(False),
        Distribution.expanded_to < Subscription.subscriber_id,
        DistributionList.distribution_id == Distribution.id,
        theirs.list_id == DistributionList.list_id,
        theirs.subscriber_id == Subscription.subscriber_id,
        theirs.state == SubscriptionState.ACTIVE,
        theirs.frequency == Frequency.AT_ONCE,
        theirs.began_at <= Distribution.due_at,
    )

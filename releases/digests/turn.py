"""The digests' turn: who is due gets what came out since, as distributions of one set each.

People who lack the same versions are in one digest. A turn takes some of the people who are
due at a time; the digests that it begins stay open for a while, for whoever comes next. What a
turn misses, since no worker ran, the next one makes up for.
"""

import datetime as dt
import functools
import secrets
from collections.abc import Collection, Iterable, Sequence
from dataclasses import dataclass, field
from typing import Any, Final
from zoneinfo import ZoneInfo

import sqlalchemy as sa
from sqlalchemy.orm import Session

from releases.audience import LISTS_MAX
from releases.digests.candidates import Candidate, candidates, out_by
from releases.digests.lacking import Lacking, who_lacks
from releases.models import (
    DigestMember,
    Distribution,
    DistributionKind,
    DistributionList,
    DistributionState,
    ReleaseVersion,
)
from releases.publishing import Due, insert_distribution
from runtime.database import Database, database_now, is_postgresql, read_clock
from subscribers.digest_times import Clock, Wish, clock_of
from subscribers.frequencies import DIGESTS
from subscribers.models import (
    PLAN_ANEW,
    Frequency,
    MailingList,
    Subscriber,
    Subscription,
    SubscriptionState,
)

PEOPLE: Final = 2_000
"""People of a turn in one transaction."""
OPEN_FOR: Final = dt.timedelta(seconds=20)
"""So long a digest waits for further people; then it goes out."""
CHANGED: Final = dt.timedelta(days=60)
"""So long after a change of frequency something may come out that is owed by the old one."""
PUNCTUAL: Final = dt.timedelta(hours=1)
"""A turn that is later than this carries what has come out until now."""
# The class of the advisory lock, as others may be taken in the same database.
_PLANNING: Final = 0x6D65_6469


@dataclass(frozen=True, slots=True)
class _Person:
    """Somebody whose time has come, and what decides what they get."""

    id: int
    until: dt.datetime | None
    """What came out by then; None: nothing is due, only the next time is to be found."""
    is_weekly: bool
    next_at: dt.datetime | None


@dataclass(slots=True)
class _Open:
    """A digest that still takes people, and the places of its lists."""

    distribution_id: int
    places: dict[int, int] = field(default_factory=dict)


# Of the first only: for each one compared with a clock that moves on, PostgreSQL reads them all.
_IS_ANYBODY_DUE: Final = sa.select(
    sa.select(sa.func.min(Subscriber.next_digest_at))
    .where(Subscriber.next_digest_at.is_not(None))
    .scalar_subquery()
    <= database_now()
)


def is_anybody_due(session: Session) -> bool:
    """Whether somebody's digest is due; their own time is worked out here, too."""
    return bool(session.scalar(_IS_ANYBODY_DUE))


class Turn:
    """Plans the digests that are due, some people at a time.

    `office` is the zone of readers of whom no other is known. One turn plans at a time, however
    many are begun.
    """

    def __init__(self, database: Database, office: ZoneInfo) -> None:
        self._database = database
        self._office = office
        self._open: dict[tuple[int, ...], list[_Open]] = {}
        self.begun: list[int] = []
        """The digests (distributions) that it has begun."""

    def plan_some(self, now: dt.datetime | None = None) -> int:
        """Plan for some of the people who are due now; how many they were."""
        with self._database.transaction() as session:
            if not _is_alone(session):
                return 0
            moment = now or read_clock(session)
            people = self._due(session, moment)
            self._plan(session, [one for one in people if one.until is not None], moment)
            _keep_next(session, people)
        return len(people)

    def _due(self, session: Session, moment: dt.datetime) -> list[_Person]:
        rows = session.execute(_due_people(), {"moment": moment, "people": PEOPLE}).all()
        followed = _followed(session, [row.id for row in rows], moment - CHANGED)
        people = []
        for row in rows:
            theirs = followed.get(row.id, _Followed())
            clock = clock_of(
                Wish(row.timezone, row.digest_hour), theirs.wishes, row.language, self._office
            )
            people.append(_person(row.id, row.next_digest_at, clock, theirs.frequencies, moment))
        return people

    def _plan(self, session: Session, people: Sequence[_Person], moment: dt.datetime) -> None:
        if not people:
            return
        groups: dict[tuple[dt.datetime, bool], list[int]] = {}
        for one in people:
            assert one.until is not None
            groups.setdefault((one.until, one.is_weekly), []).append(one.id)
        found = candidates(session, moment)
        parts = [
            (out_by(found, until), is_weekly, ids) for (until, is_weekly), ids in groups.items()
        ]
        _lock(session, {one.version_id for out, *_ in parts for one in out})
        for out, is_weekly, ids in parts:
            if out:
                lacking = who_lacks(session, ids, out, is_weekly=is_weekly)
                self._gather(session, lacking, out, moment)

    def _gather(
        self,
        session: Session,
        lacking: Iterable[Lacking],
        out: Sequence[Candidate],
        moment: dt.datetime,
    ) -> None:
        """Put each person into the digest of what they lack."""
        lists = list(dict.fromkeys(list_id for one in out for list_id in one.lists))
        sets: dict[str, tuple[int, ...]] = {}
        masks: dict[tuple[str, str], tuple[int, int]] = {}
        members = []
        for one in lacking:
            key = one.versions, one.lists
            if key not in masks:
                if one.versions not in sets:
                    sets[one.versions] = _newest(out, _numbers(one.versions))
                wanted = _numbers(one.lists)
                ordered = [list_id for list_id in lists if list_id in wanted]
                masks[key] = self._place(session, sets[one.versions], ordered, moment)
            distribution_id, mask = masks[key]
            members.append(
                {
                    "distribution_id": distribution_id,
                    "subscriber_id": one.subscriber_id,
                    "mask": mask,
                }
            )
        if members:
            session.execute(sa.insert(DigestMember), members)

    def _place(
        self,
        session: Session,
        versions: tuple[int, ...],
        lists: Sequence[int],
        moment: dt.datetime,
    ) -> tuple[int, int]:
        """A digest of these versions that goes to these lists, too, and their mask in it."""
        lists = lists[:LISTS_MAX]
        for one in self._open.get(versions, []):
            new = [list_id for list_id in lists if list_id not in one.places]
            if len(one.places) + len(new) <= LISTS_MAX and _is_open(session, one, moment):
                _add_lists(session, one, new)
                return one.distribution_id, _mask(one, lists)
        one = _Open(_begin(session, versions, lists, moment))
        self.begun.append(one.distribution_id)
        one.places = {list_id: place for place, list_id in enumerate(lists)}
        self._open.setdefault(versions, []).append(one)
        return one.distribution_id, _mask(one, lists)


@functools.cache
def _due_people() -> sa.Select[*tuple[Any, ...]]:
    moment = sa.bindparam("moment", type_=Subscriber.next_digest_at.type)
    return (
        sa.select(
            Subscriber.id,
            Subscriber.timezone,
            Subscriber.digest_hour,
            Subscriber.language,
            Subscriber.next_digest_at,
        )
        .where(Subscriber.next_digest_at <= moment)
        .order_by(Subscriber.next_digest_at, Subscriber.id)
        .limit(sa.bindparam("people"))
        # Whose choices are being changed has a new time in a moment.
        .with_for_update(skip_locked=True)
    )


@dataclass(slots=True)
class _Followed:
    """What a person's subscriptions say of their digests."""

    frequencies: set[str] = field(default_factory=set)
    wishes: list[Wish] = field(default_factory=list)


def _followed(session: Session, people: Sequence[int], since: dt.datetime) -> dict[int, _Followed]:
    rows = session.execute(_following(), {"people": people, "since": since})
    found: dict[int, _Followed] = {}
    for row in rows:
        theirs = found.setdefault(row.subscriber_id, _Followed())
        theirs.frequencies.add(row.frequency)
        if row.is_left:
            # Something may still be owed to them; it does not wait for a Monday.
            theirs.frequencies.add(Frequency.DAILY)
        theirs.wishes.append(Wish(row.timezone, row.digest_hour))
    return found


@functools.cache
def _following() -> sa.Select[*tuple[Any, ...]]:
    since = sa.bindparam("since", type_=Subscription.began_at.type)
    is_left = sa.and_(
        Subscription.frequency_before.in_(DIGESTS), Subscription.frequency_changed_at > since
    )
    return (
        sa.select(
            Subscription.subscriber_id,
            Subscription.frequency,
            is_left.label("is_left"),
            MailingList.timezone,
            MailingList.digest_hour,
        )
        .join(MailingList, MailingList.id == Subscription.list_id)
        .where(
            Subscription.subscriber_id.in_(sa.bindparam("people", expanding=True)),
            Subscription.state == SubscriptionState.ACTIVE,
            sa.or_(Subscription.frequency.in_(DIGESTS), is_left),
        )
        .order_by(Subscription.subscriber_id, Subscription.list_id)
    )


def _person(
    subscriber_id: int,
    due_at: dt.datetime,
    clock: Clock,
    frequencies: Collection[str],
    moment: dt.datetime,
) -> _Person:
    next_at = clock.next_after(moment, frequencies)
    if due_at == PLAN_ANEW:
        return _Person(subscriber_id, None, is_weekly=False, next_at=next_at)
    until = due_at if moment - due_at <= PUNCTUAL else moment
    # Of several missed turns one may have been a weekly one.
    is_weekly = clock.is_any_weekly(due_at, moment)
    return _Person(subscriber_id, until, is_weekly, next_at)


def _keep_next(session: Session, people: Iterable[_Person]) -> None:
    times: dict[dt.datetime | None, list[int]] = {}
    for one in people:
        times.setdefault(one.next_at, []).append(one.id)
    for next_at, ids in times.items():
        session.execute(
            sa.update(Subscriber)
            .where(Subscriber.id.in_(ids))
            .values(next_digest_at=next_at)
            .execution_options(synchronize_session=False)
        )


def _newest(out: Sequence[Candidate], versions: Collection[int]) -> tuple[int, ...]:
    """Of each release the newest of these versions, by importance."""
    theirs = [one for one in out if one.version_id in versions]
    newest: dict[int, int] = {}
    for one in theirs:
        newest[one.release_id] = max(newest.get(one.release_id, 0), one.number)
    chosen = (one.version_id for one in theirs if one.number == newest[one.release_id])
    return tuple(dict.fromkeys(chosen))


def _begin(
    session: Session, versions: Sequence[int], lists: Sequence[int], moment: dt.datetime
) -> int:
    digest = Distribution(kind=DistributionKind.DIGEST, salt=secrets.token_bytes(16))
    due = Due(moment + OPEN_FOR, is_scheduled=True, has_undo=False)
    return insert_distribution(session, digest, due, versions, lists)


def _is_open(session: Session, one: _Open, moment: dt.datetime) -> bool:
    """Whether it still waits; its row is locked, so that it does until the commit."""
    found = session.scalar(
        sa.select(Distribution.id)
        .where(
            Distribution.id == one.distribution_id,
            Distribution.state == DistributionState.SCHEDULED,
            Distribution.due_at > moment,
        )
        .with_for_update()
    )
    return found is not None


def _add_lists(session: Session, one: _Open, lists: Iterable[int]) -> None:
    for list_id in lists:
        place = one.places[list_id] = len(one.places)
        session.add(
            DistributionList(distribution_id=one.distribution_id, list_id=list_id, position=place)
        )
    session.flush()


def _mask(one: _Open, lists: Iterable[int]) -> int:
    return sum(1 << one.places[list_id] for list_id in lists)


def _numbers(text: str) -> frozenset[int]:
    return frozenset(map(int, text.split(",")))


def _lock(session: Session, versions: Collection[int]) -> None:
    """As expansion locks them, in the order of their ids: what is decided by them takes turns."""
    session.execute(
        sa.select(ReleaseVersion.id)
        .where(ReleaseVersion.id.in_(versions))
        .order_by(ReleaseVersion.id)
        .with_for_update()
    )


def _is_alone(session: Session) -> bool:
    """Whether nobody else plans now. In SQLite a writing transaction is alone anyway."""
    if not is_postgresql(session):
        return True
    return bool(session.scalar(sa.select(sa.func.pg_try_advisory_xact_lock(_PLANNING, 0))))

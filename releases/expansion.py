"""Expansion: a distribution's audience becomes deliveries, in ranges of subscriber ids.

Each range is one transaction, whose batches can be delivered at once. A person is whole in one
range, whatever lists they are on. What decides who is left out is read under the lock of the
release's versions: two expansions at once would each miss the other's rows.
"""

import itertools
from collections.abc import Callable, Collection, Sequence
from dataclasses import dataclass
from typing import Final, TypeAlias

import sqlalchemy as sa
from sqlalchemy.orm import Session

from releases.audience import Combination, Statements, digest_statements, statements
from releases.batches import count_parts, is_overtaken
from releases.models import (
    Batch,
    BatchState,
    Distribution,
    DistributionKind,
    DistributionList,
    DistributionRelease,
    DistributionState,
    ReleaseVersion,
)
from releases.resent import resent_by
from runtime.database import Database, database_now, is_postgresql, read_clock
from subscribers.merged import is_any_merged

FIRST_RANGE_SIZE: Final = 200
"""People in a range: few at first, so that the first mail leaves soon, then more and more."""
RANGE_GROWTH: Final = 5
RANGE_SIZE: Final = 8000
BATCH_SIZE: Final = 1000
"""People in a batch."""
LAST_BATCHES: Final = 16
LAST_BATCH_SIZE: Final = 125
"""The last range is cut into so many batches, not smaller than this: workers end together."""
ATTEMPTS: Final = 5
# The class of the advisory locks, as others may be taken in the same database.
_EXPANDING: Final = 0x6D65_6465


@dataclass(frozen=True, slots=True)
class Copy:
    """The rendering and list set that belong to a combination."""

    rendering_id: int
    list_set_id: int


Copies: TypeAlias = dict[Combination, Copy]


@dataclass(frozen=True, slots=True)
class RangeExpanded:
    """A range has its rows, and so many batches with something to deliver."""

    open_batches: int
    is_last: bool


@dataclass(frozen=True, slots=True)
class CopiesMissing:
    """The next range needs copies that are not rendered yet."""

    combinations: frozenset[Combination]


@dataclass(frozen=True, slots=True)
class NothingToExpand:
    """It is not running, or everyone has their row already."""


@dataclass(frozen=True, slots=True)
class MustWait:
    """A cancelled distribution of the same version has open deliveries, which decide who is left;
    or a more urgent one has batches to deliver.
    """


Step: TypeAlias = RangeExpanded | CopiesMissing | NothingToExpand | MustWait


def expand(
    database: Database,
    distribution_id: int,
    *,
    make_copies: Callable[[Collection[Combination]], Copies],
    on_batches: Callable[[int], None],
    may_go_on: Callable[[], bool],
) -> bool:
    """Expand range by range while `may_go_on`; whether something is left to expand at once.

    `on_batches` is called after the commit of each range that has something to deliver.
    """
    copies: Copies = {}
    size = FIRST_RANGE_SIZE
    while True:
        match _next_step(database, distribution_id, copies, size):
            case CopiesMissing(combinations):
                copies |= make_copies(combinations)
                continue
            case RangeExpanded(open_batches, is_last):
                if open_batches:
                    on_batches(open_batches)
                if is_last:
                    return False
                size = min(RANGE_GROWTH * size, RANGE_SIZE)
            case NothingToExpand() | MustWait():
                return False  # the sweep rings for what must wait
        if not may_go_on():
            return True


def _next_step(database: Database, distribution_id: int, copies: Copies, size: int) -> Step:
    """One range, in a transaction of its own; once more where a copy was missing.

    With copies at hand they are taken to be all that are needed, as nearly always they are: to
    look first would be a third of the work.
    """
    for attempt in itertools.count(1):
        looks_first = attempt > 1 or not copies
        try:
            with database.transaction() as session:
                return expand_range(session, distribution_id, copies, size, looks_first=looks_first)
        except sa.exc.IntegrityError:
            # Or they follow other lists or read another language than when we looked.
            if attempt == ATTEMPTS:
                raise
    raise AssertionError("counting ends never")


def expand_range(
    session: Session, distribution_id: int, copies: Copies, size: int, *, looks_first: bool = True
) -> Step:
    """One range of `size` people: deliveries and batches, in the caller's transaction.

    Who needs a copy that is not there raises IntegrityError unless it `looks_first`.
    """
    if not _is_alone(session, distribution_id):
        return NothingToExpand()
    versions = _lock_versions(session, distribution_id)
    distribution = session.get(Distribution, distribution_id, with_for_update=True)
    if (
        distribution is None
        or distribution.state != DistributionState.RUNNING
        or distribution.is_expanded
    ):
        return NothingToExpand()
    if session.scalar(_OVERTAKEN, {"distribution_id": distribution_id}) is not None:
        return MustWait()
    if is_postgresql(session):
        session.execute(_PLAN_ANEW)
    found = _statements(session, distribution, versions)
    if found is None:
        return MustWait()
    after = distribution.expanded_to
    bounds = {"cutoff": distribution.due_at, "after": after, "distribution_id": distribution_id}
    first, last, count = session.execute(found.next_ones, {**bounds, "size": size}).one()
    if count == 0:
        _finish(session, distribution)
        return RangeExpanded(open_batches=0, is_last=True)
    # What lies before the first is other lists' people, who may be a million.
    bounds |= {"after": first - 1, "last": last}
    needed = frozenset(copies)
    if looks_first:
        needed = frozenset(Combination(*row) for row in session.execute(found.combinations, bounds))
        if not needed <= copies.keys():
            return CopiesMissing(needed - copies.keys())
    is_last = count < size
    open_batches = 0
    if needed:
        rows = [_row(combination, copies[combination]) for combination in needed]
        session.execute(
            found.insert,
            {**bounds, "copies": rows, "now": read_clock(session)},
        )
        batch_size = _last_batch_size(count) if is_last else BATCH_SIZE
        open_batches = _add_batches(session, distribution, after + 1, last, batch_size)
    distribution.expanded_to = last
    if is_last:
        _finish(session, distribution)
    return RangeExpanded(open_batches, is_last)


def _is_alone(session: Session, distribution_id: int) -> bool:
    """Whether nobody else expands it now: who finds it so ends, and does not queue for its locks.

    In SQLite a writing transaction is alone from its beginning.
    """
    if not is_postgresql(session):
        return True
    alone: bool | None = session.scalar(
        sa.select(sa.func.pg_try_advisory_xact_lock(_EXPANDING, distribution_id % 2**31))
    )
    return bool(alone)


def _lock_versions(session: Session, distribution_id: int) -> list[int]:
    """The versions it carries, locked in the order of their ids, in a statement of its own."""
    versions = session.scalars(
        sa.select(DistributionRelease.version_id)
        .where(DistributionRelease.distribution_id == distribution_id)
        .order_by(DistributionRelease.version_id)
    ).all()
    session.execute(
        sa.select(ReleaseVersion.id)
        .where(ReleaseVersion.id.in_(versions))
        .order_by(ReleaseVersion.id)
        .with_for_update()
    )
    return list(versions)


def _statements(
    session: Session, distribution: Distribution, versions: Sequence[int]
) -> Statements | None:
    """How its audience is found; None while that is undecided."""
    if distribution.kind == DistributionKind.DIGEST:
        return digest_statements(is_postgresql=is_postgresql(session))
    others = _Others()
    if not distribution.is_again:
        others = _others(session, distribution, versions)
    if others.is_one_undecided:
        return None
    resent = resent_by(session, distribution.resends_id)
    merged_in: tuple[int, ...] = ()
    if resent is None and is_any_merged(session):
        merged_in = (distribution.id, *others.ids)
    # Of who got it anew before, a digest says nothing.
    has_digests = others.has_digests and (resent is None or resent.since is None)
    return statements(
        _lists(session, distribution.id),
        others.ids,
        is_postgresql=is_postgresql(session),
        resent=resent,
        merged_in=merged_in,
        digested=tuple(versions) if has_digests else (),
    )


@dataclass(frozen=True, slots=True)
class _Others:
    """Other distributions of the same versions."""

    ids: tuple[int, ...] = ()
    """Without the digests, which may be thousands."""
    has_digests: bool = False
    is_one_undecided: bool = False
    """A cancelled one has open deliveries."""


def _others(session: Session, distribution: Distribution, versions: Collection[int]) -> _Others:
    """Other distributions of the same versions.

    Whoever had it in a rehearsal has not had it, and the other way about.
    """
    theirs = (
        sa.select(Distribution.id)
        .join(DistributionRelease, DistributionRelease.distribution_id == Distribution.id)
        .where(
            DistributionRelease.version_id.in_(versions),
            Distribution.id != distribution.id,
            Distribution.is_rehearsal.is_(distribution.is_rehearsal),
        )
    )
    is_digest = Distribution.kind == DistributionKind.DIGEST
    is_undecided = sa.and_(
        Distribution.state == DistributionState.CANCELLED, Distribution.finished_at.is_(None)
    )
    others = theirs.where(~is_digest).distinct().order_by(Distribution.id)
    return _Others(
        ids=tuple(session.scalars(others)),
        has_digests=session.scalar(theirs.where(is_digest).limit(1)) is not None,
        is_one_undecided=session.scalar(theirs.where(is_undecided).limit(1)) is not None,
    )


def _lists(session: Session, distribution_id: int) -> tuple[int, ...]:
    return tuple(
        session.scalars(
            sa.select(DistributionList.list_id)
            .where(DistributionList.distribution_id == distribution_id)
            .order_by(DistributionList.position)
        )
    )


def _row(combination: Combination, copy: Copy) -> dict[str, int | str]:
    return {
        "mask": combination.mask,
        "language": combination.language,
        "format": combination.format,
        "is_for_desk": combination.is_for_desk,
        "rendering_id": copy.rendering_id,
        "list_set_id": copy.list_set_id,
    }


def _last_batch_size(people: int) -> int:
    return min(BATCH_SIZE, max(LAST_BATCH_SIZE, -(-people // LAST_BATCHES)))


def _add_batches(
    session: Session, distribution: Distribution, first: int, last: int, size: int
) -> int:
    """Cut a range into batches of so many people; how many of them have something to deliver."""
    open_batches = 0
    parts = count_parts(session, distribution.id, first, last, size)
    for number, (last_of_part, counts) in enumerate(parts, 1):
        is_open = counts.queued > 0
        open_batches += is_open
        # What lies between two parts belongs to one of them, though nobody has an id there.
        end = last if number == len(parts) else last_of_part
        session.add(
            Batch(
                distribution_id=distribution.id,
                first_id=first,
                last_id=end,
                state=BatchState.OPEN if is_open else BatchState.DONE,
                lane=distribution.lane,
                due_at=database_now(),
                **counts.columns(),
            )
        )
        first = end + 1
    session.flush()
    return open_batches


def _finish(session: Session, distribution: Distribution) -> None:
    distribution.is_expanded = True
    distribution.eligible = session.scalar(
        sa.select(sa.func.coalesce(sa.func.sum(Batch.size), 0)).where(
            Batch.distribution_id == distribution.id
        )
    )


# A range's people may have neighbouring ids, or be scattered over millions: a plan that was
# made for any range reads all who lie between.
_PLAN_ANEW: Final = sa.text("SET LOCAL plan_cache_mode = force_custom_plan")
_OVERTAKEN: Final = sa.select(Distribution.id).where(
    Distribution.id == sa.bindparam("distribution_id"), is_overtaken()
)

"""Retention: deliveries are kept for a time and then dropped; what they add up to stays.

A distribution keeps its row, its batches and so its counts for ever; its deliveries (who got
it, and the replies) and its renderings go once it has been finished for long enough. PostgreSQL
drops them by the partition, when every distribution in it may go; SQLite a portion at a time.

A distribution is marked first, under the locks of its versions: from then on `publish` refuses
to send a version whose readers are forgotten (releases.publishing). What is marked is removed
after; a crash between leaves it to the next call.
"""

import datetime as dt
from collections.abc import Callable
from typing import Final

import sqlalchemy as sa
from sqlalchemy.orm import Session, aliased

from releases.models import (
    Delivery,
    DigestMember,
    Distribution,
    DistributionRelease,
    DistributionState,
    ReleaseVersion,
    Rendering,
)
from releases.partitions import DISTRIBUTIONS_PER_PARTITION, drop_partition, droppable_partitions
from runtime.database import Database, is_postgresql, read_clock

SETTLED: Final = dt.timedelta(days=1)
"""A partition takes no new distribution once the first one after it is this old."""
PORTION_ROWS: Final = 5_000
"""SQLite has one writer at a time: it deletes so many rows in a transaction."""


def drop_old(
    database: Database, keep: dt.timedelta, may_go_on: Callable[[], bool] = lambda: True
) -> list[int]:
    """Drop what has been finished for longer than `keep`, piece by piece while `may_go_on`.

    Marks all of it, and then drops a partition, or deletes portions. Returns the distributions
    marked. Any number of callers at once take turns or do nothing.
    """
    marked: list[int] = []
    with database.reading() as session:
        groups = _old_groups(session, keep)
    for group in groups:
        if not may_go_on():
            return marked
        with database.transaction() as session:
            marked += _mark(session, group, keep)
    if database.is_postgresql:
        # One at a time: a disk that frees gigabytes keeps everyone waiting who writes meanwhile.
        for name in droppable_partitions(database)[:1]:
            drop_partition(database, name)
    else:
        while may_go_on() and _delete_portion(database, Delivery):
            pass
    while may_go_on() and _delete_portion(database, DigestMember):
        pass
    return marked


def _group_size(session: Session) -> int:
    return DISTRIBUTIONS_PER_PARTITION if is_postgresql(session) else 1


def _old_groups(session: Session, keep: dt.timedelta) -> list[int]:
    """The first ids of the groups that can go together and seem ripe, the oldest first."""
    size = _group_size(session)
    first = (Distribution.id - Distribution.id % size).label("first")
    is_young = sa.or_(
        Distribution.finished_at.is_(None), Distribution.finished_at >= read_clock(session) - keep
    )
    is_unmarked = Distribution.deliveries_dropped_at.is_(None)
    return list(
        session.scalars(
            sa.select(first)
            .group_by(first)
            .having(
                sa.func.sum(sa.case((is_young, 1), else_=0)) == 0,
                sa.func.sum(sa.case((is_unmarked, 1), else_=0)) > 0,
            )
            .order_by(first)
        )
    )


def _mark(session: Session, first: int, keep: dt.timedelta) -> list[int]:
    """Mark the distributions of a group, and drop their renderings; none while one is needed."""
    size = _group_size(session)
    _lock_versions(session, first, size)
    of_group = Distribution.id.between(first, first + size - 1)
    group = session.scalars(sa.select(Distribution).where(of_group).with_for_update()).all()
    moment = read_clock(session)
    if not (
        all(one.finished_at is not None and one.finished_at < moment - keep for one in group)
        and all(one.state in _FINISHED for one in group)
        and (size == 1 or _is_past(session, first + size, moment))
        and not _is_needed(session, first, size)
    ):
        return []
    fresh = [one for one in group if one.deliveries_dropped_at is None]
    for one in fresh:
        one.deliveries_dropped_at = moment
    session.flush()
    session.execute(
        sa.delete(Rendering)
        .where(Rendering.distribution_id.in_([one.id for one in fresh]))
        .execution_options(synchronize_session=False)
    )
    return [one.id for one in fresh]


_FINISHED: Final = (DistributionState.COMPLETE, DistributionState.CANCELLED)


def _lock_versions(session: Session, first: int, size: int) -> None:
    """As expansion and publishing lock them, in the order of their ids: they take turns."""
    versions = sa.select(DistributionRelease.version_id).where(
        DistributionRelease.distribution_id.between(first, first + size - 1)
    )
    session.execute(
        sa.select(ReleaseVersion.id)
        .where(ReleaseVersion.id.in_(versions))
        .order_by(ReleaseVersion.id)
        .with_for_update()
    )


def _is_past(session: Session, following: int, moment: dt.datetime) -> bool:
    """Whether no distribution can come into the group any more: ids rise."""
    found = session.scalar(
        sa.select(Distribution.id)
        .where(Distribution.id >= following, Distribution.created_at < moment - SETTLED)
        .limit(1)
    )
    return found is not None


def _is_needed(session: Session, first: int, size: int) -> bool:
    """Whether a distribution that is not finished carries a version of the group.

    It leaves out who has the version already, and these deliveries say who that is.
    """
    theirs = aliased(DistributionRelease)
    found = session.scalar(
        sa.select(Distribution.id)
        .join(DistributionRelease, DistributionRelease.distribution_id == Distribution.id)
        .join(theirs, theirs.version_id == DistributionRelease.version_id)
        .where(
            Distribution.finished_at.is_(None),
            theirs.distribution_id.between(first, first + size - 1),
        )
        .limit(1)
    )
    return found is not None


def _delete_portion(database: Database, table: type[Delivery | DigestMember]) -> bool:
    """Delete some rows of a marked distribution; whether there were any."""
    with database.transaction() as session:
        has_some = sa.exists().where(table.distribution_id == Distribution.id)
        distribution_id = session.scalar(
            sa.select(Distribution.id)
            .where(Distribution.deliveries_dropped_at.is_not(None), has_some)
            .limit(1)
        )
        if distribution_id is None:
            return False
        portion = (
            sa.select(table.subscriber_id)
            .where(table.distribution_id == distribution_id)
            .order_by(table.subscriber_id)
            .limit(PORTION_ROWS)
            .subquery()
        )
        last = sa.select(sa.func.max(portion.c.subscriber_id)).scalar_subquery()
        session.execute(
            sa.delete(table)
            .where(table.distribution_id == distribution_id, table.subscriber_id <= last)
            .execution_options(synchronize_session=False)
        )
    return True

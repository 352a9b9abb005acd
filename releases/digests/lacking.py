"""Who of some people lacks which of the versions that digests may carry.

A person gets a version by a digest if digests serve their subscription to one of its lists, and
they have neither it nor a newer one, in whatever way.
"""

import datetime as dt
import functools
from collections.abc import Collection, Sequence
from dataclasses import dataclass
from typing import Any, Final

import sqlalchemy as sa
from sqlalchemy.orm import Session, aliased

from releases.digests.candidates import Candidate
from releases.models import (
    Delivery,
    DeliveryState,
    DigestMember,
    Distribution,
    DistributionKind,
    DistributionList,
    DistributionRelease,
    DistributionState,
    ReleaseVersion,
)
from releases.resent import ARRIVED
from runtime.database import is_postgresql
from runtime.json_rows import json_rows
from subscribers.frequencies import DIGESTS, had_frequency
from subscribers.merged import is_any_merged
from subscribers.models import Frequency, Subscription, SubscriptionState
from subscribers.record_models import MergedSubscriber

_MAY_YET_EXPAND: Final = (
    DistributionState.RUNNING,
    DistributionState.PAUSED,
    DistributionState.HELD,
)


@dataclass(frozen=True, slots=True)
class Lacking:
    """A person, the versions they lack, and the lists that these come through, as ids in text."""

    subscriber_id: int
    versions: str
    lists: str


def who_lacks(
    session: Session,
    people: Sequence[int],
    found: Collection[Candidate],
    *,
    is_weekly: bool,
) -> list[Lacking]:
    """Which of the versions each of these people is to get by a digest now, and lacks.

    `is_weekly`: whether weekly digests are due for them as well. The versions' rows are locked
    by the caller: nobody else is given one meanwhile.
    """
    others = _others(session, {one.version_id for one in found})
    statement = _statement(
        is_postgresql=is_postgresql(session),
        is_any_pending=any(other["is_pending"] for other in others),
        is_any_merged=is_any_merged(session),
    )
    rows = session.execute(
        statement,
        {
            "people": people,
            "due": DIGESTS if is_weekly else DIGESTS[:1],
            "candidates": [
                {
                    "list_id": list_id,
                    "version_id": one.version_id,
                    "release_id": one.release_id,
                    "number": one.number,
                    "due_at": _written(session, one.due_at),
                }
                for one in found
                for list_id in one.lists
            ],
            "others": others,
            "releases": [*{one.release_id for one in found}],
            "first_digest": _first_digest(session, found),
        },
    )
    return [Lacking(*row) for row in rows]


def _others(session: Session, versions: Collection[int]) -> list[dict[str, Any]]:
    """The distributions, but digests, that bring each of the versions or a newer one."""
    rows = session.execute(_others_statement(), {"versions": list(versions)})
    return [
        {"version_id": version_id, "distribution_id": other, "is_pending": bool(pending)}
        for version_id, other, pending in rows
    ]


def _first_digest(session: Session, found: Collection[Candidate]) -> int:
    """The first digest that carried any version of these releases."""
    first: int | None = session.scalar(
        sa.select(sa.func.min(Distribution.id))
        .join(DistributionRelease, DistributionRelease.distribution_id == Distribution.id)
        .join(ReleaseVersion, ReleaseVersion.id == DistributionRelease.version_id)
        .where(
            Distribution.kind == DistributionKind.DIGEST,
            ReleaseVersion.release_id.in_({one.release_id for one in found}),
        )
    )
    return first or 0


@functools.cache
def _others_statement() -> sa.Select[*tuple[Any, ...]]:
    ours = aliased(ReleaseVersion)
    is_pending = sa.and_(
        Distribution.is_expanded.is_(False), Distribution.state.in_(_MAY_YET_EXPAND)
    )
    return (
        sa.select(ours.id, Distribution.id, is_pending)
        .join(
            ReleaseVersion,
            sa.and_(
                ReleaseVersion.release_id == ours.release_id,
                ReleaseVersion.number >= ours.number,
            ),
        )
        .join(DistributionRelease, DistributionRelease.version_id == ReleaseVersion.id)
        .join(Distribution, Distribution.id == DistributionRelease.distribution_id)
        .where(
            ours.id.in_(sa.bindparam("versions", expanding=True)),
            Distribution.kind != DistributionKind.DIGEST,
            Distribution.is_rehearsal.is_(False),
        )
    )


def _written(session: Session, moment: dt.datetime) -> str:
    """A moment as the database compares it: PostgreSQL reads ISO; SQLite has text of its own."""
    if is_postgresql(session):
        return moment.isoformat()
    return moment.astimezone(dt.UTC).strftime("%Y-%m-%d %H:%M:%S.%f")


@functools.cache
def _statement(
    *, is_postgresql: bool, is_any_pending: bool, is_any_merged: bool
) -> sa.Select[*tuple[Any, ...]]:
    moment = Subscription.began_at.type
    brought = json_rows(
        "candidates",
        {
            "list_id": sa.BigInteger(),
            "version_id": sa.BigInteger(),
            "release_id": sa.BigInteger(),
            "number": sa.Integer(),
            "due_at": moment,
        },
        is_postgresql=is_postgresql,
    )
    others = json_rows(
        "others",
        {
            "version_id": sa.BigInteger(),
            "distribution_id": sa.BigInteger(),
            "is_pending": sa.Boolean(),
        },
        is_postgresql=is_postgresql,
    )
    had = _had_by_digests(is_any_merged=is_any_merged)
    is_served_now = sa.or_(
        Subscription.frequency.in_(sa.bindparam("due", expanding=True)),
        # What came out before a change of frequency is brought by the next turn, whichever.
        sa.and_(
            Subscription.frequency_before.in_(DIGESTS),
            Subscription.frequency_changed_at > brought.c.due_at,
        ),
    )
    # Nearly all that came out in two weeks was in an earlier digest: that goes first, by hash,
    # so that deliveries are looked for of what is left alone.
    pair = (
        sa.select(Subscription.subscriber_id, brought.c.version_id, brought.c.list_id)
        .join(brought, brought.c.list_id == Subscription.list_id)
        .outerjoin(
            had,
            sa.and_(
                had.c.subscriber_id == Subscription.subscriber_id,
                had.c.release_id == brought.c.release_id,
            ),
        )
        .where(
            Subscription.subscriber_id.in_(sa.bindparam("people", expanding=True)),
            Subscription.state == SubscriptionState.ACTIVE,
            Subscription.began_at <= brought.c.due_at,
            is_served_now,
            sa.func.coalesce(had.c.number, 0) < brought.c.number,
        )
        .cte("pair")
        .prefix_with("MATERIALIZED", dialect="postgresql")
    )
    conditions = [~_has_delivery(others, pair)]
    if is_any_merged:
        conditions.append(~_had_delivery_before_merging(others, pair))
    if is_any_pending:
        conditions.append(~_is_next(others, pair))
    return (
        sa.select(
            pair.c.subscriber_id,
            _ids(pair.c.version_id, is_postgresql),
            _ids(pair.c.list_id, is_postgresql),
        )
        .where(*conditions)
        .group_by(pair.c.subscriber_id)
        .order_by(pair.c.subscriber_id)
    )


def _had_by_digests(*, is_any_merged: bool) -> sa.CTE:
    """The newest version of each release that a digest carried to somebody, or is about to."""
    # Members are kept for long: older digests than any that can matter are not looked at.
    is_late = DigestMember.distribution_id >= sa.bindparam("first_digest")
    carried = sa.and_(
        DistributionRelease.distribution_id == DigestMember.distribution_id,
        ReleaseVersion.id == DistributionRelease.version_id,
        ReleaseVersion.release_id.in_(sa.bindparam("releases", expanding=True)),
    )
    people: sa.BindParameter[Any] = sa.bindparam("people", expanding=True)
    had: sa.Select[*tuple[Any, ...]] | sa.CompoundSelect[*tuple[Any, ...]] = sa.select(
        DigestMember.subscriber_id, ReleaseVersion.release_id, ReleaseVersion.number
    ).where(DigestMember.subscriber_id.in_(people), is_late, carried)
    if is_any_merged:
        # As somebody who was merged into them, if it was sent.
        before = sa.select(
            MergedSubscriber.into_id, ReleaseVersion.release_id, ReleaseVersion.number
        ).where(
            MergedSubscriber.into_id.in_(people),
            DigestMember.subscriber_id == MergedSubscriber.subscriber_id,
            is_late,
            carried,
            Delivery.distribution_id == DigestMember.distribution_id,
            Delivery.subscriber_id == DigestMember.subscriber_id,
            Delivery.state.in_(ARRIVED),
        )
        had = sa.union_all(had, before)
    each = had.subquery()
    return (
        sa.select(
            each.c.subscriber_id,
            each.c.release_id,
            sa.func.max(each.c.number).label("number"),
        )
        .group_by(each.c.subscriber_id, each.c.release_id)
        .cte("had")
        .prefix_with("MATERIALIZED", dialect="postgresql")
    )


def _has_delivery(others: Any, pair: Any) -> sa.Exists:
    """Whether a distribution has brought it to them, or has tried or refused to."""
    return (
        sa.exists()
        .where(
            others.c.version_id == pair.c.version_id,
            Delivery.distribution_id == others.c.distribution_id,
            Delivery.subscriber_id == pair.c.subscriber_id,
            Delivery.state != DeliveryState.CANCELLED,
        )
        .correlate(pair)
    )


def _had_delivery_before_merging(others: Any, pair: Any) -> sa.Exists:
    """The same of somebody who was merged into them. What was queued then is not sent."""
    return (
        sa.exists()
        .where(
            MergedSubscriber.into_id == pair.c.subscriber_id,
            others.c.version_id == pair.c.version_id,
            Delivery.distribution_id == others.c.distribution_id,
            Delivery.subscriber_id == MergedSubscriber.subscriber_id,
            Delivery.state.in_(ARRIVED),
        )
        .correlate(pair)
    )


def _is_next(others: Any, pair: Any) -> sa.Exists:
    """Whether they are about to get it at once, through whatever list."""
    theirs = aliased(Subscription)
    return (
        sa.exists()
        .where(
            others.c.version_id == pair.c.version_id,
            others.c.is_pending,
            Distribution.id == others.c.distribution_id,
            DistributionList.distribution_id == Distribution.id,
            theirs.list_id == DistributionList.list_id,
            theirs.subscriber_id == pair.c.subscriber_id,
            theirs.began_at <= Distribution.due_at,
            sa.or_(theirs.ended_at.is_(None), theirs.ended_at > Distribution.due_at),
            had_frequency(theirs, Distribution.due_at, Frequency.AT_ONCE),
        )
        .correlate(pair)
    )


def _ids(column: Any, is_postgresql: bool) -> Any:
    """The different values of a group, as text with commas."""
    if is_postgresql:
        return sa.func.string_agg(sa.distinct(sa.cast(column, sa.Text)), ",")
    return sa.func.group_concat(sa.distinct(column))

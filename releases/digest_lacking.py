"""Who of some people lacks which of the versions that digests may carry.

A person gets a version by a digest if digests serve their subscription to one of its lists, and
they have neither it nor a newer one, in whatever way.
"""

import datetime as dt
import functools
from collections.abc import Collection, Sequence
from dataclasses import dataclass
from typing import Any, Final, cast

import sqlalchemy as sa
from sqlalchemy.orm import Session, aliased

from releases.digest_candidates import Candidate
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
from runtime.database import is_postgresql
from runtime.json_rows import json_rows
from subscribers.frequencies import DIGESTS, frequency_at
from subscribers.merged import is_any_merged
from subscribers.models import Frequency, Subscription, SubscriptionState
from subscribers.record_models import MergedSubscriber

_MAY_YET_EXPAND: Final = (
    DistributionState.RUNNING,
    DistributionState.PAUSED,
    DistributionState.HELD,
)
_ARRIVED: Final = (DeliveryState.ACCEPTED, DeliveryState.UNCERTAIN)


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
    who: sa.ColumnElement[int] = cast("sa.ColumnElement[int]", Subscription.subscriber_id)
    is_served_now = sa.or_(
        Subscription.frequency.in_(sa.bindparam("due", expanding=True)),
        # What came out before a change of frequency is brought by the next turn, whichever.
        sa.and_(
            Subscription.frequency_before.in_(DIGESTS),
            Subscription.frequency_changed_at > brought.c.due_at,
        ),
    )
    conditions = [
        Subscription.subscriber_id.in_(sa.bindparam("people", expanding=True)),
        Subscription.state == SubscriptionState.ACTIVE,
        Subscription.began_at <= brought.c.due_at,
        is_served_now,
        ~_has_delivery(others, brought, who),
        ~_has_digest(brought, who),
    ]
    if is_any_merged:
        conditions += [
            ~_had_delivery_before_merging(others, brought, who),
            ~_had_digest_before_merging(brought, who),
        ]
    if is_any_pending:
        conditions.append(~_is_next(others, brought, who))
    return (
        sa.select(
            Subscription.subscriber_id,
            _ids(brought.c.version_id, is_postgresql),
            _ids(brought.c.list_id, is_postgresql),
        )
        .join(brought, brought.c.list_id == Subscription.list_id)
        .where(*conditions)
        .group_by(Subscription.subscriber_id)
        .order_by(Subscription.subscriber_id)
    )


def _has_delivery(others: Any, brought: Any, who: Any) -> sa.Exists:
    """Whether a distribution has brought it to them, or has tried or refused to."""
    return (
        sa.exists()
        .where(
            others.c.version_id == brought.c.version_id,
            Delivery.distribution_id == others.c.distribution_id,
            Delivery.subscriber_id == who,
            Delivery.state != DeliveryState.CANCELLED,
        )
        .correlate_except(others, Delivery)
    )


def _had_delivery_before_merging(others: Any, brought: Any, who: Any) -> sa.Exists:
    """The same of somebody who was merged into them. What was queued then is not sent."""
    return (
        sa.exists()
        .where(
            MergedSubscriber.into_id == who,
            others.c.version_id == brought.c.version_id,
            Delivery.distribution_id == others.c.distribution_id,
            Delivery.subscriber_id == MergedSubscriber.subscriber_id,
            Delivery.state.in_(_ARRIVED),
        )
        .correlate_except(MergedSubscriber, others, Delivery)
    )


def _has_digest(brought: Any, who: Any) -> sa.Exists:
    """Whether a digest carried it, or a newer version, to them, or is about to."""
    return (
        sa.exists()
        .where(DigestMember.subscriber_id == who, *_carried(brought))
        .correlate_except(DigestMember, DistributionRelease, ReleaseVersion)
    )


def _had_digest_before_merging(brought: Any, who: Any) -> sa.Exists:
    """The same of somebody who was merged into them, if it was sent."""
    return (
        sa.exists()
        .where(
            MergedSubscriber.into_id == who,
            DigestMember.subscriber_id == MergedSubscriber.subscriber_id,
            *_carried(brought),
            Delivery.distribution_id == DigestMember.distribution_id,
            Delivery.subscriber_id == DigestMember.subscriber_id,
            Delivery.state.in_(_ARRIVED),
        )
        .correlate_except(
            MergedSubscriber, DigestMember, DistributionRelease, ReleaseVersion, Delivery
        )
    )


def _carried(brought: Any) -> tuple[sa.ColumnElement[bool], ...]:
    return (
        DistributionRelease.distribution_id == DigestMember.distribution_id,
        ReleaseVersion.id == DistributionRelease.version_id,
        ReleaseVersion.release_id == brought.c.release_id,
        ReleaseVersion.number >= brought.c.number,
    )


def _is_next(others: Any, brought: Any, who: Any) -> sa.Exists:
    """Whether they are about to get it at once, through whatever list."""
    theirs = aliased(Subscription)
    return (
        sa.exists()
        .where(
            others.c.version_id == brought.c.version_id,
            others.c.is_pending,
            Distribution.id == others.c.distribution_id,
            DistributionList.distribution_id == Distribution.id,
            theirs.list_id == DistributionList.list_id,
            theirs.subscriber_id == who,
            theirs.began_at <= Distribution.due_at,
            sa.or_(theirs.ended_at.is_(None), theirs.ended_at > Distribution.due_at),
            frequency_at(theirs, Distribution.due_at) == Frequency.AT_ONCE,
        )
        .correlate_except(others, Distribution, DistributionList, theirs)
    )


def _ids(column: Any, is_postgresql: bool) -> Any:
    """The different values of a group, as text with commas."""
    if is_postgresql:
        return sa.func.string_agg(sa.distinct(sa.cast(column, sa.Text)), ",")
    return sa.func.group_concat(sa.distinct(column))

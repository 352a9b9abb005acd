"""Who is in which digest, and so has which versions: members are found by subscriber.

There may be thousands of digests of one version, so that they are not asked one by one like
other distributions (releases.resent).
"""

from collections.abc import Sequence

import sqlalchemy as sa
from sqlalchemy.orm import aliased

from releases.models import (
    Delivery,
    DigestMember,
    Distribution,
    DistributionKind,
    DistributionRelease,
    DistributionState,
)
from releases.resent import ARRIVED, HAS_IT
from subscribers.record_models import MergedSubscriber


def is_in_a_digest(
    versions: Sequence[int], subscriber_id: sa.SQLColumnExpression[int]
) -> sa.Exists:
    """Whether a person has one of these versions by a digest, or is about to get it."""
    digest, member, theirs = aliased(Distribution), aliased(DigestMember), aliased(Delivery)
    is_theirs = sa.and_(
        theirs.distribution_id == member.distribution_id,
        theirs.subscriber_id == member.subscriber_id,
    )
    return (
        sa.exists()
        .where(
            member.subscriber_id == subscriber_id,
            DistributionRelease.distribution_id == member.distribution_id,
            DistributionRelease.version_id.in_(versions),
            digest.id == member.distribution_id,
            digest.is_rehearsal.is_(False),
            sa.or_(
                sa.exists().where(is_theirs, theirs.state.in_(HAS_IT)),
                sa.and_(
                    digest.is_expanded.is_(False),
                    digest.state != DistributionState.CANCELLED,
                    ~sa.exists().where(is_theirs),
                ),
            ),
        )
        .correlate_except(member, digest, DistributionRelease)
    )


def was_in_a_digest_before_merging(
    versions: Sequence[int], subscriber_id: sa.SQLColumnExpression[int]
) -> sa.Exists:
    """The same of who has it as another subscriber, who was merged into them since."""
    member, theirs = aliased(DigestMember), aliased(Delivery)
    return (
        sa.exists()
        .where(
            MergedSubscriber.into_id == subscriber_id,
            member.subscriber_id == MergedSubscriber.subscriber_id,
            DistributionRelease.distribution_id == member.distribution_id,
            DistributionRelease.version_id.in_(versions),
            theirs.distribution_id == member.distribution_id,
            theirs.subscriber_id == member.subscriber_id,
            theirs.state.in_(ARRIVED),
        )
        .correlate_except(MergedSubscriber, member, theirs, DistributionRelease)
    )


def may_have_a_delivery(subscriber_ids: Sequence[int]) -> sa.ColumnElement[bool]:
    """Whether a distribution can have a delivery of one of these people: a digest knows whose."""
    theirs = sa.select(DigestMember.distribution_id).where(
        DigestMember.subscriber_id.in_(subscriber_ids)
    )
    return sa.or_(Distribution.kind != DistributionKind.DIGEST, Distribution.id.in_(theirs))

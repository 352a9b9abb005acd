"""Digests that carry what an officer has stopped since they were planned."""

import datetime as dt
from typing import Final

import sqlalchemy as sa
from sqlalchemy.orm import Session, aliased

from releases.models import (
    DigestMember,
    Distribution,
    DistributionKind,
    DistributionRelease,
    DistributionState,
)
from subscribers.models import Subscriber

BACK: Final = dt.timedelta(hours=2)
"""By so much the members' turn is put back: over the hour at which it was."""
_OUT: Final = (DistributionState.RUNNING, DistributionState.COMPLETE)
_STOPPED: Final = (
    DistributionState.PAUSED,
    DistributionState.HELD,
    DistributionState.CANCELLED,
)


def take_back_if_withdrawn(session: Session, digest: Distribution) -> bool:
    """Cancel a digest that has not begun, if nothing brings out one of its releases any more.

    Its people are due again at once, and get the others. The digest's row is locked. A resend
    is an officer's own word.
    """
    if digest.resends_id is not None or not _is_withdrawn(session, digest.id):
        return False
    members = sa.select(DigestMember.subscriber_id).where(DigestMember.distribution_id == digest.id)
    session.execute(
        sa.update(Subscriber)
        .where(Subscriber.id.in_(members))
        .values(next_digest_at=digest.due_at - BACK)
        .execution_options(synchronize_session=False)
    )
    session.execute(sa.delete(DigestMember).where(DigestMember.distribution_id == digest.id))
    digest.state = DistributionState.CANCELLED
    digest.note = "a release in it was stopped; its readers get the others"
    return True


def digests_under_way(session: Session, distribution_id: int) -> list[int]:
    """The digests that are being sent and carry a version of this distribution."""
    ours, theirs = aliased(DistributionRelease), aliased(DistributionRelease)
    return list(
        session.scalars(
            sa.select(Distribution.id)
            .join(theirs, theirs.distribution_id == Distribution.id)
            .join(ours, ours.version_id == theirs.version_id)
            .where(
                ours.distribution_id == distribution_id,
                Distribution.id != distribution_id,
                Distribution.kind == DistributionKind.DIGEST,
                Distribution.state == DistributionState.RUNNING,
            )
            .distinct()
            .order_by(Distribution.id)
        )
    )


def _is_withdrawn(session: Session, digest_id: int) -> bool:
    """Whether some version of it was stopped, and is brought out by nothing else."""
    ours = aliased(DistributionRelease)

    def brought(states: tuple[DistributionState, ...]) -> sa.Exists:
        return sa.exists().where(
            DistributionRelease.version_id == ours.version_id,
            Distribution.id == DistributionRelease.distribution_id,
            Distribution.kind != DistributionKind.DIGEST,
            Distribution.is_rehearsal.is_(False),
            Distribution.state.in_(states),
        )

    found = session.scalar(
        sa.select(ours.version_id)
        .where(ours.distribution_id == digest_id, brought(_STOPPED), ~brought(_OUT))
        .limit(1)
    )
    return found is not None

"""Pause, resume and cancel: an officer's hand on a distribution; and what is kept of it.

Each of the three changes the distribution's row alone, so that it takes effect at once; what
follows from it (no more leases; open deliveries cancelled) is the workers' and the sweep's.
"""

import sqlalchemy as sa
from sqlalchemy.orm import Session, aliased

from releases.models import (
    Delivery,
    DeliveryState,
    Distribution,
    DistributionList,
    DistributionRelease,
    DistributionState,
)
from releases.publishing import RETRY_WINDOW
from runtime.database import read_clock
from subscribers.models import Subscription, SubscriptionState

State = DistributionState


class DistributionError(Exception):
    """A change that a distribution's state does not allow; one plain line."""


class NoSuchDistribution(DistributionError):
    """No distribution has this id."""

    def __init__(self, distribution_id: int) -> None:
        self.distribution_id = distribution_id
        super().__init__(f"there is no distribution {distribution_id}")


def pause(session: Session, distribution_id: int) -> DistributionState:
    """scheduled or running → paused; returns its state.

    A held one stays held: nothing of it is sent either, and its note says why.
    """
    distribution = _locked(session, distribution_id)
    if distribution.state in (State.COMPLETE, State.CANCELLED):
        raise DistributionError(
            f"distribution {distribution_id} is {distribution.state}: only a running or scheduled "
            "one can be paused"
        )
    if distribution.state != State.HELD:
        distribution.state = State.PAUSED
    return State(distribution.state)


def resume(session: Session, distribution_id: int) -> None:
    """paused or held → running, or back to scheduled while its time has not come.

    What has waited for days is then tried for as long as if it had been published now.
    """
    distribution = _locked(session, distribution_id)
    if distribution.state == State.RUNNING:
        return
    if distribution.state not in (State.PAUSED, State.HELD):
        raise DistributionError(
            f"distribution {distribution_id} is {distribution.state}: only a paused or held one "
            "can be resumed"
        )
    now = read_clock(session)
    distribution.state = State.SCHEDULED if distribution.due_at > now else State.RUNNING
    distribution.note = None
    distribution.resumed_at = now
    distribution.deadline_at = max(distribution.deadline_at, now + RETRY_WINDOW)


def cancel(session: Session, distribution_id: int) -> int:
    """scheduled, running, paused or held → cancelled; for good.

    Returns how many people other distributions of the same version left out because this one
    was about to serve them, and who now stay out; publishing again reaches them.
    """
    distribution = _locked(session, distribution_id)
    if distribution.state == State.COMPLETE:
        raise DistributionError(
            f"distribution {distribution_id} is complete: what has been sent cannot be called back"
        )
    if distribution.state != State.CANCELLED:
        distribution.state = State.CANCELLED
        distribution.note = None
    return _left_out(session, distribution_id)


def keep_manifest(session: Session, distribution_id: int, sha256: bytes) -> bool:
    """Keep the digest of a manifest; whether it is the first one. A later one changes nothing."""
    kept = session.execute(
        sa.update(Distribution)
        .where(Distribution.id == distribution_id, Distribution.manifest_digest.is_(None))
        .values(manifest_digest=sha256, manifest_at=read_clock(session))
        .returning(Distribution.id)
    )
    return kept.first() is not None


def _locked(session: Session, distribution_id: int) -> Distribution:
    distribution = session.get(Distribution, distribution_id, with_for_update=True)
    if distribution is None:
        raise NoSuchDistribution(distribution_id)
    return distribution


def _left_out(session: Session, distribution_id: int) -> int:
    """People with an open delivery here whom another distribution would have served."""
    ours, theirs = aliased(DistributionRelease), aliased(DistributionRelease)
    others = session.scalars(
        sa.select(theirs.distribution_id)
        .join(ours, ours.version_id == theirs.version_id)
        .join(Distribution, Distribution.id == theirs.distribution_id)
        .where(
            ours.distribution_id == distribution_id,
            theirs.distribution_id != distribution_id,
            Distribution.state != State.CANCELLED,
            Distribution.is_again.is_(False),
        )
        .distinct()
    ).all()
    if not others:
        return 0
    served = aliased(Delivery)
    is_on_their_lists = sa.exists().where(
        DistributionList.distribution_id.in_(others),
        Subscription.list_id == DistributionList.list_id,
        Subscription.subscriber_id == Delivery.subscriber_id,
        Subscription.state == SubscriptionState.ACTIVE,
    )
    is_served_there = sa.exists().where(
        served.distribution_id.in_(others), served.subscriber_id == Delivery.subscriber_id
    )
    return (
        session.scalar(
            sa.select(sa.func.count())
            .select_from(Delivery)
            .where(
                Delivery.distribution_id == distribution_id,
                Delivery.state.in_((DeliveryState.QUEUED, DeliveryState.DEFERRED)),
                is_on_their_lists,
                ~is_served_there,
            )
        )
        or 0
    )

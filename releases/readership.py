"""How many people some lists have: who gets their mail at once, by digests, or is pending.

These count subscriptions list by list: they take a moment on lists of a million, and are asked
after a publication, never within its transaction.
"""

import datetime as dt
from collections.abc import Sequence
from dataclasses import dataclass

import sqlalchemy as sa
from sqlalchemy.orm import Session, aliased

from releases.models import Distribution, DistributionKind, DistributionList, DistributionState
from subscribers.frequencies import DIGESTS, had_frequency
from subscribers.models import Frequency, Subscription, SubscriptionState


@dataclass(frozen=True, slots=True)
class Readership:
    """Different people whose subscriptions are active."""

    at_once: int
    by_digest: int
    """Who gets nothing of it at once, but by their daily or weekly mail."""


def readership(session: Session, distribution_id: int) -> Readership:
    """Who is served by a distribution's lists, as far as they followed one when it was due."""
    distribution = session.get_one(Distribution, distribution_id)
    lists = _lists(session, distribution_id)
    at_once = session.scalar(
        sa.select(sa.func.count(sa.distinct(Subscription.subscriber_id))).where(
            *_is_member(Subscription, lists, distribution.due_at),
            had_frequency(Subscription, distribution.due_at, Frequency.AT_ONCE),
        )
    )
    return Readership(at_once or 0, digest_readers(session, distribution_id))


def digest_readers(session: Session, distribution_id: int) -> int:
    """How many people get a distribution's release by their digests, and not at once.

    0 where no digest brings it out: of digests, resends, rehearsals, what was sent again, and
    what was cancelled.
    """
    distribution = session.get_one(Distribution, distribution_id)
    if (
        distribution.kind == DistributionKind.DIGEST
        or distribution.state == DistributionState.CANCELLED
        or distribution.resends_id is not None
        or distribution.is_rehearsal
        or distribution.is_again
    ):
        return 0
    lists, due_at = _lists(session, distribution_id), distribution.due_at
    also = aliased(Subscription)
    gets_it_at_once = sa.exists().where(
        also.subscriber_id == Subscription.subscriber_id,
        *_is_member(also, lists, due_at),
        had_frequency(also, due_at, Frequency.AT_ONCE),
    )
    found = session.scalar(
        sa.select(sa.func.count(sa.distinct(Subscription.subscriber_id))).where(
            *_is_member(Subscription, lists, due_at),
            had_frequency(Subscription, due_at, *DIGESTS),
            ~gets_it_at_once,
        )
    )
    return found or 0


def _is_member(
    subscription: type[Subscription], lists: Sequence[int], due_at: dt.datetime
) -> list[sa.ColumnElement[bool]]:
    return [
        subscription.list_id.in_(lists),
        subscription.state == SubscriptionState.ACTIVE,
        subscription.began_at <= due_at,
    ]


def _lists(session: Session, distribution_id: int) -> list[int]:
    return list(
        session.scalars(
            sa.select(DistributionList.list_id).where(
                DistributionList.distribution_id == distribution_id
            )
        )
    )

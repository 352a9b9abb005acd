"""Whether anybody would get a distribution: told to who publishes it, before it is inserted.

Expansion decides; this looks ahead, so that a publication which reaches nobody is refused with
the reason.
"""

import datetime as dt
from collections.abc import Sequence
from dataclasses import dataclass

import sqlalchemy as sa
from sqlalchemy.orm import Session, aliased

from releases.digests.membership import is_in_a_digest
from releases.models import (
    Batch,
    Distribution,
    DistributionKind,
    DistributionList,
    DistributionRelease,
    DistributionState,
)
from releases.resent import Resent, failed_in, had_it
from runtime.database import database_now
from subscribers.frequencies import frequency_at
from subscribers.models import Frequency, MailingList, Subscription, SubscriptionState


class PublishError(Exception):
    """A publication that is refused; the text is one plain line with what to do."""


class NobodyLeft(PublishError):
    """Nobody would get it: no subscribers, or all of them have this version already."""


@dataclass(frozen=True, slots=True)
class Prospect:
    """What is about to be published."""

    versions: tuple[int, ...]
    lists: tuple[MailingList, ...]
    due_at: dt.datetime
    is_rehearsal: bool
    is_again: bool = False
    resent: Resent | None = None
    is_digest: bool = False

    @property
    def has_digest_readers(self) -> bool:
        """Whether it is for those, too, whom digests bring the releases to."""
        if self.resent is not None:
            return self.is_digest
        return not (self.is_rehearsal or self.is_again)


def check_audience(session: Session, prospect: Prospect) -> None:
    """Raise NobodyLeft when nobody would get it, and say why."""
    names = ", ".join(chosen.slug for chosen in prospect.lists)
    member = sa.select(Subscription.subscriber_id).where(
        Subscription.list_id.in_([chosen.id for chosen in prospect.lists]),
        Subscription.state == SubscriptionState.ACTIVE,
        Subscription.began_at <= database_now(),
    )
    is_at_once = Subscription.frequency == Frequency.AT_ONCE
    if not prospect.has_digest_readers:
        member = member.where(is_at_once)
    resent = prospect.resent
    if resent is not None:
        member = member.where(failed_in(resent.distribution_id, Subscription.subscriber_id))
    if session.scalar(member.limit(1)) is None:
        raise NobodyLeft(
            f"nobody to send to: no active subscribers on {names} (`medianote subscribers import`)"
            if resent is None
            else f"nobody to send to: no delivery of distribution {resent.distribution_id} failed "
            f"for anyone who is still on {names}"
        )
    if prospect.is_again:
        return
    earlier = session.scalars(
        sa.select(DistributionRelease.distribution_id)
        .join(Distribution, Distribution.id == DistributionRelease.distribution_id)
        .where(
            DistributionRelease.version_id.in_(prospect.versions),
            Distribution.is_rehearsal.is_(prospect.is_rehearsal),
            Distribution.kind != DistributionKind.DIGEST,
        )
        .distinct()
    ).all()
    _, conditions = had_it(earlier, Subscription.subscriber_id, resent)
    is_left = member.where(
        ~sa.exists().where(*conditions),
        ~is_in_a_digest(prospect.versions, Subscription.subscriber_id),
        sa.case(
            (is_at_once, ~_is_next(earlier, prospect.due_at)),
            else_=~_is_brought_out(earlier) if resent is None else sa.true(),
        ),
    ).limit(1)
    if session.scalar(is_left) is None:
        raise NobodyLeft(
            f"everyone on {names} has this version already, or is about to get it; "
            "--again sends it to all of them anew"
            if resent is None
            else f"everyone of distribution {resent.distribution_id} whose delivery failed has "
            "had it since, is about to get it, or has left"
        )


def check_memory(session: Session, version_id: int, *, is_rehearsal: bool) -> None:
    """Refuse what would reach people again because it is not known any more who they are."""
    sent_on = session.scalar(
        sa.select(sa.func.min(Distribution.due_at))
        .join(DistributionRelease, DistributionRelease.distribution_id == Distribution.id)
        .where(
            DistributionRelease.version_id == version_id,
            Distribution.is_rehearsal.is_(is_rehearsal),
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


def _is_brought_out(earlier: Sequence[int]) -> sa.Exists:
    """Whether one of these brings it to whom a digest serves, the next time."""
    return sa.exists().where(
        Distribution.id.in_(earlier),
        Distribution.state != DistributionState.CANCELLED,
        DistributionList.distribution_id == Distribution.id,
        DistributionList.list_id == Subscription.list_id,
        Subscription.began_at <= Distribution.due_at,
    )


def _is_next(earlier: Sequence[int], due_at: dt.datetime) -> sa.Exists:
    """Whether a subscriber is about to be served by one of these, which has no row of them yet."""
    theirs = aliased(Subscription)
    return sa.exists().where(
        Distribution.id.in_(earlier),
        sa.or_(
            Distribution.state == DistributionState.RUNNING,
            # In its undo window, say: it begins before this one would.
            sa.and_(
                Distribution.state == DistributionState.SCHEDULED, Distribution.due_at <= due_at
            ),
        ),
        Distribution.is_expanded.is_(False),
        Distribution.expanded_to < Subscription.subscriber_id,
        DistributionList.distribution_id == Distribution.id,
        theirs.list_id == DistributionList.list_id,
        theirs.subscriber_id == Subscription.subscriber_id,
        theirs.state == SubscriptionState.ACTIVE,
        frequency_at(theirs, Distribution.due_at) == Frequency.AT_ONCE,
        theirs.began_at <= Distribution.due_at,
        sa.or_(
            Distribution.resends_id.is_(None),
            failed_in(Distribution.resends_id, Subscription.subscriber_id),
        ),
    )

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
from subscribers.frequencies import had_frequency
from subscribers.models import Frequency, MailingList, Subscription, SubscriptionState


class PublishError(Exception):
    """A publication that is refused; the text is one plain line with what to do."""


class NobodyLeft(PublishError):
    """Nobody would get it: no subscribers, or all of them have this version already."""

    def __init__(self, text: str, *, is_one_running: bool = False) -> None:
        self.is_one_running = is_one_running
        """Whether a distribution is running that reaches them: it may wait for a worker."""
        super().__init__(text)


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
        raise NobodyLeft(f"nobody to send to: {_why_nobody(session, prospect, names)}")
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
        if resent is not None:
            raise NobodyLeft(
                f"everyone of distribution {resent.distribution_id} whose delivery failed has "
                "had it since, is about to get it, or has left"
            )
        if under_way := _under_way(session, prospect, names, earlier):
            raise under_way
        if session.scalar(member.where(is_at_once).limit(1)) is None:
            raise NobodyLeft(
                f"everyone on {names} reads digests, and has this version already or gets it by "
                "the next one"
            )
        is_read_in_digests = session.scalar(member.where(~is_at_once).limit(1)) is not None
        or_else = ", or gets it by a digest" if is_read_in_digests else ""
        raise NobodyLeft(
            f"everyone on {names} has this version already{or_else}; --again sends it anew to all "
            "who get mail at once"
        )


def _why_nobody(session: Session, prospect: Prospect, names: str) -> str:
    """Why no subscription is one that this is sent to."""
    if prospect.resent is not None:
        number = prospect.resent.distribution_id
        return f"no delivery of distribution {number} failed for anyone who is still on {names}"

    def count(state: SubscriptionState) -> int:
        people = sa.func.count(sa.distinct(Subscription.subscriber_id))
        lists = [chosen.id for chosen in prospect.lists]
        found = session.scalar(
            sa.select(people).where(Subscription.list_id.in_(lists), Subscription.state == state)
        )
        return found or 0

    if count(SubscriptionState.ACTIVE):
        what = "--again" if prospect.is_again else "a rehearsal"
        return f"{what} goes to who gets mail at once, and on {names} everyone reads digests"
    pending = count(SubscriptionState.PENDING)
    if pending:
        are = "1 is" if pending == 1 else f"{pending:,} are"
        return (
            f"no active subscribers on {names}; {are} pending, and get no mail before they confirm "
            "(`medianote subscribers import --confirmed` if they have agreed)"
        )
    return f"no active subscribers on {names} (`medianote subscribers import`)"


def _under_way(
    session: Session, prospect: Prospect, names: str, earlier: Sequence[int]
) -> NobodyLeft | None:
    """What to say when everyone has the version or is about to: by what, if that is not over."""
    under_way = session.execute(
        sa.select(Distribution.id, Distribution.state)
        .where(
            Distribution.id.in_(earlier),
            Distribution.state.not_in((DistributionState.COMPLETE, DistributionState.CANCELLED)),
            sa.exists().where(
                DistributionList.distribution_id == Distribution.id,
                DistributionList.list_id.in_([chosen.id for chosen in prospect.lists]),
            ),
        )
        .order_by(Distribution.id)
        .limit(1)
    ).first()
    if under_way is None:
        return None
    number, state = under_way
    is_stopped = state in (DistributionState.PAUSED, DistributionState.HELD)
    return NobodyLeft(
        f"everyone on {names} has this version already, or is about to get it: distribution "
        f"{number} is {state} (`medianote {'resume' if is_stopped else 'status'} {number}`)",
        is_one_running=state == DistributionState.RUNNING,
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
        had_frequency(theirs, Distribution.due_at, Frequency.AT_ONCE),
        theirs.began_at <= Distribution.due_at,
        sa.or_(
            Distribution.resends_id.is_(None),
            failed_in(Distribution.resends_id, Subscription.subscriber_id),
        ),
    )

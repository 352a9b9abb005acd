"""Who has a version already, and of whom it failed: what leaves people out, and brings them back.

A *resend* is a distribution of the same versions to the same lists, whose audience is who of an
earlier one failed. Uncertain deliveries are none of them: they may have arrived, and a second
copy under another Message-ID would be seen. Suppressed ones were not to be mailed, and
cancelled ones are reached by publishing again.
"""

import datetime as dt
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Final

import sqlalchemy as sa
from sqlalchemy.orm import Session, aliased

from releases.models import Delivery, DeliveryState, Distribution
from subscribers.record_models import MergedSubscriber

HAS_IT: Final = (
    DeliveryState.QUEUED,
    DeliveryState.DEFERRED,
    DeliveryState.ACCEPTED,
    DeliveryState.UNCERTAIN,
)
"""The states of a delivery whose person has the version, or is about to get it."""
ARRIVED: Final = (DeliveryState.ACCEPTED, DeliveryState.UNCERTAIN)
"""Those of a delivery that has, or may have, come to a mailbox."""


@dataclass(frozen=True, slots=True)
class Resent:
    """The distribution whose failed deliveries are the audience of another."""

    distribution_id: int
    since: dt.datetime | None
    """Only who got the version from then on is left out: the one that is resent went also to
    people who had it already. None: whoever has it."""


def resent_by(session: Session, resends_id: int | None) -> Resent | None:
    """What a distribution with this `resends_id` resends; None where it is no resend."""
    if resends_id is None:
        return None
    found = session.get_one(Distribution, resends_id)
    is_anew = found.is_again or found.resends_id is not None
    return Resent(found.id, since=found.due_at if is_anew else None)


def had_it(
    others: Sequence[int], subscriber_id: sa.SQLColumnExpression[int], resent: Resent | None
) -> tuple[type[Delivery], list[sa.ColumnElement[bool]]]:
    """The deliveries of `others` by which a person has the version, or is about to get it.

    An alias of the table and its conditions, to which those of a range may be added.
    """
    theirs = aliased(Delivery)
    conditions = [
        theirs.distribution_id.in_(others),
        theirs.subscriber_id == subscriber_id,
        theirs.state.in_(HAS_IT),
    ]
    if resent is not None and resent.since is not None:
        conditions.append(sa.or_(theirs.decided_at.is_(None), theirs.decided_at >= resent.since))
    return theirs, conditions


def had_it_before_merging(
    distributions: Sequence[int], subscriber_id: sa.SQLColumnExpression[int]
) -> sa.Exists:
    """Whether a person has the version as another subscriber, who was merged into them since.

    What was still queued for that one is not sent: it counts for nothing.
    """
    theirs = aliased(Delivery)
    return sa.exists().where(
        MergedSubscriber.into_id == subscriber_id,
        theirs.subscriber_id == MergedSubscriber.subscriber_id,
        theirs.distribution_id.in_(distributions),
        theirs.state.in_(ARRIVED),
    )


def failed_in(
    distribution_id: int | sa.SQLColumnExpression[int | None],
    subscriber_id: sa.SQLColumnExpression[int],
) -> sa.Exists:
    """Whether a person's delivery in that distribution has failed."""
    theirs = aliased(Delivery)
    return sa.exists().where(
        theirs.distribution_id == distribution_id,
        theirs.subscriber_id == subscriber_id,
        theirs.state == DeliveryState.FAILED,
    )


def next_failed(resent: Resent) -> sa.Select[*tuple[Any, ...]]:
    """The first and the last of the next `size` people after `after` whose delivery failed, and
    how many.
    """
    next_ones = (
        sa.select(Delivery.subscriber_id)
        .where(
            Delivery.distribution_id == resent.distribution_id,
            Delivery.subscriber_id > sa.bindparam("after"),
            Delivery.state == DeliveryState.FAILED,
        )
        .order_by(Delivery.subscriber_id)
        .limit(sa.bindparam("size"))
        .subquery()
    )
    return ends(next_ones)


def ends(people: sa.Subquery) -> sa.Select[*tuple[Any, ...]]:
    """The first and the last of some people by their ids, and how many there are."""
    person = people.c.subscriber_id
    return sa.select(sa.func.min(person), sa.func.max(person), sa.func.count())

"""How often a subscription was served at some moment, as expressions in SQL."""

import datetime as dt
from typing import Final

import sqlalchemy as sa

from runtime.database import database_now
from subscribers.models import Frequency, Subscriber, Subscription

DIGESTS: Final = (Frequency.DAILY, Frequency.WEEKLY)


def had_frequency(
    subscription: type[Subscription],
    moment: dt.datetime | sa.SQLColumnExpression[dt.datetime],
    *frequencies: Frequency,
) -> sa.ColumnElement[bool]:
    """Whether it had one of these at a moment, as far as that is known: the last change is.

    Of plain comparisons, since of a CASE a planner without statistics believes that hardly
    anybody passes it, and reads and sorts a whole table where a walk along an index would end
    after the first thousands.
    """
    changed_at = subscription.frequency_changed_at
    return sa.or_(
        sa.and_(
            sa.or_(changed_at.is_(None), changed_at <= moment),
            subscription.frequency.in_(frequencies),
        ),
        sa.and_(changed_at > moment, subscription.frequency_before.in_(frequencies)),
    )


def is_no_digest_due() -> sa.ColumnElement[bool]:
    """Whether a subscriber waits for no turn that is due."""
    return sa.or_(Subscriber.next_digest_at.is_(None), Subscriber.next_digest_at > database_now())

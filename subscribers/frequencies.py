"""How often a subscription was served at some moment, as expressions in SQL."""

import datetime as dt
from typing import Final

import sqlalchemy as sa

from runtime.database import database_now
from subscribers.models import Frequency, Subscriber, Subscription

DIGESTS: Final = (Frequency.DAILY, Frequency.WEEKLY)


def frequency_at(
    subscription: type[Subscription], moment: dt.datetime | sa.SQLColumnExpression[dt.datetime]
) -> sa.ColumnElement[str]:
    """The frequency it had at a moment, as far as that is known: the last change is."""
    return sa.case(
        (subscription.frequency_changed_at > moment, subscription.frequency_before),
        else_=subscription.frequency,
    )


def is_no_digest_due() -> sa.ColumnElement[bool]:
    """Whether a subscriber waits for no turn that is due."""
    return sa.or_(Subscriber.next_digest_at.is_(None), Subscriber.next_digest_at > database_now())

"""How a subscriber stands, as conditions in SQL: what keeps an import from adding them."""

from typing import Any

import sqlalchemy as sa
from sqlalchemy.orm import aliased

from subscribers.commands import By
from subscribers.models import Subscription, SubscriptionState
from subscribers.subscription_rows import WHILE_SUSPENDED


def had_to_do_with(subscriber_id: Any, list_id: int) -> sa.Exists:
    """Whether they have a subscription to the list, or had one."""
    known = aliased(Subscription)
    return sa.exists().where(known.subscriber_id == subscriber_id, known.list_id == list_id)


def is_suspended(subscriber_id: Any) -> sa.Exists:
    """Whether they are suspended, on whichever list."""
    known = aliased(Subscription)
    return sa.exists().where(
        known.subscriber_id == subscriber_id, known.state == SubscriptionState.SUSPENDED
    )


def has_stopped_all(subscriber_id: Any) -> sa.Exists:
    """Whether they have stopped all mail, and begun nothing since."""
    stopped, later = aliased(Subscription), aliased(Subscription)
    # What an undo revives began long before, so it is the row's own age that counts.
    has_begun_since = sa.exists().where(
        later.subscriber_id == stopped.subscriber_id,
        later.began_at.is_not(None),
        later.created_at > stopped.ended_at,
    )
    return sa.exists().where(
        stopped.subscriber_id == subscriber_id, is_stop(stopped), ~has_begun_since
    )


def is_stop(entry: Any) -> Any:
    """Whether a subscription ended because its subscriber stopped all mail."""
    return entry.end_reason.in_([By.STOP_ALL.value, By.STOP_ALL + WHILE_SUSPENDED])

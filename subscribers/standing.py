"""How a subscriber stands, as conditions in SQL: what keeps an import from adding them.

Each is an aggregate over one subscriber's few rows, and no EXISTS: PostgreSQL would answer that
by reading the whole table of subscriptions into a hash, for every chunk of an import.
"""

from typing import Any

import sqlalchemy as sa
from sqlalchemy.orm import aliased

from subscribers.consents import By
from subscribers.models import Subscription, SubscriptionState
from subscribers.subscription_rows import WHILE_SUSPENDED


def had_to_do_with(subscriber_id: Any, list_id: int) -> sa.ColumnElement[bool]:
    """Whether they have a subscription to the list, or had one."""
    known = aliased(Subscription)
    return _is_any(known.subscriber_id == subscriber_id, known.list_id == list_id)


def is_suspended(subscriber_id: Any) -> sa.ColumnElement[bool]:
    """Whether they are suspended, on whichever list."""
    known = aliased(Subscription)
    return _is_any(known.subscriber_id == subscriber_id, known.state == SubscriptionState.SUSPENDED)


def has_stopped_all(subscriber_id: Any) -> sa.ColumnElement[bool]:
    """Whether they have stopped all mail, and begun nothing since."""
    known = aliased(Subscription)
    stopped_at = sa.func.max(sa.case((is_stop(known), known.ended_at)))
    # What an undo revives began long before, so it is the row's own age that counts.
    begun_at = sa.func.max(sa.case((known.began_at.is_not(None), known.created_at)))
    has_stopped = sa.and_(
        stopped_at.is_not(None), sa.or_(begun_at.is_(None), begun_at <= stopped_at)
    )
    return sa.select(has_stopped).where(known.subscriber_id == subscriber_id).scalar_subquery()


def is_stop(entry: Any) -> Any:
    """Whether a subscription ended because its subscriber stopped all mail."""
    return entry.end_reason.in_([By.STOP_ALL.value, By.STOP_ALL + WHILE_SUSPENDED])


def _is_any(*which: sa.ColumnElement[bool]) -> sa.ColumnElement[bool]:
    return sa.select(sa.func.count() > 0).where(*which).scalar_subquery()

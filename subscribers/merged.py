"""Who a subscriber is now that was merged into another: old links and log entries name both."""

import sqlalchemy as sa
from sqlalchemy.orm import Session

from subscribers.record_models import MergedSubscriber


def current_id(session: Session, subscriber_id: int) -> int:
    """The subscriber that this one was merged into; itself where it was not."""
    into_id = session.scalar(
        sa.select(MergedSubscriber.into_id).where(MergedSubscriber.subscriber_id == subscriber_id)
    )
    return into_id or subscriber_id


def ids_of(session: Session, subscriber_id: int) -> list[int]:
    """A subscriber's id, and those of whoever was merged into it."""
    merged = session.scalars(
        sa.select(MergedSubscriber.subscriber_id)
        .where(MergedSubscriber.into_id == subscriber_id)
        .order_by(MergedSubscriber.subscriber_id)
    )
    return [subscriber_id, *merged]


def is_any_merged(session: Session) -> bool:
    """Whether anybody was ever merged: nearly always nobody was, and then nobody need look."""
    return session.scalar(sa.select(MergedSubscriber.subscriber_id).limit(1)) is not None

"""What was delivered to one person: for their download, and for their erasure.

Deliveries are found by their keys, over the distributions that are kept: a few thousand looks
into an index for somebody who was here for years.
"""

from collections.abc import Iterator, Sequence
from typing import Any, Final

import sqlalchemy as sa
from sqlalchemy.orm import Session

from releases.digests.membership import may_have_a_delivery
from releases.models import (
    Delivery,
    Distribution,
)
from releases.overview import titles_of
from subscribers.consents import Via
from subscribers.erasure import erase
from subscribers.merged import ids_of

CHUNK: Final = 500


def erase_person(session: Session, subscriber_id: int, via: Via, *, hash_key: str) -> bool:
    """Erase a subscriber, and mail servers' replies, which may name them; False without one.

    Deliveries keep the bare number of somebody who is nobody now: counts go on to balance.
    """
    ids = erase(session, subscriber_id, via, hash_key=hash_key)
    if not ids:
        return False
    for kept in _kept(session, ids):
        session.execute(
            sa.update(Delivery)
            .where(
                Delivery.distribution_id.in_(kept),
                Delivery.subscriber_id.in_(ids),
                Delivery.reply.is_not(None),
            )
            .values(reply=None)
            .execution_options(synchronize_session=False)
        )
    return True


def delivered_to(session: Session, subscriber_id: int) -> list[dict[str, Any]]:
    """What a person was to get, the oldest first; the titles in the order of the mail."""
    ids = ids_of(session, subscriber_id)
    found: list[dict[str, Any]] = []
    for kept in _kept(session, ids):
        deliveries = session.execute(
            sa.select(
                Delivery.distribution_id,
                Delivery.state,
                Delivery.reason,
                Delivery.reply,
                Delivery.decided_at,
                Delivery.bounced_at,
                Delivery.complained_at,
            )
            .where(Delivery.distribution_id.in_(kept), Delivery.subscriber_id.in_(ids))
            .order_by(Delivery.distribution_id)
        ).all()
        titles = titles_of(session, [one.distribution_id for one in deliveries])
        found += [
            {"distribution": one.distribution_id, "releases": titles[one.distribution_id]}
            | {
                name: value.isoformat() if name.endswith("_at") else value
                for name, value in one._mapping.items()
                if value is not None and name != "distribution_id"
            }
            for one in deliveries
        ]
    return found


def _kept(session: Session, ids: Sequence[int]) -> Iterator[Sequence[int]]:
    """The distributions in which these may have a delivery that is kept."""
    kept = session.scalars(
        sa.select(Distribution.id)
        .where(Distribution.deliveries_dropped_at.is_(None), may_have_a_delivery(ids))
        .order_by(Distribution.id)
    ).all()
    yield from (kept[start : start + CHUNK] for start in range(0, len(kept), CHUNK))

"""Imports a table as the command does, and says what came of it."""

import io
from typing import Any

import sqlalchemy as sa

from runtime.database import Database, database_now
from subscribers import importing
from subscribers.import_chunk import Consented
from subscribers.importing import (
    Importing,
    Problem,
    Source,
    Totals,
    import_subscribers,
)
from subscribers.models import Subscriber, Subscription, SubscriptionState

HASH_KEY = "a key for hashes that is long enough"
CONSENT = Consented("the accreditation form", "2026-01-31")


def load(
    database: Database, text: str | bytes, list_slug: str = "press", **options: Any
) -> tuple[Totals, list[Problem]]:
    """Import a table; its totals and its problems."""
    told: list[Problem] = []
    data = text.encode() if isinstance(text, str) else text
    totals = import_subscribers(
        database,
        Source(io.BytesIO(data)),
        Importing(list_slug, HASH_KEY, "import test.csv", told.append, CONSENT, **options),
    )
    return totals, told


def people(database: Database) -> dict[str, tuple[str | None, str, str, str | None]]:
    """Name, language, format and outlet by address."""
    with database.reading() as session:
        return {
            found.address: (found.name, found.language, found.format, found.outlet)
            for found in session.scalars(sa.select(Subscriber))
        }


def states(database: Database, list_slug: str = "press") -> dict[str, list[str]]:
    """The states of each address's subscriptions to a list, oldest first."""
    found: dict[str, list[str]] = {}
    with database.reading() as session:
        for address, state in session.execute(
            sa.select(Subscriber.address, Subscription.state)
            .join(Subscription, Subscription.subscriber_id == Subscriber.id)
            .where(
                Subscription.list_id
                == sa.select(importing.list_by_slug(session, list_slug).id).scalar_subquery()
            )
            .order_by(Subscription.id)
        ):
            found.setdefault(address, []).append(state)
    return found


def end(database: Database, address: str, state: str = "ended") -> None:
    """Let somebody leave every list, or be suspended."""
    with database.transaction() as session:
        person = session.scalars(sa.select(Subscriber).where(Subscriber.address == address)).one()
        for entry in session.scalars(
            sa.select(Subscription).where(Subscription.subscriber_id == person.id)
        ):
            entry.state = state
            if state == SubscriptionState.ENDED:
                entry.ended_at = database_now()
                entry.end_reason = "one-click"

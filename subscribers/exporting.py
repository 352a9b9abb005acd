"""Export: subscribers as CSV, row by row, in a form that spreadsheets cannot run.

With a list: who is on it (pending, active, suspended), how often they get it, since when.
Without one: everybody, with the lists they are on. What was exported comes in again by an import
as it was.
"""

import csv
import datetime as dt
import itertools
from collections.abc import Iterator
from typing import Any, Final, Protocol

import sqlalchemy as sa
from sqlalchemy.orm import Session

from subscribers.columns import COLUMNS, FREQUENCY, STATE
from subscribers.csv_rows import neutralised
from subscribers.lists import list_by_slug
from subscribers.models import (
    MailingList,
    Subscriber,
    Subscription,
    SubscriptionState,
    Suppression,
)

PAGE_ROWS: Final = 5_000
SUPPRESSED: Final = "suppressed"
# Of a person's subscriptions, the one that says most about whether mail may be sent.
_RANK: Final = (
    SubscriptionState.ACTIVE,
    SubscriptionState.SUSPENDED,
    SubscriptionState.PENDING,
    SubscriptionState.ENDED,
)


class Text(Protocol):
    """Whatever text is written to."""

    def write(self, text: str, /) -> Any:
        """Write it."""


def export_subscribers(session: Session, text: Text, list_slug: str | None = None) -> int:
    """Write the table; returns how many people are in it. Raises UnknownListError.

    Rows come in pages, by id, so that memory does not grow with the list.
    """
    list_id = None if list_slug is None else list_by_slug(session, list_slug).id
    pages = _pages(session, list_id)
    # Nothing is written before the database has answered.
    first = next(pages, [])
    writer = csv.writer(text)
    writer.writerow((*COLUMNS, FREQUENCY if list_id is not None else "lists", STATE, "since"))
    count = 0
    for page in itertools.chain([first] if first else [], pages):
        entries = _entries(session, [person.id for person in page], list_id)
        for person in page:
            writer.writerow(map(neutralised, _cells(person, entries.get(person.id, []), list_id)))
        count += len(page)
    return count


def _pages(session: Session, list_id: int | None) -> Iterator[list[Any]]:
    """Subscribers in pages: id, the columns, and whether they are suppressed."""
    chosen = sa.select(
        Subscriber.id,
        Subscriber.address,
        Subscriber.name,
        Subscriber.language,
        Subscriber.format,
        Subscriber.outlet,
        Suppression.created_at.label("suppressed_at"),
    ).outerjoin(Suppression, Suppression.address_hash == Subscriber.address_hash)
    if list_id is not None:
        chosen = chosen.join(
            Subscription,
            sa.and_(
                Subscription.subscriber_id == Subscriber.id,
                Subscription.list_id == list_id,
                Subscription.state != SubscriptionState.ENDED,
            ),
        )
    last = 0
    while True:
        page = session.execute(
            chosen.where(Subscriber.id > last).order_by(Subscriber.id).limit(PAGE_ROWS)
        ).all()
        if not page:
            return
        yield list(page)
        last = page[-1].id


def _entries(session: Session, ids: list[int], list_id: int | None) -> dict[int, list[Any]]:
    """The subscriptions of these people, by subscriber, each with its list's slug."""
    chosen = (
        sa.select(
            Subscription.subscriber_id,
            Subscription.state,
            Subscription.frequency,
            sa.func.coalesce(
                Subscription.ended_at, Subscription.began_at, Subscription.created_at
            ).label("since"),
            MailingList.slug,
        )
        .join(MailingList, MailingList.id == Subscription.list_id)
        .where(Subscription.subscriber_id.between(ids[0], ids[-1]))
        .order_by(MailingList.slug, Subscription.id)
    )
    if list_id is not None:
        chosen = chosen.where(
            Subscription.list_id == list_id, Subscription.state != SubscriptionState.ENDED
        )
    found: dict[int, list[Any]] = {}
    for entry in session.execute(chosen):
        found.setdefault(entry.subscriber_id, []).append(entry)
    return found


def _cells(person: Any, entries: list[Any], list_id: int | None) -> Iterator[str]:
    yield person.address
    yield person.name or ""
    yield person.language
    yield person.format
    yield person.outlet or ""
    if list_id is None:
        on = (entry.slug for entry in entries if entry.state != SubscriptionState.ENDED)
        yield " ".join(dict.fromkeys(on))
    else:
        yield entries[0].frequency if entries else ""
    yield from _standing(person, entries)


def _standing(person: Any, entries: list[Any]) -> tuple[str, str]:
    if person.suppressed_at is not None:
        return SUPPRESSED, _moment(person.suppressed_at)
    if not entries:
        return "", ""
    telling = min(entries, key=lambda entry: _RANK.index(entry.state))
    return telling.state, _moment(telling.since)


def _moment(moment: dt.datetime) -> str:
    return moment.isoformat(timespec="seconds")

"""The delivery manifest: everyone eligible and what became of their copy, as CSV (RFC 4180).

By subscriber id, in UTF-8, with moments in UTC: the same facts give the same octets, whichever
database they are in and whatever the settings say, but for the domain of Message-IDs. Its
SHA-256 is kept with the distribution the first time that it is written after the end, not at
the end: it reads every delivery, half a minute and more of a processor for a million, for what
nobody may ask for.

Later facts change it, and are meant to: a bounce, a complaint, an acceptance that came late, an
address that its owner changed or that was erased.
"""

import csv
import datetime as dt
import hashlib
import io
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Any, Final

import sqlalchemy as sa
from sqlalchemy.orm import Session

from mail.message_ids import message_ids
from releases.models import Delivery, Distribution, DistributionList, Rendering
from subscribers.csv_rows import neutralised
from subscribers.models import ListSetMember, MailingList, Subscriber

PAGE_ROWS: Final = 5_000
COLUMNS: Final = (
    "subscriber",
    "email",  # empty: erased since
    "outcome",
    "time",
    "reason",
    "reply",
    "attempts",
    "repeats",
    "message_id",  # empty: no copy was ever begun
    "lists",
    "language",
    "format",
    "rendering",
    "bounced",
    "complained",
)


@dataclass(frozen=True, slots=True)
class Written:
    """A manifest that was written: its SHA-256, and how many people are in it."""

    sha256: bytes
    people: int
    erased: int
    """Of whom so many have no address any more."""


def write_manifest(
    session: Session,
    distribution_id: int,
    write: Callable[[bytes], object],
    *,
    message_id_domain: str,
) -> Written:
    """Write it page by page: memory does not grow with the audience."""
    digest = hashlib.sha256()
    people = erased = 0

    def put(rows: list[tuple[str, ...]]) -> None:
        text = io.StringIO()
        csv.writer(text).writerows(rows)
        octets = text.getvalue().encode()
        digest.update(octets)
        write(octets)

    put([COLUMNS])
    for page in _pages(session, distribution_id, message_id_domain):
        put(page)
        people += len(page)
        erased += sum(not row[1] for row in page)
    return Written(digest.digest(), people, erased)


def _pages(session: Session, distribution_id: int, domain: str) -> Iterator[list[tuple[str, ...]]]:
    distribution = session.get_one(Distribution, distribution_id)
    identify = message_ids(distribution.salt, domain)
    copies = _renderings(session, distribution_id)
    lists: dict[int, str] = {}
    last = 0
    while True:
        page = session.execute(_PAGE, {"distribution_id": distribution_id, "last": last}).all()
        if not page:
            return
        for missing in {row.list_set_id for row in page} - lists.keys():
            lists[missing] = _lists(session, distribution_id, missing)
        identifiers = identify(row.subscriber_id for row in page)
        yield [
            (
                str(row.subscriber_id),
                neutralised(row.address or ""),
                row.state,
                _moment(row.decided_at),
                neutralised(row.reason or ""),
                neutralised(row.reply or ""),
                str(row.attempts),
                str(row.repeats),
                identifier if row.attempts else "",
                neutralised(lists[row.list_set_id]),
                *copies.get(row.rendering_id, ("", "")),
                str(row.rendering_id),
                _moment(row.bounced_at),
                _moment(row.complained_at),
            )
            for row, identifier in zip(page, identifiers, strict=True)
        ]
        last = page[-1].subscriber_id


def _renderings(session: Session, distribution_id: int) -> dict[int, tuple[str, str]]:
    """Language and format of a distribution's renderings: few."""
    rows = session.execute(
        sa.select(Rendering.id, Rendering.language, Rendering.format).where(
            Rendering.distribution_id == distribution_id
        )
    )
    return {number: (language, form) for number, language, form in rows}


def _lists(session: Session, distribution_id: int, list_set_id: int) -> str:
    """The slugs of the lists that a copy came through; the first one leads it."""
    slugs = session.scalars(
        sa.select(MailingList.slug)
        .join(ListSetMember, ListSetMember.list_id == MailingList.id)
        .join(
            DistributionList,
            sa.and_(
                DistributionList.list_id == MailingList.id,
                DistributionList.distribution_id == distribution_id,
            ),
        )
        .where(ListSetMember.list_set_id == list_set_id)
        .order_by(DistributionList.position)
    )
    return " ".join(slugs)


def _moment(moment: dt.datetime | None) -> str:
    return "" if moment is None else moment.astimezone(dt.UTC).isoformat(timespec="milliseconds")


def _page() -> sa.Select[*tuple[Any, ...]]:
    return (
        sa.select(
            Delivery.subscriber_id,
            Subscriber.address,
            Delivery.state,
            Delivery.decided_at,
            Delivery.reason,
            Delivery.reply,
            Delivery.attempts,
            Delivery.repeats,
            Delivery.list_set_id,
            Delivery.rendering_id,
            Delivery.bounced_at,
            Delivery.complained_at,
        )
        .outerjoin(Subscriber, Subscriber.id == Delivery.subscriber_id)
        .where(
            Delivery.distribution_id == sa.bindparam("distribution_id"),
            Delivery.subscriber_id > sa.bindparam("last"),
        )
        .order_by(Delivery.subscriber_id)
        .limit(PAGE_ROWS)
    )


_PAGE: Final = _page()

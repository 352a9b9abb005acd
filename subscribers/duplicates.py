"""Who may be one person with two addresses: found in one pass over the subscribers, for the office.

Nothing is folded by itself: to many servers `jo.pike@` and `jopike@` are two people.
"""

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any, Final

import sqlalchemy as sa
from sqlalchemy.orm import Session

from subscribers.models import Subscriber

_PAGE_ROWS: Final = 1_000


@dataclass(frozen=True, slots=True)
class Duplicates:
    """Addresses that may be one person's, and why."""

    why: str
    addresses: tuple[str, ...]


def duplicates(session: Session) -> Iterator[Duplicates]:
    """Groups of two or more, addresses alike first; streamed from two sorted scans."""
    local, domain = _parts(session)
    untagged = sa.case(
        (local.contains("+"), _before_plus(session, local)),
        else_=local,
    )
    alike = sa.func.replace(untagged, ".", "").concat("@").concat(domain)
    yield from _groups(session, "alike", alike, sa.true())
    person = sa.func.lower(Subscriber.name).concat("\n").concat(sa.func.lower(Subscriber.outlet))
    is_named = sa.and_(Subscriber.name.is_not(None), Subscriber.outlet.is_not(None))
    yield from _groups(session, "same name and outlet", person, is_named)


def _groups(
    session: Session, why: str, key: sa.ColumnElement[str], which: sa.ColumnElement[bool]
) -> Iterator[Duplicates]:
    # Counted within the sorted scan, so that only groups of two or more leave the database.
    counted = (
        sa.select(
            Subscriber.id,
            Subscriber.address,
            key.label("key"),
            sa.func.count().over(partition_by=key).label("members"),
        )
        .where(which)
        .subquery()
    )
    rows = session.execute(
        sa.select(counted.c.key, counted.c.address)
        .where(counted.c.members > 1)
        .order_by(counted.c.key, counted.c.id),
        execution_options={"yield_per": _PAGE_ROWS},
    )
    group: list[str] = []
    of: str | None = None
    for row in rows:
        if group and row.key != of:
            yield Duplicates(why, tuple(group))
            group = []
        of = row.key
        group.append(row.address)
    if group:
        yield Duplicates(why, tuple(group))


def _parts(session: Session) -> tuple[Any, Any]:
    """The local part and the domain of `address_key`, in which no other @ is left."""
    key = Subscriber.address_key
    if session.get_bind().dialect.name == "postgresql":
        return sa.func.split_part(key, "@", 1), sa.func.split_part(key, "@", 2)
    at = sa.func.instr(key, "@")
    return sa.func.substr(key, 1, at - 1), sa.func.substr(key, at + 1)


def _before_plus(session: Session, local: Any) -> Any:
    if session.get_bind().dialect.name == "postgresql":
        return sa.func.split_part(local, "+", 1)
    return sa.func.substr(local, 1, sa.func.instr(local, "+") - 1)

"""One chunk of an import, in SQL: what will become of each row; `import_doing` does it.

A plan is made of the staged rows, which says each row's fate.
"""

import datetime as dt
import enum
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any, Final

import sqlalchemy as sa
from sqlalchemy.orm import Session, aliased

from runtime.database import is_postgresql
from subscribers.import_tables import next_id, rows
from subscribers.import_tables import plan as _plan
from subscribers.models import (
    MailingList,
    Subscriber,
    Subscription,
    SubscriptionState,
    Suppression,
)
from subscribers.standing import had_to_do_with, has_stopped_all, is_stop, is_suspended


class Fate(enum.StrEnum):
    """What an import does with a row."""

    NEW = "new"
    JOINS = "joins"
    CONFIRMS = "confirms"
    STAYS = "stays"
    LEFT = "left"
    STOPPED = "stopped"
    SUSPENDED = "suspended"
    SUPPRESSED = "suppressed"


FIELDS: Final = ("name", "language", "format", "outlet")
SKIPPED: Final = (Fate.LEFT, Fate.STOPPED, Fate.SUSPENDED, Fate.SUPPRESSED)
BEGINNING: Final = (Fate.NEW, Fate.JOINS, Fate.CONFIRMS)


@dataclass(frozen=True, slots=True)
class Consented:
    """How and when the people of a table agreed, where its rows say nothing of it."""

    source: str
    date: str
    """In ISO 8601."""


@dataclass(frozen=True, slots=True)
class Target:
    """Where the rows go, and on what terms."""

    list_id: int
    is_confirmed: bool
    source: str
    consent: Consented


@dataclass(frozen=True, slots=True)
class Skip:
    """A row that an import leaves alone, and why."""

    line: int
    address: str
    fate: Fate
    since: dt.datetime | None
    """When they left or stopped."""
    reason: str | None
    """By what they left, where they are suspended, or why they are suppressed."""


@dataclass(frozen=True, slots=True)
class Plan:
    """How many rows have which fate, and how many of those change a field of a subscriber."""

    fates: dict[Fate, int]
    changes: dict[Fate, int]

    @property
    def skips(self) -> int:
        """How many rows are left alone."""
        return sum(self.fates.get(fate, 0) for fate in SKIPPED)


def plan(session: Session, target: Target) -> Plan:
    """Decide each row's fate, and give who is new an id."""
    person, entry = aliased(Subscriber), aliased(Subscription)
    confirms = sa.and_(sa.literal(target.is_confirmed), entry.state == SubscriptionState.PENDING)
    fate = sa.case(
        (Suppression.id.is_not(None), Fate.SUPPRESSED),
        (person.id.is_(None), Fate.NEW),
        (entry.state == SubscriptionState.SUSPENDED, Fate.SUSPENDED),
        (sa.and_(entry.id.is_not(None), ~confirms), Fate.STAYS),
        (is_suspended(person.id), Fate.SUSPENDED),
        (confirms, Fate.CONFIRMS),
        (had_to_do_with(person.id, target.list_id), Fate.LEFT),
        (has_stopped_all(person.id), Fate.STOPPED),
        else_=Fate.JOINS,
    )
    differs = sa.and_(
        person.id.is_not(None),
        sa.or_(*(_differs(rows.c[field], getattr(person, field)) for field in FIELDS)),
    )
    fresh_id = sa.case(
        (sa.and_(person.id.is_(None), Suppression.id.is_(None)), next_id(session)),
        else_=person.id,
    )
    decided = (
        sa.select(*rows.c, fresh_id, fate, differs)
        .select_from(rows)
        .outerjoin(Suppression, Suppression.address_hash == rows.c.address_hash)
        .outerjoin(person, person.address_key == rows.c.address_key)
        .outerjoin(
            entry,
            sa.and_(
                entry.subscriber_id == person.id,
                entry.list_id == target.list_id,
                entry.state != SubscriptionState.ENDED,
            ),
        )
    )
    if is_postgresql(session):
        # A chunk's few rows are looked up by index: without fresh statistics the planner would
        # read all of a growing table for each chunk, or compile at length what runs shortly.
        for setting in ("enable_hashjoin", "enable_mergejoin", "jit"):
            session.execute(sa.text(f"SET LOCAL {setting} = off"))
    session.execute(sa.insert(_plan).from_select([column.name for column in _plan.c], decided))
    counts = session.execute(
        sa.select(
            _plan.c.fate,
            sa.func.count(),
            sa.func.sum(sa.case((_plan.c.differs, 1), else_=0)),
        ).group_by(_plan.c.fate)
    ).all()
    return Plan(
        {Fate(fate): count for fate, count, _ in counts},
        {Fate(fate): changed for fate, _, changed in counts if changed and fate not in SKIPPED},
    )


def skipped(session: Session, target: Target) -> Iterator[Skip]:
    """The rows that are left alone, by line."""
    past, is_here = aliased(Subscription), Subscription.list_id == target.list_id
    theirs = Subscription.subscriber_id == _plan.c.subscriber_id
    since = sa.case(
        (_plan.c.fate == Fate.LEFT, _last(Subscription.ended_at, theirs, is_here)),
        (
            _plan.c.fate == Fate.STOPPED,
            _last(Subscription.ended_at, theirs, is_stop(Subscription)),
        ),
    )
    suspended_on = (
        sa.select(sa.func.min(MailingList.slug))
        .join(past, past.list_id == MailingList.id)
        .where(
            past.subscriber_id == _plan.c.subscriber_id, past.state == SubscriptionState.SUSPENDED
        )
        .scalar_subquery()
    )
    reason = sa.case(
        (_plan.c.fate == Fate.LEFT, _last(Subscription.end_reason, theirs, is_here)),
        (_plan.c.fate == Fate.SUSPENDED, suspended_on),
        (_plan.c.fate == Fate.SUPPRESSED, Suppression.reason),
    )
    found = session.execute(
        sa.select(_plan.c.line, _plan.c.address, _plan.c.fate, since, reason)
        .outerjoin(Suppression, Suppression.address_hash == _plan.c.address_hash)
        .where(_plan.c.fate.in_(SKIPPED))
        .order_by(_plan.c.line)
    )
    for line, address, fate, moment, why in found:
        yield Skip(line, address, Fate(fate), moment, why)


def _last(column: Any, *which: Any) -> Any:
    """A column of the subscription that ended last, of these."""
    return (
        sa.select(column)
        .where(*which, Subscription.state == SubscriptionState.ENDED)
        .order_by(Subscription.ended_at.desc())
        .limit(1)
        .scalar_subquery()
    )


def _differs(given: Any, kept: Any) -> Any:
    return sa.and_(given.is_not(None), sa.or_(kept.is_(None), given != kept))

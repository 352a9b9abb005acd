"""Partitions of `delivery` in PostgreSQL: ranges of distributions, built ahead of need.

Retention drops a partition whole, and nobody waits for it. SQLite keeps one plain table.
"""

from typing import Final

import psycopg
import sqlalchemy as sa
from sqlalchemy.orm import Session

from releases.models import Distribution
from runtime.database import Database

DISTRIBUTIONS_PER_PARTITION: Final = 100
AHEAD: Final = 50
"""The partition of a distribution this many ids ahead of the newest one exists already."""

# Two builders at once wait for each other.
_ADVISORY_LOCK: Final = 0x6D65_6470
# One drops at a time.
_DROPPING: Final = 0x6D65_6471
_LOCK_TIMEOUT_MILLISECONDS: Final = 2_000
# A delivery is written again with its outcome: room on its page keeps that off the index.
_FILL_FACTOR: Final = 40


def partition_name(distribution_id: int) -> str:
    """The table that holds this distribution's deliveries."""
    return f"delivery_p{_first(distribution_id)}"


def build_partitions(database: Database, up_to: int | None = None) -> list[str]:
    """Make the partitions up to this distribution's (None: some way ahead of the newest).

    Returns the names of those that were made. Does nothing on SQLite.
    """
    if not database.is_postgresql:
        return []
    with database.reading() as session:
        newest = up_to or (session.scalar(sa.select(sa.func.max(Distribution.id))) or 0) + AHEAD
        missing = _missing(session, newest)
    if not missing:
        return []
    with database.transaction() as session:
        session.execute(sa.select(sa.func.pg_advisory_xact_lock(_ADVISORY_LOCK)))
        missing = _missing(session, newest)
        for first in missing:
            _build(session, first)
    return [f"delivery_p{first}" for first in missing]


def droppable_partitions(database: Database) -> list[str]:
    """The partitions of which every distribution is marked as dropped, the oldest first.

    One that was cut off and not yet dropped, as by a crash, is among them.
    """
    with database.reading() as session:
        # The brackets say which characters there are: LIKE knows no digits.
        tables = session.scalars(
            sa.text(
                "SELECT relname::text FROM pg_class WHERE relkind = 'r' "
                "AND relname ~ '^delivery_p[0-9]+$' AND pg_table_is_visible(oid)"
            )
        )
        firsts = sorted(int(name.removeprefix("delivery_p")) for name in tables)
        return [f"delivery_p{first}" for first in firsts if _is_dropped(session, first)]


def _is_dropped(session: Session, first: int) -> bool:
    last = first + DISTRIBUTIONS_PER_PARTITION - 1
    of_partition = sa.select(Distribution.deliveries_dropped_at).where(
        Distribution.id.between(first, last)
    )
    marks = session.scalars(of_partition).all()
    return bool(marks) and None not in marks


def drop_partition(database: Database, name: str) -> bool:
    """Cut a partition off and drop it; False where that must wait for somebody.

    Cut off CONCURRENTLY, which takes no lock that a fan-out would wait for: it waits, a bounded
    time, for who is reading or writing deliveries now. What it leaves half done is finished by
    the next call.
    """
    with database.engine.connect() as connection:
        connection.execution_options(isolation_level="AUTOCOMMIT")
        if not connection.scalar(sa.text(f"SELECT pg_try_advisory_lock({_DROPPING})")):
            return False
        try:
            connection.execute(sa.text(f"SET lock_timeout = {_LOCK_TIMEOUT_MILLISECONDS}"))
            is_pending = connection.scalar(
                sa.text(
                    "SELECT inhdetachpending FROM pg_inherits WHERE inhrelid = to_regclass(:name)"
                ),
                {"name": name},
            )
            if is_pending is not None:
                how = "FINALIZE" if is_pending else "CONCURRENTLY"
                connection.execute(sa.text(f"ALTER TABLE delivery DETACH PARTITION {name} {how}"))
            connection.execute(sa.text(f"DROP TABLE IF EXISTS {name}"))
        except sa.exc.OperationalError as error:
            if isinstance(error.orig, psycopg.errors.LockNotAvailable):
                return False
            raise
        finally:
            if not connection.invalidated:
                connection.execute(sa.text("RESET lock_timeout"))
                connection.execute(sa.text(f"SELECT pg_advisory_unlock({_DROPPING})"))
    return True


def _first(distribution_id: int) -> int:
    return distribution_id - distribution_id % DISTRIBUTIONS_PER_PARTITION


def _missing(session: Session, newest: int) -> list[int]:
    names = session.scalars(
        sa.text(
            "SELECT inhrelid::regclass::text FROM pg_inherits WHERE inhparent = :parent ::regclass"
        ),
        {"parent": "delivery"},
    )
    known = set(names)
    latest = max((int(name.removeprefix("delivery_p")) for name in known), default=-1)
    # What retention has dropped is not built again.
    start = max(latest, _oldest_needed(session)) if known else _oldest_needed(session)
    return [
        first
        for first in range(_first(start), newest + 1, DISTRIBUTIONS_PER_PARTITION)
        if f"delivery_p{first}" not in known
    ]


def _oldest_needed(session: Session) -> int:
    return (
        session.scalar(
            sa.select(sa.func.min(Distribution.id)).where(Distribution.finished_at.is_(None))
        )
        or 0
    )


def _build(session: Session, first: int) -> None:
    # Made beside the table and then attached: CREATE … PARTITION OF would wait for, and hold
    # up, everybody who reads or writes deliveries.
    name = f"delivery_p{first}"
    last = first + DISTRIBUTIONS_PER_PARTITION
    session.execute(
        sa.text(
            f"CREATE TABLE {name} (LIKE delivery INCLUDING DEFAULTS INCLUDING CONSTRAINTS) "
            f"WITH (fillfactor = {_FILL_FACTOR})"
        )
    )
    session.execute(
        sa.text(
            f"ALTER TABLE delivery ATTACH PARTITION {name} FOR VALUES FROM ({first}) TO ({last})"
        )
    )

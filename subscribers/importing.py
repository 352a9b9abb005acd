"""Import: from a table to subscriptions, chunk by chunk, each in a transaction of its own.

While the database settles a chunk, the next one is read and checked.

It never brings back who left, stopped all mail, is suspended or suppressed, never empties a
field by leaving it out, sends no mail, and running it twice changes nothing.
"""

import datetime as dt
import itertools
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import BinaryIO, Final

import sqlalchemy as sa

from mail.hashing import suppression_hash
from runtime.database import Database, was_in_the_way
from subscribers import import_chunk, import_doing, import_tables
from subscribers.csv_rows import Read, Row, Unconfirmed, row_reader
from subscribers.csv_text import Fault, Table, TableError
from subscribers.import_chunk import Consented, Fate, Skip, Target
from subscribers.import_columns import Columns, ColumnsError, find_columns
from subscribers.import_doing import ChangedMeanwhile
from subscribers.import_tables import HashedRow, Staged
from subscribers.lists import list_by_slug
from subscribers.reading_ahead import one_ahead
from subscribers.seen import Seen

CHUNK_ROWS: Final = 10_000
ATTEMPTS: Final = 5


@dataclass(frozen=True, slots=True)
class Problem:
    """A row that did not go in; `is_bad` where the row is wrong, not just left alone."""

    line: int
    reason: str
    value: str
    is_bad: bool


@dataclass(frozen=True, slots=True)
class Totals:
    """What an import did: each row counts once, except that blank lines count nowhere."""

    added: int = 0
    confirmed: int = 0
    changed: int = 0
    unchanged: int = 0
    skipped: int = 0
    bad: int = 0
    last_line: int = 0
    """Up to this line everything is settled."""

    def __add__(self, other: "Totals") -> "Totals":
        return Totals(
            self.added + other.added,
            self.confirmed + other.confirmed,
            self.changed + other.changed,
            self.unchanged + other.unchanged,
            self.skipped + other.skipped,
            self.bad + other.bad,
            max(self.last_line, other.last_line),
        )

    @property
    def rows(self) -> int:
        """How many rows the table has."""
        settled = self.added + self.confirmed + self.changed + self.unchanged
        return settled + self.skipped + self.bad


class ImportInterruptedError(Exception):
    """The database was lost in the middle; `totals` says what is in for good."""

    def __init__(self, totals: Totals, cause: sa.exc.SQLAlchemyError) -> None:
        super().__init__(str(cause))
        self.totals = totals
        self.cause = cause


@dataclass(frozen=True, slots=True)
class Importing:
    """How to import: the list, the terms, and what problems are told to, as they are met."""

    list_slug: str
    hash_key: str
    source: str
    tell: Callable[[Problem], None]
    consent: Consented
    """How and when they agreed, where a row says nothing of it."""
    is_confirmed: bool = False
    is_dry_run: bool = False
    zone: dt.tzinfo = dt.UTC
    """The press office's, in which the days of what is told are."""
    on_chunk: Callable[[Totals], None] = field(default=lambda _: None)


class Source:
    """A table of subscribers, ready to be read; raises TableError when it is none."""

    def __init__(self, stream: BinaryIO, stated: Mapping[str, Sequence[str]] | None = None) -> None:
        """`stated` says which columns to take for what; the others are found by their names."""
        self._table = Table(stream)
        try:
            self.columns: Columns = find_columns(self._table.columns, stated)
        except ColumnsError as error:
            raise TableError(str(error)) from None
        self._read = row_reader(self.columns)

    @property
    def note(self) -> str | None:
        """What people should know about how it is read, if anything."""
        return self._table.encoding.note

    def __iter__(self) -> Iterator[Read]:
        for record in self._table:
            yield record if isinstance(record, Fault) else self._read(record)


def import_subscribers(database: Database, source: Iterable[Read], importing: Importing) -> Totals:
    """Import all rows; raises UnknownListError, and ImportInterruptedError."""
    with database.reading() as session:
        list_id = list_by_slug(session, importing.list_slug).id
    target = Target(list_id, importing.is_confirmed, importing.source, importing.consent)
    totals, seen = Totals(), Seen()
    rows = _on_terms(source, is_confirmed=importing.is_confirmed)
    chunks = one_ahead(_chunks(rows, seen, importing.hash_key, database))
    try:
        for chunk in chunks:
            try:
                done, skips = _apply(database, chunk, target, is_dry_run=importing.is_dry_run)
            except sa.exc.SQLAlchemyError as error:
                raise ImportInterruptedError(totals, error) from error
            problems = [*chunk.problems, *(_skip_problem(skip, importing.zone) for skip in skips)]
            for problem in sorted(problems, key=lambda problem: problem.line):
                importing.tell(problem)
            bad = sum(problem.is_bad for problem in problems)
            skipped = len(problems) - bad
            totals += replace(done, skipped=skipped, bad=bad, last_line=chunk.last_line)
            importing.on_chunk(totals)
    finally:
        chunks.close()
        seen.close()
    return totals


def _on_terms(source: Iterable[Read], *, is_confirmed: bool) -> Iterator[Row | Fault]:
    """The rows that come in; that an import confirms does not hold for who the table says did
    not.
    """
    for read in source:
        if isinstance(read, Unconfirmed):
            yield read.why if is_confirmed else read.row
        else:
            yield read


@dataclass(frozen=True, slots=True)
class _Chunk:
    """Some rows in a row, read and checked: what can be without the database."""

    good: Staged | None
    """None where no row of it is to go in."""
    problems: list[Problem]
    last_line: int


def _chunks(
    rows: Iterator[Row | Fault], seen: Seen, hash_key: str, database: Database
) -> Iterator[_Chunk]:
    while read := list(itertools.islice(rows, CHUNK_ROWS)):
        good, problems = _sorted_out(read, seen, hash_key)
        staged = import_tables.staged(good, is_postgresql=database.is_postgresql) if good else None
        yield _Chunk(staged, problems, read[-1].line)


def _sorted_out(
    read: list[Row | Fault], seen: Seen, hash_key: str
) -> tuple[list[HashedRow], list[Problem]]:
    """The rows to stage, each with its hash, and what is wrong with the others."""
    hashed = [
        (row, suppression_hash(hash_key, row.address_key)) for row in read if isinstance(row, Row)
    ]
    problems = [
        Problem(fault.line, fault.reason, fault.value, fault.is_bad)
        for fault in read
        if isinstance(fault, Fault)
    ]
    earlier = seen.first_lines([(fingerprint, row.line) for row, fingerprint in hashed])
    if not earlier:
        return hashed, problems
    problems += (
        Problem(
            row.line,
            f"the same address as on line {earlier[row.line]}",
            f"“{row.address}”",
            is_bad=True,
        )
        for row, _ in hashed
        if row.line in earlier
    )
    return [pair for pair in hashed if pair[0].line not in earlier], problems


def _apply(
    database: Database, chunk: _Chunk, target: Target, *, is_dry_run: bool
) -> tuple[Totals, list[Skip]]:
    """Settle a chunk in one transaction."""
    if chunk.good is None:
        return Totals(), []
    for attempt in itertools.count(1):
        try:
            with database.transaction() as session:
                import_tables.stage(session, chunk.good)
                planned = import_chunk.plan(session, target)
                skips = list(import_chunk.skipped(session, target)) if planned.skips else []
                if is_dry_run:
                    session.rollback()
                else:
                    import_doing.apply(session, target, planned)
            break
        except (sa.exc.IntegrityError, ChangedMeanwhile):
            # Somebody signed up or left at the same moment: that is known now.
            if attempt == ATTEMPTS:
                raise
        except sa.exc.OperationalError as error:
            if attempt == ATTEMPTS or not was_in_the_way(error):
                raise
    fates, changes = planned.fates, planned.changes
    totals = Totals(
        added=fates.get(Fate.NEW, 0) + fates.get(Fate.JOINS, 0),
        confirmed=fates.get(Fate.CONFIRMS, 0),
        changed=changes.get(Fate.STAYS, 0),
        unchanged=fates.get(Fate.STAYS, 0) - changes.get(Fate.STAYS, 0),
    )
    return totals, skips


def _skip_problem(skip: Skip, zone: dt.tzinfo) -> Problem:
    when = f" on {skip.since.astimezone(zone):%Y-%m-%d}" if skip.since else ""
    why = f" ({skip.reason})" if skip.reason else ""
    match skip.fate:
        case Fate.LEFT:
            reason = f"left this list{when}{why}, and is not brought back"
        case Fate.STOPPED:
            reason = f"stopped all mail{when}, and is not brought back"
        case Fate.SUSPENDED:
            reason = f"is suspended on the list {skip.reason}, and stays so"
        case _:
            reason = f"must not be mailed{why}"
    return Problem(skip.line, reason, f"“{skip.address}”", is_bad=False)

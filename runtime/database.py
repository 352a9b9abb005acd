"""The database: engine, the two kinds of transaction, and what all tables share.

Only `Database.transaction` commits. What must be enqueued is enqueued after it, or not at all.
"""

import contextlib
import datetime as dt
import enum
import os
import sqlite3
from collections.abc import Iterator, Mapping
from typing import Any, Final

import sqlalchemy as sa
from sqlalchemy import event
from sqlalchemy.dialects import postgresql, sqlite
from sqlalchemy.engine import Connection, Dialect, Engine
from sqlalchemy.ext.compiler import compiles
from sqlalchemy.orm import DeclarativeBase, Session
from sqlalchemy.sql.functions import FunctionElement
from sqlalchemy.types import TypeDecorator

from runtime.idle_connections import look_before_use

NAMING_CONVENTION: Final = {
    "ix": "ix_%(table_name)s_%(column_0_N_name)s",
    "uq": "uq_%(table_name)s_%(column_0_N_name)s",
    "ck": "ck_%(table_name)s_%(constraint_name)s",
    "fk": "fk_%(table_name)s_%(column_0_N_name)s_%(referred_table_name)s",
    "pk": "pk_%(table_name)s",
}
SQLITE_BUSY_SECONDS: Final = 10.0
PLAIN_REASONS: Final = (
    # What the message holds (the parts around "…" in any place), and what to do about it.
    (
        ("no such table", "relation…does not exist"),
        "the database has not been migrated yet: run `medianote migrate`",
    ),
    (
        ("no such column", "column…does not exist"),
        "the database is older than this program: run `medianote migrate`",
    ),
    (
        ("database is locked",),
        "the database file is locked by another program: close it, then try again",
    ),
    (
        ("disk is full", "no space left", "disk i/o error"),
        "the disk is full: free some space, then try again",
    ),
    (
        ("unable to open database file",),
        "the database file cannot be opened: check in MEDIANOTE_DATABASE_URL that its folder is"
        " there, and its rights",
    ),
    (
        ("readonly database",),
        "the database file is read-only: check its owner and rights",
    ),
)

DATABASE_IS_AWAY: Final = (
    sa.exc.OperationalError,
    sa.exc.InterfaceError,
    # Among others a connection that PostgreSQL has cut for its silence in a transaction.
    sa.exc.InternalError,
)
"""What may be well the next time: a transaction that ends with one of these can be repeated."""

_IN_THE_WAY: Final = frozenset({"40P01", "40001"})
"""PostgreSQL's deadlock_detected and serialization_failure."""

BigId = sa.BigInteger().with_variant(sa.Integer, "sqlite")
"""An id; SQLite numbers rows by itself only in a column declared INTEGER."""


class Moment(TypeDecorator[dt.datetime]):
    """A moment in time: aware in Python, `timestamptz` in PostgreSQL, UTC text in SQLite."""

    impl = sa.DateTime(timezone=True)
    cache_ok = True

    def process_bind_param(self, value: dt.datetime | None, dialect: Dialect) -> Any:
        if value is None:
            return None
        if value.tzinfo is None:
            raise ValueError("a moment needs a zone")
        value = value.astimezone(dt.UTC)
        return value.replace(tzinfo=None) if dialect.name == "sqlite" else value

    def process_result_value(self, value: Any, dialect: Dialect) -> dt.datetime | None:  # noqa: ARG002 (SQLAlchemy's signature)
        if value is None:
            return None
        moment: dt.datetime = value
        if moment.tzinfo is None:
            return moment.replace(tzinfo=dt.UTC)
        return moment.astimezone(dt.UTC)


class database_now(FunctionElement[dt.datetime]):  # noqa: N801 (reads as the SQL function it is)
    """The database's clock: the one clock that all workers share."""

    type = Moment()
    inherit_cache = True


def read_clock(session: Session) -> dt.datetime:
    """What the database's clock says now."""
    moment: dt.datetime | None = session.scalar(_CLOCK)
    assert moment is not None
    return moment


_CLOCK: Final = sa.select(database_now())


@compiles(database_now, "postgresql")
def _now_postgresql(_element: Any, _compiler: Any, **_: Any) -> str:
    return "clock_timestamp()"


@compiles(database_now, "sqlite")
def _now_sqlite(_element: Any, _compiler: Any, **_: Any) -> str:
    # As SQLAlchemy stores moments, so that text compares as time does.
    return "(strftime('%Y-%m-%d %H:%M:%f000', 'now'))"


class Base(DeclarativeBase):
    """The base of all tables, with the naming convention that migrations rely on."""

    metadata = sa.MetaData(naming_convention=NAMING_CONVENTION)
    type_annotation_map = {dt.datetime: Moment(), int: BigId}  # noqa: RUF012 (SQLAlchemy's API)


def execute(
    session: Session, statement: sa.Executable, values: Mapping[str, Any]
) -> sa.CursorResult[Any]:
    """Executes a statement of columns in the session's transaction, for plain rows.

    Where pages wait: a session's own `execute` looks for objects first, which takes as long as
    the rest. Objects that the session knows already are written before, and not refreshed.
    """
    session.flush()
    return session.connection().execute(statement, values)


def one_of(column: str, values: type[enum.StrEnum]) -> sa.CheckConstraint:
    """A constraint: the column holds one of the enumeration's values."""
    listed = ", ".join(repr(value.value) for value in values)
    return sa.CheckConstraint(f"{column} IN ({listed})", name=column)


def is_postgresql(session: Session) -> bool:
    """Which of the two databases a session talks to: True for PostgreSQL, False for SQLite."""
    return session.get_bind().dialect.name == "postgresql"


def insert(session: Session, table: type[Base]) -> postgresql.Insert | sqlite.Insert:
    """An INSERT that may have an ON CONFLICT clause; both databases have the same one."""
    return postgresql.insert(table) if is_postgresql(session) else sqlite.insert(table)


class Database:
    """One database, reached by an engine that belongs to one process.

    A forked child must not use its parent's connections, so the engine is made anew when the
    process id has changed.
    """

    def __init__(self, url: str, *, pool_size: int = 5) -> None:
        self.url = url
        self._pool_size = pool_size
        self._engine: Engine | None = None
        self._asked: Engine | None = None
        self._pid = 0

    @property
    def is_postgresql(self) -> bool:
        """True for PostgreSQL, False for SQLite."""
        return self.url.startswith("postgresql")

    @property
    def engine(self) -> Engine:
        """This process's engine."""
        self._forget_parent()
        engine = self._engine
        if engine is None:
            engine = self._engine = make_engine(self.url, pool_size=self._pool_size)
        return engine

    @property
    def _asked_engine(self) -> Engine:
        """For `asking`: connections of its own, which need not be told so each time."""
        self._forget_parent()
        engine = self._asked
        if engine is None:
            engine = make_engine(self.url, pool_size=self._pool_size, is_autocommit=True)
            self._asked = engine
        return engine

    def _forget_parent(self) -> None:
        if self._pid != os.getpid():
            for engine in (self._engine, self._asked):
                if engine is not None:
                    engine.dispose(close=False)
            self._engine = self._asked = None
            self._pid = os.getpid()

    @contextlib.contextmanager
    def transaction(self) -> Iterator[Session]:
        """A session whose changes are committed at the end of the block, or not at all."""
        with Session(self.engine, expire_on_commit=False) as session, session.begin():
            yield session

    @contextlib.contextmanager
    def reading(self) -> Iterator[Session]:
        """A session that sees one state of the database and changes nothing."""
        options: dict[str, Any] = {"medianote_reads": True}
        if self.is_postgresql:
            options |= {"isolation_level": "REPEATABLE READ", "postgresql_readonly": True}
        with self.engine.connect() as connection:
            connection.execution_options(**options)
            with Session(connection, expire_on_commit=False, autoflush=False) as session:
                yield session
                session.rollback()

    @contextlib.contextmanager
    def asking(self) -> Iterator[Session]:
        """A session for single questions: each sees the database as it then is.

        On PostgreSQL a question is one round trip, where `reading` makes two more. Nothing may be
        written by it: it would be kept.
        """
        if not self.is_postgresql:
            with self.reading() as session:
                yield session
            return
        with (
            self._asked_engine.connect() as connection,
            Session(connection, expire_on_commit=False, autoflush=False) as session,
        ):
            yield session

    def dispose(self) -> None:
        """Close this process's connections."""
        if self._pid == os.getpid():
            for engine in (self._engine, self._asked):
                if engine is not None:
                    engine.dispose()
        self._engine = self._asked = None


def make_engine(url: str, *, pool_size: int = 5, is_autocommit: bool = False) -> Engine:
    """An engine with the settings that either database needs.

    `is_autocommit`: of PostgreSQL; there is no transaction around what is executed.
    """
    if url.startswith("postgresql"):
        options: dict[str, Any] = {}
        if is_autocommit:
            options = {"isolation_level": "AUTOCOMMIT", "skip_autocommit_rollback": True}
        engine = sa.create_engine(
            url,
            pool_size=pool_size,
            **options,
            hide_parameters=True,  # errors are logged, and these are people's addresses
            connect_args={
                "connect_timeout": 5,
                "application_name": "medianote",
                # A host that has vanished is noticed within seconds, not when TCP gives up.
                "keepalives_idle": 5,
                "keepalives_interval": 2,
                "keepalives_count": 3,
                "tcp_user_timeout": 10_000,
            },
        )
        look_before_use(engine)
        return engine
    engine = sa.create_engine(
        url,
        pool_size=pool_size,
        hide_parameters=True,
        connect_args={"timeout": SQLITE_BUSY_SECONDS},
    )
    event.listen(engine, "connect", _prepare_sqlite)
    event.listen(engine, "begin", _begin_sqlite)
    return engine


def _prepare_sqlite(connection: sqlite3.Connection, _record: object) -> None:
    # The driver must not begin transactions by itself: _begin_sqlite does.
    connection.isolation_level = None
    cursor = connection.cursor()
    cursor.execute("PRAGMA busy_timeout = 10000")
    cursor.execute("PRAGMA journal_mode = WAL")
    cursor.execute("PRAGMA synchronous = NORMAL")
    cursor.execute("PRAGMA foreign_keys = ON")
    cursor.close()


def _begin_sqlite(connection: Connection) -> None:
    # A read that turns into a write fails at once in WAL mode, however long the busy timeout,
    # so a transaction that may write says so from the beginning.
    reads = connection.get_execution_options().get("medianote_reads", False)
    connection.exec_driver_sql("BEGIN" if reads else "BEGIN IMMEDIATE")


def was_in_the_way(error: sa.exc.SQLAlchemyError) -> bool:
    """Whether the database gave a transaction up for the sake of another one (a deadlock, or no
    order in which both could have been done): repeated, it may be well.
    """
    return getattr(getattr(error, "orig", None), "sqlstate", None) in _IN_THE_WAY


def plain_reason(error: sa.exc.SQLAlchemyError) -> str:
    """What is wrong with the database, in one plain line for whoever ran the command."""
    original = getattr(error, "orig", None) or error
    lines = str(original).strip().splitlines()
    text = lines[0] if lines else type(original).__name__
    lowered = text.lower()
    for signs, reason in PLAIN_REASONS:
        if any(all(word in lowered for word in sign.split("…")) for sign in signs):
            return reason
    return f"the database cannot be used: {text}"

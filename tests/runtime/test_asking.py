"""Single questions to the database, and connections that the server has ended meanwhile."""

import json
import os
from collections.abc import Iterator
from typing import Any

import pytest
import sqlalchemy as sa
from sqlalchemy.engine import Dialect

from runtime import idle_connections
from runtime.database import Database
from subscribers.models import MailingList
from tests.support.services import PostgresqlServer

COUNT = sa.select(sa.func.count()).select_from(MailingList)


@pytest.fixture
def database(postgresql_url: str) -> Iterator[Database]:
    """On PostgreSQL."""
    database = Database(postgresql_url)
    yield database
    database.dispose()


def test_each_question_sees_what_is_then(database: Database) -> None:
    """One that reads sees one state; single questions see what others commit meanwhile."""
    with database.asking() as asking, database.reading() as reading:
        assert asking.scalar(COUNT) == reading.scalar(COUNT) == 0
        with database.transaction() as session:
            session.add(MailingList(slug="new", title="New"))
        assert (asking.scalar(COUNT), reading.scalar(COUNT)) == (1, 0)


def test_nothing_is_written_by_asking(database_url: str) -> None:
    """What is added to the session is never written, on either database."""
    database = Database(database_url)
    with database.asking() as session:
        session.add(MailingList(slug="no", title="No"))
        assert session.scalar(COUNT) == 0
    with database.asking() as session:
        assert session.scalar(COUNT) == 0
    database.dispose()


def test_what_asks_has_connections_of_its_own(database: Database) -> None:
    """Without transactions; what writes is rolled back as ever, and leaves them as they are."""
    with database.asking() as session:
        asked_by = session.scalar(sa.select(sa.func.pg_backend_pid()))
    with database.transaction() as session:
        assert session.scalar(sa.select(sa.func.pg_backend_pid())) != asked_by
        session.add(MailingList(slug="no", title="No"))
        session.flush()
        session.rollback()
    with database.asking() as session:
        assert session.scalar(COUNT) == 0
        assert session.scalar(sa.select(sa.func.pg_backend_pid())) == asked_by
        in_transaction = sa.text(
            "SELECT xact_start = query_start FROM pg_stat_activity WHERE pid = pg_backend_pid()"
        )
        assert session.scalar(in_transaction)


def test_a_child_has_connections_of_its_own(database: Database) -> None:
    """Both kinds: its parent goes on with those that it has."""
    pid = sa.select(sa.func.pg_backend_pid())

    def used() -> list[int]:
        with database.asking() as one, database.transaction() as other:
            return [session.scalar(pid) or 0 for session in (one, other)]

    ours = used()
    reading, writing = os.pipe()
    child = os.fork()
    if not child:
        try:
            os.write(writing, json.dumps(used()).encode())
        finally:
            os._exit(0)
    os.waitpid(child, 0)
    theirs = json.loads(os.read(reading, 1_000))
    os.close(reading)
    os.close(writing)
    assert len({*ours, *theirs}) == 4
    assert used() == ours


@pytest.mark.parametrize("rested_seconds", [5.0, 0.0])
def test_connections_that_were_ended(
    database: Database,
    postgresql_server: PostgresqlServer,
    monkeypatch: pytest.MonkeyPatch,
    rested_seconds: float,
) -> None:
    """They are replaced before anything is asked by them, just used or rested for long."""
    monkeypatch.setattr(idle_connections, "RESTED_SECONDS", rested_seconds)
    with database.asking() as one, database.reading() as other:
        pids = {session.scalar(sa.select(sa.func.pg_backend_pid())) for session in (one, other)}
    postgresql_server.cut_connections(str(sa.engine.make_url(database.url).database))
    for session_of in (database.asking, database.reading, database.transaction):
        with session_of() as session:
            assert session.scalar(sa.select(sa.func.pg_backend_pid())) not in pids


def test_a_rested_connection_costs_no_question(
    database: Database, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The server is asked whether it is there only by what has rested for long."""
    asked: list[object] = []
    dialect = type(database.engine.dialect)
    ping = dialect.do_ping

    def counted(dialect: Dialect, connection: Any) -> bool:
        asked.append(connection)
        return ping(dialect, connection)

    monkeypatch.setattr(dialect, "do_ping", counted)
    for _ in range(3):
        with database.asking() as session:
            session.scalar(COUNT)
    assert not asked
    monkeypatch.setattr(idle_connections, "RESTED_SECONDS", 0.0)
    with database.asking() as session:
        session.scalar(COUNT)
    assert len(asked) == 1

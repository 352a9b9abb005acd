"""Single questions to the database, and connections that the server has ended meanwhile."""

from collections.abc import Iterator

import pytest
import sqlalchemy as sa

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


def test_a_connection_is_as_before_afterwards(database: Database) -> None:
    """What asked a single question can be rolled back when it writes next."""
    with database.asking() as session:
        used = session.scalar(sa.select(sa.func.pg_backend_pid()))
    with database.transaction() as session:
        assert session.scalar(sa.select(sa.func.pg_backend_pid())) == used
        session.add(MailingList(slug="no", title="No"))
        session.flush()
        session.rollback()
    with database.reading() as session:
        assert session.scalar(COUNT) == 0


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
    ping = database.engine.dialect.do_ping

    def counted(connection: object) -> bool:
        asked.append(connection)
        return ping(connection)  # type: ignore[arg-type]

    monkeypatch.setattr(database.engine.dialect, "do_ping", counted)
    for _ in range(3):
        with database.asking() as session:
            session.scalar(COUNT)
    assert not asked
    monkeypatch.setattr(idle_connections, "RESTED_SECONDS", 0.0)
    with database.asking() as session:
        session.scalar(COUNT)
    assert len(asked) == 1

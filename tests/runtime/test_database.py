"""The database: what is committed, what is rolled back, and what is said when it cannot be used."""

import datetime as dt
import os
import sqlite3
import threading
import time
from contextlib import closing
from pathlib import Path

import pytest
import sqlalchemy as sa
from alembic.script import ScriptDirectory

from runtime.database import Database, database_now, plain_reason
from runtime.facts import Fact, read_fact, remember_fact
from runtime.migrations import alembic_config, migrate
from runtime.schema import Schema, newest_revision, read_schema
from subscribers.models import MailingList


def test_transaction_commits_or_rolls_back(database_url: str) -> None:
    """A block that ends commits; one that raises leaves nothing."""
    database = Database(database_url)
    with database.transaction() as session:
        session.add(MailingList(slug="kept", title="Kept"))
    with pytest.raises(sa.exc.IntegrityError), database.transaction() as session:
        session.add_all(MailingList(slug=slug, title="Gone") for slug in ("gone", "kept"))
    with database.reading() as session:
        assert list(session.scalars(sa.select(MailingList.slug))) == ["kept"]
    database.dispose()


def test_reading_changes_nothing(database_url: str) -> None:
    """What a reading session adds is never written."""
    database = Database(database_url)
    with database.reading() as session:
        session.add(MailingList(slug="no", title="No"))
    with database.reading() as session:
        assert session.scalar(sa.select(sa.func.count()).select_from(MailingList)) == 0
    database.dispose()


def test_moments_are_aware_and_compare(database_url: str) -> None:
    """Moments come back aware, and the database's clock compares with them."""
    database = Database(database_url)
    moment = dt.datetime(2024, 3, 31, 1, 30, tzinfo=dt.timezone(dt.timedelta(hours=2)))
    with database.transaction() as session:
        session.add(Fact(name="past", value=1, known_at=moment))
        remember_fact(session, "now", {"a": 1})
    with database.reading() as session:
        past = read_fact(session, "past")
        assert past is not None
        assert past.known_at == moment
        assert past.known_at.tzinfo is dt.UTC
        now = session.scalar(sa.select(database_now()))
        assert now is not None
        assert abs(now - dt.datetime.now(dt.UTC)) < dt.timedelta(seconds=5)
        before = sa.select(Fact.name).where(Fact.known_at <= database_now()).order_by(Fact.name)
        assert list(session.scalars(before)) == ["now", "past"]
    with pytest.raises(sa.exc.StatementError, match="needs a zone"), database.transaction() as s:
        s.add(Fact(name="naive", value=1, known_at=moment.replace(tzinfo=None)))
    database.dispose()


def test_fact_is_renewed(database_url: str) -> None:
    """A fact that is remembered again has its new value and moment."""
    database = Database(database_url)
    with database.transaction() as session:
        remember_fact(session, "pulse", 1)
    with database.transaction() as session:
        remember_fact(session, "pulse", 2)
    with database.reading() as session:
        fact = read_fact(session, "pulse")
        assert fact is not None
        assert fact.value == 2
    database.dispose()


def test_two_writers_wait_for_each_other(database_url: str) -> None:
    """Transactions that read, then write, at the same time both succeed."""
    database = Database(database_url)
    with database.transaction() as session:
        remember_fact(session, "count", 0)
    barrier = threading.Barrier(2)

    def add_ten() -> None:
        barrier.wait()
        for _ in range(10):
            with database.transaction() as session:
                fact = session.get_one(Fact, "count", with_for_update=True)
                fact.value += 1

    threads = [threading.Thread(target=add_ten) for _ in range(2)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    with database.reading() as session:
        fact = read_fact(session, "count")
        assert fact is not None
        assert fact.value == 20
    database.dispose()


def test_forked_child_gets_connections_of_its_own(database_url: str) -> None:
    """A child that uses the database leaves its parent's connection working."""
    database = Database(database_url)
    with database.reading() as session:
        session.execute(sa.select(1))
    child = os.fork()
    if child == 0:
        try:
            with database.transaction() as session:
                remember_fact(session, "child", os.getpid())
        except BaseException:
            os._exit(1)
        os._exit(0)
    assert os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]) == 0
    with database.reading() as session:
        fact = read_fact(session, "child")
        assert fact is not None
        assert fact.value == child
    database.dispose()


def test_migrate_twice_changes_nothing(empty_database_url: str) -> None:
    """A database is brought to the newest schema once; a second time is a no-op."""
    database = Database(empty_database_url)
    assert read_schema(database).found is None
    migrate(empty_database_url)
    assert read_schema(database).is_newest
    migrate(empty_database_url)
    assert read_schema(database).is_newest
    database.dispose()


def test_the_newest_schema_is_alembics() -> None:
    """What is told without loading Alembic is what Alembic would say."""
    assert ScriptDirectory.from_config(alembic_config("")).get_heads() == [newest_revision()]


def test_schemas_are_told_plainly() -> None:
    """None at all and an older one are said in a line, with what to do; the newest is no fault."""
    assert Schema("0002", "0002").fault is None
    assert "not been migrated yet" in (Schema(None, "0002").fault or "")
    assert "has schema 0001, and this program needs 0002" in (Schema("0001", "0002").fault or "")


def test_migrations_and_models_agree(empty_database_url: str) -> None:
    """The migrations build exactly the tables that the models describe."""
    from alembic import command

    migrate(empty_database_url)
    command.check(alembic_config(empty_database_url))


def test_unmigrated_database_is_said_plainly(empty_database_url: str) -> None:
    """A table that is missing is explained by the migration that has not run."""
    database = Database(empty_database_url)
    with pytest.raises(sa.exc.SQLAlchemyError) as raised, database.reading() as session:
        session.scalars(sa.select(MailingList)).all()
    assert "run `medianote migrate`" in plain_reason(raised.value)
    database.dispose()


def test_locked_file_is_said_plainly(sqlite_url: str) -> None:
    """A file that another program keeps locked is named as that, after a wait."""
    database = Database(sqlite_url)
    with closing(sqlite3.connect(sqlite_url.removeprefix("sqlite:///"))) as other:
        other.execute("BEGIN EXCLUSIVE")
        with closing(database.engine.raw_connection()) as connection:
            connection.cursor().execute("PRAGMA busy_timeout = 100")
        begun = time.monotonic()
        with pytest.raises(sa.exc.OperationalError) as raised, database.transaction() as session:
            remember_fact(session, "x", 1)
        assert time.monotonic() - begun < 5
    assert "locked by another program" in plain_reason(raised.value)
    database.dispose()


def test_file_that_cannot_be_opened_is_said_plainly(tmp_path: Path) -> None:
    """A folder that does not exist is explained without a driver's words."""
    database = Database(f"sqlite:///{tmp_path}/none/medianote.sqlite")
    with pytest.raises(sa.exc.OperationalError) as raised, database.reading():
        pass
    assert "cannot be opened" in plain_reason(raised.value)


def test_errors_hold_no_parameters(database_url: str) -> None:
    """What a statement was given (people's addresses) is not in its error, which is logged."""
    database = Database(database_url)
    with pytest.raises(sa.exc.SQLAlchemyError) as caught, database.transaction() as session:
        session.execute(sa.text("SELECT 1 FROM nowhere WHERE a = :a"), {"a": "jo@example.com"})
    assert "jo@example.com" not in str(caught.value)
    database.dispose()

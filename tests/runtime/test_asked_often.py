"""Statements that are asked often: the same rows and errors as by SQLAlchemy's own way."""

import datetime as dt
from typing import Any

import pytest
import sqlalchemy as sa
from sqlalchemy.orm import Session

from runtime.asked_often import AskedOften
from runtime.database import DATABASE_IS_AWAY, Database, database_now, plain_reason
from runtime.facts import Fact, remember_fact

BY_NAME = sa.select(Fact.name, Fact.value, Fact.known_at, sa.literal("a 'quote' at 100 %")).where(
    Fact.name >= sa.bindparam("name"), Fact.known_at <= database_now()
)
RENAME = sa.update(Fact).where(Fact.name == sa.bindparam("old")).values(name=sa.bindparam("new"))


def remember(database: Database, *names: str) -> None:
    """Facts of these names."""
    with database.transaction() as session:
        for name in names:
            remember_fact(session, name, {"of": name})


def test_rows_are_those_of_sqlalchemy(database_url: str) -> None:
    """Values, constants, moments; again on another connection of another engine."""
    asked = AskedOften(BY_NAME.order_by(Fact.name))
    for _ in range(2):
        database = Database(database_url)
        remember(database, "a", "b", "c")
        with database.reading() as session:
            rows = asked.rows(session, {"name": "b"})
            assert rows == session.execute(BY_NAME.order_by(Fact.name), {"name": "b"}).all()
            assert [row[0] for row in rows] == ["b", "c"]
            assert asked.row(session, {"name": "b"}) == rows[0]
            assert asked.row(session, {"name": "d"}) is None
            known_at: dt.datetime = rows[0][2]
            assert known_at.utcoffset() is not None
        database.dispose()


def test_what_is_written_is_counted_and_commits_or_not(database_url: str) -> None:
    """It is part of the session's transaction."""
    database = Database(database_url)
    remember(database, "a", "b")
    rename = AskedOften(RENAME)
    with database.transaction() as session:
        assert rename.write(session, {"old": "a", "new": "c"}) == 1
        assert rename.write(session, {"old": "a", "new": "d"}) == 0
    with database.transaction() as session:
        assert rename.write(session, {"old": "c", "new": "d"}) == 1
        session.rollback()
    with database.reading() as session:
        assert sorted(session.scalars(sa.select(Fact.name))) == ["b", "c"]
    database.dispose()


def test_errors_are_those_of_sqlalchemy(database_url: str) -> None:
    """A constraint and a missing table are told apart, and a connection outlives both."""
    database = Database(database_url)
    remember(database, "a", "b")
    rename = AskedOften(RENAME)
    with pytest.raises(sa.exc.IntegrityError), database.transaction() as session:
        rename.write(session, {"old": "a", "new": "b"})
    missing = AskedOften(sa.text("SELECT * FROM nowhere WHERE id = :id"))
    with pytest.raises(sa.exc.DBAPIError) as away, database.reading() as session:
        missing.rows(session, {"id": 1})
    assert "medianote migrate" in plain_reason(away.value)
    with database.transaction() as session:
        assert rename.write(session, {"old": "a", "new": "c"}) == 1
    database.dispose()


def test_a_value_that_is_missing_is_no_null(database_url: str) -> None:
    """It is an error, not a statement that finds nothing."""
    database = Database(database_url)
    remember(database, "a")
    with pytest.raises(sa.exc.SQLAlchemyError), database.reading() as session:
        AskedOften(BY_NAME).rows(session, {"nmae": "a"})
    database.dispose()


def test_a_connection_that_is_cut_is_replaced(postgresql_url: str) -> None:
    """The database was away: the transaction can be repeated, and gets another connection."""
    database = Database(postgresql_url)
    own_pid = AskedOften(sa.text("SELECT pg_backend_pid() WHERE 1 = :one"))

    def pid(session: Session) -> Any:
        row = own_pid.row(session, {"one": 1})
        assert row is not None
        return row[0]

    with database.transaction() as session:
        before = pid(session)
        with Database(postgresql_url).transaction() as other:
            other.execute(sa.text("SELECT pg_terminate_backend(:pid, 5000)"), {"pid": before})
        with pytest.raises(DATABASE_IS_AWAY) as raised:
            pid(session)
        session.rollback()
    assert isinstance(raised.value, sa.exc.DBAPIError)
    assert raised.value.connection_invalidated
    with database.transaction() as session:
        assert pid(session) != before
    database.dispose()

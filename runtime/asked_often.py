"""Statements that are asked thousands of times: of PostgreSQL by the driver itself.

Between SQLAlchemy's session and the driver a statement costs about twice what the driver takes for
it, whatever it does: cache keys, contexts and results are made anew each time.
"""

from collections.abc import Mapping, Sequence
from typing import Any, cast

import sqlalchemy as sa
from sqlalchemy.orm import Session


class AskedOften:
    """A statement of columns, with named parameters that have one value each.

    Rows are tuples. On PostgreSQL all values are the driver's, parameters and rows: no type of
    SQLAlchemy's converts them, moments are aware and in whatever zone, and events of its engine do
    not see the statement. What a session knows and has not written yet is not written before it.
    """

    def __init__(self, statement: sa.Executable) -> None:
        self._statement = statement
        self._sql: str | None = None
        self._constants: dict[str, Any] = {}

    def rows(self, session: Session, values: Mapping[str, Any]) -> Sequence[tuple[Any, ...]]:
        """All rows."""
        connection = session.connection()
        if connection.dialect.name != "postgresql":
            return cast(
                "Sequence[tuple[Any, ...]]", connection.execute(self._statement, values).all()
            )
        return cast("list[tuple[Any, ...]]", self._cursor(connection, values).fetchall())

    def row(self, session: Session, values: Mapping[str, Any]) -> tuple[Any, ...] | None:
        """The first row, if there is one."""
        rows = self.rows(session, values)
        return rows[0] if rows else None

    def write(self, session: Session, values: Mapping[str, Any]) -> int:
        """How many rows it wrote."""
        connection = session.connection()
        if connection.dialect.name != "postgresql":
            return connection.execute(self._statement, values).rowcount
        return cast(int, self._cursor(connection, values).rowcount)

    def _cursor(self, connection: sa.Connection, values: Mapping[str, Any]) -> Any:
        """A cursor that has executed it. What goes wrong is raised as SQLAlchemy raises it."""
        dialect = connection.dialect
        sql = self._sql
        if sql is None:
            compiled = self._statement.compile(dialect=dialect)  # type: ignore[attr-defined]
            # A parameter without a value is missed by the driver, not taken for NULL.
            self._constants = {
                name: value
                for name, value in compiled.params.items()
                if not compiled.binds[name].required
            }
            sql = self._sql = str(compiled)
        driver = connection.connection.driver_connection
        assert driver is not None
        try:
            cursor = driver.cursor()
            cursor.execute(sql, {**self._constants, **values})
        except dialect.loaded_dbapi.Error as error:
            is_lost = dialect.is_disconnect(error, driver, None)
            if is_lost:
                # The others that rest in the pool are no better off.
                connection.invalidate(error)
                connection.engine.dispose()
            raise sa.exc.DBAPIError.instance(
                sql,
                None,
                error,
                dialect.loaded_dbapi.Error,
                hide_parameters=True,
                connection_invalidated=is_lost,
                dialect=dialect,
            ) from error
        return cursor

"""The temporary tables of an import: a chunk's rows as they were read, and the plan made of them.

PostgreSQL takes the rows by COPY.
"""

from collections.abc import Sequence
from typing import Any, Final, TypeAlias

import sqlalchemy as sa
from sqlalchemy.orm import Session

from runtime.database import is_postgresql
from subscribers.csv_rows import Row

IMPORT_LOCK: Final = 0x696D7072
"""Two imports at once take turns: each would wait for the other's rows."""
HashedRow: TypeAlias = tuple[Row, bytes]
"""A row and its address's suppression hash."""
Staged: TypeAlias = bytes | list[tuple[Any, ...]]
"""Rows as they go into the temporary table: COPY's text format, or SQLite's parameters."""

_metadata = sa.MetaData()


def _temporary(name: str, *more: sa.Column[Any]) -> sa.Table:
    return sa.Table(
        name,
        _metadata,
        sa.Column("line", sa.BigInteger),
        sa.Column("address", sa.Text),
        sa.Column("address_key", sa.Text),
        sa.Column("name", sa.Text),
        sa.Column("language", sa.Text),
        sa.Column("format", sa.Text),
        sa.Column("outlet", sa.Text),
        sa.Column("frequency", sa.Text),
        sa.Column("consent_source", sa.Text),
        sa.Column("consent_date", sa.Text),
        sa.Column("address_hash", sa.LargeBinary),
        *more,
        prefixes=["TEMPORARY"],
        postgresql_on_commit="DROP",
    )


rows = _temporary("import_row")
plan = _temporary(
    "import_plan",
    sa.Column("subscriber_id", sa.BigInteger),
    sa.Column("fate", sa.Text),
    sa.Column("differs", sa.Boolean),
)


def staged(rows: Sequence[HashedRow], *, is_postgresql: bool) -> Staged:
    """The rows in the form in which `stage` hands them over."""
    if is_postgresql:
        return "".join(map(_copied, rows)).encode()
    return [(*row, fingerprint) for row, fingerprint in rows]


def stage(session: Session, chunk: Staged) -> None:
    """Put the rows into the temporary table."""
    connection = session.connection()
    if isinstance(chunk, bytes):
        _metadata.create_all(connection, checkfirst=False)
        driver = connection.connection.driver_connection
        assert driver is not None
        with driver.cursor().copy("COPY import_row FROM STDIN") as copy:
            copy.write(chunk)
        session.execute(sa.select(sa.func.pg_advisory_xact_lock(IMPORT_LOCK)))
        return
    # A temporary table of SQLite outlives its transaction.
    for made in (plan, rows):
        connection.exec_driver_sql(f"DROP TABLE IF EXISTS temp.{made.name}")
    _metadata.create_all(connection, checkfirst=False)
    connection.exec_driver_sql(
        "INSERT INTO import_row VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)", chunk
    )


def next_id(session: Session) -> sa.ColumnElement[int]:
    """Ids for subscribers, never given twice, in a statement that inserts none yet."""
    if is_postgresql(session):
        return sa.literal_column("nextval('subscriber_id_seq')", sa.BigInteger)
    # Nobody else writes while this transaction lasts.
    given = sa.literal_column(
        "coalesce((SELECT seq FROM sqlite_sequence WHERE name = 'subscriber'), 0)", sa.BigInteger
    )
    return given + sa.func.row_number().over(order_by=rows.c.line)


def _copied(hashed: HashedRow) -> str:
    """A line of COPY's text format; rows hold neither tabs nor line breaks."""
    row, fingerprint = hashed
    cells = "\t".join(["\\N" if cell is None else str(cell).replace("\\", "\\\\") for cell in row])
    return f"{cells}\t\\\\x{fingerprint.hex()}\n"

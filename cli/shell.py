"""What a command works with: the settings, the database, and the schema it must have."""

import contextlib
import fcntl
from collections.abc import Iterator
from dataclasses import dataclass

import sqlalchemy as sa

from cli.errors import CommandError
from runtime.database import Database
from runtime.schema import read_schema
from runtime.settings import Settings, load_settings


@dataclass(frozen=True, slots=True)
class Shell:
    """What every command begins with."""

    settings: Settings
    database: Database


@contextlib.contextmanager
def opened() -> Iterator[Shell]:
    """Settings and database for the length of a command.

    The embedded database, a file in the state folder, is brought to the newest schema by
    itself; a configured one is migrated by `medianote migrate` alone, when its people say so.
    """
    settings = load_settings()
    database = Database(settings.database)
    try:
        if settings.database_url is None:
            migrate_embedded(settings, database)
        yield Shell(settings, database)
    finally:
        database.dispose()


def check_schema(shell: Shell) -> None:
    """Raise, before anything long-lived starts, for a database that is not there or too old."""
    fault = read_schema(shell.database).fault
    if fault is not None:
        raise CommandError(fault)


def migrate_embedded(settings: Settings, database: Database) -> None:
    """Bring the embedded database to the newest schema, if it is not there yet."""
    if _is_newest(database):
        return
    # Two commands at once in a fresh folder must not both make the tables.
    with (settings.state_folder / "migrate.lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        # Alembic takes half a second to load, and is needed once.
        from runtime.migrations import migrate  # noqa: PLC0415

        migrate(settings.database)


def _is_newest(database: Database) -> bool:
    """Whether the file has the newest schema; a wrong No costs only time."""
    try:
        return read_schema(database).is_newest
    except sa.exc.SQLAlchemyError:
        return False

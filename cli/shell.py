"""What a command works with: the settings, the database, and the schema it must have."""

import contextlib
import fcntl
import sqlite3
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import sqlalchemy as sa

from runtime.database import Database
from runtime.settings import SQLITE_FILE, Settings, SettingsError, load_settings

MIGRATIONS = Path(__file__).resolve().parent.parent / "migrations" / "versions"


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
    if settings.database_url is None:
        migrate_embedded(settings)
    database = Database(settings.database)
    try:
        yield Shell(settings, database)
    finally:
        database.dispose()


def check_schema(shell: Shell) -> None:
    """Raise, before anything long-lived starts, for a database that is not there or too old."""
    with shell.database.reading() as session:
        found = session.scalar(sa.text("SELECT version_num FROM alembic_version"))
    if found != newest_schema():
        raise SettingsError(
            f"the database has schema {found}, and this program needs {newest_schema()}: "
            "run `medianote migrate`"
        )


def newest_schema() -> str:
    """The newest revision, told without loading Alembic: their files are named after them."""
    return max(path.name.partition("_")[0] for path in MIGRATIONS.glob("[0-9]*.py"))


def migrate_embedded(settings: Settings) -> None:
    """Bring the embedded database to the newest schema, if it is not there yet."""
    if _is_newest(settings.state_folder / SQLITE_FILE):
        return
    # Two commands at once in a fresh folder must not both make the tables.
    with (settings.state_folder / "migrate.lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        # Alembic takes half a second to load, and is needed once.
        from runtime.migrations import migrate  # noqa: PLC0415

        migrate(settings.database)


def _is_newest(file: Path) -> bool:
    """Whether the file has the newest schema; a wrong No costs only time."""
    try:
        with contextlib.closing(
            sqlite3.connect(f"{file.absolute().as_uri()}?mode=ro", uri=True)
        ) as connection:
            row = connection.execute("SELECT version_num FROM alembic_version").fetchone()
    except sqlite3.Error:
        return False
    return row is not None and row[0] == newest_schema()

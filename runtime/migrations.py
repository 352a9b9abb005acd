"""Brings a database to the newest schema, and says which one it has (Alembic)."""

from pathlib import Path
from typing import Final

from alembic import command
from alembic.config import Config
from alembic.runtime.migration import MigrationContext
from alembic.script import ScriptDirectory

from runtime.database import make_engine

FOLDER: Final = Path(__file__).resolve().parent.parent / "migrations"


def alembic_config(url: str) -> Config:
    """Alembic's configuration for a database, without a file."""
    config = Config()
    config.set_main_option("script_location", str(FOLDER).replace("%", "%%"))
    config.attributes["database_url"] = url
    return config


def migrate(url: str) -> None:
    """Bring the database to the newest schema; changes nothing when it has it already."""
    command.upgrade(alembic_config(url), "head")


def newest_revision() -> str:
    """The revision this program needs."""
    head = ScriptDirectory.from_config(alembic_config("")).get_current_head()
    assert head is not None
    return head


def current_revision(url: str) -> str | None:
    """The revision the database has; None when it was never migrated."""
    engine = make_engine(url)
    try:
        with engine.connect() as connection:
            return MigrationContext.configure(connection).get_current_revision()
    finally:
        engine.dispose()


def is_current(url: str) -> bool:
    """Whether the database has the schema that this program needs."""
    return current_revision(url) == newest_revision()

"""Brings a database to the newest schema (Alembic)."""

from alembic import command
from alembic.config import Config

from runtime.schema import MIGRATIONS


def alembic_config(url: str) -> Config:
    """Alembic's configuration for a database, without a file."""
    config = Config()
    config.set_main_option("script_location", str(MIGRATIONS).replace("%", "%%"))
    config.attributes["database_url"] = url
    return config


def migrate(url: str) -> None:
    """Bring the database to the newest schema; changes nothing when it has it already."""
    command.upgrade(alembic_config(url), "head")

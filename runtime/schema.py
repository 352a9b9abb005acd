"""Which schema a database has, and which this program needs; told without loading Alembic."""

from dataclasses import dataclass
from pathlib import Path
from typing import Final

import sqlalchemy as sa

from runtime.database import Database

MIGRATIONS: Final = Path(__file__).resolve().parent.parent / "migrations"
_VERSION: Final = sa.table("alembic_version", sa.column("version_num"))


@dataclass(frozen=True, slots=True)
class Schema:
    """The revision that a database has (None: it was never migrated), and the newest."""

    found: str | None
    newest: str

    @property
    def is_newest(self) -> bool:
        """Whether the database is as this program needs it."""
        return self.found == self.newest

    @property
    def fault(self) -> str | None:
        """What is wrong, in one plain line with what to do; None when nothing is."""
        if self.is_newest:
            return None
        if self.found is None:
            return "the database has not been migrated yet: run `medianote migrate`"
        return (
            f"the database has schema {self.found}, and this program needs {self.newest}: "
            "run `medianote migrate`"
        )


def read_schema(database: Database) -> Schema:
    """The schema of a database; raises SQLAlchemyError when it cannot be reached."""
    with database.reading() as session:
        is_migrated = sa.inspect(session.connection()).has_table(_VERSION.name)
        found = session.scalar(sa.select(_VERSION.c.version_num)) if is_migrated else None
    return Schema(found, newest_revision())


def newest_revision() -> str:
    """The revision this program needs; migrations' files are named after theirs."""
    names = (MIGRATIONS / "versions").glob("[0-9]*.py")
    return max(path.name.partition("_")[0] for path in names)

"""Alembic's entry: migrates the database that runtime.migrations names."""

from alembic import context

import releases.models
import subscribers.models
import subscribers.record_models
from runtime import facts
from runtime.database import Base, make_engine

# Importing them fills Base.metadata.
MODELS = (facts, releases.models, subscribers.models, subscribers.record_models)
# Two migrations at once (several hosts starting) wait for each other.
ADVISORY_LOCK = 0x6D656469


def run() -> None:
    engine = make_engine(context.config.attributes["database_url"])
    try:
        with engine.connect() as connection:
            context.configure(
                connection=connection,
                target_metadata=Base.metadata,
                render_as_batch=connection.dialect.name == "sqlite",
                include_object=_is_ours,
            )
            with context.begin_transaction():
                if connection.dialect.name == "postgresql":
                    connection.exec_driver_sql(f"SELECT pg_advisory_xact_lock({ADVISORY_LOCK})")
                context.run_migrations()
    finally:
        engine.dispose()


def _is_ours(_object: object, name: str | None, kind: str, *_: object) -> bool:
    """Partitions of `delivery` are built as they are needed, not by migrations.

    Indexes of how something begins exist in PostgreSQL alone, so no model has them.
    """
    name = name or ""
    is_partition = kind == "table" and name.startswith("delivery_p")
    return not is_partition and not (kind == "index" and name.endswith("_begins"))


run()

"""`medianote migrate`."""

from cli.typer_apps import new_app
from runtime.database import Database
from runtime.migrations import migrate
from runtime.schema import read_schema
from runtime.settings import load_settings

app = new_app()


@app.command()
def run() -> None:
    """Bring the database to the newest schema; changes nothing when it has it already."""
    url = load_settings(needs_database_only=True).database
    database = Database(url)
    try:
        before = read_schema(database)
    finally:
        database.dispose()
    migrate(url)
    if before.is_newest:
        print(f"the database has the newest schema already ({before.newest})")
    else:
        print(
            f"the database has the newest schema now ({before.found or 'empty'} → {before.newest})"
        )

"""`medianote migrate`."""

from cli.typer_apps import new_app
from runtime.migrations import current_revision, migrate, newest_revision
from runtime.settings import load_settings

app = new_app()


@app.command()
def run() -> None:
    """Bring the database to the newest schema; changes nothing when it has it already."""
    url = load_settings(needs_database_only=True).database
    before = current_revision(url)
    migrate(url)
    newest = newest_revision()
    if before == newest:
        print(f"the database has the newest schema already ({newest})")
    else:
        print(f"the database has the newest schema now ({before or 'empty'} → {newest})")

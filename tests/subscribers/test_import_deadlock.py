"""A chunk of an import that loses a deadlock is done again: the import goes on."""

import io
import threading
from collections.abc import Iterator
from typing import Any

import psycopg
import pytest
import sqlalchemy as sa

from runtime.database import Database
from subscribers.import_chunk import Consented
from subscribers.importing import Importing, Problem, Source, Totals, import_subscribers
from subscribers.lists import create_list
from subscribers.models import Subscriber, Subscription
from tests.support.fleet import wait_until

WAITING = sa.text(
    "SELECT count(*) FROM pg_stat_activity "
    "WHERE datname = current_database() AND wait_event_type = 'Lock'"
)
TEXT = "email,name\nana@example.org,Ana\nbo@example.org,Bo\n"


@pytest.fixture
def database(postgresql_url: str) -> Iterator[Database]:
    database = Database(postgresql_url)
    with database.transaction() as session:
        create_list(session, "press", "Press releases")
    yield database
    database.dispose()


def load(database: Database, text: str) -> Totals:
    """Import a table, confirmed."""
    problems: list[Problem] = []
    terms = Importing(
        "press",
        "a key for hashes that is long enough",
        "import test.csv",
        problems.append,
        Consented("accreditation form", "2026-01-31"),
        is_confirmed=True,
    )
    totals = import_subscribers(database, Source(io.BytesIO(text.encode())), terms)
    assert problems == []
    return totals


class Rival:
    """Somebody who changes the same rows at the same moment, in the other order."""

    def __init__(self, database: Database) -> None:
        self._database = database
        self._thread = threading.Thread(target=self._run)
        self._goes_on = threading.Event()
        self.deadlocks = 0

    def __enter__(self) -> "Rival":
        sa.event.listen(self._database.engine, "handle_error", self._note)
        self._thread.start()
        self._goes_on.wait(10)
        return self

    def __exit__(self, *_: object) -> None:
        self._thread.join(30)

    def _note(self, context: Any) -> None:
        self.deadlocks += isinstance(context.original_exception, psycopg.errors.DeadlockDetected)

    def _run(self) -> None:
        """Hold the person, wait until the import waits for it, then want what the import has."""
        with self._database.transaction() as session, self._database.engine.connect() as other:
            # It is the import that finds the deadlock, and so the import that loses.
            session.execute(sa.text("SET LOCAL deadlock_timeout = '20s'"))
            session.execute(sa.update(Subscriber).values(outlet="EFE"))
            self._goes_on.set()
            watching = other.execution_options(isolation_level="AUTOCOMMIT")
            wait_until(lambda: bool(watching.scalar(WAITING)), 10)
            session.execute(sa.update(Subscription).values(source="a form"))


def test_a_deadlock_costs_an_import_nothing(database: Database) -> None:
    """The database gives up the chunk's transaction; it is repeated, and all rows are in."""
    load(database, TEXT)
    with database.transaction() as session:
        session.execute(sa.update(Subscription).values(state="pending", began_at=None))
    with Rival(database) as rival:
        totals = load(database, TEXT.replace("Ana", "Anna") + "cy@example.org,Cy\n")
    assert rival.deadlocks == 1
    assert totals == Totals(added=1, confirmed=2, last_line=4)
    with database.reading() as session:
        names = session.execute(sa.select(Subscriber.name, Subscriber.outlet))
        assert {tuple(row) for row in names} == {("Anna", "EFE"), ("Bo", "EFE"), ("Cy", None)}

"""What the doctor says of notices."""

import datetime as dt
from collections.abc import Iterator

import pytest
import sqlalchemy as sa

from runtime.database import Database
from runtime.migrations import migrate
from runtime.settings import load_settings
from subscribers.notices import NoticeKind, queue
from subscribers.record_models import Notice
from tests.cli.running import InProcess


@pytest.fixture
def database(state_dir: object) -> Iterator[Database]:
    """The embedded one, which the doctor looks at."""
    settings = load_settings()
    settings.state_folder.mkdir(parents=True, exist_ok=True)
    migrate(settings.database)
    made = Database(settings.database)
    yield made
    made.dispose()


def line(medianote: InProcess) -> str:
    (found,) = [one for one in medianote("doctor").out.splitlines() if " notices: " in one]
    return found


def test_notices_that_are_stuck(medianote: InProcess, database: Database) -> None:
    """Just queued they are well; after two minutes nobody sends them; what failed is told."""
    assert line(medianote) == "ok    notices: none waits"
    with database.transaction() as session:
        queue(session, NoticeKind.NOT_BY_FORM, address="a@example.com", language="en")
    assert line(medianote) == "ok    notices: 1 waits"
    ago = dt.datetime.now(dt.UTC) - dt.timedelta(minutes=7, seconds=5)
    with database.transaction() as session:
        session.execute(sa.update(Notice).values(due_at=ago))
    assert line(medianote).startswith(
        "FAIL  notices: 1 waits, and the first should have gone 7 min ago → does a worker run"
    )
    assert medianote("doctor").status == 1
    now = dt.datetime.now(dt.UTC)
    with database.transaction() as session:
        values = {"state": "failed", "due_at": None, "decided_at": now, "reason": "550 no"}
        session.execute(sa.update(Notice).values(**values))
    assert line(medianote).startswith(
        "warn  notices: none waits; given up within a day: 1, the last as 550 no →"
    )

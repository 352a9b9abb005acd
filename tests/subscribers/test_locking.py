"""A subscriber's lock: who waited for another's change knows a moment after it."""

import datetime as dt
import threading
import time

import sqlalchemy as sa

from runtime.database import Database, read_clock
from subscribers.locking import lock, lock_current
from subscribers.models import Subscriber
from subscribers.record_models import MergedSubscriber
from tests.support.people import add_list, add_person


def test_the_moment_is_after_the_wait(postgresql_url: str) -> None:
    """It is no earlier than the end of the change that was waited for."""
    database = Database(postgresql_url)
    with database.transaction() as session:
        person = add_person(session, "jo@example.com", [add_list(session, "press", "Press")]).id
    moments: list[dt.datetime] = []

    def second() -> None:
        with database.transaction() as session:
            moments.append(lock(session, person))

    waiting = threading.Thread(target=second)
    with database.transaction() as session:
        first = lock(session, person)
        waiting.start()
        is_waiting = sa.text("SELECT count(*) FROM pg_locks WHERE NOT granted")
        deadline = time.monotonic() + 30
        while not session.scalar(is_waiting):
            assert time.monotonic() < deadline
            time.sleep(0.01)
        session.execute(
            sa.update(Subscriber).where(Subscriber.id == person).values(name="Jo Changed")
        )
        last = read_clock(session)
    waiting.join()
    database.dispose()
    assert first < last < moments[0]


def test_of_whom_one_was_merged_into(database_url: str) -> None:
    """An old link's change waits for the one that there is now, and is theirs."""
    database = Database(database_url)
    with database.transaction() as session:
        person = add_person(session, "jo@example.com", [add_list(session, "press", "Press")]).id
        session.add(MergedSubscriber(subscriber_id=person + 1, into_id=person))
    with database.transaction() as session:
        before = read_clock(session)
        who, now = lock_current(session, person + 1)
        assert (who, lock_current(session, person)[0]) == (person, person)
        assert lock_current(session, person + 2)[0] == person + 2
        assert now >= before
    database.dispose()

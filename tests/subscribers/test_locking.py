"""A subscriber's lock: who waited for another's change knows a moment after it."""

import datetime as dt
import threading
import time

import sqlalchemy as sa
from sqlalchemy.orm import Session

from runtime.database import Database, read_clock
from subscribers.locking import lock, lock_current, lock_to_change, set_fields
from subscribers.models import Subscriber
from subscribers.record_models import MergedSubscriber
from tests.support.people import add_list, add_person


def wait_for_another(session: Session) -> None:
    """Until another transaction waits for this one."""
    is_waiting = sa.text("SELECT count(*) FROM pg_locks WHERE NOT granted")
    deadline = time.monotonic() + 30
    while not session.scalar(is_waiting):
        assert time.monotonic() < deadline
        time.sleep(0.01)


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
        wait_for_another(session)
        session.execute(
            sa.update(Subscriber).where(Subscriber.id == person).values(name="Jo Changed")
        )
        last = read_clock(session)
    waiting.join()
    database.dispose()
    assert first < last < moments[0]


def test_two_changes_of_fields(postgresql_url: str) -> None:
    """Who waited sets what they mean to, and leaves what was set meanwhile."""
    database = Database(postgresql_url)
    with database.transaction() as session:
        person = add_person(session, "jo@example.com", [add_list(session, "press", "Press")]).id

    def change(session: Session, **fields: str) -> None:
        locked = lock_to_change(session, person)
        assert locked is not None
        set_fields(session, locked, fields)

    def second() -> None:
        with database.transaction() as session:
            change(session, outlet="The Paper")

    waiting = threading.Thread(target=second)
    with database.transaction() as session:
        change(session, name="Jo Changed")
        waiting.start()
        wait_for_another(session)
    waiting.join()
    with database.reading() as session:
        found = session.get_one(Subscriber, person)
        assert (found.name, found.outlet) == ("Jo Changed", "The Paper")
    database.dispose()


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
        locked = lock_to_change(session, person + 1)
        assert locked is not None
        assert locked.subscriber_id == person
        assert lock_to_change(session, person + 2) is None
        assert now >= before
    database.dispose()

"""What is told by mail about links: every change once, and never so much that a mailbox fills."""

import datetime as dt
import threading
from collections.abc import Callable, Iterator

import pytest
import sqlalchemy as sa

from runtime.database import Database
from subscribers.changes import Change
from subscribers.commands import Wanted, save
from subscribers.consents import Via
from subscribers.models import Subscriber
from subscribers.record_models import Notice
from subscribers.telling import TooManyChanges, mail_private_link, tell
from tests.support.people import add_list, add_person


class Told:
    """Jo, and the notices that were queued for her."""

    def __init__(self, database: Database) -> None:
        self.database = database
        with database.transaction() as session:
            self.jo = add_person(session, "jo@example.com", [add_list(session, "press")]).id

    def change(self, **wanted: object) -> Change:
        """A change by a shared link."""
        with self.database.transaction() as session:
            change = save(session, self.jo, Wanted(**wanted), Via("a test"))  # type: ignore[arg-type]
            tell(session, change)
        return change

    def ask(self) -> None:
        """Ask for a private link."""
        with self.database.transaction() as session:
            mail_private_link(session, self.jo)

    def notices(self) -> list[tuple[str, str, object]]:
        with self.database.reading() as session:
            rows = session.scalars(sa.select(Notice).order_by(Notice.id)).all()
            return [(one.kind, one.address, one.detail) for one in rows]

    def an_hour_passes(self) -> None:
        with self.database.transaction() as session:
            before = dt.datetime.now(dt.UTC) - dt.timedelta(minutes=60, seconds=1)
            session.execute(sa.update(Notice).values(created_at=before))


@pytest.fixture
def told(database_url: str) -> Iterator[Told]:
    database = Database(database_url)
    yield Told(database)
    database.dispose()


def at_once(*changes: Callable[[], object]) -> list[BaseException]:
    """Run these at the same moment; what they raised."""
    raised: list[BaseException] = []

    def run(change: Callable[[], object]) -> None:
        try:
            change()
        except BaseException as error:
            raised.append(error)

    threads = [threading.Thread(target=run, args=[change]) for change in changes]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    return raised


def test_a_change_is_told_with_its_entry(told: Told) -> None:
    """One notice names the entry of the consent log; what changes nothing is not told."""
    change = told.change(name="Jo")
    told.change(name="Jo")
    assert told.notices() == [("changed", "jo@example.com", {"entry_id": change.entry_id})]


def test_ten_changes_an_hour_are_told_and_an_eleventh_is_none(told: Told) -> None:
    """Who comes at the same moment is counted as well; what is refused changes nothing."""
    changes = [lambda name=f"Jo {number}": told.change(name=name) for number in range(14)]
    raised = at_once(*changes)
    assert [type(error) for error in raised] == [TooManyChanges] * 4
    assert len(told.notices()) == 10
    with told.database.reading() as session:
        before = session.get_one(Subscriber, told.jo).name
    with pytest.raises(TooManyChanges):
        told.change(name="Another", outlet="A paper")
    with told.database.reading() as session:
        jo = session.get_one(Subscriber, told.jo)
        assert (jo.name, jo.outlet) == (before, None)
    told.an_hour_passes()
    told.change(name="Another")
    assert len(told.notices()) == 11


def test_three_private_links_an_hour(told: Told) -> None:
    """More are asked for in vain, in a row or at once; an hour later there are three again."""
    assert at_once(*[told.ask] * 6) == []
    told.ask()
    assert told.notices() == [("private-link", "jo@example.com", {})] * 3
    told.an_hour_passes()
    told.ask()
    assert len(told.notices()) == 4


def test_who_is_gone_is_told_nothing(told: Told) -> None:
    """A link of a subscriber who was erased mails nobody."""
    with told.database.transaction() as session:
        mail_private_link(session, 10**9)
    assert told.notices() == []

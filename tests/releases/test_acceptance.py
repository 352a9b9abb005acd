"""How lately a notice came, as the guard against link scanners asks."""

import datetime as dt
from collections.abc import Iterator

import pytest

from mail.replies import Accepted, Reply, Unsent
from releases.acceptance import Arrival, last_notice
from releases.leasing import take_lease
from runtime.database import Database
from subscribers.notices import NoticeKind, queue_for
from subscribers.record_models import Notice
from tests.support.people import add_person
from worker.notice_ledger import settle, take_next

KINDS = [NoticeKind.PRIVATE_LINK]


@pytest.fixture
def database(database_url: str) -> Iterator[Database]:
    made = Database(database_url)
    yield made
    made.dispose()


def test_a_notice_that_is_under_way_may_just_have_come(database: Database) -> None:
    """Queued it has not; in a lane's hands perhaps; accepted it has, for ten seconds."""

    def arrival() -> Arrival:
        with database.reading() as session:
            return last_notice(session, jo, KINDS)

    with database.transaction() as session:
        person = add_person(session, "jo@example.com")
        notice = queue_for(session, person, NoticeKind.PRIVATE_LINK)
        jo = person.id
        lease = take_lease(session, "a worker", "a folder", "")
    assert arrival() is Arrival.EARLIER
    for outcome, then in (
        (Unsent("no relay"), Arrival.EARLIER),
        (Accepted(Reply(250, None, "ok")), Arrival.JUST_NOW),
    ):
        with database.transaction() as session:
            held = take_next(session, lease)
            assert held is not None
        assert arrival() is Arrival.PERHAPS
        with database.transaction() as session:
            settle(session, held, outcome)
        assert arrival() is then
    with database.transaction() as session:
        decided = session.get_one(Notice, notice)
        assert decided.decided_at is not None
        decided.decided_at -= dt.timedelta(seconds=11)
    assert arrival() is Arrival.EARLIER

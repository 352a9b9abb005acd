"""The notices' lane when something goes wrong: one notice, a worker, the relay, the database."""

import datetime as dt
import threading
import time
from collections.abc import Iterator
from pathlib import Path

import pytest
import sqlalchemy as sa

from mail.replies import Accepted, Failed, Reply
from runtime.database import Database
from subscribers.notices import NoticeKind
from subscribers.record_models import Notice
from tests.support.fleet import wait_until
from tests.support.services import PostgresqlServer
from tests.support.smtp_model import Say, Vanish
from tests.support.smtp_server import SmtpServer
from tests.worker.relaying import Relaying
from worker.adoption import adopt_lost_leases
from worker.journal_folder import JournalFolder
from worker.notice_ledger import LOSSES_MAX, Held, settle
from worker.notice_making import NoticeMaker
from worker.notices import NoticeLane

OK = Reply(250, None, "taken")


@pytest.fixture
def database(database_url: str) -> Iterator[Database]:
    made = Database(database_url)
    yield made
    made.dispose()


@pytest.fixture
def relaying(database: Database) -> Iterator[Relaying]:
    made = Relaying(database)
    with made.server:
        yield made


def test_one_that_cannot_be_made_fails_alone(
    relaying: Relaying, capsys: pytest.CaptureFixture[str]
) -> None:
    """A row without what its words need, of no known kind, or with no address keeps no other."""
    bad = [
        relaying.queue("a@example.com", NoticeKind.CHANGED),
        relaying.queue("b@example.com"),
        relaying.queue("c@example.com"),
        relaying.queue("d@example.com", NoticeKind.CHANGED, detail={"entry_id": "no number"}),
    ]
    with relaying.database.transaction() as session:
        session.get_one(Notice, bad[1]).kind = "of no kind"
        session.get_one(Notice, bad[2]).address = "c\r\nRCPT TO:<x@example.com>"
    good = relaying.queue("good@example.com")
    relaying.lane().send_due()
    assert [relaying.notice(one).state for one in bad[:3]] == ["failed"] * 3
    assert relaying.notice(bad[3]).state in {"failed", "cancelled"}  # SQLite compares anything
    assert relaying.notice(good).state == "accepted"
    assert "KeyError: 'entry_id'" in (relaying.notice(bad[0]).reason or "")
    said = "".join(capsys.readouterr())
    assert "a notice cannot be made into a mail" in said
    assert relaying.server.recipients == ["good@example.com"]
    assert relaying.lane().send_due() == 0


def test_nothing_is_locked_while_a_notice_is_made(relaying: Relaying) -> None:
    """Another connection may write, the notice's own row too."""

    class Looking(NoticeMaker):
        def make(self, held: Held) -> object:
            other = Database(relaying.database.url)
            with other.transaction() as session:
                if other.is_postgresql:
                    session.execute(sa.text("SET LOCAL lock_timeout = 50"))
                session.execute(sa.update(Notice).values(name="Jo"))
            other.dispose()
            return super().make(held)

    relaying.queue("a@example.com")
    relaying.lane(maker=relaying.maker(kind=Looking)).send_due()
    assert b"To: Jo <a@example.com>" in relaying.mails[0]


def test_a_slow_server_makes_nothing_go_twice(database: Database, tmp_path: Path) -> None:
    """It takes longer than a lease lasts; meanwhile other lanes send the others, and sweeps run."""
    is_answered = threading.Event()
    slow_connections = set()

    def script(verb: str, argument: str, count: int) -> None:
        if "slow@" in argument:
            slow_connections.add(threading.get_ident())
        elif verb == "CONTENT" and threading.get_ident() in slow_connections:
            is_answered.wait(30)

    relaying = Relaying(database, script)
    slow = relaying.queue("slow@example.com")
    folder = JournalFolder(tmp_path)
    with relaying.server, SmtpServer() as quick:
        first = threading.Thread(target=relaying.lane().send_due)
        first.start()
        wait_until(lambda: relaying.notice(slow).lease_id is not None, 5)
        others = [relaying.queue(f"n{number}@example.com") for number in range(5)]
        ends_at = time.monotonic() + 11
        while time.monotonic() < ends_at:
            adopt_lost_leases(database, folder)
            relaying.lane(port=quick.port).send_due()
            time.sleep(0.3)
        # The first lane may have one of the others behind the slow one.
        assert sum(relaying.notice(one).state == "accepted" for one in others) >= len(others) - 1
        assert relaying.notice(slow).state == "queued"
        is_answered.set()
        first.join(10)
        got = relaying.server.recipients + quick.recipients
    assert sorted(got) == sorted(["slow@example.com", *(f"n{n}@example.com" for n in range(5))])
    assert {state for _, state in relaying.states()} == {"accepted"}
    assert not relaying.notice(slow).is_in_doubt


def test_what_a_lost_worker_held_goes_again_as_itself(relaying: Relaying) -> None:
    """At once, under the same Message-ID; that it may have come before is remembered."""
    one = relaying.queue("a@example.com")
    relaying.lane().send_due()
    with relaying.database.transaction() as session:
        notice = session.get_one(Notice, one)
        notice.state, notice.due_at, notice.decided_at = "queued", notice.created_at, None
    relaying.lose()
    relaying.lane().send_due()
    stands = relaying.notice(one)
    assert (stands.state, stands.is_in_doubt, stands.losses) == ("accepted", True, 1)
    first, second = relaying.message_ids()
    assert first == second


def test_one_that_workers_die_of_is_given_up(relaying: Relaying) -> None:
    """After the third time it is uncertain, and the others go on."""
    one = relaying.queue("a@example.com")
    for _ in range(LOSSES_MAX):
        relaying.lose()
    other = relaying.queue("b@example.com")
    relaying.lane().send_due()
    assert relaying.notice(one).state == "uncertain"
    assert "a worker was lost" in (relaying.notice(one).reason or "")
    assert relaying.notice(other).state == "accepted"


def test_an_acceptance_counts_whoever_holds_it_by_then(relaying: Relaying) -> None:
    """A refusal counts only from the holder; what is known to be taken is not sent again."""
    one = relaying.queue("a@example.com")
    stalled = relaying.lose()
    with relaying.database.transaction() as session:
        session.get_one(Notice, one).lease_id = None  # as another lane has found it
    with relaying.database.transaction() as session:
        settle(session, stalled, Failed(Reply(550, None, "no"), "no"))
    assert relaying.notice(one).state == "queued"
    with relaying.database.transaction() as session:
        settle(session, stalled, Accepted(OK))
    assert relaying.notice(one).state == "accepted"
    assert relaying.lane().send_due() == 0
    assert relaying.mails == []


def test_an_attempt_in_doubt_is_repeated_later_and_may_end_uncertain(database: Database) -> None:
    """As with deliveries: taken without an answer, then refused for good."""
    answers = iter([Vanish(took=True), Say("550 5.7.1 No more")])
    relaying = Relaying(
        database, lambda verb, _argument, _count: next(answers) if verb == "CONTENT" else None
    )
    one = relaying.queue("a@example.com")
    with relaying.server:
        relaying.lane().send_due()
        stands = relaying.notice(one)
        assert (stands.state, stands.is_in_doubt, stands.attempts) == ("deferred", True, 1)
        assert relaying.lane().send_due() == 0
        relaying.make_due()
        relaying.lane().send_due()
    stands = relaying.notice(one)
    assert (stands.state, stands.attempts) == ("uncertain", 2)
    assert "No more" in (stands.reply or "")


def test_a_deferred_notice_is_tried_again_later(database: Database) -> None:
    """A refusal for now puts it off; one for good fails it; two days are enough."""
    answers = iter([Say("451 4.7.1 Later"), None, Say("550 5.1.1 No"), Say("451 4.7.1 Later")])
    relaying = Relaying(
        database, lambda verb, _argument, _count: next(answers) if verb == "RCPT" else None
    )
    relaying.queue("a@example.com")
    with relaying.server:
        relaying.lane().send_due()
        assert relaying.states() == [("not-by-form", "deferred")]
        relaying.make_due()
        relaying.lane().send_due()
        relaying.queue("b@example.com")
        relaying.lane().send_due()
        old = relaying.queue("c@example.com")
        with database.transaction() as session:
            session.get_one(Notice, old).created_at -= dt.timedelta(hours=49)
        relaying.lane().send_due()
    assert [state for _, state in relaying.states()] == ["accepted", "failed", "failed"]
    assert "given up after two days: 451" in (relaying.notice(old).reason or "")
    assert len(relaying.mails) == 1


def test_a_relay_that_is_down_costs_no_attempt(relaying: Relaying) -> None:
    """They stay as they are, in their order, and go when it is back; the lane asks now and then."""
    ids = [relaying.queue(f"n{number}@example.com") for number in range(3)]
    with SmtpServer() as gone:
        port = gone.port
    lane = relaying.lane(port=port)
    assert 1 <= lane.send_due() <= 3
    assert lane.send_due() == 0
    stands = [relaying.notice(one) for one in ids]
    assert {(one.state, one.attempts, one.lease_id) for one in stands} == {("queued", 0, None)}
    with SmtpServer(port=port) as back:
        wait_until(lambda: lane.send_due() > 0, 10)
        assert back.recipients == [f"n{number}@example.com" for number in range(3)]


def test_what_a_server_said_outlives_a_lost_database_connection(
    postgresql_url: str, postgresql_server: PostgresqlServer
) -> None:
    """All connections are cut while the server answers: it is written down afterwards."""
    name = postgresql_url.rpartition("/")[2]

    def script(verb: str, argument: str, count: int) -> None:
        if verb == "CONTENT":
            postgresql_server.cut_connections(name)

    database = Database(postgresql_url)
    relaying = Relaying(database, script)
    for number in range(4):
        relaying.queue(f"n{number}@example.com")
    with relaying.server:
        wait_until(lambda: bool(send(relaying.lane())) and relaying.lane().send_due() == 0, 30)
        assert sorted(relaying.server.recipients) == [f"n{n}@example.com" for n in range(4)]
    assert {state for _, state in relaying.states()} == {"accepted"}
    database.dispose()


def send(lane: NoticeLane) -> bool:
    """Send, as sweeps do again and again; whether the database was there."""
    try:
        lane.send_due()
    except sa.exc.OperationalError:
        return False
    return True

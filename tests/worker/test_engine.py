"""The engine against real SMTP servers: what it sends, and what it does when it cannot."""

import contextlib
import dataclasses
import datetime as dt
import functools
import random
import threading
import time
from collections.abc import Callable, Iterator
from email import message_from_bytes, policy
from pathlib import Path
from typing import NoReturn
from zoneinfo import ZoneInfo

import pytest
import sqlalchemy as sa

from mail.tokens import Keyring, Purpose
from releases import commands
from releases.expansion import expand
from releases.leasing import take_lease
from releases.ledger import take_turn
from releases.models import Batch, Delivery, Distribution, Lease, Rendering
from releases.rehearsal import Rehearsal
from releases.rendering import Sending
from releases.renderings import make_copies
from releases.settling import settle
from releases.upkeep import keep_pulse
from runtime.database import Database
from subscribers.models import Subscriber, Subscription
from tests.support.fleet import message_ids, status_of, wait_until
from tests.support.office import SENDING, Office
from tests.support.smtp_model import ESMTP, Farewell, Hang, Say, SmtpModel, Vanish
from tests.support.smtp_server import SmtpServer
from worker import engine as engine_module
from worker.adoption import adopt_lost_leases
from worker.connections import Timeouts
from worker.engine import Delivered, Engine
from worker.filling import Filling
from worker.journal_folder import JournalFolder
from worker.limits.gate import Gate
from worker.smtp import Postman, Relay

KEYRING = Keyring(["s" * 32])
QUICK = Timeouts(connect=1, command=2, content=2, write=2, farewell=0.3)


class Workshop:
    """An office and an engine, without Celery."""

    def __init__(self, url: str, state: Path) -> None:
        self.office = Office(Database(url))
        self.database = self.office.database
        self.list_id = self.office.lists("press")["press"]
        self.state = state
        self.state.mkdir()
        self.is_stopping = False
        self.engines: list[Engine] = []
        with self.database.transaction() as session:
            keep_pulse(session)

    def people(self, count: int, **values: str) -> list[int]:
        """Subscribers on the list."""
        made = self.office.people(count, **values)
        self.office.subscribe(made, self.list_id)
        return made

    def publish(self, **order: object) -> int:
        """Publish and expand."""
        distribution = self.office.publish("press", **order)
        expand(
            self.database,
            distribution,
            make_copies=functools.partial(
                make_copies, self.database, distribution, sending=SENDING
            ),
            on_batches=lambda _: None,
            may_go_on=lambda: True,
        )
        return distribution

    def engine(
        self,
        *ports: int,
        only_to: tuple[str, ...] = (),
        why_withheld: Callable[[str, bool], str | None] | None = None,
        postman: type[Postman] = Postman,
        timeouts: Timeouts = QUICK,
        sending: Sending = SENDING,
        gate: Gate | None = None,
    ) -> Engine:
        """An engine that sends to these ports of this machine."""
        engine = Engine(
            self.database,
            Filling(self.database, KEYRING, sending, "newsroom.example.org"),
            postman([Relay("127.0.0.1", port) for port in ports], timeouts=timeouts),
            JournalFolder(self.state),
            why_withheld=why_withheld or Rehearsal(only_to).why_withheld,
            is_stopping=lambda: self.is_stopping,
            gate=gate,
        )
        self.engines.append(engine)
        return engine

    def settle(self, distribution: int) -> str:
        """Settle; the state."""
        with self.database.transaction() as session:
            settle(session, distribution)
        return status_of(self.office, distribution).state

    def make_due(self) -> None:
        """Whatever waits is due."""
        with self.database.transaction() as session:
            past = sa.func.strftime("%Y-01-01 00:00:00.000000", "now")
            if self.database.is_postgresql:
                past = sa.func.now() - sa.text("interval '1 second'")
            session.execute(sa.update(Batch).values(due_at=past))
            session.execute(
                sa.update(Delivery).where(Delivery.due_at.is_not(None)).values(due_at=past)
            )

    def left_behind(self) -> tuple[int, list[str]]:
        """Leases and journals that are still there."""
        with self.database.reading() as session:
            leases = session.scalar(sa.select(sa.func.count()).select_from(Lease))
        assert leases is not None
        return leases, JournalFolder(self.state).names()


@pytest.fixture
def shop(database_url: str, tmp_path: Path) -> Iterator[Workshop]:
    """An engine's surroundings on either database."""
    made = Workshop(database_url, tmp_path / "work")
    yield made
    for engine in made.engines:
        engine.close()
    made.database.dispose()


def scripted(script: object, capabilities: tuple[str, ...] = ESMTP):
    """Every connection follows the script."""
    return lambda _number: SmtpModel(script=script, capabilities=capabilities)  # type: ignore[arg-type]


def test_everyone_gets_their_own_copy(shop: Workshop) -> None:
    """The mail is to the person, with their links, and says why they get it."""
    people = shop.people(30)
    distribution = shop.publish()
    with SmtpServer() as server:
        delivered = shop.engine(server.port).deliver()
        assert delivered == Delivered(is_more_left=False, to_settle=frozenset({distribution}))
        assert shop.settle(distribution) == "complete"
    assert status_of(shop.office, distribution).accepted == 30
    got = message_ids(server)
    assert len(got) == 30
    mail = message_from_bytes(server.taken[0].data, policy=policy.default)
    (recipient,) = server.taken[0].rcpt_to
    number = int(recipient.split("@")[0].removeprefix("<").removeprefix("reader"))
    assert mail["To"] == f"Reader {number} <reader{number}@example.net>"
    token = mail["List-Unsubscribe"].split("/u/")[1].split(">")[0]
    assert KEYRING.verify(Purpose.UNSUBSCRIBE, token)[0] == people[number - 1]
    text = mail.get_body(("plain",))
    assert text is not None
    assert "You get this because you follow Press, since March 2024." in text.get_content()


def test_months_are_the_offices(shop: Workshop) -> None:
    """Since when somebody follows a list is told in the press office's time zone."""
    shop.people(1)
    with shop.database.transaction() as session:
        late = dt.datetime(2024, 2, 29, 23, 30, tzinfo=dt.UTC)
        session.execute(sa.update(Subscription).values(began_at=late))
    shop.publish()
    sending = dataclasses.replace(SENDING, timezone=ZoneInfo("Europe/Brussels"))
    with SmtpServer() as server:
        assert shop.engine(server.port, sending=sending).deliver().to_settle
    mail = message_from_bytes(server.taken[0].data, policy=policy.default)
    text = mail.get_body(("plain",))
    assert text is not None
    assert "since March 2024." in text.get_content()


def test_several_batches_are_delivered_in_one_go(shop: Workshop) -> None:
    """The engine goes on with the next batch, and leaves neither lease nor journal behind."""
    shop.people(2500)
    distribution = shop.publish()
    with SmtpServer() as server:
        engine = shop.engine(server.port)
        while engine.deliver().is_more_left:
            pass
        assert shop.settle(distribution) == "complete"
    assert len(message_ids(server)) == len(server.taken) == 2500
    engine.close()
    assert shop.left_behind() == (0, [])


def test_refusals_concern_one_person(shop: Workshop) -> None:
    """A refused recipient fails, a deferred one goes again; the others have it."""

    def script(verb: str, argument: str, count: int) -> object:
        if verb == "RCPT" and "reader3@" in argument:
            return Say("550 5.1.1 No such user")
        if verb == "RCPT" and "reader5@" in argument and count < 100:
            return Say("450 4.2.0 Greylisted")
        return None

    shop.people(10)
    distribution = shop.publish()
    with SmtpServer(scripted(script)) as server:
        engine = shop.engine(server.port)
        engine.deliver()
    said = status_of(shop.office, distribution)
    assert (said.accepted, said.failed, said.deferred) == (8, 1, 1)
    with SmtpServer() as server:
        shop.make_due()
        engine = shop.engine(server.port)
        engine.deliver()
        assert server.recipients == ["reader5@example.net"]
    assert shop.settle(distribution) == "complete"
    assert status_of(shop.office, distribution).repeats == 0
    with shop.database.reading() as session:
        failed = session.scalars(sa.select(Delivery).where(Delivery.state == "failed")).one()
        assert failed.reply == "550 5.1.1 No such user"


def test_an_address_that_no_relay_takes_fails_alone(shop: Workshop) -> None:
    """Without SMTPUTF8 at the relay an internationalised address fails, clearly."""
    odd, *_ = shop.people(5)
    with shop.database.transaction() as session:
        session.execute(
            sa.update(Subscriber).where(Subscriber.id == odd).values(address="käthe@example.net")
        )
    distribution = shop.publish()
    plain = tuple(word for word in ESMTP if word != "SMTPUTF8")
    with SmtpServer(scripted(lambda *_: None, plain)) as server:
        shop.engine(server.port).deliver()
    assert shop.settle(distribution) == "complete"
    said = status_of(shop.office, distribution)
    assert (said.accepted, said.failed) == (4, 1)
    with shop.database.reading() as session:
        failed = session.scalars(sa.select(Delivery).where(Delivery.state == "failed")).one()
        assert failed.subscriber_id == odd
        assert "SMTPUTF8" in (failed.reason or "")


def test_a_copy_that_cannot_be_made_fails_alone(shop: Workshop) -> None:
    """A damaged address does not stop the others, and does not loop."""
    odd, *_ = shop.people(5)
    with shop.database.transaction() as session:
        session.execute(
            sa.update(Subscriber)
            .where(Subscriber.id == odd)
            .values(address="a\r\nRCPT TO:<x@y>@example.net")
        )
    distribution = shop.publish()
    with SmtpServer() as server:
        shop.engine(server.port).deliver()
        assert len(server.taken) == 4
    assert shop.settle(distribution) == "complete"
    said = status_of(shop.office, distribution)
    assert (said.accepted, said.failed) == (4, 1)


def test_a_damaged_rendering_fails_with_a_plain_reason(shop: Workshop) -> None:
    """What cannot be read as a stencil fails for those who need it; nothing loops."""
    shop.people(5)
    shop.people(5, language="fr")
    distribution = shop.publish()
    with shop.database.transaction() as session:
        session.execute(
            sa.update(Rendering).where(Rendering.language == "fr").values(stencil=b"nonsense")
        )
    with SmtpServer() as server:
        shop.engine(server.port).deliver()
    assert shop.settle(distribution) == "complete"
    said = status_of(shop.office, distribution)
    assert (said.accepted, said.failed) == (5, 5)


def test_a_message_in_doubt_is_sent_again_with_the_same_message_id(shop: Workshop) -> None:
    """A server that vanishes after taking a message: it goes again, is counted, and is known."""

    def script(verb: str, argument: str, count: int) -> object:
        return Vanish(took=True) if verb == "CONTENT" else None

    shop.people(10)
    distribution = shop.publish()
    good = SmtpModel
    with SmtpServer(lambda number: SmtpModel(script=script) if number < 3 else good()) as server:
        engine = shop.engine(server.port)
        engine.deliver()
        wait_until(lambda: not engine.is_busy, 5)
        for _ in range(10):
            shop.make_due()
            engine._relay_back_at = 0.0
            engine.deliver()
            if shop.settle(distribution) == "complete":
                break
        got = message_ids(server)
    said = status_of(shop.office, distribution)
    assert said.state == "complete"
    assert said.accepted == len(got) == 10
    assert all(len(ids) == 1 for ids in got.values())
    assert said.repeats == sum(sum(ids.values()) - 1 for ids in got.values()) > 0


def test_a_relay_that_is_down_is_waited_for(shop: Workshop) -> None:
    """The note says what is wrong in one line; when the relay is back it goes on by itself."""
    shop.people(10)
    distribution = shop.publish()
    with SmtpServer() as server:
        port = server.port
    engine = shop.engine(port)
    assert not engine.deliver().is_more_left
    note = status_of(shop.office, distribution).note or ""
    assert f"127.0.0.1:{port}" in note
    assert "\n" not in note
    assert shop.left_behind()[0] == 0
    with SmtpServer(port=port) as server:

        def is_complete() -> bool:
            engine.deliver()
            return shop.settle(distribution) == "complete"

        assert wait_until(is_complete, 15) < 15
    said = status_of(shop.office, distribution)
    assert (said.accepted, said.note, said.repeats) == (10, None, 0)


def test_another_relay_takes_over(shop: Workshop) -> None:
    """With one of two relays down everything goes by the other, without a note."""
    shop.people(20)
    distribution = shop.publish()
    with SmtpServer() as down:
        pass
    with SmtpServer() as server:
        shop.engine(down.port, server.port).deliver()
        assert len(server.taken) == 20
    assert shop.settle(distribution) == "complete"


def test_a_relay_that_hangs_up_costs_nobody_their_mail(shop: Workshop) -> None:
    """421 in the middle concerns the connection, never the recipient."""

    def script(verb: str, argument: str, count: int) -> object:
        return Farewell() if verb == "MAIL" and count == 7 else None

    shop.people(60)
    distribution = shop.publish()
    with SmtpServer(scripted(script)) as server:
        engine = shop.engine(server.port)

        def is_complete() -> bool:
            engine.deliver()
            return shop.settle(distribution) == "complete"

        wait_until(is_complete, 20)
        assert len(message_ids(server)) == len(server.taken) == 60


def test_pause_and_cancel_take_effect_within_a_second(shop: Workshop) -> None:
    """In mid-batch, with a slow relay: soon after the officer's word nothing more leaves."""
    shop.people(190)
    distribution = shop.publish()
    with SmtpServer(reply_delay_seconds=0.05) as server:
        engine = shop.engine(server.port)
        thread = threading.Thread(target=engine.deliver)
        thread.start()
        wait_until(lambda: len(server.taken) > 10, 10)
        with shop.database.transaction() as session:
            commands.pause(session, distribution)
        wait_until(lambda: not engine.is_busy, 1.5, "the engine goes on after a pause")
        thread.join()
        paused_at = len(server.taken)
        assert paused_at < 150
        assert status_of(shop.office, distribution).accepted == paused_at
        assert not engine.deliver().is_more_left
        with shop.database.transaction() as session:
            commands.resume(session, distribution)
        while shop.settle(distribution) != "complete":
            engine.deliver()
        assert len(message_ids(server)) == len(server.taken) == 190


def test_a_rehearsal_mails_only_whom_it_may(shop: Workshop) -> None:
    """MEDIANOTE_ONLY_TO: everyone else is held back, with the reason."""
    shop.people(5)
    shop.people(3, domain="office.example")
    distribution = shop.publish()
    with SmtpServer() as server:
        shop.engine(server.port, only_to=("office.example", "reader1@example.net")).deliver()
        assert len(server.taken) == 4
    assert shop.settle(distribution) == "complete"
    said = status_of(shop.office, distribution)
    assert (said.accepted, said.suppressed) == (4, 4)


def test_the_engine_that_is_asked_to_stop_gives_everything_back(shop: Workshop) -> None:
    """Nothing new begins, what is out is finished, the rest is open again."""
    shop.people(190)
    distribution = shop.publish()
    with SmtpServer(reply_delay_seconds=0.05) as server:
        engine = shop.engine(server.port)
        thread = threading.Thread(target=engine.deliver)
        thread.start()
        wait_until(lambda: len(server.taken) > 10, 10)
        shop.is_stopping = True
        thread.join(3)
        assert not engine.is_busy
        engine.close()
        assert shop.left_behind() == (0, [])
        said = status_of(shop.office, distribution)
        assert said.accepted == len(server.taken)
        assert said.queued == 190 - said.accepted


def test_nothing_is_delivered_after_an_outage_before_the_sweep_has_looked(shop: Workshop) -> None:
    """Until a sweep has said that workers run, stale work does not leave."""
    shop.people(5)
    distribution = shop.publish()
    with shop.database.transaction() as session:
        session.execute(sa.text("DELETE FROM fact"))
    with SmtpServer() as server:
        assert shop.engine(server.port).deliver() == Delivered()
        assert server.taken == []
    with shop.database.reading() as session:
        assert session.get_one(Distribution, distribution).state == "running"


def test_one_engine_delivers_at_a_time(shop: Workshop) -> None:
    """A second task in the same process returns at once."""
    shop.people(100)
    shop.publish()
    with SmtpServer(reply_delay_seconds=0.05) as server:
        engine = shop.engine(server.port)
        thread = threading.Thread(target=engine.deliver)
        thread.start()
        wait_until(lambda: len(server.taken) > 0, 10)
        assert engine.deliver() == Delivered()
        thread.join()


def test_a_database_that_cuts_its_connections_costs_nobody_anything(
    postgresql_url: str, tmp_path: Path
) -> None:
    """Connections to PostgreSQL end again and again in mid-run: all have it, once."""
    shop = Workshop(postgresql_url, tmp_path / "work")
    shop.people(3000)
    distribution = shop.publish()
    is_over = threading.Event()
    other = sa.create_engine(postgresql_url, isolation_level="AUTOCOMMIT")

    def cut() -> None:
        while not is_over.wait(1.2):
            with other.connect() as connection:
                connection.execute(
                    sa.text(
                        "SELECT pg_terminate_backend(pid) FROM pg_stat_activity "
                        "WHERE datname = current_database() AND pid <> pg_backend_pid()"
                    )
                )

    cutter = threading.Thread(target=cut)
    cutter.start()
    try:
        with SmtpServer(reply_delay_seconds=0.004) as server:
            engine = shop.engine(server.port)
            folder = JournalFolder(shop.state)

            def is_complete() -> bool:
                with contextlib.suppress(sa.exc.OperationalError):
                    adopt_lost_leases(shop.database, folder)
                    engine.deliver()
                    return shop.settle(distribution) == "complete"
                return False

            wait_until(is_complete, 60, lambda: str(status_of(shop.office, distribution)))
            taken = list(server.recipients)
            engine.close()
    finally:
        is_over.set()
        cutter.join()
        other.dispose()
    said = status_of(shop.office, distribution)
    assert (said.accepted, said.repeats) == (3000, 0)
    assert len(taken) == len(set(taken)) == 3000
    shop.database.dispose()


class _Slow(SmtpModel):
    """One message's final answer takes its time; the others' do not."""

    has_begun = threading.Event()

    def receive(self, octets: bytes) -> bytes:
        answers = super().receive(octets)
        if len(self.taken) >= 20 and not self.has_begun.is_set():
            self.has_begun.set()
            time.sleep(4)
        return answers


def test_one_slow_answer_keeps_nobody_else(shop: Workshop, monkeypatch: pytest.MonkeyPatch) -> None:
    """While one mail server thinks, the other connections go on, with what came meanwhile too."""
    monkeypatch.setattr(engine_module, "SLICE_SECONDS", 0.3)
    _Slow.has_begun.clear()
    shop.people(60)
    shop.publish()
    with SmtpServer(lambda _: _Slow()) as server:
        engine = shop.engine(server.port, timeouts=Timeouts())

        def deliver() -> None:
            while not _Slow.has_begun.is_set():  # a slice so short may end before it has begun
                engine.deliver()

        slice_ = threading.Thread(target=deliver)
        slice_.start()
        assert _Slow.has_begun.wait(15)
        time.sleep(0.6)  # the slice's own time is over
        shop.publish(title="Urgent", is_urgent=True)
        wait_until(lambda: len(server.taken) >= 119, 3)
        assert slice_.is_alive()  # the slow one is still out
        slice_.join(10)
    assert len(server.taken) == 120


def test_an_engine_that_waits_for_an_answer_can_be_closed(
    shop: Workshop, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Ending waits for a while, then leaves the rest to the journal."""
    monkeypatch.setattr(engine_module, "STOPPING_CLOSE_SECONDS", 0.2)
    shop.people(1)
    shop.publish()
    with SmtpServer(scripted(lambda verb, *_: Hang() if verb == "CONTENT" else None)) as server:
        engine = shop.engine(server.port)
        slice_ = threading.Thread(target=engine.deliver)
        slice_.start()
        wait_until(lambda: bool(server.models and "DATA" in server.models[0].commands), 5)
        began = time.monotonic()
        engine.close()
        assert time.monotonic() - began < 1.5
        assert slice_.is_alive()
        slice_.join(10)


class _FailingPostman(Postman):
    """Takes one copy, and fails by a bug."""

    def run(self, source: Callable[[], object], *_: object, **__: object) -> NoReturn:
        source()
        raise RuntimeError("a bug")


def test_a_bug_in_sending_leaves_no_thread_behind(shop: Workshop) -> None:
    """Whatever ends a slice, its threads end too, and write no more under its lease."""
    shop.people(3)
    shop.publish()
    before = set(threading.enumerate())
    with pytest.raises(RuntimeError, match="a bug"):
        shop.engine(1, postman=_FailingPostman).deliver()
    wait_until(lambda: set(threading.enumerate()) <= before, 5)


def test_a_connection_cut_for_its_silence_is_only_a_retry(
    postgresql_url: str, tmp_path: Path
) -> None:
    """A worker that was stopped in the middle of a transaction goes on when it is continued."""
    impatient = sa.engine.make_url(postgresql_url).update_query_dict(
        {"options": "-c idle_in_transaction_session_timeout=300"}
    )
    shop = Workshop(impatient.render_as_string(hide_password=False), tmp_path / "work")
    shop.people(3)
    distribution = shop.publish()
    stops = iter([0.8])

    def stop_once(_address: str, _is_rehearsal: bool) -> None:
        time.sleep(next(stops, 0))

    with SmtpServer() as server:
        engine = shop.engine(server.port, why_withheld=stop_once)
        engine.deliver()
        engine.close()
    assert status_of(shop.office, distribution).accepted == 3
    shop.database.dispose()


class _LateFolder(JournalFolder):
    """A journal folder in which a worker lives and dies just before its journals are listed."""

    def __init__(self, state: Path, live_and_die: Callable[["_LateFolder"], None]) -> None:
        super().__init__(state)
        self._lives = [live_and_die]

    def names(self) -> list[str]:
        if self._lives:
            self._lives.pop()(self)
        return super().names()


def test_a_worker_that_dies_during_a_sweep_is_known_by_its_journal(shop: Workshop) -> None:
    """The journal of a worker that lived shorter than a sweep is kept until its lease is found."""
    shop.people(10)
    distribution = shop.publish()

    def live_and_die(folder: JournalFolder) -> None:
        journal = folder.new_journal()
        with shop.database.transaction() as session:
            lease = take_lease(session, "tests:1", folder.id, journal.name)
            turn = take_turn(
                session,
                lease,
                (),
                wants_next=True,
                jitter=random.Random(1),
                why_withheld=lambda *_: None,
            )
        assert turn.leased is not None
        slot = journal.open_slot(lease, turn.leased.batch_id)
        slot.begun(turn.leased.recipients[0].subscriber_id, 1)
        journal.close()

    folder = _LateFolder(shop.state, live_and_die)
    adopt_lost_leases(shop.database, folder)
    adopt_lost_leases(shop.database, folder)
    with shop.database.reading() as session:
        in_doubt = session.scalar(
            sa.select(sa.func.count()).select_from(Delivery).where(Delivery.is_in_doubt)
        )
    assert in_doubt == 1
    assert shop.left_behind() == (0, [])
    assert status_of(shop.office, distribution).queued == 9

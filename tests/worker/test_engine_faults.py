"""The engine where relays, the database, a person or its own code fail it."""

import contextlib
import random
import threading
import time
from collections.abc import Callable
from pathlib import Path
from typing import NoReturn

import pytest
import sqlalchemy as sa

from releases.leasing import take_lease
from releases.ledger import take_turn
from releases.models import Delivery
from runtime.database import Database
from tests.support.fleet import message_ids, status_of, wait_until
from tests.support.smtp_model import Farewell, Hang, SmtpModel
from tests.support.smtp_server import SmtpServer
from tests.support.workshop import Workshop, scripted
from worker import engine as engine_module
from worker import slices
from worker.adoption import adopt_lost_leases
from worker.connections import Timeouts
from worker.journal_folder import JournalFolder
from worker.smtp import Postman


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
    monkeypatch.setattr(slices, "SLICE_SECONDS", 0.3)
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
    shop = Workshop(postgresql_url, tmp_path / "work")
    shop.people(3)
    distribution = shop.publish()
    impatient = sa.engine.make_url(postgresql_url).update_query_dict(
        {"options": "-c idle_in_transaction_session_timeout=300"}
    )
    # The worker's alone: on a busy machine what was prepared above may be silent for as long.
    shop.database = Database(impatient.render_as_string(hide_password=False))
    stops = iter([0.8])

    def stop_once(_address: str, _is_rehearsal: bool) -> None:
        time.sleep(next(stops, 0))

    with SmtpServer() as server:
        engine = shop.engine(server.port, why_withheld=stop_once)
        engine.deliver()
        engine.close()
    assert status_of(shop.office, distribution).accepted == 3
    shop.office.database.dispose()
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

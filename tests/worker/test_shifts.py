"""What is in an engine's hands goes on from one delivery task to the next, or goes back."""

import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager

import pytest
import sqlalchemy as sa

from releases.models import Batch, Lease
from tests.support.fleet import message_ids, status_of, wait_until
from tests.support.smtp_server import SmtpServer
from tests.support.workshop import Workshop
from worker import engine as engine_module
from worker import slices
from worker.engine import Engine

PEOPLE = 400
"""Four batches: more than are sent in a slice."""


@pytest.fixture(autouse=True)
def slices_are_short(monkeypatch: pytest.MonkeyPatch) -> None:
    """A tenth of a second."""
    monkeypatch.setattr(slices, "SLICE_SECONDS", 0.1)


@contextmanager
def slow_server() -> Iterator[SmtpServer]:
    with SmtpServer(reply_delay_seconds=0.01) as server:
        yield server


def leases(shop: Workshop) -> list[int]:
    with shop.database.reading() as session:
        return list(session.scalars(sa.select(Lease.id)))


def open_batches(shop: Workshop) -> int:
    with shop.database.reading() as session:
        count = session.scalar(
            sa.select(sa.func.count()).select_from(Batch).where(Batch.state == "open")
        )
        assert count is not None
        return count


def deliver_all(shop: Workshop, engine: Engine, distribution: int) -> None:
    for _ in range(200):
        engine.deliver()
        if shop.settle(distribution) == "complete":
            return
    raise AssertionError("it is not complete")


def test_the_batch_in_hand_goes_on(shop: Workshop, monkeypatch: pytest.MonkeyPatch) -> None:
    """Many tasks, one lease: nothing is given back and leased anew between them."""
    monkeypatch.setattr(engine_module, "KEPT_SECONDS", 20)
    monkeypatch.setattr(slices, "SHIFT_SECONDS", 20)
    shop.people(PEOPLE)
    distribution = shop.publish()
    seen: set[int] = set()
    tasks = 0
    with slow_server() as server:
        engine = shop.engine(server.port)
        while engine.deliver().is_more_left:
            tasks += 1
            seen.update(leases(shop))
        assert shop.settle(distribution) == "complete"
        got = message_ids(server)
    assert tasks > 1
    assert len(seen) == 1
    assert len(got) == PEOPLE
    assert all(len(ids) == 1 for ids in got.values())
    assert leases(shop) == []


def test_what_nobody_goes_on_with_goes_back(shop: Workshop) -> None:
    """Without a next task another worker has the batch soon, and everyone is sent to once."""
    shop.people(PEOPLE)
    distribution = shop.publish()
    with slow_server() as server:
        first, second = shop.engine(server.port), shop.engine(server.port)
        assert first.deliver().is_more_left
        wait_until(lambda: not leases(shop), 5, "its lease is kept")
        assert open_batches(shop) > 0
        some = status_of(shop.office, distribution).accepted
        assert some == len(server.taken)
        deliver_all(shop, second, distribution)
        got = message_ids(server)
    assert len(got) == PEOPLE
    assert all(len(ids) == 1 for ids in got.values())


def test_closing_gives_back_what_is_kept(shop: Workshop) -> None:
    """A worker that ends between two tasks leaves no lease and no journal."""
    shop.people(PEOPLE)
    distribution = shop.publish()
    with slow_server() as server:
        engine = shop.engine(server.port)
        assert engine.deliver().is_more_left
        assert leases(shop)
        engine.close()
        assert shop.left_behind() == (0, [])
        assert status_of(shop.office, distribution).accepted == len(server.taken)
        deliver_all(shop, shop.engine(server.port), distribution)
        got = message_ids(server)
    assert sum(sum(ids.values()) for ids in got.values()) == PEOPLE


def test_what_is_in_hand_does_not_grow_old(shop: Workshop, monkeypatch: pytest.MonkeyPatch) -> None:
    """After some tasks all goes back, so that whoever has left meanwhile is found."""
    monkeypatch.setattr(engine_module, "KEPT_SECONDS", 20)
    monkeypatch.setattr(slices, "SHIFT_SECONDS", 0.2)
    shop.people(PEOPLE)
    distribution = shop.publish()
    with slow_server() as server:
        engine = shop.engine(server.port)
        while engine.deliver().is_more_left and leases(shop):
            pass
        assert leases(shop) == []
        assert status_of(shop.office, distribution).queued > 0
        deliver_all(shop, engine, distribution)
        got = message_ids(server)
    assert sum(sum(ids.values()) for ids in got.values()) == PEOPLE


def test_a_task_that_fails_before_it_begins_keeps_nothing_for_ever(
    shop: Workshop, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The database is silent for longer than a shift is kept, and then away."""
    rings: list[int] = []
    shop.people(PEOPLE)
    distribution = shop.publish()
    with slow_server() as server:
        engine = shop.engine(server.port, on_given_back=lambda: rings.append(1))
        assert engine.deliver().is_more_left
        task = threading.current_thread()

        def is_silent(*_: object) -> None:
            if threading.current_thread() is task:
                time.sleep(2 * engine_module.KEPT_SECONDS)
                raise sa.exc.OperationalError("silent", None, Exception("away"))

        sa.event.listen(shop.database.engine, "before_cursor_execute", is_silent)
        with pytest.raises(sa.exc.OperationalError):
            engine.deliver()
        sa.event.remove(shop.database.engine, "before_cursor_execute", is_silent)
        wait_until(lambda: not leases(shop), 5, "its lease is kept")
        wait_until(lambda: bool(rings), 5, "nobody is told that a batch is open again")
        deliver_all(shop, engine, distribution)
        got = message_ids(server)
    assert sum(sum(ids.values()) for ids in got.values()) == PEOPLE

"""What is in an engine's hands goes on from one delivery task to the next, or goes back."""

from collections.abc import Callable, Iterator
from contextlib import contextmanager

import pytest
import sqlalchemy as sa

from releases.models import Batch, Lease
from tests.support.fleet import message_ids, status_of, wait_until
from tests.support.smtp_server import SmtpServer
from tests.support.workshop import Workshop
from worker import slices

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


def deliver_all(shop: Workshop, engine_deliver: Callable[[], object], distribution: int) -> None:
    for _ in range(200):
        engine_deliver()
        if shop.settle(distribution) == "complete":
            return
    raise AssertionError("it is not complete")


def test_the_batch_in_hand_goes_on(shop: Workshop) -> None:
    """Many tasks, one lease: nothing is given back and leased anew between them."""
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
        deliver_all(shop, second.deliver, distribution)
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
        deliver_all(shop, shop.engine(server.port).deliver, distribution)
        got = message_ids(server)
    assert sum(sum(ids.values()) for ids in got.values()) == PEOPLE

"""Engines with limits against a real relay: what is kept, and that nobody else waits for it."""

import shutil
import threading
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
import sqlalchemy as sa

from releases import commands
from releases.models import Batch, Distribution
from runtime.limits import Rate, RelayLimits
from tests.support.fleet import status_of
from tests.support.workshop import Workshop
from tests.worker.limits.shops import (
    Notes,
    deliver_for,
    limited_engine,
    most_in,
    noting_server,
)

SLOW, OTHER = "slow.example", "example.net"


@pytest.fixture
def open_shop(migrated_sqlite_file: Path, tmp_path: Path) -> Iterator[Callable[[], Workshop]]:
    """Opens embedded installations, each with a database of its own."""
    made: list[Workshop] = []

    def make() -> Workshop:
        file = tmp_path / f"{len(made)}.sqlite"
        shutil.copy(migrated_sqlite_file, file)
        made.append(Workshop(f"sqlite:///{file}", tmp_path / f"work{len(made)}"))
        return made[-1]

    yield make
    for shop in made:
        for engine in shop.engines:
            engine.close()
        shop.database.dispose()


@pytest.fixture
def shop(open_shop: Callable[[], Workshop]) -> Workshop:
    """An embedded installation."""
    return open_shop()


def seconds_for_the_others(shop: Workshop, notes: Notes, count: int, *domains: str) -> float:
    """From the first to the last of those at the other domain."""
    with (
        noting_server(notes) as server,
        limited_engine(shop, server.port, domains=domains) as engine,
    ):
        began = time.monotonic()
        while len(notes.times(OTHER)) < count:
            engine.deliver()
            assert time.monotonic() - began < 60
        times = notes.times(OTHER)
        return times[-1] - times[0]


@pytest.mark.parametrize("kind", ["slow", "deferring"])
def test_a_slow_domain_keeps_nobody_else(open_shop: Callable[[], Workshop], kind: str) -> None:
    """Its people fill the first batches, and it lets one through a minute, or defers them all."""
    alone, beside = open_shop(), open_shop()
    alone.people(1500)
    alone.publish()
    beside.people(1500, domain=SLOW)
    beside.people(1500)
    distribution = beside.publish()
    plain, notes = Notes(), Notes()
    seconds_alone = seconds_for_the_others(alone, plain, 1500, f"{SLOW} 1/min")
    limit = f"{SLOW} 1/min"
    if kind == "deferring":
        limit = "*"
        notes.deferring.add(SLOW)
    seconds_beside = seconds_for_the_others(beside, notes, 1500, limit)
    assert len(notes.times(SLOW)) <= 40
    # The machine may be busy with other tests.
    assert seconds_beside < 2 * seconds_alone + 1.0
    found = status_of(beside.office, distribution)
    assert found.accepted + found.queued + found.deferred == 3000
    assert found.queued >= 1450
    with beside.database.reading() as session:
        rounds = session.scalars(sa.select(Batch.round).where(Batch.queued > 0)).all()
    assert set(rounds) == {0}


def test_a_rate_of_a_domain_is_kept_and_used(shop: Workshop) -> None:
    """Never more in any second, and nearly as much; no attempt is spent on who waits."""
    shop.people(400, domain=SLOW)
    distribution = shop.publish()
    notes = Notes()
    with noting_server(notes) as server:
        with limited_engine(shop, server.port, domains=(f"{SLOW} 40/s",)) as engine:
            deliver_for(engine, 4.0)
        times = notes.times(SLOW)
    assert most_in(times, 1.0) <= 40
    assert len(times) >= 60
    found = status_of(shop.office, distribution)
    assert (found.accepted, found.queued, found.deferred) == (len(times), 400 - len(times), 0)


def test_a_relays_slow_rate_ends_the_slice_in_time(shop: Workshop) -> None:
    """Whoever was drawn and may not go yet is given back, and has no mail after a cancel."""
    shop.people(50)
    distribution = shop.publish()
    notes = Notes()
    slow = RelayLimits(rate=Rate(6, 60.0))
    with (
        noting_server(notes) as server,
        limited_engine(shop, server.port, limits=slow) as engine,
    ):
        began = time.monotonic()
        engine.deliver()
        assert time.monotonic() - began < 6
        assert len(notes.times()) <= 6
        with shop.database.transaction() as session:
            commands.cancel(session, distribution)
        sent = len(notes.times())
        deliver_for(engine, 1.0)
        assert len(notes.times()) == sent
    found = status_of(shop.office, distribution)
    assert found.accepted == sent


def test_a_batch_that_waits_is_not_leased_in_a_loop(shop: Workshop) -> None:
    """When a whole domain rests its batch rests too; others of the batch were not kept by it."""
    shop.people(50, domain=SLOW)
    shop.people(20)
    distribution = shop.publish()
    notes = Notes()
    notes.deferring.add(SLOW)
    with (
        noting_server(notes) as server,
        limited_engine(shop, server.port, domains=("*",)) as engine,
    ):
        delivered = engine.deliver()
        assert not delivered.is_more_left
        began = time.monotonic()
        for _ in range(20):
            assert not engine.deliver().is_more_left
        assert time.monotonic() - began < 2
    found = status_of(shop.office, distribution)
    assert found.accepted == 20
    assert 3 <= found.deferred <= 16  # what was under way before the rest began
    assert found.queued == 50 - found.deferred
    with shop.database.reading() as session:
        (batch,) = session.scalars(sa.select(Batch)).all()
        started = session.get_one(Distribution, distribution).due_at
        assert 20 < (batch.due_at - started).total_seconds() < 60


def test_a_pause_reaches_those_who_wait(shop: Workshop) -> None:
    """An officer's pause takes effect within a second, also where a limit makes it slow."""
    shop.people(200, domain=SLOW)
    distribution = shop.publish()
    notes = Notes()
    with (
        noting_server(notes) as server,
        limited_engine(shop, server.port, domains=(f"{SLOW} 20/s",)) as engine,
    ):
        sending = threading.Thread(target=deliver_for, args=(engine, 3.0))
        sending.start()
        while not notes.times():
            time.sleep(0.01)
        with shop.database.transaction() as session:
            commands.pause(session, distribution)
        paused_at = time.monotonic()
        sending.join()
    assert [at for at in notes.times() if at > paused_at + 1.5] == []


@pytest.mark.parametrize("has_flights", [False, True])
def test_a_relays_limits_are_kept(shop: Workshop, *, has_flights: bool) -> None:
    """So many connections, messages a second and messages on a connection; flights obey, too."""
    shop.people(300)
    distribution = shop.publish()
    notes = Notes()
    limits = RelayLimits(connections=2, rate=Rate(50), per_connection=20)
    with noting_server(notes, has_chunking=has_flights) as server:
        with limited_engine(shop, server.port, limits=limits, has_flights=has_flights) as engine:
            deliver_for(engine, 4.0)
            told = status_of(shop.office, distribution).limits
        on_each = [sum(c.startswith("MAIL") for c in model.commands) for model in server.models]
    assert most_in(notes.times(), 1.0) <= 50
    assert len(notes.times()) >= 80
    assert max(on_each) <= 20
    assert notes.most_open <= 2
    assert has_flights == any(c.startswith("BDAT") for m in server.models for c in m.commands)
    assert f"relay 127.0.0.1:{server.port}: 50/s" in told
    found = status_of(shop.office, distribution)
    assert (found.accepted, found.deferred, found.note) == (len(notes.times()), 0, None)


def test_connections_that_nobody_uses_are_left_to_others(shop: Workshop) -> None:
    """A worker that has nothing to send keeps no connection of a relay that limits them."""
    shop.people(10)
    shop.publish()
    notes = Notes()
    limits = RelayLimits(connections=2)
    with (
        noting_server(notes) as server,
        limited_engine(shop, server.port, limits=limits) as engine,
    ):
        deliver_for(engine, 1.0)
        assert len(notes.times()) == 10
        ends_at = time.monotonic() + 10
        while notes.open_now and time.monotonic() < ends_at:
            time.sleep(0.05)
    assert notes.most_open >= 1
    assert notes.open_now == 0

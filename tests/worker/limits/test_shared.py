"""Limits that several processes share through a real Redis, and what they do without it."""

import contextlib
import signal
import threading
import time
from functools import partial
from pathlib import Path

import pytest
import redis

from runtime.database import Database
from runtime.limits import Rate, RelayLimits
from tests.support.fleet import fleet, settings_of, status_of, wait_until
from tests.support.office import Office
from tests.support.services import RedisServer
from tests.support.workshop import Workshop
from tests.worker.limits.shops import (
    Notes,
    deliver_until,
    limited_engine,
    most_in,
    noting_server,
)
from worker.limits import redis_pool
from worker.limits.asks import Asks, RateAsk, RestNews, SlotAsk
from worker.limits.redis_pool import RedisPool

pytestmark = pytest.mark.redis


def ask(held: int, want: int, most: int = 10) -> Asks:
    """An ask for connections."""
    return Asks(slots=[SlotAsk("relay r", most, held, want)])


QUICK_MS = 300


@pytest.fixture
def redis_url(redis_url: str, monkeypatch: pytest.MonkeyPatch) -> str:
    """A Redis without any key, which need not wait for others for long."""
    monkeypatch.setattr(redis_pool, "WARMING_MS", QUICK_MS)
    return redis_url


def warm(url: str) -> None:
    """A Redis that has been in use for a while."""
    pool = RedisPool(url, "long ago")
    wait_until(lambda: bool(pool.turn(Asks()).knows_rests), 5)


def test_slots_are_shared_fairly_and_never_exceeded(redis_url: str) -> None:
    """Who has more than their part gives it up; only then others get it."""
    warm(redis_url)
    first, second, third = (RedisPool(redis_url, name) for name in "abc")
    assert first.turn(ask(0, 10)).slots == [10]
    assert second.turn(ask(0, 10)).slots == [0]
    assert first.turn(ask(10, 10)).slots == [5]  # it has to close five
    assert second.turn(ask(0, 10)).slots == [0]  # and has not yet
    assert first.turn(ask(5, 10)).slots == [5]
    assert second.turn(ask(0, 10)).slots == [5]
    assert third.turn(ask(0, 1)).slots == [0]
    assert first.turn(ask(5, 10)).slots == [5]  # 5 + 4 + 1
    assert second.turn(ask(5, 10)).slots == [4]
    assert third.turn(ask(0, 1)).slots == [0]  # not closed yet
    assert second.turn(ask(4, 10)).slots == [4]
    assert third.turn(ask(0, 1)).slots == [1]
    assert first.turn(ask(0, 0)).slots == [0]
    assert second.turn(ask(4, 10)).slots == [9]


def test_fewer_slots_than_processes(redis_url: str) -> None:
    """Some have one and the others none, and what one gives back another gets."""
    warm(redis_url)
    pools = [RedisPool(redis_url, str(number)) for number in range(4)]
    given = [pool.turn(ask(0, 8, most=2)).slots[0] for pool in pools]
    assert given == [2, 0, 0, 0]
    assert pools[0].turn(ask(2, 8, most=2)).slots == [1]
    assert pools[0].turn(ask(1, 8, most=2)).slots == [1]
    assert [pool.turn(ask(0, 8, most=2)).slots[0] for pool in pools[1:]] == [1, 0, 0]


def test_the_part_of_a_dead_process_is_free_within_seconds(redis_url: str) -> None:
    """Nobody has to clean up after it."""
    warm(redis_url)
    dead, living = RedisPool(redis_url, "dead"), RedisPool(redis_url, "living")
    assert dead.turn(ask(0, 10)).slots == [10]
    took = wait_until(lambda: living.turn(ask(0, 10)).slots == [10], 5)
    assert took < 4


def test_a_redis_that_forgot_grants_nothing_that_others_may_hold(redis_url: str) -> None:
    """After a flush each keeps what it holds, and only then more is given."""
    warm(redis_url)
    first, second = RedisPool(redis_url, "a"), RedisPool(redis_url, "b")
    assert first.turn(ask(0, 6)).slots == [6]
    assert second.turn(ask(0, 4)).slots == [4]
    redis.Redis.from_url(redis_url).flushall()
    assert second.turn(ask(4, 10)).slots == [4]
    assert second.is_warming
    rates = Asks(rates=[RateAsk("domain d", Rate(1000), 1000)])
    assert second.turn(rates).rates == [0]
    assert first.turn(ask(6, 6)).slots == [5]  # its fair part by now, and it holds six
    assert first.is_warming
    time.sleep(QUICK_MS / 1000 + 0.05)
    assert second.turn(ask(4, 10)).slots == [4]
    assert not second.is_warming
    assert first.turn(ask(5, 6)).slots == [5]
    assert second.turn(ask(4, 10)).slots == [5]


def test_a_redis_that_nobody_reached_begins_anew(redis_url: str) -> None:
    """When it answers again it waits until all have told it what they hold."""
    warm(redis_url)
    pool = RedisPool(redis_url, "a")
    assert pool.turn(ask(0, 5)).slots == [5]
    time.sleep(2.6)
    assert pool.turn(ask(2, 5)).slots == [2]
    assert pool.is_warming


def test_a_rate_is_one_for_all(redis_url: str) -> None:
    """Three that ask as often as they can get, together, what the rate allows."""
    pools = [RedisPool(redis_url, name) for name in "abc"]
    got: list[float] = []
    ends_at = time.monotonic() + 3
    while time.monotonic() < ends_at:
        for pool in pools:
            rates = Asks(rates=[RateAsk("domain d", Rate(100), 50)])
            (count,) = pool.turn(rates).rates
            got += [time.monotonic()] * count
        time.sleep(0.01)
    assert most_in(got, 1.0) <= 100
    assert len(got) >= 3 * 100 * 0.75


def test_rests_are_known_to_all(redis_url: str) -> None:
    """A rest that began is heard of, and its end too; a lower one does not shorten it."""
    warm(redis_url)
    first, second = RedisPool(redis_url, "a"), RedisPool(redis_url, "b")
    first.turn(Asks(rests=[RestNews("slow.example", 1, 60.0)]))
    second.turn(Asks(rests=[RestNews("slow.example", 0, 30.0)]))
    (news,) = second.turn(Asks()).rests
    assert (news.name, news.level) == ("slow.example", 1)
    assert 55 < news.seconds <= 60
    second.turn(Asks(rests=[RestNews("slow.example", None)]))
    assert first.turn(Asks()).rests == []


def test_two_workers_keep_to_one_limit(
    postgresql_url: str, breakable_redis: RedisServer, tmp_path: Path
) -> None:
    """Together never above it, and near it."""
    office = Office(Database(postgresql_url))
    office.subscribe(office.people(2000), office.lists("press")["press"])
    notes = Notes()
    with noting_server(notes) as server:
        smtp_url = f"smtp://127.0.0.1:{server.port}?connections=3&rate=100/s"
        environment = settings_of(postgresql_url, breakable_redis.url, smtp_url, tmp_path / "state")
        with fleet(environment, tmp_path) as workers:
            workers.start(2)
            wait_until(lambda: workers.logs().count("ready") >= 2, 40, workers.logs)
            distribution = office.publish("press")
            wait_until(lambda: len(notes.times()) > 400, 30, workers.logs)
    times = notes.times()
    assert most_in(times, 1.0) <= 100
    assert notes.most_open <= 3
    assert times[-1] - times[0] < 12
    assert status_of(office, distribution).deferred == 0
    office.database.dispose()


def test_two_that_lose_their_redis_go_on_with_their_shares(
    postgresql_url: str, breakable_redis: RedisServer, tmp_path: Path
) -> None:
    """It hangs, comes back, and dies: never above the limits, and no standstill."""
    shop = Workshop(postgresql_url, tmp_path / "work")
    shop.people(3000)
    distribution = shop.publish()
    notes = Notes()
    limits = RelayLimits(connections=3, rate=Rate(100))
    with noting_server(notes) as server, contextlib.ExitStack() as stack:
        over = threading.Event()
        threads = []
        for name in ("a", "b"):
            engine = stack.enter_context(
                limited_engine(
                    shop,
                    server.port,
                    limits=limits,
                    redis_url=breakable_redis.url,
                    process=name,
                    who_delivers=lambda: frozenset({"a", "b"}),
                )
            )
            threads.append(threading.Thread(target=deliver_until, args=(engine, over)))
        for thread in threads:
            thread.start()
        wait_until(lambda: len(notes.times()) > 100, 20)
        for trouble in (
            lambda: breakable_redis.send(signal.SIGSTOP),
            lambda: breakable_redis.send(signal.SIGCONT),
            breakable_redis.kill,
        ):
            trouble()
            before = len(notes.times())
            time.sleep(4)
            # 190 to 340 by now where the machine is idle; a busy one may take longer.
            wait_until(partial(notes.has_reached, before + 160), 8)
        over.set()
        for thread in threads:
            thread.join()
    assert most_in(notes.times(), 1.0) <= 100
    assert notes.most_open <= 3
    assert status_of(shop.office, distribution).deferred == 0
    for engine in shop.engines:
        engine.close()
    shop.database.dispose()

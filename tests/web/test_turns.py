"""Pages are made two at a time, unless those that are being made wait."""

import asyncio
import contextlib
import threading
import time

import pytest
from sqlalchemy.pool import QueuePool

from runtime.database import Database
from web import turns
from web.turns import AT_ONCE, PATIENCE_SECONDS, THREADS, Turns


def test_a_few_at_once(monkeypatch: pytest.MonkeyPatch) -> None:
    """Short ones take turns, and all come to their end."""
    # However busy the machine is: none of these waits for anything.
    monkeypatch.setattr(turns, "PATIENCE_SECONDS", 60.0)
    lock = threading.Lock()
    now = most = 0

    def make() -> None:
        nonlocal now, most
        with lock:
            now += 1
            most = max(most, now)
        time.sleep(0.01)
        with lock:
            now -= 1

    async def all_of_them() -> None:
        takes = Turns()
        await asyncio.gather(*(takes.take(make) for _ in range(20)))

    asyncio.run(all_of_them())
    assert most == AT_ONCE


def test_those_that_wait_hold_up_nobody() -> None:
    """While all threads but one wait for a lock, the next page comes soon."""
    lets_go = threading.Event()

    async def both() -> float:
        turns = Turns()
        waiting = [asyncio.ensure_future(turns.take(lets_go.wait)) for _ in range(THREADS - 1)]
        await asyncio.sleep(0)
        begun = time.monotonic()
        assert await turns.take(lambda: "a page") == "a page"
        seconds = time.monotonic() - begun
        assert not any(one.done() for one in waiting)
        lets_go.set()
        assert all(await asyncio.gather(*waiting))
        return seconds

    assert asyncio.run(both()) < PATIENCE_SECONDS * THREADS


def test_an_error_is_the_page_s_own() -> None:
    """It is raised, and its turn goes on to others."""

    def fail() -> None:
        raise LookupError

    async def then() -> list[str]:
        turns = Turns()
        for _ in range(AT_ONCE + 1):
            with pytest.raises(LookupError):
                await turns.take(fail)
        return [await turns.take(lambda: "a page") for _ in range(AT_ONCE + 1)]

    assert asyncio.run(then()) == ["a page"] * (AT_ONCE + 1)


def test_there_is_a_connection_for_each(postgresql_url: str) -> None:
    """However many wait for locks: none of them waits for a connection instead."""
    database = Database(postgresql_url)
    pool = database.engine.pool
    assert isinstance(pool, QueuePool)
    with contextlib.ExitStack() as held:
        for _ in range(THREADS):
            held.enter_context(database.engine.connect())
        assert pool.checkedout() == THREADS
    database.dispose()


def test_nobody_waits_any_more() -> None:
    """What has not been begun is not made, and what has been gives its turn on."""
    lets_go = threading.Event()
    made: list[str] = []

    async def then() -> str:
        turns = Turns()
        begun = [asyncio.ensure_future(turns.take(lets_go.wait)) for _ in range(AT_ONCE)]
        queued = asyncio.ensure_future(turns.take(lambda: made.append("too late")))
        await asyncio.sleep(PATIENCE_SECONDS / 4)
        for one in (*begun, queued):
            one.cancel()
        assert all(
            isinstance(one, asyncio.CancelledError)
            for one in await asyncio.gather(*begun, queued, return_exceptions=True)
        )
        lets_go.set()
        return await turns.take(lambda: "a page")

    assert asyncio.run(then()) == "a page"
    assert made == []

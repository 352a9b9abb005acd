"""Threads in which pages are made: a few at once, and more only while those wait for something.

Python runs in one thread at a time: pages that are made at the same time hand the interpreter to
and fro, and all of them come later. But one that waits for a lock of the database must not keep
the others waiting.
"""

import asyncio
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from typing import Final, TypeVar

AT_ONCE: Final = 2
THREADS: Final = 15
"""No more than a process has connections for transactions: one more would wait for those."""
PATIENCE_SECONDS: Final = 0.1
"""A page that takes longer is waiting: its turn goes on to the next one."""

_T = TypeVar("_T")


class Turns:
    """Whose turn it is to be made; for one event loop."""

    def __init__(self) -> None:
        self._threads = ThreadPoolExecutor(THREADS, "page")
        self._turns = asyncio.Semaphore(AT_ONCE)

    async def take(self, make: Callable[[], _T]) -> _T:
        """What `make` returns or raises, made in a thread in its turn."""
        async with self._turns:
            making = asyncio.get_running_loop().run_in_executor(self._threads, make)
            try:
                await asyncio.wait((making,), timeout=PATIENCE_SECONDS)
            except asyncio.CancelledError:
                making.cancel()  # what has not been begun is not made for nobody
                raise
        return await making

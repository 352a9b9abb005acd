"""Sends requests over HTTP at their times, and sees how long each waits for its answer.

Nothing here is a request library: what asks shares the processors with what is asked.
"""

import asyncio
import time
from collections import deque
from collections.abc import Callable
from typing import Final

ANSWER_SECONDS: Final = 600.0
CONNECTIONS_MAX: Final = 200
IDLE_SECONDS: Final = 2.0
"""A connection that was idle for so long is not used again: the server may be closing it."""


class Connections:
    """Kept connections, as many as are needed at once within bounds; the rest waits its turn."""

    def __init__(self, port: int, due_at: Callable[[int], float], count: int) -> None:
        self._port = port
        self._due_at = due_at
        self._left = count
        self._waiting: deque[tuple[int, bytes]] = deque()
        self._free: list[Connection] = []
        self._made: list[Connection] = []
        self._opening: set[asyncio.Task[None]] = set()
        self.waited: list[float] = []
        self.done = asyncio.get_running_loop().create_future()

    def send(self, number: int, request: bytes) -> None:
        """Send a request, or have it wait for a free connection."""
        if self._free:
            connection = self._free.pop()
            if time.monotonic() - connection.free_since < IDLE_SECONDS:
                connection.ask(number, request)
                return
            self._made.remove(connection)
            connection.close()
        self._waiting.append((number, request))
        if len(self._made) + len(self._opening) < CONNECTIONS_MAX:
            task = asyncio.create_task(self._open())
            self._opening.add(task)
            task.add_done_callback(self._opened)

    def answered(self, connection: "Connection", number: int, first_at: float) -> None:
        """Take an answer down, and have the connection go on."""
        self.waited.append(first_at - self._due_at(number))
        self._left -= 1
        if not self._left and not self.done.done():
            self.done.set_result(None)
        self._use(connection)

    def ended(self, connection: "Connection", error: Exception) -> None:
        """A connection has ended: that is a failure unless it was idle, or we closed it."""
        if connection in self._free:
            self._free.remove(connection)
            self._made.remove(connection)
        elif connection in self._made:
            self.failed(error)

    def failed(self, error: Exception) -> None:
        """End it all: an answer that counts for nothing must not be measured."""
        if not self.done.done():
            self.done.set_exception(error)

    def close(self) -> None:
        """Close them all."""
        for task in self._opening:
            task.cancel()
        for connection in self._made:
            connection.close()

    async def _open(self) -> None:
        loop = asyncio.get_running_loop()
        _, connection = await loop.create_connection(
            lambda: Connection(self), "127.0.0.1", self._port
        )
        self._made.append(connection)
        self._use(connection)

    def _opened(self, task: "asyncio.Task[None]") -> None:
        self._opening.discard(task)
        error = None if task.cancelled() else task.exception()
        if isinstance(error, Exception):
            self.failed(error)

    def _use(self, connection: "Connection") -> None:
        if self._waiting:
            connection.ask(*self._waiting.popleft())
        else:
            connection.free_since = time.monotonic()
            self._free.append(connection)


class Connection(asyncio.Protocol):
    """One connection: a request at a time, and its answer."""

    def __init__(self, among: Connections) -> None:
        self._among = among
        self._number = 0
        self._request = self._got = b""
        self._first_at = 0.0
        self.free_since = 0.0

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        assert isinstance(transport, asyncio.Transport)
        self._transport = transport

    def ask(self, number: int, request: bytes) -> None:
        """Send a request."""
        self._number, self._request, self._got = number, request, b""
        self._transport.write(request)

    def data_received(self, data: bytes) -> None:
        if not self._got:
            self._first_at = time.monotonic()
        self._got += data
        head, end, body = self._got.partition(b"\r\n\r\n")
        if not end:
            return
        if b" 200 " not in head.partition(b"\r\n")[0]:
            line = self._request.partition(b"\r\n")[0].decode()
            method, kind = line.split("/")[:2]
            self._among.failed(RuntimeError(f"{method}/{kind}: {head.decode()}"))
            return
        length = head.lower().partition(b"content-length:")[2].partition(b"\r\n")[0]
        if len(body) >= int(length):
            self._among.answered(self, self._number, self._first_at)

    def connection_lost(self, exc: Exception | None) -> None:
        self._among.ended(self, exc or ConnectionError("the server closed a connection"))

    def close(self) -> None:
        """Close it."""
        self._transport.close()


async def ask(port: int, requests: list[bytes], rate: int) -> list[float]:
    """Send the requests at their times; how long each waited for its first octet, in seconds."""
    begun = time.monotonic() + 0.1
    connections = Connections(port, lambda number: begun + number / rate, len(requests))
    try:
        async with asyncio.timeout(ANSWER_SECONDS):
            for number, request in enumerate(requests):
                if connections.done.done():
                    break
                pause = begun + number / rate - time.monotonic()
                if pause > 0:
                    await asyncio.sleep(pause)
                elif number % 8 == 0:
                    await asyncio.sleep(0)  # late: answers are read all the same
                connections.send(number, request)
            await connections.done
    finally:
        connections.close()
    return connections.waited

"""A press office whose engines have limits, and a relay that notes when it was asked for whom."""

import socket
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager

from runtime.limits import DomainLimits, RelayLimits
from runtime.relays import Relay
from tests.support.smtp_model import ESMTP, Say, SmtpModel
from tests.support.smtp_server import SmtpServer
from worker.engine import Engine
from worker.lease import clock_that_never_stops, worker_name
from worker.limits.gate import Gate
from worker.limits.keeper import LimitKeeper
from worker.presence import who_delivers as names_of_who_delivers
from worker.smtp import Postman


class Notes:
    """When a message was begun, for which domain, and how much was open at any moment."""

    def __init__(self) -> None:
        self.begun: list[tuple[float, str]] = []
        self.deferring: set[str] = set()
        self.open_now = 0
        self.most_open = 0
        self._lock = threading.Lock()

    def script(self, verb: str, argument: str, count: int) -> object:
        """Note each recipient; defer those of a domain that defers."""
        if verb != "RCPT":
            return None
        domain = argument.partition("@")[2].partition(">")[0]
        with self._lock:
            self.begun.append((time.monotonic(), domain))
        return Say("451 4.7.1 Try again later") if domain in self.deferring else None

    def opened(self, by: int) -> None:
        """A connection was opened, or has ended."""
        with self._lock:
            self.open_now += by
            self.most_open = max(self.most_open, self.open_now)

    def times(self, domain: str | None = None) -> list[float]:
        """When messages were begun, to a domain or to anyone."""
        return sorted(at for at, to in self.begun if domain in {None, to})

    def has_reached(self, count: int) -> bool:
        """Whether so many messages have been begun."""
        return len(self.begun) >= count


class NotingServer(SmtpServer):
    """Counts the connections that are open."""

    def __init__(
        self, notes: Notes, *, has_chunking: bool = False, reply_delay_seconds: float = 0.0
    ) -> None:
        capabilities = (*ESMTP, "CHUNKING") if has_chunking else ESMTP
        super().__init__(
            lambda _: SmtpModel(script=notes.script, capabilities=capabilities),
            reply_delay_seconds=reply_delay_seconds,
        )
        self._notes = notes

    def _serve(self, connection: socket.socket, model: SmtpModel) -> None:
        # One that its client has left may not have been seen to end yet.
        time.sleep(0.1)
        self._notes.opened(1)
        try:
            super()._serve(connection, model)
        finally:
            self._notes.opened(-1)


@contextmanager
def noting_server(notes: Notes, *, has_chunking: bool = False) -> Iterator[SmtpServer]:
    """A relay that takes everything, and notes it."""
    with NotingServer(notes, has_chunking=has_chunking) as server:
        yield server


@contextmanager
def limited_engine(
    shop: object,
    port: int,
    *,
    domains: tuple[str, ...] = (),
    limits: RelayLimits | None = None,
    redis_url: str | None = None,
    process: str | None = None,
    who_delivers: Callable[[], frozenset[str]] | None = None,
    has_flights: bool = False,
) -> Iterator[Engine]:
    """An engine, its gate and its limits' thread, as `worker.context` puts them together."""
    relay = Relay("127.0.0.1", port, limits=limits or RelayLimits(), flights_proved=has_flights)
    gate = Gate([relay], DomainLimits.parse(domains), clock=clock_that_never_stops)

    def who() -> frozenset[str]:
        with shop.database.reading() as session:
            return names_of_who_delivers(session)

    engine = shop.engine(
        port,
        postman=lambda relays, timeouts: Postman([relay], timeouts=timeouts, gate=gate),
        gate=gate,
    )
    keeper = LimitKeeper(
        gate,
        process or worker_name(),
        who_delivers or who,
        redis_url=redis_url,
        on_turn=engine.let_go_of_connections,
    )
    try:
        yield engine
    finally:
        keeper.close()
        engine.close()


def most_in(times: list[float], seconds: float) -> int:
    """The most that fell into any window of so many seconds."""
    most = first = 0
    for last, at in enumerate(times):
        while times[first] <= at - seconds:
            first += 1
        most = max(most, last - first + 1)
    return most


def deliver_for(engine: Engine, seconds: float) -> None:
    """Deliver again and again for so long."""
    over = threading.Event()
    timer = threading.Timer(seconds, over.set)
    timer.start()
    deliver_until(engine, over)


def deliver_until(engine: Engine, over: threading.Event) -> None:
    """Deliver again and again, as rings and sweeps would."""
    while not over.is_set():
        if not engine.deliver().is_more_left:
            time.sleep(0.05)

"""What the scenes run on: PostgreSQL, Redis, the recording relay and workers, all our own."""

import contextlib
import os
import random
import shutil
import signal
import socket
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

import sqlalchemy as sa

from benchmarks.chaos.faults import Plan
from benchmarks.chaos.record import Record
from releases.models import Batch, Delivery, Lease
from releases.queries import Status, status
from runtime.database import Database, database_now, read_clock
from subscribers.models import Subscriber
from tests.support.fleet import ROOT, Fleet, Worker, fleet, settings_of
from tests.support.office import Office
from tests.support.programs import Program, as_user, free_port
from tests.support.services import PostgresqlServer, RedisServer
from tests.support.wall_clock import WallClock

PEOPLE_PER_INSERT = 10_000
POLL_SECONDS = 0.05
RELAY = """
import sys
sys.path.insert(0, sys.argv.pop(1))
from benchmarks.chaos.relay import main
main()
"""
DUE_EVERY_SECONDS = 1.0


class RelayProcess(Program):
    """The recording relay in a process of its own; killed and started again, it goes on."""

    def __init__(self, folder: Path, plan: Plan) -> None:
        self.port = free_port()
        self.plan = plan
        self.record = Record(folder / "record.txt")
        super().__init__(
            [
                sys.executable,
                "-c",
                RELAY,
                str(ROOT),
                str(self.port),
                str(self.record.file),
                plan.to_json(),
            ],
            folder / "relay.log",
            self._answers,
        )

    def _answers(self) -> bool:
        with contextlib.suppress(OSError), socket.create_connection(("127.0.0.1", self.port), 1):
            return True
        return False


@dataclass
class Fault:
    """Something that was done to us: when it ended (seconds since 1970), and what it freed."""

    what: str
    ended_at: float
    freed_at: float | None = None
    """When nothing was held any more by a worker that it hit."""
    is_freed: bool = True


@dataclass
class Ground:
    """Servers that all scenes share, and a database with people in it to be copied."""

    postgresql: PostgresqlServer
    redis: RedisServer
    folder: Path
    people: int
    template: str

    @contextlib.contextmanager
    def faked_clock(self) -> Iterator[WallClock]:
        """PostgreSQL, started anew with a wall clock that can be set."""
        wall = WallClock(self.postgresql.folder / "wall-clock")
        self._start_anew(wall.environment)
        try:
            yield wall
        finally:
            self._start_anew({})

    def _start_anew(self, environment: dict[str, str]) -> None:
        self.postgresql.stop_at_once()
        self.postgresql.environment = environment
        self.postgresql.start()


@contextlib.contextmanager
def ground(folder: Path, people: int) -> Iterator[Ground]:
    """Start the servers and make the people."""
    postgresql, redis = PostgresqlServer(is_durable=True), RedisServer()
    try:
        postgresql.start()
        redis.start()
        template = postgresql.create_migrated()
        database = Database(postgresql.url(template))
        office = Office(database)
        list_id = office.lists("press")["press"]
        for first in range(0, people, PEOPLE_PER_INSERT):
            made = office.people(min(PEOPLE_PER_INSERT, people - first))
            office.subscribe(made, list_id)
        database.dispose()
        yield Ground(postgresql, redis, folder, people, template)
    finally:
        redis.close()
        postgresql.close()


class Scene:
    """One distribution, its relay and its workers."""

    def __init__(self, ground: Ground, folder: Path, relay: RelayProcess, workers: Fleet) -> None:
        self.ground = ground
        self.folder = folder
        self.relay = relay
        self.workers = workers
        self.database_name = ground.postgresql.copy(ground.template)
        self.database_url = ground.postgresql.url(self.database_name)
        workers.environment["MEDIANOTE_DATABASE_URL"] = self.database_url
        self.database = Database(self.database_url)
        self.office = Office(self.database)
        self.random = random.Random(relay.plan.seed)
        self.people = ground.people
        self.faults: list[Fault] = []
        self.notes: list[str] = []
        self.repeats_max = 0
        """Copies that may have been in flight in workers that were hit."""
        self.distribution = 0
        self.began_at = 0.0
        self.ended_at = 0.0
        self._watched: list[tuple[Fault, list[str]]] = []
        self._ended = threading.Event()
        self._watch = threading.Thread(target=self._watch_leases, daemon=True)

    def begin(self) -> None:
        """Publish."""
        self.began_at = time.time()
        self.distribution = self.office.publish("press")
        self._watch.start()

    def status(self) -> Status:
        """How the distribution stands; asked again while the database is away."""
        while True:
            with contextlib.suppress(sa.exc.SQLAlchemyError), self.database.reading() as session:
                found = status(session, self.distribution)
                assert found is not None
                return found
            time.sleep(POLL_SECONDS)

    def wait_for(self, share: float, seconds: float = 600.0) -> bool:
        """Until the relay has accepted this share of all; False when it is over before."""
        return self.wait_until(
            lambda: len(self.relay.record.read_on().times) >= share * self.people, seconds
        )

    def wait_until(self, is_so: Callable[[], bool], seconds: float) -> bool:
        """Until it is so; False when the distribution has finished before."""
        deadline = time.monotonic() + seconds
        looked_at = 0.0
        while not is_so():
            if time.monotonic() > deadline:
                raise AssertionError(
                    f"not within {seconds} s: {self.status()}\n{self.last_words()}"
                )
            if time.monotonic() - looked_at > DUE_EVERY_SECONDS:
                looked_at = time.monotonic()
                if self.status().is_finished:
                    return False
            time.sleep(POLL_SECONDS)
        return True

    def finish(self, seconds: float) -> Status:
        """Until it is complete or cancelled. Who was deferred need not wait for a minute."""
        deadline = time.monotonic() + seconds
        while not (stands := self.status()).is_finished:
            if time.monotonic() > deadline:
                raise AssertionError(f"not within {seconds} s: {stands}\n{self.last_words()}")
            if stands.queued == 0 and stands.deferred:
                with contextlib.suppress(sa.exc.SQLAlchemyError):
                    self._make_deferred_due()
            time.sleep(POLL_SECONDS * 4)
        self.ended_at = time.time()
        self._ended.set()
        self._watch.join()
        return stands

    def hit(self, what: str, *pids: int) -> Fault:
        """Note that a fault has just ended, and which workers' processes it has ended."""
        fault = Fault(what, time.time(), is_freed=not pids)
        self.faults.append(fault)
        if pids:
            self._watched.append((fault, [f"{socket.gethostname()}:{pid}" for pid in pids]))
        return fault

    def kill(self, worker: Worker) -> None:
        """kill -9 of a worker and its children."""
        pids = [worker.process.pid, *_children(worker)]
        worker.kill()
        self.repeats_max += in_flight(len(pids) - 1)
        self.hit("kill -9", *pids)

    def last_words(self) -> str:
        """The ends of all logs."""
        return "\n".join(worker.log.read_text()[-1500:] for worker in self.workers.workers)

    def close(self) -> None:
        """The workers are gone; remove the database."""
        self._ended.set()
        self.database.dispose()
        self.ground.postgresql.drop(self.database_name)
        shutil.rmtree(self.folder, ignore_errors=True)

    def ledger(self) -> dict[str, tuple[str, int]]:
        """State and repeats of each delivery, by address."""
        with self.database.reading() as session:
            rows = session.execute(
                sa.select(Subscriber.address, Delivery.state, Delivery.repeats)
                .join(Subscriber, Subscriber.id == Delivery.subscriber_id)
                .where(Delivery.distribution_id == self.distribution)
            ).all()
        return {address: (state, repeats) for address, state, repeats in rows}

    def _make_deferred_due(self) -> None:
        with self.database.transaction() as session:
            batches = session.scalars(
                sa.select(Batch)
                .where(
                    Batch.distribution_id == self.distribution,
                    Batch.state == "open",
                    Batch.deferred > 0,
                    Batch.due_at > database_now(),
                )
                .with_for_update(skip_locked=True)
            ).all()
            for batch in batches:
                batch.due_at = read_clock(session)
                session.execute(
                    sa.update(Delivery)
                    .where(
                        Delivery.distribution_id == self.distribution,
                        Delivery.subscriber_id.between(batch.first_id, batch.last_id),
                        Delivery.state == "deferred",
                    )
                    .values(due_at=database_now())
                )

    def _watch_leases(self) -> None:
        while not self._ended.wait(POLL_SECONDS * 2):
            for fault, names in [one for one in self._watched if not one[0].is_freed]:
                with contextlib.suppress(sa.exc.SQLAlchemyError):
                    if not self._hold_batches(names):
                        fault.freed_at, fault.is_freed = time.time(), True

    def _hold_batches(self, workers: Sequence[str]) -> bool:
        held = sa.select(sa.exists().where(Batch.lease_id == Lease.id, Lease.worker.in_(workers)))
        with self.database.reading() as session:
            return bool(session.scalar(held))


@contextlib.contextmanager
def scene(ground: Ground, name: str, plan: Plan) -> Iterator[Scene]:
    """A relay and a database of its own, without workers yet; all gone after the block."""
    folder = ground.folder / name
    folder.mkdir(parents=True)
    ground.redis.clear()
    relay = RelayProcess(folder, plan)
    environment = settings_of(
        "", ground.redis.url, f"smtp://127.0.0.1:{relay.port}", folder / "state"
    )
    relay.start()
    made: Scene | None = None
    try:
        with fleet(environment, folder) as workers:
            made = Scene(ground, folder, relay, workers)
            yield made
    finally:
        relay.kill()
        if made is not None:
            made.close()


def in_flight(children: int) -> int:
    """How many messages so many worker children can have begun without an answer at most."""
    connections, messages_each = 8, 2
    return children * connections * messages_each


SWEEPER = """
import itertools, sys, time
from runtime.settings import load_settings
from worker.context import Context, Stopping
from worker.doorbell import make_ringer
from worker.sweep import Sweep
settings = load_settings()
context = Context(settings, settings.smtp_url, make_ringer(settings.broker_url), Stopping())
sweep = Sweep(context, lambda: 2)
while True:
    sweep.round()
    time.sleep(0.02)
"""


@contextlib.contextmanager
def sweepers(scene: Scene, count: int) -> Iterator[None]:
    """Processes that sweep fifty times a second."""
    running = []
    try:
        for number in range(count):
            with (scene.folder / f"sweeper-{number}.log").open("wb") as log:
                running.append(
                    subprocess.Popen(
                        [*as_user(None, "--pdeathsig=KILL"), sys.executable, "-c", SWEEPER],
                        cwd=ROOT,
                        env={**os.environ, **scene.workers.environment},
                        stdout=log,
                        stderr=log,
                    )
                )
        yield
        assert all(one.poll() is None for one in running), "a sweeper has ended"
    finally:
        for one in running:
            one.kill()
            one.wait()


def _children(worker: Worker) -> list[int]:
    with contextlib.suppress(OSError):
        return worker.children()
    return []


def stop_and_go_on(worker: Worker, seconds: float) -> None:
    """SIGSTOP, and SIGCONT after so many seconds."""
    worker.send(signal.SIGSTOP)
    time.sleep(seconds)
    worker.send(signal.SIGCONT)

"""What a measurement runs on: our own PostgreSQL, Redis and workers, all on loopback.

Everything goes through the commands a press office uses; only the relay is not always a mail
server. How a distribution stands is read from the database, since starting a command several
times a second would cost more than some of what is measured.
"""

import contextlib
import datetime as dt
import os
import subprocess
import sys
import time
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path

import sqlalchemy as sa

from benchmarks import people
from benchmarks.native import WITH_US
from benchmarks.notes import BASE_URL, FROM, POSTAL_ADDRESS, SECRET_KEY, note
from benchmarks.processes import cpu_seconds, family, peak_megabytes
from releases.models import Distribution
from releases.queries import Status, status
from runtime.asked_often import AskedOften
from runtime.database import Database
from tests.support.services import PostgresqlServer, RedisServer

_IS_FINISHED = AskedOften(
    sa.select(Distribution.finished_at.is_not(None)).where(
        Distribution.id == sa.bindparam("distribution_id")
    )
)
MEDIANOTE = Path(sys.executable).with_name("medianote")
POLL_SECONDS = 0.1


@dataclass
class Plant:
    """Running servers, the settings that lead to them, and a folder for files."""

    folder: Path
    environment: dict[str, str]
    database: str
    postgresql_pid: int
    redis_pid: int
    reading: Database
    workers: list[subprocess.Popen[bytes]] = field(default_factory=list)

    def medianote(self, *arguments: str | Path, check: bool = True) -> str:
        """Run the command and return its standard output."""
        done = subprocess.run(
            [MEDIANOTE, *arguments],
            env=self.environment,
            capture_output=True,
            text=True,
            check=False,
            cwd=self.folder,
        )
        if check and done.returncode:
            raise RuntimeError(f"medianote {arguments}: {done.stderr.strip()[-2000:]}")
        return done.stdout

    def load(self, slug: str, count: int, *, format: str = "html") -> None:  # noqa: A002
        """A list of this many people, with names, all active."""
        people.load(self.database, slug, count, format=format)

    def prove_flights(self) -> None:
        """Prove that the relay takes flights; raises where it does not."""
        said = self.medianote("doctor", "--prove", "proof@example.net", check=False)
        if ": safe" not in said and "proved safe" not in said:
            raise RuntimeError(f"the relay's flights are not proved:\n{said}")

    def start_worker(self, concurrency: int) -> subprocess.Popen[bytes]:
        """Start a worker; it is ended with the plant."""
        with (self.folder / f"worker-{len(self.workers)}.log").open("ab") as log:
            worker = subprocess.Popen(
                [*WITH_US, MEDIANOTE, "worker", "--concurrency", str(concurrency)],
                env=self.environment,
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=log,
                cwd=self.folder,
                start_new_session=True,
            )
        self.workers.append(worker)
        return worker

    def stop_workers(self) -> None:
        """End the workers by their own process ids."""
        for worker in self.workers:
            worker.terminate()
        for worker in self.workers:
            try:
                worker.wait(20)
            except subprocess.TimeoutExpired:
                worker.kill()
                worker.wait()
        self.workers.clear()

    def worker_cpu_seconds(self) -> float:
        """Processor time of all workers with their children, the ledger's client included."""
        return sum(cpu_seconds(worker.pid) for worker in self.workers)

    def worker_peak_megabytes(self) -> float:
        """The largest resident memory that a worker's child has had since it began."""
        return peak_megabytes([pid for worker in self.workers for pid in family(worker.pid)[1:]])

    def publish(self, slug: str, body: str) -> int:
        """Publish a text of this body to a list; returns the distribution's id."""
        file = self.folder / "note.txt"
        file.write_text(note(body), encoding="utf-8")
        return int(self.medianote("publish", file, "--list", slug).split()[-1])

    def status(self, distribution_id: int) -> Status:
        """How a distribution stands."""
        with self.reading.reading() as session:
            found = status(session, distribution_id)
        assert found is not None
        return found

    def wait(self, distribution_id: int, seconds: float) -> Status:
        """Wait until it is finished; raises when that takes longer than `seconds`."""
        deadline = time.monotonic() + seconds
        while not self._is_finished(distribution_id):
            if time.monotonic() > deadline:
                stands = self.status(distribution_id)
                raise RuntimeError(f"not finished after {seconds:,.0f} s: {stands}")
            time.sleep(POLL_SECONDS)
        return self.status(distribution_id)

    def _is_finished(self, distribution_id: int) -> bool:
        """One question: the whole status, ten times a second, took a thirtieth of the machine."""
        with self.reading.asking() as session:
            return _IS_FINISHED.row(session, {"distribution_id": distribution_id}) == (True,)

    def warm_up(self, body: str) -> None:
        """A first distribution, to fifty: it opens connections and loads templates."""
        self.load("warm", 50)
        self.wait(self.publish("warm", body), 60)

    def distribute(self, slug: str, body: str, *, seconds: float = 900) -> float:
        """Publish and see it to its end; seconds from due to complete by the database's clock."""
        done = self.wait(self.publish(slug, body), seconds)
        return duration(done)


def duration(done: Status) -> float:
    """Seconds from due to complete; raises unless everyone was served, and once."""
    if done.accepted != done.eligible or not done.balances or done.repeats:
        raise RuntimeError(f"not everyone was served once: {done}")
    assert done.finished_at is not None
    return (done.finished_at - done.started_at) / dt.timedelta(seconds=1)


@contextlib.contextmanager
def plant(folder: Path, relay_url: str, **settings: str) -> Iterator[Plant]:
    """Start PostgreSQL (with fsync on, as in production) and Redis; end them, and the workers.

    `settings` are further environment variables of all commands.
    """
    folder.mkdir(parents=True, exist_ok=True)
    postgresql = PostgresqlServer(is_durable=True)
    redis = RedisServer()
    with contextlib.ExitStack() as stack:
        stack.callback(postgresql.close)
        stack.callback(redis.close)
        postgresql.start()
        redis.start()
        database = postgresql.url(postgresql.create_migrated())
        environment = {
            name: value for name, value in os.environ.items() if not name.startswith("MEDIANOTE_")
        } | {
            "MEDIANOTE_DATABASE_URL": database,
            "MEDIANOTE_BROKER_URL": redis.url,
            "MEDIANOTE_SMTP_URL": relay_url,
            "MEDIANOTE_BASE_URL": BASE_URL,
            "MEDIANOTE_FROM": f"Press Office <{FROM}>",
            "MEDIANOTE_SECRET_KEYS": SECRET_KEY,
            "MEDIANOTE_HASH_KEY": "a-hash-key-for-measuring-only-0123456789",
            "MEDIANOTE_POSTAL_ADDRESS": POSTAL_ADDRESS,
            "MEDIANOTE_STATE_DIR": str(folder / "state"),
            **settings,
        }
        reading = Database(database)
        stack.callback(reading.dispose)
        running = Plant(folder, environment, database, postgresql.pid, redis.pid, reading)
        stack.callback(running.stop_workers)
        yield running

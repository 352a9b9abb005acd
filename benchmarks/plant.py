"""What a measurement runs on: our own PostgreSQL, Redis, sink and workers, all on loopback.

Everything goes through the commands a press office uses; only the sink is not a mail server.
"""

import contextlib
import csv
import json
import os
import subprocess
import sys
import time
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from tests.support.programs import as_user, find_program, free_port
from tests.support.services import PostgresqlServer, RedisServer

MEDIANOTE = Path(sys.executable).with_name("medianote")
SINK_BACKLOG = 1000
# What we start ends when we do, however that is.
WITH_US = as_user(None, "--pdeathsig=TERM")


@dataclass
class Plant:
    """Running servers, the settings that lead to them, and a folder for files."""

    folder: Path
    environment: dict[str, str]
    sink_port: int
    database: str
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

    def status(self, distribution_id: str) -> dict[str, Any]:
        """How a distribution stands."""
        stands: dict[str, Any] = json.loads(self.medianote("status", distribution_id, "--json"))
        return stands

    def start_worker(self, concurrency: int) -> subprocess.Popen[bytes]:
        """Start a worker; it is ended with the plant."""
        with (self.folder / f"worker-{len(self.workers)}.log").open("wb") as log:
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

    def load(self, slug: str, people: int) -> None:
        """A list of this many people, with names, all active."""
        file = self.folder / f"{slug}.csv"
        with file.open("w", newline="", encoding="utf-8") as out:
            writer = csv.writer(out)
            writer.writerow(["email", "name", "language", "format"])
            for number in range(people):
                writer.writerow(
                    [f"reader{number}@{slug}.example.net", f"Reader {number}", "en", "html"]
                )
        self.medianote("lists", "create", slug, "--title", slug.capitalize())
        self.medianote("subscribers", "import", file, "--list", slug, "--confirmed")

    def publish(self, slug: str, note: str) -> str:
        """Publish a text to a list; returns the distribution's id."""
        file = self.folder / "note.txt"
        file.write_text(note, encoding="utf-8")
        return self.medianote("publish", file, "--list", slug).split()[-1]

    def wait(self, distribution_id: str, seconds: float) -> dict[str, Any]:
        """Wait until it is complete; raises when that takes longer than `seconds`."""
        deadline = time.monotonic() + seconds
        while time.monotonic() < deadline:
            stands = self.status(distribution_id)
            if stands["state"] == "complete":
                return stands
            time.sleep(0.25)
        raise RuntimeError(f"not complete after {seconds} s: {stands}")


@contextlib.contextmanager
def plant(folder: Path, *, sink_options: Sequence[str] = ()) -> Iterator[Plant]:
    """Start PostgreSQL (with fsync on, as in production), Redis and smtp-sink; end them after."""
    postgresql = PostgresqlServer(is_durable=True)
    redis = RedisServer()
    sink_port = free_port()
    sink: subprocess.Popen[bytes] | None = None
    running: Plant | None = None
    try:
        postgresql.start()
        redis.start()
        sink = start_sink(sink_port, sink_options)
        database = postgresql.url(postgresql.create_migrated())
        environment = {
            name: value for name, value in os.environ.items() if not name.startswith("MEDIANOTE_")
        } | {
            "MEDIANOTE_DATABASE_URL": database,
            "MEDIANOTE_BROKER_URL": redis.url,
            "MEDIANOTE_SMTP_URL": f"smtp://127.0.0.1:{sink_port}",
            "MEDIANOTE_BASE_URL": "https://press.example.org",
            "MEDIANOTE_FROM": "Press Office <press@example.org>",
            "MEDIANOTE_SECRET_KEYS": "a-key-for-measuring-only-0123456789",
            "MEDIANOTE_HASH_KEY": "a-hash-key-for-measuring-only-0123456789",
            "MEDIANOTE_POSTAL_ADDRESS": "1 Example Street, Exampleville",
            "MEDIANOTE_STATE_DIR": str(folder / "state"),
        }
        running = Plant(folder, environment, sink_port, database)
        yield running
    finally:
        if running is not None:
            running.stop_workers()
        if sink is not None:
            sink.kill()
            sink.wait()
        redis.close()
        postgresql.close()


def start_sink(port: int, options: Sequence[str] = ()) -> subprocess.Popen[bytes]:
    """An smtp-sink on loopback."""
    user = ["-u", "postfix"] if os.geteuid() == 0 else []
    sink = subprocess.Popen(
        [
            *WITH_US,
            find_program("smtp-sink"),
            *user,
            *options,
            f"127.0.0.1:{port}",
            str(SINK_BACKLOG),
        ],
        stdin=subprocess.DEVNULL,
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
    )
    time.sleep(0.5)
    if sink.poll() is not None:
        raise RuntimeError("smtp-sink did not start")
    return sink


def smtp_source(port: int, *, messages: int, size_bytes: int, sessions: int) -> float:
    """Seconds that smtp-source takes for these messages."""
    begun = time.monotonic()
    subprocess.run(
        [
            find_program("smtp-source"),
            *("-s", str(sessions), "-m", str(messages), "-l", str(size_bytes)),
            *("-f", "press@example.org", "-t", "reader@example.net", f"127.0.0.1:{port}"),
        ],
        check=True,
        capture_output=True,
    )
    return time.monotonic() - begun


def note_of(size_bytes: int) -> str:
    """A media note whose mail (text and HTML) is about this large; unique in its first words."""
    paragraph = (
        "The ministers reviewed the work of the past year and agreed on the next steps. They "
        "thanked the host country for its welcome, and asked the secretariat to report to them "
        "before the summer on what has been done and on what is left to do. "
    )
    # The body stands in the mail twice; about 9 kB are the frame of both parts.
    count = max(1, (size_bytes - 9_000) // (2 * len(paragraph) + 120))
    body = "\n\n".join(f"{number}. {paragraph}" for number in range(1, count + 1))
    return (
        f"Media Note Office of the Spokesperson\n\nMeeting of ministers {time.time_ns()}\n\n"
        f"Brussels, Belgium January 29, 2024\n\n{body}\n"
    )

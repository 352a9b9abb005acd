"""The full pipeline against smtp-source, and against the naive way, in one run.

The pipeline is `medianote publish` to a list on PostgreSQL with Redis and one worker, into
smtp-sink; its time is from the moment the distribution was due to its completion, ledger
written and balanced. smtp-source sends as many mails of the same size into the same sink.
Pairs are interleaved, and the median of their ratios counts.
"""

import datetime as dt
import os
import statistics
import subprocess
import sys
import time
from dataclasses import dataclass
from pathlib import Path

import psycopg

from benchmarks.plant import Plant, note_of, plant, smtp_source

SESSIONS = (4, 8, 16)


@dataclass(frozen=True)
class Pair:
    """One run of each, in mails a second."""

    ours: float
    smtp_source: float

    @property
    def ratio(self) -> float:
        """Ours in units of smtp-source."""
        return self.ours / self.smtp_source


def pipeline(
    folder: Path, *, people: int, size_bytes: int, pairs: int, concurrency: int
) -> tuple[list[Pair], int]:
    """Interleaved pairs, and the size of a mail in octets."""
    with plant(folder) as running:
        running.load("press", people)
        running.start_worker(concurrency)
        warm_up(running, size_bytes)
        size = mean_size(running)
        best = best_sessions(running.sink_port, people // 4, size)
        results = []
        for _ in range(pairs):
            theirs = smtp_source(running.sink_port, messages=people, size_bytes=size, sessions=best)
            results.append(Pair(people / distribute(running, "press", size_bytes), people / theirs))
            print(
                f"  ours {results[-1].ours:8,.0f}/s   smtp-source -s {best} "
                f"{results[-1].smtp_source:8,.0f}/s   ratio {results[-1].ratio:.2f}",
                flush=True,
            )
        return results, size


def warm_up(running: Plant, size_bytes: int) -> None:
    """The first distribution opens connections and compiles templates."""
    running.load("warm", 50)
    running.wait(running.publish("warm", note_of(size_bytes)), 60)


def distribute(running: Plant, slug: str, size_bytes: int) -> float:
    """Seconds from due to complete, by the database's own clock."""
    done = running.wait(running.publish(slug, note_of(size_bytes)), 600)
    counted = done["accepted"] + done["failed"] + done["suppressed"]
    counted += done["cancelled"] + done["uncertain"]
    if done["accepted"] != done["eligible"] or counted != done["eligible"] or done["repeats"]:
        raise RuntimeError(f"not everyone was served once: {done}")
    begun = dt.datetime.fromisoformat(done["started_at"])
    return (dt.datetime.fromisoformat(done["finished_at"]) - begun).total_seconds()


def mean_size(running: Plant) -> int:
    """Octets of the newest rendering's mail."""
    with psycopg.connect(running.database.replace("+psycopg", "")) as connection:
        row = connection.execute(
            "SELECT octet_length(stencil) FROM rendering ORDER BY id DESC LIMIT 1"
        ).fetchone()
    assert row is not None
    return int(row[0])


def best_sessions(port: int, messages: int, size_bytes: int) -> int:
    """The session count at which smtp-source is fastest here and now."""
    seconds = {
        sessions: smtp_source(port, messages=messages, size_bytes=size_bytes, sessions=sessions)
        for sessions in SESSIONS
    }
    return min(seconds, key=seconds.__getitem__)


def naive(folder: Path, *, mails: int) -> float:
    """Mails a second of one Celery task a mail with two processes, into the same kind of sink."""
    with plant(folder) as running:
        running.load("warm", 2)
        running.start_worker(1)
        running.wait(running.publish("warm", note_of(16_000)), 60)
        running.stop_workers()
        page = folder / "page.html"
        file = folder / "note.txt"
        running.medianote("preview", file, "--html", page)
        environment = running.environment | {
            "NAIVE_PAGE": str(page),
            "NAIVE_PORT": str(running.sink_port),
        }
        os.environ["MEDIANOTE_BROKER_URL"] = environment["MEDIANOTE_BROKER_URL"]
        from benchmarks import naive as way  # noqa: PLC0415 (it reads the broker's URL)

        worker = subprocess.Popen(
            [sys.executable, "-m", "celery", "-A", "benchmarks.naive", "worker", "-c", "2"],
            env=environment,
            stdin=subprocess.DEVNULL,
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
        )
        try:
            way.send.delay("first@example.net", "First")
            _drained(running, 120)
            begun = time.monotonic()
            for number in range(mails):
                way.send.delay(f"reader{number}@example.net", f"Reader {number}")
            _drained(running, 600)
            return mails / (time.monotonic() - begun)
        finally:
            worker.terminate()
            worker.wait(30)
            del os.environ["MEDIANOTE_BROKER_URL"]


def _drained(running: Plant, seconds: float) -> None:
    """Wait until the broker holds no task, taken or not."""
    import redis  # noqa: PLC0415

    client = redis.Redis.from_url(running.environment["MEDIANOTE_BROKER_URL"])
    deadline = time.monotonic() + seconds
    while client.llen("celery") or client.hlen("unacked"):
        if time.monotonic() > deadline:
            raise RuntimeError("the naive way did not end")
        time.sleep(0.05)
    client.close()


def memory(folder: Path, people: int) -> int:
    """The largest resident memory, in kB, of a worker's process while it serves this many."""
    with plant(folder) as running:
        running.load("press", people)
        worker = running.start_worker(1)
        warm_up(running, 16_000)
        number = running.publish("press", note_of(16_000))
        peak = 0
        while running.status(number)["state"] != "complete":
            peak = max([peak, *(_resident_kb(pid) for pid in _family(worker.pid))])
            time.sleep(0.2)
        return peak


def _family(pid: int) -> list[int]:
    """A process and its descendants."""
    children = Path(f"/proc/{pid}/task/{pid}/children").read_text().split()
    return [pid, *(one for child in children for one in _family(int(child)))]


def _resident_kb(pid: int) -> int:
    try:
        lines = Path(f"/proc/{pid}/status").read_text().splitlines()
    except OSError:
        return 0
    return next((int(line.split()[1]) for line in lines if line.startswith("VmRSS")), 0)


def median_ratio(results: list[Pair]) -> str:
    """The median ratio and its spread, in words."""
    ratios = sorted(pair.ratio for pair in results)
    return (
        f"{statistics.median(ratios):.2f} (of {len(ratios)}: {ratios[0]:.2f} to {ratios[-1]:.2f})"
    )

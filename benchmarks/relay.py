"""A real Postfix as the relay, near and far: default queue, fsync, and it throws all mail away.

Near: against smtp-source into the same Postfix. Far: behind a round trip of 50 ms, against the
same way without it, so that what the way itself costs is in both.
"""

import contextlib
import math
import statistics
import threading
import time
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import Final

from benchmarks import pairs
from benchmarks.bench import Bench
from benchmarks.distance import Distance, distance
from benchmarks.figures import Finding
from benchmarks.pairs import Load
from benchmarks.plant import Plant, duration
from benchmarks.source import smtp_source
from tests.support.postfix import Postfix

SESSIONS: Final = (2, 5, 8)  # more make Postfix slower
CONNECTIONS: Final = 6  # ours in all, for the same reason, unless the relay's options say another
ROUND_TRIP_SECONDS: Final = 0.05
WAITING_RUNS: Final = 2  # at most: a run that mostly waits is always the same
CALIBRATION: Final = 4_000  # people, to learn how many a run of the wanted length needs
BATCH: Final = 1_000
_QUEUES: Final = ("maildrop", "incoming", "active", "deferred")
_DRAIN_SECONDS: Final = 300.0
_NO_CHUNKING: Final = "smtpd_discard_ehlo_keywords = chunking\n"
_ESTABLISHED: Final = "01"


def into_postfix(bench: Bench) -> Finding:
    """Our mails a second in units of smtp-source's; the queue is drained after each run."""

    def measure(folder: Path) -> Finding:
        load = bench.load()
        options = bench.relay or f"connections={CONNECTIONS}"
        near = replace(bench, relay=options)
        with Postfix() as postfix, near.plant(folder, postfix.port) as running:
            running.load("press", load.people)
            running.prove_flights()
            running.start_worker(bench.concurrency)
            running.warm_up(load.body)
            found, best = pairs.measure(
                running,
                postfix.port,
                master_pid(postfix),
                load,
                settle=lambda: drain(postfix),
                sessions=SESSIONS,
            )
        return pairs.throughput(found, load, best)

    return bench.once("postfix", measure)


def far(bench: Bench) -> Finding:
    """Our mails a second behind 50 ms in units of those without, flights proved."""
    return bench.once("far", lambda folder: _far(bench, folder))


def _far(bench: Bench, folder: Path) -> Finding:
    rates: dict[float, list[float]] = {ROUND_TRIP_SECONDS: [], 0.0: []}
    with _way(bench, folder) as (postfix, way, running):
        running.prove_flights()
        running.start_worker(bench.concurrency)
        load = _load(bench, running, _rate(running, postfix, bench.load().body))
        for number in range(1, load.pairs + 1):
            for round_trip, found in rates.items():
                way.set(round_trip)
                with _counted(way.port) as connections:
                    found.append(load.people / running.distribute("press", load.body))
                drain(postfix)
            print(
                f"  {number}: behind 50 ms {rates[ROUND_TRIP_SECONDS][-1]:,.0f}/s, without "
                f"{rates[0.0][-1]:,.0f}/s, {connections[-1]} connections",
                flush=True,
            )
    return Finding(
        tuple(far / near for far, near in zip(*rates.values(), strict=True)),
        {
            "behind 50 ms, mails/s": statistics.median(rates[ROUND_TRIP_SECONDS]),
            "without, mails/s": statistics.median(rates[0.0]),
            "connections": connections[-1],
            "people": load.people,
            "octets a mail": load.size_bytes,
        },
    )


def far_without_flights(bench: Bench) -> Finding:
    """PIPELINING only, behind 50 ms: in units of what the distance allows.

    That is connections / (round trip + service time): a mail costs one round trip, for DATA
    ends a group of commands. The service time is what one session of smtp-source, without the
    distance, takes for a mail.
    """
    return bench.once("far-pipelining", lambda folder: _far_without_flights(bench, folder))


def _far_without_flights(bench: Bench, folder: Path) -> Finding:
    with _way(bench, folder, _NO_CHUNKING) as (postfix, way, running):
        size_bytes = bench.load().size_bytes
        alone = smtp_source(postfix.port, messages=500, size_bytes=size_bytes, sessions=1)
        service_seconds = alone.seconds / alone.messages
        drain(postfix)
        running.start_worker(bench.concurrency)
        way.set(ROUND_TRIP_SECONDS)
        load = _load(bench, running, _rate(running, postfix, bench.load().body))
        rates, ratios = [], []
        for number in range(1, min(load.pairs, WAITING_RUNS) + 1):
            with _counted(way.port) as connections:
                rates.append(load.people / running.distribute("press", load.body))
            drain(postfix)
            allowed = connections[-1] / (ROUND_TRIP_SECONDS + service_seconds)
            ratios.append(rates[-1] / allowed)
            print(
                f"  {number}: behind 50 ms without flights {rates[-1]:,.0f}/s; {connections[-1]} "
                f"connections / (50 ms + {service_seconds * 1000:.2f} ms) allow {allowed:,.0f}/s",
                flush=True,
            )
    return Finding(
        tuple(ratios),
        {
            "mails/s": statistics.median(rates),
            "allowed, mails/s": round(allowed, 1),
            "connections": connections[-1],
            "service time, ms": round(service_seconds * 1000, 2),
            "people": load.people,
            "octets a mail": load.size_bytes,
        },
    )


@contextlib.contextmanager
def _way(
    bench: Bench, folder: Path, settings: str = ""
) -> Iterator[tuple[Postfix, Distance, Plant]]:
    """A Postfix, the way to it, and a plant that knows only the way."""
    with (
        Postfix(settings) as postfix,
        distance(postfix.port) as way,
        bench.plant(folder, way.port) as running,
    ):
        yield postfix, way, running


def _rate(running: Plant, postfix: Postfix, body: str) -> float:
    """Mails a second, about: of half of the mails of a short run, without its beginning."""
    running.warm_up(body)
    running.load("calibration", CALIBRATION)
    number = running.publish("calibration", body)
    halfway = None
    while not (stands := running.status(number)).is_finished:
        if halfway is None and stands.accepted >= CALIBRATION / 4:
            halfway = time.monotonic(), stands.accepted
        time.sleep(0.05)
    duration(stands)
    ended_at = time.monotonic()
    drain(postfix)
    if halfway is None:
        return CALIBRATION / duration(stands)
    begun_at, before = halfway
    return (CALIBRATION - before) / (ended_at - begun_at)


def _load(bench: Bench, running: Plant, rate: float) -> Load:
    """As many people as a run of the wanted length needs, on the list `press`.

    Whole batches, as many for each process: what one has left when the other has nothing would
    be measured otherwise.
    """
    whole = BATCH * bench.concurrency
    load = bench.load(people=whole * math.ceil(rate * bench.wire_seconds * 1.1 / whole))
    running.load("press", load.people)
    return load


def master_pid(postfix: Postfix) -> int:
    """The process whose children take and discard the mail."""
    return int((postfix.folder / "queue" / "pid" / "master.pid").read_text())


def drain(postfix: Postfix) -> None:
    """Wait until nothing is left in its queue."""
    deadline = time.monotonic() + _DRAIN_SECONDS
    queue = postfix.folder / "queue"
    while left := sum(path.is_file() for name in _QUEUES for path in (queue / name).rglob("*")):
        if time.monotonic() > deadline:
            raise RuntimeError(f"{left:,} mails are still in Postfix's queue")
        time.sleep(0.2)


@contextlib.contextmanager
def _counted(port: int) -> Iterator[list[int]]:
    """How many connections to this port there are at most in the block: the list's last item."""
    most, is_over = [0], threading.Event()

    def count() -> None:
        while not is_over.wait(0.5):
            most[0] = max(most[0], connections_to(port))

    counting = threading.Thread(target=count, daemon=True)
    counting.start()
    try:
        yield most
    finally:
        is_over.set()
        counting.join()


def connections_to(port: int) -> int:
    """How many established connections to this port of 127.0.0.1 this machine has."""
    rows = [line.split() for line in Path("/proc/net/tcp").read_text().splitlines()[1:]]
    wanted = f"0100007F:{port:04X}"
    return sum(row[2] == wanted and row[3] == _ESTABLISHED for row in rows)

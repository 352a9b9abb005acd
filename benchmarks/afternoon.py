"""The full pipeline against the naive way (naive.py): one Celery task a mail, two processes."""

import contextlib
import statistics
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Final

from celery import Celery

from benchmarks.bench import Bench
from benchmarks.figures import Finding
from benchmarks.native import WITH_US
from benchmarks.notes import note
from benchmarks.plant import Plant
from benchmarks.sinks import FastSink, fast_sink

MAILS: Final = 300
PROCESSES: Final = 2
_PATIENCE_SECONDS: Final = 300.0


def against_naive(bench: Bench) -> Finding:
    """Our mails a second in units of the naive way's, both into our own sink.

    The sink offers PIPELINING and CHUNKING; each way uses what it can (ours, flights).
    """
    return bench.once("naive", lambda folder: _against_naive(bench, folder))


def _against_naive(bench: Bench, folder: Path) -> Finding:
    load = bench.load()
    ratios, ours, theirs = [], [], []
    with (
        fast_sink(has_chunking=True) as sink,
        bench.plant(folder, sink.port) as running,
    ):
        running.load("press", load.people)
        running.prove_flights()
        running.start_worker(bench.concurrency)
        running.warm_up(load.body)
        with _naive_workers(running, sink, load.body) as tasks:
            _naive(tasks, sink, PROCESSES * 4)  # templates are loaded
            for number in range(1, load.pairs + 1):
                theirs.append(_naive(tasks, sink, MAILS))
                ours.append(load.people / running.distribute("press", load.body))
                ratios.append(ours[-1] / theirs[-1])
                print(
                    f"  {number}: ours {ours[-1]:7,.0f}/s, one task a mail {theirs[-1]:.1f}/s, "
                    f"ratio {ratios[-1]:.0f}",
                    flush=True,
                )
    return Finding(
        tuple(ratios),
        {
            "ours, mails/s": statistics.median(ours),
            "one task a mail, mails/s": statistics.median(theirs),
            "people": load.people,
            "mails the naive way": MAILS,
            "octets a mail": load.size_bytes,
        },
    )


def _naive(tasks: Celery, sink: FastSink, mails: int) -> float:
    """Mails a second, from the first task that is sent to the last mail that is taken."""
    sink.reset()
    begun = time.time()
    for number in range(mails):
        name = f"Reader {number}"
        tasks.send_task("naive.send", (number, f"reader{number}@press.example.net", name))
    deadline = time.monotonic() + _PATIENCE_SECONDS
    while (counts := sink.counts()).messages < mails:
        if time.monotonic() > deadline:
            raise RuntimeError(f"the naive way sent {counts.messages} of {mails} mails")
        time.sleep(0.02)
    return mails / (counts.last_at - begun)


@contextlib.contextmanager
def _naive_workers(running: Plant, sink: FastSink, body: str) -> Iterator[Celery]:
    """Celery's prefork worker with these tasks, and what sends them."""
    file = running.folder / "naive.txt"
    file.write_text(note(body), encoding="utf-8")
    environment = running.environment | {"NAIVE_NOTE": str(file), "NAIVE_PORT": str(sink.port)}
    command = [sys.executable, "-m", "celery", "-A", "benchmarks.naive", "worker"]
    worker = subprocess.Popen(
        [*WITH_US, *command, "--concurrency", str(PROCESSES), "--queues", "naive"],
        env=environment,
        stdin=subprocess.DEVNULL,
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
    )
    tasks = Celery(broker=running.environment["MEDIANOTE_BROKER_URL"])
    tasks.conf.task_default_queue = "naive"
    try:
        yield tasks
    finally:
        tasks.close()
        worker.terminate()
        worker.wait(30)

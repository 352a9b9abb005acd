"""The full pipeline against smtp-source, into smtp-sink and into a faster sink of our own.

The pipeline is `medianote publish` to a list on PostgreSQL with Redis and one worker; its time
is from the moment the distribution was due to its completion, ledger written and balanced.
"""

from pathlib import Path

from benchmarks import pairs
from benchmarks.bench import Bench
from benchmarks.figures import Finding
from benchmarks.notes import mail_size, note, smallest_body
from benchmarks.pairs import Load, Pair
from benchmarks.sinks import fast_sink, smtp_sink


def into_smtp_sink(bench: Bench) -> Finding:
    """Mails of 16 kB into smtp-sink, which knows no CHUNKING."""
    found, best = bench.once("smtp-sink", lambda folder: _into_smtp_sink(bench, folder))
    return pairs.throughput(found, bench.load(people=bench.many), best)


def processor_time(bench: Bench) -> Finding:
    """The processor time of the same runs."""
    found, _ = bench.once("smtp-sink", lambda folder: _into_smtp_sink(bench, folder))
    return pairs.processor_time(found, bench.load(people=bench.many))


def _into_smtp_sink(bench: Bench, folder: Path) -> tuple[list[Pair], int]:
    load = bench.load(people=bench.many)
    with smtp_sink() as sink, bench.plant(folder, sink.port) as running:
        running.load("press", load.people)
        running.start_worker(bench.concurrency)
        running.warm_up(load.body)
        return pairs.measure(running, sink.port, sink.pid, load)


def small(bench: Bench) -> Finding:
    """The smallest mail there is of ours, text only, into smtp-sink."""

    def measure(folder: Path) -> Finding:
        body = smallest_body()
        size_bytes = mail_size(note(body), "press", "text")
        load = Load(bench.many, bench.pairs, body, size_bytes)
        with smtp_sink() as sink, bench.plant(folder, sink.port) as running:
            running.load("press", load.people, format="text")
            running.start_worker(bench.concurrency)
            running.warm_up(body)
            found, best = pairs.measure(running, sink.port, sink.pid, load)
        return pairs.throughput(found, load, best)

    return bench.once("small", measure)


def into_fast_sink(bench: Bench) -> Finding:
    """Mails of 16 kB into our own sink, with PIPELINING only."""
    return bench.once("fast", lambda folder: _into_fast_sink(bench, folder, has_flights=False))


def flights(bench: Bench) -> Finding:
    """The same in proved flights of several whole mails; smtp-source knows no CHUNKING."""
    return bench.once("flights", lambda folder: _into_fast_sink(bench, folder, has_flights=True))


def _into_fast_sink(bench: Bench, folder: Path, *, has_flights: bool) -> Finding:
    load = bench.load(people=bench.many)
    with (
        fast_sink(has_chunking=has_flights) as sink,
        bench.plant(folder, sink.port) as running,
    ):
        running.load("press", load.people)
        if has_flights:
            running.prove_flights()
        running.start_worker(bench.concurrency)
        running.warm_up(load.body)
        sink.reset()
        found, best = pairs.measure(running, sink.port, sink.pid, load)
    return pairs.throughput(found, load, best)

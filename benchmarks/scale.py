"""What a list of a million costs more than a short one: waiting, throughput, memory.

One worker, our own sink with flights proved, and the lists beside each other in one database.
"""

import statistics
import time
from pathlib import Path
from typing import Final

from benchmarks import pairs
from benchmarks.bench import Bench
from benchmarks.figures import Finding
from benchmarks.pairs import Costs
from benchmarks.plant import POLL_SECONDS, Plant
from benchmarks.sinks import FastSink, fast_sink

SHORT: Final = 1_000  # people on the list that `first` compares with
SMALL: Final = 10_000  # and `memory`
_FIRST_SECONDS: Final = 120.0
_LARGE_RUN_SECONDS: Final = 3_600.0


def first(bench: Bench) -> Finding:
    """Seconds from the moment a distribution is due to the first mail that is accepted."""
    large, short = bench.once("first", lambda folder: _first(bench, folder))
    return Finding(
        tuple(large),
        {"people": bench.scale, f"with {SHORT:,} people, s": round(statistics.median(short), 3)},
    )


def first_against_short(bench: Bench) -> Finding:
    """The same in units of what it takes with a short list."""
    large, short = bench.once("first", lambda folder: _first(bench, folder))
    ratios = tuple(one / other for one, other in zip(large, short, strict=True))
    return Finding(ratios, {"people": bench.scale, "against": SHORT})


def _first(bench: Bench, folder: Path) -> tuple[list[float], list[float]]:
    body = bench.load().body
    with (
        fast_sink(has_chunking=True) as sink,
        bench.plant(folder, sink.port) as running,
    ):
        running.prove_flights()
        lists = {"large": bench.scale, "short": SHORT}
        for slug, people in lists.items():
            running.load(slug, people)
        running.start_worker(bench.concurrency)
        running.warm_up(body)
        found: dict[str, list[float]] = {slug: [] for slug in lists}
        for number in range(1, bench.pairs + 1):
            for slug, seconds in found.items():
                seconds.append(_first_accepted(running, sink, slug, body))
            large, short = (seconds[-1] for seconds in found.values())
            print(
                f"  {number}: first accepted after {large:.2f} s with {bench.scale:,} people, "
                f"{short:.2f} s with {SHORT:,}",
                flush=True,
            )
        return found["large"], found["short"]


def _first_accepted(running: Plant, sink: FastSink, slug: str, body: str) -> float:
    """Publish, and cancel once somebody has it; seconds by the clock that the sink shares."""
    sink.reset()
    number = running.publish(slug, body)
    deadline = time.monotonic() + _FIRST_SECONDS
    while not (first_at := sink.counts().first_at):
        if time.monotonic() > deadline:
            raise RuntimeError(f"nobody had it after {_FIRST_SECONDS:.0f} s")
        time.sleep(0.01)
    if not running.status(number).is_finished:
        # A short one may be complete by then, which is as well.
        running.medianote("cancel", str(number), check=False)
    stands = running.wait(number, _FIRST_SECONDS)
    time.sleep(POLL_SECONDS)
    return first_at - stands.started_at.timestamp()


def throughput(bench: Bench) -> Finding:
    """Mails a second with the large list in units of those with a tenth of it."""
    large, short, _ = bench.once("scale", lambda folder: _scale(bench, folder))
    return Finding(
        tuple(one.run.rate / other.run.rate for one, other in zip(large, short, strict=True)),
        {
            "people": bench.scale,
            "mails/s": statistics.median(costs.run.rate for costs in large),
            f"with {bench.scale // 10:,} people, mails/s": statistics.median(
                costs.run.rate for costs in short
            ),
        },
    )


def processor_time(bench: Bench) -> Finding:
    """Processor time a mail with a tenth of the list in units of that with all of it."""
    large, short, _ = bench.once("scale", lambda folder: _scale(bench, folder))
    return Finding(
        tuple(
            other.run.cpu_micros / one.run.cpu_micros
            for one, other in zip(large, short, strict=True)
        ),
        {
            "people": bench.scale,
            "µs of CPU a mail": statistics.median(costs.run.cpu_micros for costs in large),
            f"with {bench.scale // 10:,} people, µs": statistics.median(
                costs.run.cpu_micros for costs in short
            ),
            "PostgreSQL, µs": statistics.median(costs.postgresql_micros for costs in large),
            f"with {bench.scale // 10:,} people, PostgreSQL, µs": statistics.median(
                costs.postgresql_micros for costs in short
            ),
        },
    )


def memory(bench: Bench) -> Finding:
    """The largest resident memory of a worker's child after the large list, in MB."""
    _, _, (small, large) = bench.once("scale", lambda folder: _scale(bench, folder))
    return Finding((large,), {"people": bench.scale, f"after {SMALL:,} people, MB": small})


def memory_growth(bench: Bench) -> Finding:
    """What the large list has added to it, in MB."""
    _, _, (small, large) = bench.once("scale", lambda folder: _scale(bench, folder))
    return Finding((large - small,), {"people": bench.scale, "against": SMALL})


def _scale(bench: Bench, folder: Path) -> tuple[list[Costs], list[Costs], tuple[float, float]]:
    """The large list and a tenth of it in turns; memory after 10,000 people, and after all."""
    body = bench.load().body
    with (
        fast_sink(has_chunking=True) as sink,
        bench.plant(folder, sink.port) as running,
    ):
        running.prove_flights()
        lists = {"large": bench.scale, "tenth": bench.scale // 10, "small": SMALL}
        for slug, people in lists.items():
            running.load(slug, people)
        running.start_worker(bench.concurrency)
        running.warm_up(body)
        running.distribute("small", body)
        small = running.worker_peak_megabytes()
        found: dict[str, list[Costs]] = {"large": [], "tenth": []}
        for number in range(1, bench.pairs + 1):
            for slug, costs in found.items():
                load = bench.load(people=lists[slug])
                costs.append(
                    pairs.distribute(running, sink.pid, load, slug, seconds=_LARGE_RUN_SECONDS)
                )
            large, tenth = (costs[-1].run for costs in found.values())
            print(
                f"  {number}: {large.rate:,.0f}/s and {large.cpu_micros:.0f} µs with "
                f"{bench.scale:,} people, {tenth.rate:,.0f}/s and {tenth.cpu_micros:.0f} µs "
                f"with {lists['tenth']:,}; {running.worker_peak_megabytes():.0f} MB",
                flush=True,
            )
        return found["large"], found["tenth"], (small, running.worker_peak_megabytes())

"""`make bench`: the measurements of docs/benchmarks.md, as medians with their goals."""

import argparse
import signal
import sys
import tempfile
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from benchmarks import afternoon, pipeline, relay, scale, urgent
from benchmarks.bench import Bench
from benchmarks.digests import digests
from benchmarks.figures import Figure, Finding, Goal, explained, keep, table
from benchmarks.importing import importing
from benchmarks.pages import pages
from benchmarks.parsing import parsing
from benchmarks.year import year

USUAL: Final = 20_000
MANY: Final = 100_000
SCALE: Final = "scale"
"""Stands for all measurements of large lists, and for a million people on them."""


@dataclass(frozen=True, slots=True)
class Measurement:
    """One row of the table. Those that run long are measured only when they are asked for."""

    name: str
    title: str
    goal: Goal | None
    measure: Callable[[Bench], Finding]
    is_of_scale: bool = False
    is_long: bool = False


MEASUREMENTS: Final = (
    Measurement(
        "pipeline", "16 kB into smtp-sink, against smtp-source", Goal(1.0), pipeline.into_smtp_sink
    ),
    Measurement(
        "cpu",
        "our CPU a mail in these runs, against smtp-source's",
        Goal(1.0, is_floor=False),
        pipeline.processor_time,
    ),
    Measurement(
        "small", "smallest mail into smtp-sink, against smtp-source", Goal(1.0), pipeline.small
    ),
    Measurement(
        "fast",
        "16 kB into our sink, PIPELINING, against smtp-source",
        Goal(1.0),
        pipeline.into_fast_sink,
    ),
    Measurement(
        "flights", "16 kB into our sink, flights, against smtp-source", Goal(2.0), pipeline.flights
    ),
    Measurement(
        "naive", "16 kB into our sink, against a task a mail", Goal(100), afternoon.against_naive
    ),
    Measurement(
        "postfix", "16 kB into Postfix, against smtp-source", Goal(0.95), relay.into_postfix
    ),
    Measurement("far", "Postfix behind 50 ms, against without, flights", Goal(0.9), relay.far),
    Measurement(
        "far-pipelining",
        "Postfix behind 50 ms, PIPELINING, against what that allows",
        Goal(0.9),
        relay.far_without_flights,
    ),
    Measurement(
        "first",
        "publish to first accepted, large list",
        Goal(0.5, is_floor=False, unit="s"),
        scale.first,
        is_of_scale=True,
    ),
    Measurement(
        "first-ratio",
        "the same, against 1,000 people",
        Goal(1.5, is_floor=False),
        scale.first_against_short,
        is_of_scale=True,
    ),
    Measurement(
        "urgent",
        "urgent to first accepted, large list queued",
        Goal(2.0, is_floor=False, unit="s"),
        urgent.first,
        is_of_scale=True,
    ),
    Measurement(
        "urgent-throughput",
        "urgent throughput, against alone",
        Goal(0.9),
        urgent.throughput,
        is_of_scale=True,
    ),
    Measurement(
        "million",
        "throughput of the large list, against a tenth of it",
        Goal(0.95),
        scale.throughput,
        is_of_scale=True,
        is_long=True,
    ),
    Measurement(
        "million-cpu",
        "CPU a mail of a tenth of it, against the large list",
        Goal(0.95),
        scale.processor_time,
        is_of_scale=True,
        is_long=True,
    ),
    Measurement(
        "memory",
        "memory of a worker's child, large list",
        Goal(150, is_floor=False, unit="MB"),
        scale.memory,
        is_of_scale=True,
        is_long=True,
    ),
    Measurement(
        "memory-growth",
        "the same, above that at 10,000 people",
        Goal(10, is_floor=False, unit="MB"),
        scale.memory_growth,
        is_of_scale=True,
        is_long=True,
    ),
    Measurement(
        "importing",
        "import of the large list, against a bare COPY",
        Goal(3.0, is_floor=False),
        importing,
        is_of_scale=True,
    ),
    Measurement(
        "pages",
        "the pages' first octet, 99 of 100, at 500 requests/s",
        Goal(50, is_floor=False, unit="ms"),
        pages,
        is_of_scale=True,
    ),
    Measurement(
        "year",
        "a distribution after a year of releases, against before",
        Goal(1.1, is_floor=False),
        year,
        is_long=True,
    ),
    Measurement(
        "digests",
        "planning a large list's digests of thirty releases, in seconds",
        None,
        digests,
        is_of_scale=True,
    ),
    Measurement("parsing", "reading 5 MB of remarks, in seconds of CPU", None, parsing),
)


def main() -> int:
    """Run the named measurements and print a table; the status is 1 when one could not be made."""
    asked = _arguments()
    wanted = chosen(asked.names)
    # Ended so, too, it takes down what it has started; Postfix would outlive it.
    signal.signal(signal.SIGTERM, lambda number, _: sys.exit(128 + number))
    figures: list[Figure] = []
    failed: list[str] = []
    with tempfile.TemporaryDirectory(prefix="medianote-bench-") as folder:
        people = asked.scale or (1_000_000 if SCALE in asked.names else 100_000)
        bench = Bench(
            folder=Path(folder),
            people=asked.people or USUAL,
            many=asked.people or MANY,
            pairs=asked.pairs,
            concurrency=asked.concurrency,
            size_bytes=asked.size,
            scale=people,
            wire_seconds=asked.wire_seconds,
            relay=asked.relay,
            deliveries=asked.deliveries,
            settings=dict(setting.split("=", 1) for setting in asked.setting),
        )
        for one in wanted:
            print(f"{one.name}: {one.title}", flush=True)
            try:
                figure = Figure(one.name, one.title, one.goal, one.measure(bench))
            except Exception as error:  # the others are measured all the same
                failed.append(one.name)
                print(f"  could not be measured: {type(error).__name__}: {error}", flush=True)
                continue
            figures.append(figure)
            print(f"  {explained(figure)}", flush=True)
            file = keep(asked.out, figures)
    print()
    if figures:
        print(table(figures))
        print(f"\nkept in {file}; `make bench-plot` draws them")
    if failed:
        print(f"could not be measured: {', '.join(failed)}")
    return 1 if failed else 0


def chosen(names: list[str]) -> list[Measurement]:
    """The measurements of these names, in the table's order; without any, all that are short."""
    return [
        one
        for one in MEASUREMENTS
        if one.name in names or (one.is_of_scale and SCALE in names) or not (names or one.is_long)
    ]


def _arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(
        prog="make bench ARGS=…",
        description=__doc__,
        epilog="; ".join(f"{one.name}: {one.title}" for one in MEASUREMENTS),
    )
    names = [*(one.name for one in MEASUREMENTS), SCALE]
    parser.add_argument("names", nargs="*", metavar="NAME", help="; ".join(names))
    parser.add_argument("--pairs", type=int, default=5, help="runs of each side, in turns")
    parser.add_argument(
        "--people",
        type=int,
        help=f"of a list: {MANY:,} unless it is said, where a sink takes them; else {USUAL:,}",
    )
    parser.add_argument("--scale", type=int, help="of a large one; 1,000,000 with `scale`")
    parser.add_argument("--concurrency", type=int, default=2, help="worker processes")
    parser.add_argument(
        "--deliveries", type=int, default=10_000_000, help="of a year; 10⁸ take about 45 GB"
    )
    parser.add_argument("--size", type=int, default=16_000, help="octets of a mail, about")
    parser.add_argument("--wire-seconds", type=float, default=30, help="of a run over a distance")
    parser.add_argument(
        "--relay", default="", metavar="NAME=VALUE&…", help="options of the relay's URL"
    )
    parser.add_argument(
        "--setting", action="append", default=[], metavar="NAME=VALUE", help="for our commands"
    )
    parser.add_argument(
        "--out", type=Path, default=Path(".cache/benchmarks"), help="the folder of figures.json"
    )
    asked = parser.parse_args()
    if unknown := sorted(set(asked.names) - set(names)):
        parser.error(f"there is no {', '.join(unknown)}; there are {', '.join(names)}")
    if wrong := [setting for setting in asked.setting if "=" not in setting]:
        parser.error(f"--setting {wrong[0]}: write NAME=VALUE")
    return asked


if __name__ == "__main__":
    raise SystemExit(main())

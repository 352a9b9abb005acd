"""Ours and smtp-source's in turns, with as many mails of the same size into the same server."""

import statistics
from collections.abc import Callable, Sequence
from dataclasses import dataclass

from benchmarks.figures import Finding
from benchmarks.plant import Plant
from benchmarks.processes import cpu_seconds
from benchmarks.source import SESSIONS, Run, best_sessions, smtp_source


@dataclass(frozen=True, slots=True)
class Load:
    """What is sent, to how many, how often."""

    people: int
    pairs: int
    body: str
    size_bytes: int
    """Of a mail, as it goes over the wire."""


@dataclass(frozen=True, slots=True)
class Costs:
    """A run of ours, and the processor time a mail of each part, in microseconds."""

    run: Run
    sink_micros: float
    postgresql_micros: float
    redis_micros: float


@dataclass(frozen=True, slots=True)
class Pair:
    """One run of each; the sink's processor time a mail in smtp-source's, in microseconds."""

    ours: Costs
    theirs: Run
    sink_micros: float


def measure(
    running: Plant,
    port: int,
    sink_pid: int,
    load: Load,
    *,
    slug: str = "press",
    settle: Callable[[], None] = lambda: None,
    sessions: Sequence[int] = SESSIONS,
) -> tuple[list[Pair], int]:
    """Interleaved pairs, and the session count at which smtp-source was fastest.

    The worker runs and is warm; `slug` has `load.people` people. smtp-source talks to `port`
    itself, with the best of these `sessions`. `settle` is called after each run, before the next.
    """
    messages = max(load.people // 4, 100)
    best = best_sessions(
        port, messages=messages, size_bytes=load.size_bytes, settle=settle, among=sessions
    )
    pairs = []
    for number in range(1, load.pairs + 1):
        before = cpu_seconds(sink_pid)
        theirs = smtp_source(port, messages=load.people, size_bytes=load.size_bytes, sessions=best)
        sink_micros = (cpu_seconds(sink_pid) - before) / load.people * 1e6
        settle()
        ours = distribute(running, sink_pid, load, slug)
        settle()
        pairs.append(Pair(ours, theirs, sink_micros))
        print(
            f"  {number}: ours {ours.run.rate:7,.0f}/s, smtp-source -s {best} "
            f"{theirs.rate:7,.0f}/s, ratio {ours.run.rate / theirs.rate:.2f}; CPU a mail "
            f"{ours.run.cpu_micros:.0f} µs against {theirs.cpu_micros:.0f} µs",
            flush=True,
        )
    return pairs, best


def distribute(
    running: Plant, sink_pid: int, load: Load, slug: str, *, seconds: float = 900
) -> Costs:
    """One distribution from due to complete, with what it cost."""
    pids = (sink_pid, running.postgresql_pid, running.redis_pid)
    begun = [running.worker_cpu_seconds(), *map(cpu_seconds, pids)]
    took = running.distribute(slug, load.body, seconds=seconds)
    ended = [running.worker_cpu_seconds(), *map(cpu_seconds, pids)]
    worker, *others = [after - before for before, after in zip(begun, ended, strict=True)]
    return Costs(Run(load.people, took, worker), *(other / load.people * 1e6 for other in others))


def throughput(pairs: list[Pair], load: Load, best: int) -> Finding:
    """Our mails a second in units of smtp-source's."""
    return Finding(
        tuple(pair.ours.run.rate / pair.theirs.rate for pair in pairs),
        {
            "ours, mails/s": _median(pairs, lambda pair: pair.ours.run.rate),
            "smtp-source, mails/s": _median(pairs, lambda pair: pair.theirs.rate),
            "its sessions": best,
            "people": load.people,
            "octets a mail": load.size_bytes,
            **costs(pairs),
        },
    )


def processor_time(pairs: list[Pair], load: Load) -> Finding:
    """Our processor time a mail in units of smtp-source's."""
    return Finding(
        tuple(pair.ours.run.cpu_micros / pair.theirs.cpu_micros for pair in pairs),
        {"people": load.people, "octets a mail": load.size_bytes, **costs(pairs)},
    )


def costs(pairs: list[Pair]) -> dict[str, float | int | str]:
    """Medians of processor time, in microseconds a mail."""
    return {
        "our workers, µs of CPU a mail": _median(pairs, lambda pair: pair.ours.run.cpu_micros),
        "smtp-source, µs": _median(pairs, lambda pair: pair.theirs.cpu_micros),
        "the sink in our runs, µs": _median(pairs, lambda pair: pair.ours.sink_micros),
        "the sink in its runs, µs": _median(pairs, lambda pair: pair.sink_micros),
        "PostgreSQL, µs": _median(pairs, lambda pair: pair.ours.postgresql_micros),
        "Redis, µs": _median(pairs, lambda pair: pair.ours.redis_micros),
    }


def _median(pairs: list[Pair], value: Callable[[Pair], float]) -> float:
    return round(statistics.median(map(value, pairs)), 1)

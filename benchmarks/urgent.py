"""An urgent distribution while many others are queued: when its first mail is accepted, and how
much of the throughput that it has alone it gets.
"""

import os
import secrets
import statistics
import time
from dataclasses import dataclass
from pathlib import Path
from typing import Final
from unittest import mock

from benchmarks.bench import Bench
from benchmarks.figures import Finding
from benchmarks.notes import note
from benchmarks.plant import POLL_SECONDS, Plant
from benchmarks.sinks import FastSink, fast_sink
from releases.models import DistributionState
from releases.parsing import parse
from releases.publishing import Order, publish
from runtime.settings import load_settings
from worker.doorbell import ring_prepare

_SLUG: Final = "urgent"
_SECONDS: Final = 300.0
_BUSY: Final = 2_000  # ordinary mails accepted before the urgent distribution is published


@dataclass(frozen=True, slots=True)
class Seen:
    """Seconds to the first urgent mail, and urgent mails a second from the first to the last."""

    first_seconds: float
    rate: float


def first(bench: Bench) -> Finding:
    """Seconds from due to the first urgent mail accepted, with `bench.scale` mails queued."""
    alone, beside = bench.once("urgent", lambda folder: _urgent(bench, folder))
    return Finding(
        tuple(seen.first_seconds for seen in beside),
        {
            "mails queued": bench.scale,
            "alone, s": round(statistics.median(seen.first_seconds for seen in alone), 2),
        },
    )


def throughput(bench: Bench) -> Finding:
    """Urgent mails a second beside these in units of those when nothing else is queued."""
    alone, beside = bench.once("urgent", lambda folder: _urgent(bench, folder))
    return Finding(
        tuple(one.rate / other.rate for one, other in zip(beside, alone, strict=True)),
        {
            "mails queued": bench.scale,
            "urgent people": bench.people,
            "mails/s": statistics.median(seen.rate for seen in beside),
            "alone, mails/s": statistics.median(seen.rate for seen in alone),
        },
    )


def _urgent(bench: Bench, folder: Path) -> tuple[list[Seen], list[Seen]]:
    body = bench.load().body
    alone, beside = [], []
    with (
        fast_sink(has_chunking=True, watch=f"@{_SLUG}.") as sink,
        bench.plant(folder, sink.port) as running,
    ):
        running.prove_flights()
        running.load("ordinary", bench.scale)
        running.load(_SLUG, bench.people)
        running.start_worker(bench.concurrency)
        running.warm_up(body)
        for number in range(1, bench.pairs + 1):
            alone.append(_publish_urgently(running, sink, bench.people, body))
            ordinary = running.publish("ordinary", body)
            _wait_until_busy(running, ordinary)
            beside.append(_publish_urgently(running, sink, bench.people, body))
            running.medianote("cancel", str(ordinary), check=False)
            if running.wait(ordinary, _SECONDS).state == DistributionState.COMPLETE:
                raise RuntimeError("nothing was queued any more at the end: raise --scale")
            print(
                f"  {number}: urgent, first after {beside[-1].first_seconds:.2f} s, then "
                f"{beside[-1].rate:,.0f}/s; alone {alone[-1].first_seconds:.2f} s, "
                f"{alone[-1].rate:,.0f}/s",
                flush=True,
            )
    return alone, beside


def _publish_urgently(running: Plant, sink: FastSink, people: int, body: str) -> Seen:
    sink.reset_watched()
    number = _order(running, body)
    done = running.wait(number, _SECONDS)
    counts = sink.counts()
    if counts.watched != people:
        raise RuntimeError(f"{counts.watched:,} of {people:,} urgent mails came")
    return Seen(
        counts.watched_first_at - done.started_at.timestamp(),
        people / (counts.watched_last_at - counts.watched_first_at),
    )


def _order(running: Plant, body: str) -> int:
    """Publish in the urgent lane; returns the distribution's id."""
    content = parse(note(body)).content
    order = Order(content, (_SLUG,), is_urgent=True)
    published = publish(running.reading, order, salt=secrets.token_bytes(16))
    with mock.patch.dict(os.environ, running.environment):
        settings = load_settings()
    ring_prepare(settings, published.distribution_id)
    return published.distribution_id


def _wait_until_busy(running: Plant, number: int) -> None:
    """Until the ordinary distribution is being sent; what it has not sent is queued."""
    deadline = time.monotonic() + _SECONDS
    while running.status(number).accepted < _BUSY:
        if time.monotonic() > deadline:
            raise RuntimeError(f"{_BUSY:,} mails were not accepted in {_SECONDS:.0f} s")
        time.sleep(POLL_SECONDS)

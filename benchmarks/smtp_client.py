"""How fast one postman hands mail to smtp-sink, against smtp-source in the same run.

    .venv/bin/python -m benchmarks.smtp_client [--count 5000] [--rounds 3] [--profile]

Without templates, ledger and database: what is left is the hot path alone. Only the ratio means
anything: the machine may be doing other things too.
"""

import argparse
import cProfile
import itertools
import statistics
import time

from benchmarks.sinks import smtp_sink
from benchmarks.source import Run, smtp_source
from mail.replies import Accepted, Outcome
from worker.smtp import Item, Postman, Relay

_CONNECTIONS = 8


def main() -> None:
    """Measure 1 kB and 16 kB, in turns, and print the medians."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--count", type=int, default=5000)
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--profile", action="store_true")
    options = parser.parse_args()
    with smtp_sink() as sink:
        if options.profile:
            cProfile.runctx(
                "send_ours(port, 16_000, count)",
                globals(),
                {"port": sink.port, "count": options.count},
                sort="tottime",
            )
            return
        for size_bytes in (1_000, 16_000):
            theirs, ours = [], []
            for _ in range(options.rounds):
                theirs.append(
                    smtp_source(
                        sink.port,
                        messages=options.count,
                        size_bytes=size_bytes,
                        sessions=_CONNECTIONS,
                    )
                )
                ours.append(send_ours(sink.port, size_bytes, options.count))
            rates = [statistics.median(run.rate for run in runs) for runs in (theirs, ours)]
            print(
                f"{size_bytes:6d} octets: smtp-source {rates[0]:6.0f}/s, "
                f"postman {rates[1]:6.0f}/s, ratio {rates[1] / rates[0]:.2f}, "
                f"{statistics.median(run.cpu_micros for run in ours):.0f} µs of CPU a mail"
            )


def send_ours(port: int, size_bytes: int, count: int) -> Run:
    """Send with one postman in this process."""
    body = b"Subject: A media note\r\n\r\n" + (b"x" * 70 + b"\r\n") * (size_bytes // 72)
    numbers = itertools.count()
    accepted = 0

    def source() -> Item | None:
        key = next(numbers)
        if key >= count:
            return None
        return Item(key, f"b-{key}@press.example", f"user{key}@news.example", body, False)

    def on_begin(_: Item) -> None:
        """Stand for the journal."""

    def on_outcome(_: Item, outcome: Outcome) -> None:
        nonlocal accepted
        accepted += type(outcome) is Accepted

    postman = Postman([Relay("127.0.0.1", port)], connections_per_relay=_CONNECTIONS)
    began, cpu_began = time.perf_counter(), time.process_time()
    postman.run(source, on_begin, on_outcome, lambda: True)
    seconds, cpu_seconds = time.perf_counter() - began, time.process_time() - cpu_began
    postman.close()
    assert accepted == count, f"{accepted} of {count} accepted"
    return Run(count, seconds, cpu_seconds)


if __name__ == "__main__":
    main()

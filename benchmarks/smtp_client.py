"""How fast one postman hands mail to smtp-sink, against smtp-source in the same run.

    .venv/bin/python -m benchmarks.smtp_client [--count 5000] [--rounds 3] [--profile]

Only the ratio means anything: the machine may be doing other things too.
"""

import argparse
import cProfile
import itertools
import os
import socket
import statistics
import subprocess
import time

from mail.replies import Accepted, Outcome
from tests.support.programs import find_program, free_port
from worker.smtp import Item, Postman, Relay

_SOURCE_HEADER_OCTETS = 150  # smtp-source's -l leaves its own headers out
_CONNECTIONS = 8


def main() -> None:
    """Measure 1 kB and 16 kB, in turns, and print the medians."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--count", type=int, default=5000)
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--profile", action="store_true")
    options = parser.parse_args()
    port = free_port()
    user = ["-u", "nobody"] if os.geteuid() == 0 else []
    sink = subprocess.Popen([find_program("smtp-sink"), *user, f"127.0.0.1:{port}", "100"], cwd="/")
    try:
        _wait_for(port)
        if options.profile:
            cProfile.runctx(
                "send_ours(port, 16_000, count)",
                globals(),
                {"port": port, "count": options.count},
                sort="tottime",
            )
            return
        for size_octets in (1_000, 16_000):
            theirs, ours, cpu = [], [], []
            for _ in range(options.rounds):
                theirs.append(options.count / send_theirs(port, size_octets, options.count))
                seconds, cpu_seconds = send_ours(port, size_octets, options.count)
                ours.append(options.count / seconds)
                cpu.append(cpu_seconds / options.count * 1e6)
            ratio = statistics.median(ours) / statistics.median(theirs)
            print(
                f"{size_octets:6d} octets: smtp-source {statistics.median(theirs):6.0f}/s, "
                f"postman {statistics.median(ours):6.0f}/s, ratio {ratio:.2f}, "
                f"{statistics.median(cpu):.0f} us of CPU a mail"
            )
    finally:
        sink.terminate()
        sink.wait()


def send_theirs(port: int, size_octets: int, count: int) -> float:
    """Send with smtp-source; return the seconds."""
    length = str(size_octets - _SOURCE_HEADER_OCTETS)
    source = [find_program("smtp-source"), "-d", "-s", str(_CONNECTIONS), "-l", length]
    began = time.perf_counter()
    subprocess.run([*source, "-m", str(count), f"127.0.0.1:{port}"], check=True)
    return time.perf_counter() - began


def send_ours(port: int, size_octets: int, count: int) -> tuple[float, float]:
    """Send with one postman; return the seconds and those of our CPU."""
    body = b"Subject: A media note\r\n\r\n" + (b"x" * 70 + b"\r\n") * (size_octets // 72)
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
    return seconds, cpu_seconds


def _wait_for(port: int) -> None:
    for _ in range(200):
        try:
            socket.create_connection(("127.0.0.1", port), 1).close()
        except OSError:
            time.sleep(0.02)
        else:
            return
    raise SystemExit("smtp-sink did not start")


if __name__ == "__main__":
    main()

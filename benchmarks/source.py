"""smtp-source, Postfix's load generator in C: what our throughput is measured against.

It keeps its connections (-d): the way it is fastest, and what a mailing program would do. Each mail
goes to a recipient of its own (-N), as ours do: a mail server looks each of them up.
"""

import os
import subprocess
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Final

from tests.support.programs import find_program

SESSIONS: Final = (4, 8, 16)
# Its -l leaves out the headers that it adds, about this many octets; a test counts them.
HEADER_OCTETS: Final = 135


@dataclass(frozen=True, slots=True)
class Run:
    """What a run took, in seconds by the clock and of its own processor time."""

    messages: int
    seconds: float
    cpu_seconds: float

    @property
    def rate(self) -> float:
        """Mails a second."""
        return self.messages / self.seconds

    @property
    def cpu_micros(self) -> float:
        """Microseconds of processor time a mail."""
        return self.cpu_seconds / self.messages * 1e6


def smtp_source(port: int, *, messages: int, size_bytes: int, sessions: int) -> Run:
    """Send so many mails of this size, headers included."""
    length = max(1, size_bytes - HEADER_OCTETS)
    command = [find_program("smtp-source"), "-d", "-s", str(sessions), "-m", str(messages)]
    command += ["-l", str(length), "-f", "press@example.org", "-N", "-t", "reader@example.net"]
    begun = time.monotonic()
    source = subprocess.Popen(
        [*command, f"127.0.0.1:{port}"], stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL
    )
    _, status, used = os.wait4(source.pid, 0)
    seconds = time.monotonic() - begun
    source.returncode = os.waitstatus_to_exitcode(status)
    if source.returncode:
        raise RuntimeError(f"smtp-source ended with status {source.returncode}")
    return Run(messages, seconds, used.ru_utime + used.ru_stime)


def best_sessions(
    port: int,
    *,
    messages: int,
    size_bytes: int,
    settle: Callable[[], None],
    among: Sequence[int] = SESSIONS,
) -> int:
    """The session count at which smtp-source is fastest here and now.

    `settle` is called after each run, before the next.
    """
    rates = {}
    for sessions in among:
        run = smtp_source(port, messages=messages, size_bytes=size_bytes, sessions=sessions)
        rates[sessions] = run.rate
        settle()
    return max(rates, key=rates.__getitem__)

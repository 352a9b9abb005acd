"""Where mail ends: Postfix's smtp-sink, and a faster one of our own that counts (sink.c)."""

import contextlib
import mmap
import os
import struct
import subprocess
import tempfile
import time
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from benchmarks.native import WITH_US, listening
from tests.support.programs import find_program, free_port

SMTP_SINK_BACKLOG: Final = 1000
_COUNTS: Final = struct.Struct("=8Q")
_WATCHED: Final = slice(32, 56)


@dataclass(frozen=True, slots=True)
class Sink:
    """A running sink."""

    port: int
    pid: int


@dataclass(frozen=True, slots=True)
class Counts:
    """What our sink has counted since it was last set to zero; moments in seconds since 1970.

    `octets` are those of the mails alone. `watched` are the mails to whom it watches for.
    """

    messages: int
    octets: int
    first_at: float
    last_at: float
    watched: int
    watched_first_at: float
    watched_last_at: float
    connections: int


@dataclass(frozen=True, slots=True)
class FastSink(Sink):
    """Our own sink, with its counts."""

    memory: mmap.mmap

    def counts(self) -> Counts:
        """What it has counted."""
        found = _COUNTS.unpack(self.memory[: _COUNTS.size])
        messages, octets, first, last, watched, watched_first, watched_last, connections = found
        return Counts(
            messages,
            octets,
            first / 1e9,
            last / 1e9,
            watched,
            watched_first / 1e9,
            watched_last / 1e9,
            connections,
        )

    def reset(self) -> None:
        """Count from zero; only while nothing is sent to it."""
        self.memory[: _COUNTS.size] = bytes(_COUNTS.size)

    def reset_watched(self) -> None:
        """Count those it watches for from zero; only while none of them is sent."""
        self.memory[_WATCHED] = bytes(_WATCHED.stop - _WATCHED.start)


@contextlib.contextmanager
def fast_sink(*, has_chunking: bool = False, watch: str | None = None) -> Iterator[FastSink]:
    """Our sink; `watch` is a part of the addresses that are counted by themselves too."""
    options = ["--chunking"] if has_chunking else []
    options += ["--watch", watch] if watch is not None else []
    with tempfile.TemporaryDirectory(prefix="medianote-sink-") as folder:
        file = Path(folder) / "counts"
        with (
            listening("sink", [*options, str(file)]) as (server, port),
            file.open("r+b") as opened,
            mmap.mmap(opened.fileno(), _COUNTS.size) as memory,
        ):
            yield FastSink(port, server.pid, memory)


@contextlib.contextmanager
def smtp_sink(options: Sequence[str] = ()) -> Iterator[Sink]:
    """Postfix's smtp-sink on a free port of 127.0.0.1."""
    port = free_port()
    user = ["-u", "postfix"] if os.geteuid() == 0 else []
    sink = subprocess.Popen(
        [
            *(*WITH_US, find_program("smtp-sink"), *user, *options),
            *(f"127.0.0.1:{port}", str(SMTP_SINK_BACKLOG)),
        ],
        stdin=subprocess.DEVNULL,
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
    )
    try:
        time.sleep(0.5)
        if sink.poll() is not None:
            raise RuntimeError("smtp-sink did not start")
        yield Sink(port, sink.pid)
    finally:
        sink.kill()
        sink.wait()

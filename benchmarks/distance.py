"""A distance on loopback (delay.c): a port that leads to another, as if that were far away."""

import contextlib
import mmap
import struct
import tempfile
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from benchmarks.native import listening

_NANOSECONDS: Final = struct.Struct("=Q")


@dataclass(frozen=True, slots=True)
class Distance:
    """The near end of it."""

    port: int
    memory: mmap.mmap

    def set(self, round_trip_seconds: float) -> None:
        """From now on every octet is held for half of this; only while nothing is under way."""
        held = round(round_trip_seconds * 1e9 / 2)
        self.memory[: _NANOSECONDS.size] = _NANOSECONDS.pack(held)


@contextlib.contextmanager
def distance(port: int, round_trip_seconds: float = 0) -> Iterator[Distance]:
    """A way to this port of 127.0.0.1."""
    with tempfile.TemporaryDirectory(prefix="medianote-distance-") as folder:
        file = Path(folder) / "held"
        with (
            listening("delay", [str(file), str(port)]) as (_, near),
            file.open("r+b") as opened,
            mmap.mmap(opened.fileno(), _NANOSECONDS.size) as memory,
        ):
            made = Distance(near, memory)
            made.set(round_trip_seconds)
            yield made

"""What processes cost: the processor time of a family, and the largest memory of its children."""

import os
from pathlib import Path
from typing import Final

_TICKS: Final = os.sysconf("SC_CLK_TCK")


def family(pid: int) -> list[int]:
    """A process and its descendants; those that have ended meanwhile are left out."""
    try:
        listed = [task.read_text() for task in Path(f"/proc/{pid}/task").glob("*/children")]
    except OSError:
        return []
    children = {int(child) for text in listed for child in text.split()}
    return [pid, *(one for child in sorted(children) for one in family(child))]


def cpu_seconds(pid: int) -> float:
    """Processor time of a process and its descendants, those included that have ended."""
    return sum(map(_own_and_reaped_seconds, family(pid)))


def _own_and_reaped_seconds(pid: int) -> float:
    try:
        stat = Path(f"/proc/{pid}/stat").read_text()
    except OSError:
        return 0.0
    # The name, in brackets, may hold anything; utime, stime, cutime, cstime are 14 to 17.
    fields = stat.rpartition(")")[2].split()
    return sum(map(int, fields[11:15])) / _TICKS


def peak_megabytes(pids: list[int]) -> float:
    """The largest resident memory that any of these has had since it began."""
    return max(map(_peak_kb, pids), default=0) / 1024


def _peak_kb(pid: int) -> int:
    try:
        lines = Path(f"/proc/{pid}/status").read_text().splitlines()
    except OSError:
        return 0
    return next((int(line.split()[1]) for line in lines if line.startswith("VmHWM:")), 0)

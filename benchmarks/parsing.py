"""How long five megabytes of remarks take to be read, beside a look at each of their words."""

import re
import time
from collections.abc import Callable
from pathlib import Path

from benchmarks.bench import Bench
from benchmarks.figures import Finding
from releases.parsing import parse

REMARKS = Path("tests/releases/corpus/white-house-style-remarks.txt")
BEGINNING, END = "     THE PRESIDENT: I want", "                               END"
SPEECH = """\
     THE PRESIDENT: We have spoken of the harbour, of the ferries that cross it at
night, and of what it takes to keep them running through the winter.  Nobody who
stood on the quay this morning can doubt that the people of this town know how.

     The second thing I want to say is this:  a line that is closed for a month is
a line that its passengers forget.  So we will share the cost of the old ships.

"""
SIZE_OCTETS = 5_000_000
ROUNDS = 3


def parsing(_: Bench) -> Finding:
    """Processor seconds for reading 5 MB of remarks, and in units of finding their words."""
    text = REMARKS.read_text("utf-8")
    first, last = text.index(BEGINNING), text.index(END)
    long = text[:first] + SPEECH * (SIZE_OCTETS // len(SPEECH)) + text[last:]
    octets = long.encode()
    seconds = _best(lambda: parse(octets))
    words = _best(lambda: re.findall(r"\w+", long))
    return Finding((seconds,), {"× finding its words": round(seconds / words, 1)})


def _best(perform: Callable[[], object]) -> float:
    found = []
    for _ in range(ROUNDS):
        begun = time.thread_time()
        perform()
        found.append(time.thread_time() - begun)
    return min(found)

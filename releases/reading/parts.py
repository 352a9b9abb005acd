"""A stretch of a line of the header, and what it is."""

import datetime
from dataclasses import dataclass

from releases.reading.dates import FoundDate
from releases.reading.kinds import PrintedKind
from releases.reading.spans import Label

Value = PrintedKind | FoundDate | datetime.date | None


@dataclass(frozen=True, slots=True)
class Part:
    """`words[start:end]` of a line, and what it is; `label` None where the line does not tell."""

    start: int
    end: int
    label: Label | None
    value: Value = None

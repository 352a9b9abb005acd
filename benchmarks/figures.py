"""What a measurement finds: a median with its spread, beside its goal, as a table and as JSON."""

import datetime as dt
import json
import os
import platform
import statistics
from collections.abc import Iterable, Sequence
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any, Final

FILE_NAME: Final = "figures.json"


@dataclass(frozen=True, slots=True)
class Goal:
    """A limit: from below (`is_floor`), or from above. `unit` is × for ratios."""

    limit: float
    is_floor: bool = True
    unit: str = "×"

    def __str__(self) -> str:
        """As it stands in the table: ≥ 1 ×."""
        return f"{'≥' if self.is_floor else '≤'} {self.limit:g} {self.unit}"

    def is_met(self, value: float) -> bool:
        """Whether a figure reaches it."""
        return value >= self.limit if self.is_floor else value <= self.limit


@dataclass(frozen=True, slots=True)
class Finding:
    """What a measurement has found: one value a run, and what explains them.

    `details` are figures in plain words with their units, medians where there are several runs.
    """

    values: tuple[float, ...]
    details: dict[str, float | int | str] = field(default_factory=dict)

    @property
    def median(self) -> float:
        """The middle one, or between the middle two."""
        return statistics.median(self.values)

    @property
    def spread(self) -> tuple[float, float]:
        """The least and the largest."""
        return min(self.values), max(self.values)


@dataclass(frozen=True, slots=True)
class Figure:
    """A finding under its name, beside its goal; without one it is in seconds."""

    name: str
    title: str
    goal: Goal | None
    finding: Finding

    def row(self) -> tuple[str, ...]:
        """Name, what is measured, goal, median, spread, how often, and whether it is met."""
        low, high = self.finding.spread
        goal = self.goal
        verdict = "" if goal is None else "met" if self.is_met else "not met"
        return (
            self.name,
            self.title,
            "" if goal is None else str(goal),
            f"{_short(self.finding.median)} {'s' if goal is None else goal.unit}",
            f"{_short(low)} to {_short(high)}",
            str(len(self.finding.values)),
            verdict,
        )

    @property
    def is_met(self) -> bool:
        """Whether the median reaches the goal; True without one."""
        return self.goal is None or self.goal.is_met(self.finding.median)

    def to_json(self) -> dict[str, Any]:
        """What the file holds of it."""
        low, high = self.finding.spread
        return {
            "title": self.title,
            "goal": None if self.goal is None else asdict(self.goal),
            "median": self.finding.median,
            "low": low,
            "high": high,
            "values": list(self.finding.values),
            "is_met": self.is_met,
            "details": self.finding.details,
            "measured_at": dt.datetime.now(dt.UTC).isoformat(timespec="seconds"),
        }


HEADINGS: Final = ("name", "measure", "goal", "median", "spread", "runs", "")


def table(figures: Iterable[Figure]) -> str:
    """The figures as text, in columns; under each what explains it."""
    rows = [HEADINGS, *(figure.row() for figure in figures)]
    widths = [max(map(len, column)) for column in zip(*rows, strict=True)]
    return "\n".join(
        "  ".join(cell.ljust(width) for cell, width in zip(row, widths, strict=True)).rstrip()
        for row in rows
    )


def explained(figure: Figure) -> str:
    """A figure's details in one line."""
    return "; ".join(
        f"{what} {value if isinstance(value, str) else _short(value)}"
        for what, value in figure.finding.details.items()
    )


def keep(folder: Path, figures: Sequence[Figure]) -> Path:
    """Write them to figures.json in the folder; those of other measurements there stay."""
    folder.mkdir(parents=True, exist_ok=True)
    file = folder / FILE_NAME
    kept = json.loads(file.read_text("utf-8"))["figures"] if file.exists() else {}
    kept |= {figure.name: figure.to_json() for figure in figures}
    machine = {
        "processors": len(os.sched_getaffinity(0)),
        "python": platform.python_version(),
        "system": f"{platform.system()} {platform.machine()}",
    }
    text = json.dumps({"machine": machine, "figures": kept}, ensure_ascii=False, indent=2)
    file.write_text(text + "\n", "utf-8")
    return file


def _short(value: float) -> str:
    if isinstance(value, int) or abs(value) >= 100:
        return f"{value:,.0f}"
    return f"{value:.2f}" if abs(value) < 10 else f"{value:.1f}"

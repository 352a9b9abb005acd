"""Draws the ratios of figures.json as docs/benchmarks.svg: `make bench-plot`.

One bar a measurement, from the least to the largest run a line, and the goal a tick. The picture
stands on light and on dark pages alike, and says in words what it shows.
"""

import argparse
import json
from collections.abc import Sequence
from dataclasses import dataclass
from html import escape
from pathlib import Path
from typing import Any, Final

from benchmarks.figures import FILE_NAME

# What is drawn, in this order: throughput in units of another program's, the more the better.
DRAWN: Final = {
    "pipeline": "16 kB into smtp-sink",
    "small": "smallest mail into smtp-sink",
    "fast": "16 kB into our sink, PIPELINING",
    "flights": "16 kB into our sink, flights",
    "postfix": "16 kB into Postfix",
}
WIDTH: Final = 760
LABELS: Final = 250
RIGHT: Final = 70
ROW: Final = 34
TOP: Final = 64
_STYLE: Final = """\
text { font: 14px system-ui, -apple-system, 'Segoe UI', Roboto, sans-serif; fill: #57606a; }
.title { font-size: 16px; font-weight: 600; }
.value { font-weight: 600; }
.axis { stroke: #8c959f; stroke-opacity: 0.35; }
.one { stroke: #8c959f; }
.bar { fill: #3b7dd8; fill-opacity: 0.75; }
.spread { stroke: #57606a; stroke-width: 1.5; }
.goal { stroke: #d1690e; stroke-width: 2.5; }
@media (prefers-color-scheme: dark) {
text { fill: #b1bac4; }
.bar { fill: #6ea8f7; }
.spread { stroke: #d0d7de; }
.goal { stroke: #f0a35e; }
}"""


@dataclass(frozen=True, slots=True)
class Bar:
    """A ratio with its spread and its goal."""

    label: str
    median: float
    low: float
    high: float
    goal: float


def main() -> None:
    """Read the figures, write the picture."""
    parser = argparse.ArgumentParser(prog="make bench-plot ARGS=…", description=__doc__)
    parser.add_argument("--figures", type=Path, default=Path(".cache/benchmarks") / FILE_NAME)
    parser.add_argument("--out", type=Path, default=Path("docs/benchmarks.svg"))
    asked = parser.parse_args()
    try:
        figures = json.loads(asked.figures.read_text("utf-8"))["figures"]
    except OSError as error:
        parser.error(f"{asked.figures}: {error.strerror}: run `make bench` first")
    bars = bars_of(figures)
    if not bars:
        parser.error(f"{asked.figures}: none of {', '.join(DRAWN)} has been measured")
    asked.out.write_text(svg(bars), "utf-8")
    print(asked.out)


def bars_of(figures: dict[str, dict[str, Any]]) -> list[Bar]:
    """Those of the figures that are drawn."""
    return [
        Bar(label, found["median"], found["low"], found["high"], found["goal"]["limit"])
        for name, label in DRAWN.items()
        if (found := figures.get(name)) is not None
    ]


def svg(bars: Sequence[Bar]) -> str:
    """The picture; `bars` has one at least."""
    most = max(1.25, *(max(bar.high, bar.goal) for bar in bars)) * 1.05
    unit = (WIDTH - LABELS - RIGHT) / most
    bottom = TOP + ROW * len(bars)
    said = "; ".join(
        f"{bar.label}: {bar.median:.2f} ({bar.low:.2f} to {bar.high:.2f}, goal {bar.goal:g})"
        for bar in bars
    )
    parts = [
        f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {WIDTH} {bottom + 48}" '
        f'width="{WIDTH}" height="{bottom + 48}" role="img" aria-labelledby="title desc">',
        '<title id="title">Mails a second, in units of smtp-source</title>',
        f'<desc id="desc">Medians with their spread. {escape(said)}.</desc>',
        f"<style>{_STYLE}</style>",
        '<text class="title" x="0" y="20">Mails a second, in units of smtp-source</text>',
        '<text x="0" y="42">Full pipeline; the line is the spread of the runs, the tick the '
        "goal</text>",
        *_axis(most, unit, bottom),
    ]
    for number, bar in enumerate(bars):
        parts += _row(bar, TOP + ROW * number, unit)
    return "\n".join([*parts, "</svg>", ""])


def _axis(most: float, unit: float, bottom: int) -> list[str]:
    step = 0.5 if most < 3 else 1.0
    lines = []
    for count in range(int(most / step) + 1):
        value = count * step
        at = round(LABELS + value * unit, 1)
        lines += [
            f'<line class="{"one" if value == 1 else "axis"}" x1="{at}" x2="{at}" '
            f'y1="{TOP - 6}" y2="{bottom}"/>',
            f'<text x="{at}" y="{bottom + 20}" text-anchor="middle">{value:g}</text>',
        ]
    return lines


def _row(bar: Bar, top: int, unit: float) -> list[str]:
    middle = top + ROW // 2
    end, low, high, goal = (
        round(LABELS + value * unit, 1) for value in (bar.median, bar.low, bar.high, bar.goal)
    )
    beside = max(end, high, goal) + 8
    return [
        f'<text x="{LABELS - 10}" y="{middle + 5}" text-anchor="end">{escape(bar.label)}</text>',
        f'<rect class="bar" x="{LABELS}" y="{top + 7}" width="{round(end - LABELS, 1)}" '
        f'height="{ROW - 14}" rx="2"/>',
        f'<line class="spread" x1="{low}" x2="{high}" y1="{middle}" y2="{middle}"/>',
        f'<line class="goal" x1="{goal}" x2="{goal}" y1="{top + 3}" y2="{top + ROW - 3}"/>',
        f'<text class="value" x="{round(beside, 1)}" y="{middle + 5}">{bar.median:.2f}</text>',
    ]


if __name__ == "__main__":
    main()

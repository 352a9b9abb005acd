"""Figures are told as they are: in the table, in the file, and in the picture."""

import json
from pathlib import Path
from xml.etree import ElementTree

import pytest

from benchmarks.__main__ import MEASUREMENTS, SCALE, chosen
from benchmarks.bench import Bench
from benchmarks.figures import Figure, Finding, Goal, keep, table
from benchmarks.plot import DRAWN, bars_of, svg
from benchmarks.sinks import fast_sink
from benchmarks.source import smtp_source


def figure(name: str, goal: Goal | None, *values: float) -> Figure:
    """A figure of these runs."""
    return Figure(name, f"what {name} is", goal, Finding(values, {"people": 20_000}))


def test_a_goal_is_met_by_the_median() -> None:
    """From below for ratios, from above for times."""
    assert figure("a", Goal(1.0), 0.5, 1.0, 2.0).is_met
    assert not figure("a", Goal(1.0), 0.5, 0.9, 2.0).is_met
    assert figure("a", Goal(2.0, is_floor=False, unit="s"), 1.0, 2.0, 9.0).is_met
    assert not figure("a", Goal(2.0, is_floor=False, unit="s"), 2.1).is_met
    assert figure("a", None, 5.0).is_met


def test_the_table_has_goal_median_and_spread() -> None:
    """One line a figure, under its headings."""
    lines = table(
        [figure("fast", Goal(1.0), 1.21, 1.5, 1.35), figure("parsing", None, 12.0)]
    ).splitlines()
    assert lines[0].split() == ["name", "measure", "goal", "median", "spread", "runs"]
    for part in ("fast", "≥ 1 ×", "1.35 ×", "1.21 to 1.50", "met"):
        assert part in lines[1]
    assert "12.0 s" in lines[2]


def test_the_file_keeps_what_was_measured_before(tmp_path: Path) -> None:
    """Measurements that run apart come together in one file."""
    keep(tmp_path, [figure("fast", Goal(1.0), 1.5), figure("small", Goal(1.0), 1.2)])
    file = keep(tmp_path, [figure("fast", Goal(1.0), 1.4, 1.6, 1.8)])
    kept = json.loads(file.read_text("utf-8"))["figures"]
    assert kept["small"]["median"] == 1.2
    assert kept["fast"] | {"measured_at": ""} == {
        "title": "what fast is",
        "goal": {"limit": 1.0, "is_floor": True, "unit": "×"},
        "median": 1.6,
        "low": 1.4,
        "high": 1.8,
        "values": [1.4, 1.6, 1.8],
        "is_met": True,
        "details": {"people": 20_000},
        "measured_at": "",
    }


def test_the_picture_says_in_words_what_it_shows(tmp_path: Path) -> None:
    """A drawing with a title and a description, made of the file alone."""
    file = keep(tmp_path, [figure("flights", Goal(2.0), 2.5, 3.5, 3.0), figure("naive", None, 9)])
    bars = bars_of(json.loads(file.read_text("utf-8"))["figures"])
    assert [bar.median for bar in bars] == [3.0]
    drawn = ElementTree.fromstring(svg(bars))
    names = {"s": "http://www.w3.org/2000/svg"}
    assert drawn.attrib["aria-labelledby"] == "title desc"
    described = drawn.findtext("s:desc", namespaces=names)
    assert described is not None
    assert f"{DRAWN['flights']}: 3.00 (2.50 to 3.50, goal 2)" in described


def test_what_is_drawn_is_measured() -> None:
    """Each bar has a measurement with a goal from below."""
    goals = {one.name: one.goal for one in MEASUREMENTS}
    assert len(goals) == len(MEASUREMENTS)
    for name in DRAWN:
        goal = goals[name]
        assert goal is not None
        assert goal.is_floor


@pytest.mark.parametrize(
    ("names", "expected"),
    [
        (["small", "pipeline"], {"pipeline", "small"}),
        ([SCALE], {one.name for one in MEASUREMENTS if one.is_of_scale}),
        ([], {one.name for one in MEASUREMENTS if not one.is_long}),
    ],
)
def test_measurements_are_chosen_by_name(names: list[str], expected: set[str]) -> None:
    """All that are short, those of large lists, or just the named ones."""
    assert {one.name for one in chosen(names)} == expected


def test_processor_time_is_that_of_the_run_alone() -> None:
    """What smtp-source is said to use is no more than went by."""
    with fast_sink() as sink:
        run = smtp_source(sink.port, messages=500, size_bytes=16_000, sessions=2)
    assert 0 < run.cpu_seconds <= run.seconds
    assert run.rate * run.seconds == pytest.approx(500)


def test_what_several_figures_are_taken_from_is_measured_once(tmp_path: Path) -> None:
    """And what failed is not tried again for each of them."""
    bench = Bench(tmp_path, 1, 1, 1, 1, 16_000, 1, 1)
    folders: list[Path] = []

    def measure(folder: Path) -> int:
        folders.append(folder)
        if folder.name == "broken":
            raise RuntimeError("it did not start")
        return len(folders)

    assert [bench.once("whole", measure) for _ in range(2)] == [1, 1]
    for _ in range(2):
        with pytest.raises(RuntimeError, match="it did not start"):
            bench.once("broken", measure)
    assert folders == [tmp_path / "whole", tmp_path / "broken"]

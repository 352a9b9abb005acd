"""What a watcher is told of a distribution's pace."""

import dataclasses
import datetime as dt

import pytest

from cli.pace import Pace, duration_text, pace_text, progress_line
from releases.queries import Status

RUNNING = Status(
    id=1,
    kind="release",
    state="running",
    eligible=10_000,
    queued=10_000,
    accepted=0,
    deferred=0,
    failed=0,
    suppressed=0,
    cancelled=0,
    uncertain=0,
    repeats=0,
    bounced=0,
    complained=0,
    started_at=dt.datetime(2026, 3, 5, tzinfo=dt.UTC),
    finished_at=None,
    note=None,
    is_rehearsal=False,
)


def at(accepted: int, **more: object) -> Status:
    """So many have it, and the rest waits."""
    return dataclasses.replace(
        RUNNING, **{"accepted": accepted, "queued": 10_000 - accepted, **more}
    )


def test_rate_and_time_left() -> None:
    """Both come from the last ten seconds, whatever was before."""
    pace = Pace()
    for second in range(41):
        mails = second * 10 if second < 20 else 200 + (second - 20) * 100
        pace.look(second, at(mails))
    assert pace.mails_per_second == 100
    assert pace.seconds_left(at(2200)) == 78
    assert pace_text(pace, at(2200)) == "100 mails a second, about 78 s left"


def test_nothing_is_told_too_early() -> None:
    """One look has no rate, and no time can be told while the audience is not known."""
    pace = Pace()
    assert pace_text(pace, at(0)) is None
    pace.look(0, at(0))
    assert pace_text(pace, at(0)) is None
    pace.look(0.1, at(50))
    assert pace_text(pace, at(50)) is None
    pace.look(2, at(5))
    assert pace_text(pace, at(5, eligible=None)) == "2.5 mails a second"


def test_what_stands_still_begins_anew() -> None:
    """A pause does not count as slowness when it goes on."""
    pace = Pace()
    pace.look(0, at(0))
    pace.look(1, at(100))
    pace.look(2, at(100, state="paused"))
    assert pace.mails_per_second is None
    pace.look(60, at(100))
    pace.look(61, at(300))
    assert pace.mails_per_second == 200


def test_what_was_put_off_has_no_time_left() -> None:
    """It waits for its moment, not for its turn."""
    pace = Pace()
    pace.look(0, at(9_000, queued=0, deferred=1_000))
    pace.look(1, at(9_990, queued=0, deferred=10))
    assert pace_text(pace, at(9_990, queued=0, deferred=10)) == "990 mails a second"


@pytest.mark.parametrize(
    ("seconds", "text"),
    [(0.2, "1 s"), (99, "99 s"), (100, "2 min"), (5_900, "98 min"), (7_500, "2 h 5 min")],
)
def test_durations(seconds: float, text: str) -> None:
    """As exact as anyone needs."""
    assert duration_text(seconds) == text


def test_a_line_of_progress() -> None:
    """How far it is, by outcome; what is zero is left out."""
    found = at(7_000, failed=3, deferred=2, queued=2_995)
    said = "running: 7,003 of 10,000 done, 7,000 accepted, 2 deferred, 3 failed"
    assert progress_line(found, Pace()) == said
    assert progress_line(at(0, eligible=None), Pace()) == "running: 0 done"

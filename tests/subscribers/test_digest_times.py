"""When digests come: once on each local day, whatever the clocks do."""

import datetime as dt
import itertools
import zoneinfo
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given
from hypothesis import strategies as st

from subscribers.digest_times import HOUR, Clock, Wish, clock_of
from subscribers.models import Frequency

ZONES = sorted(zoneinfo.available_timezones())
BERLIN = ZoneInfo("Europe/Berlin")
MOMENTS = st.integers(0, 38 * 366 * 86_400).map(
    lambda seconds: dt.datetime(2000, 1, 1, tzinfo=dt.UTC) + dt.timedelta(seconds=seconds)
)
CLOCKS = st.builds(Clock, st.sampled_from(ZONES).map(ZoneInfo), st.integers(0, 23))


@given(clock=CLOCKS, start=MOMENTS)
def test_there_is_one_time_for_each_local_day(clock: Clock, start: dt.datetime) -> None:
    """Of daily digests: on days of 23 and 25 hours, too; only a day that a zone has left out of
    its calendar has none, as in Samoa's at the end of 2011.
    """
    times = []
    at: dt.datetime | None = start
    for _ in range(40):
        assert at is not None
        at = clock.next_after(at, [Frequency.DAILY])
        assert at is not None
        times.append(at)
    days = [at.astimezone(clock.zone).date() for at in times]
    steps = {(after - before).days for before, after in itertools.pairwise(days)}
    assert steps <= {1, 2}
    if 2 in steps:
        assert clock.zone.key in {
            "Pacific/Apia",
            "Pacific/Fakaofo",
            "Pacific/Kwajalein",
            "Kwajalein",
        }
    assert times == sorted(set(times))


@given(clock=CLOCKS, start=MOMENTS)
def test_the_weekly_ones_are_the_daily_ones_of_mondays(clock: Clock, start: dt.datetime) -> None:
    """Every Monday has one, and it is one of the daily times."""
    weekly = clock.next_after(start, [Frequency.WEEKLY])
    assert weekly is not None
    assert clock.is_weekly(weekly)
    assert weekly - start <= dt.timedelta(days=8)
    assert clock.next_after(weekly - dt.timedelta(seconds=1), [Frequency.DAILY]) == weekly
    assert clock.is_any_weekly(start, weekly)
    assert not clock.is_any_weekly(weekly + dt.timedelta(seconds=1), weekly + dt.timedelta(days=6))


@pytest.mark.parametrize(
    ("hour", "day", "utc"),
    [
        (8, dt.date(2026, 3, 28), "07:00"),
        (8, dt.date(2026, 3, 29), "06:00"),
        (2, dt.date(2026, 3, 29), "01:00"),  # left out: clocks go from two to three
        (2, dt.date(2026, 10, 25), "00:00"),  # twice: the first is meant
        (8, dt.date(2026, 10, 25), "07:00"),
    ],
)
def test_changes_of_clocks(hour: int, day: dt.date, utc: str) -> None:
    """An hour that is left out is served when clocks have gone forward, one that is there twice
    the first time.
    """
    assert f"{Clock(BERLIN, hour).at(day):%H:%M}" == utc


def test_nothing_is_due_without_digests() -> None:
    """Who gets everything at once has no time."""
    now = dt.datetime(2026, 11, 29, tzinfo=dt.UTC)
    assert Clock(BERLIN, 8).next_after(now, [Frequency.AT_ONCE]) is None


def test_whose_word_counts() -> None:
    """The subscriber's, then a list's, the language's, the office's; zone and hour each for
    itself. A zone that this machine does not know counts for nothing.
    """
    none = Wish(None, None)
    utc = ZoneInfo("UTC")
    assert clock_of(none, [], "en", utc) == Clock(utc, HOUR)
    assert clock_of(none, [], "fr-CA", utc).zone.key == "Europe/Paris"
    lists = [none, Wish("America/New_York", None), Wish("Asia/Tokyo", 6)]
    assert clock_of(none, lists, "fr", utc) == Clock(ZoneInfo("America/New_York"), 6)
    own = Wish("Europe/Berlin", 17)
    assert clock_of(own, lists, "fr", utc) == Clock(BERLIN, 17)
    for unknown in ("Mars/Olympus", "Europe", "../x"):
        assert clock_of(Wish(unknown, 0), [], "en", utc) == Clock(utc, 0)

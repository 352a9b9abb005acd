"""A pause ends when a day begins where the subscriber is, whatever clocks do there."""

import datetime as dt
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given
from hypothesis import strategies as st

from runtime.zones import known_zones, zone_label, zone_labels
from subscribers.pausing import beginning, days_offered, first_day

CAIRO = ZoneInfo("Africa/Cairo")


@pytest.mark.parametrize(
    ("day", "zone", "moment"),
    [
        ("2027-03-09", "Asia/Tokyo", "2027-03-08T15:00"),
        ("2027-03-09", "America/New_York", "2027-03-09T05:00"),
        ("2027-03-15", "America/New_York", "2027-03-15T04:00"),
        # Clocks go from 00:00 to 01:00.
        ("2027-04-30", "Africa/Cairo", "2027-04-29T22:00"),
        # And from 01:00 to 00:00: the first of the two midnights.
        ("2026-10-25", "Atlantic/Azores", "2026-10-25T00:00"),
    ],
)
def test_a_day_begins_where_the_subscriber_is(day: str, zone: str, moment: str) -> None:
    """At midnight, and at the first moment that there is where there is no midnight or two."""
    found = beginning(dt.date.fromisoformat(day), ZoneInfo(zone))
    assert f"{found:%Y-%m-%dT%H:%M}" == moment
    assert first_day(found, ZoneInfo(zone)).isoformat() == day


@given(
    day=st.dates(dt.date(2026, 1, 1), dt.date(2037, 12, 31)),
    zone=st.sampled_from(["Africa/Cairo", "Asia/Beirut", "Pacific/Apia", "America/St_Johns"]),
    other=st.sampled_from(["UTC", "Asia/Tokyo", "America/New_York", "Pacific/Kiritimati"]),
)
def test_the_first_day_of_mail(day: dt.date, zone: str, other: str) -> None:
    """It is the day that was chosen; seen from another zone, the first that begins after it."""
    until = beginning(day, ZoneInfo(zone))
    assert first_day(until, ZoneInfo(zone)) == day
    there = first_day(until, ZoneInfo(other))
    assert beginning(there, ZoneInfo(other)) >= until
    assert beginning(there - dt.timedelta(days=1), ZoneInfo(other)) < until


def test_a_pause_is_offered_from_tomorrow_for_a_year() -> None:
    """By the calendar of where the subscriber is."""
    now = dt.datetime(2027, 2, 28, 22, 30, tzinfo=dt.UTC)
    assert days_offered(now, CAIRO) == (dt.date(2027, 3, 2), dt.date(2028, 3, 1))
    assert days_offered(now, dt.UTC)[0] == dt.date(2027, 3, 1)


@pytest.mark.parametrize("language", ["en", "fr", "es", "ru", "ar", "zh"])
def test_zones_are_offered_by_country_and_city(language: str) -> None:
    """All of them exist, each once, with a label that no other has."""
    labels = dict(zone_labels(language))
    assert len(labels) == len(set(labels.values())) == len(zone_labels(language)) > 400
    assert labels.keys() <= known_zones()
    assert labels["Europe/Paris"] == zone_label("Europe/Paris", language)
    assert zone_label("Etc/GMT+5", language) == "Etc/GMT+5"


def test_labels_of_zones() -> None:
    """Country and city, once where they are the same, in the order of the alphabet."""
    assert zone_label("America/New_York", "en") == "United States – New York"
    assert zone_label("Africa/Djibouti", "en") == "Djibouti"
    assert zone_label("Asia/Tokyo", "ru") == "Япония – Токио"
    countries = [label.partition(" – ")[0] for _, label in zone_labels("en")]
    assert countries.index("Åland Islands") < countries.index("Albania") < countries.index("France")

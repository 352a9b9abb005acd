"""When digests come, in words, is when they do come."""

import datetime as dt
from collections.abc import Iterator
from zoneinfo import ZoneInfo

import pytest

from runtime.database import Database
from runtime.i18n import supported, words
from runtime.zones import zone_city
from subscribers.digest_times import WEEKDAY, Clock
from subscribers.digest_words import clock_for, time_of, when
from tests.support.people import add_list, add_person

UTC = ZoneInfo("UTC")


@pytest.fixture
def database(database_url: str) -> Iterator[Database]:
    made = Database(database_url)
    yield made
    made.dispose()


def test_a_clock_in_words() -> None:
    """The hour, and where that is; zones of no country by their names."""
    assert time_of(Clock(ZoneInfo("Europe/Brussels"), 8), words("en")) == "08:00 (Brussels time)"
    assert time_of(Clock(ZoneInfo("America/New_York"), 17), words("es")) == (
        "17:00 (hora de Nueva York)"
    )
    assert time_of(Clock(ZoneInfo("Europe/Moscow"), 0), words("ru")) == "00:00 (время: Москва)"
    assert time_of(Clock(UTC, 8), words("ar")) == "08:00 (UTC)"
    assert zone_city("Etc/GMT+3", "en") is None


def test_weekly_is_on_the_day_that_is_said() -> None:
    """Every language names the day on which weekly digests come."""
    assert dt.date(2026, 11, 30 + WEEKDAY).strftime("%A") == "Monday"
    for language in supported():
        ours = words(language)
        monday = {"en": "Monday", "fr": "lundi", "es": "lunes", "ru": "понедельник"}
        monday |= {"ar": "الاثنين", "zh": "周一"}
        assert monday[language] in when(Clock(UTC, 8), ours)


def test_whose_word_counts(database: Database) -> None:
    """The person's, then that of the first list of whose digests they have any."""
    with database.transaction() as session:
        silent, early, late = (add_list(session, slug) for slug in ("silent", "early", "late"))
        early.digest_hour, late.digest_hour, late.timezone = 6, 20, "Asia/Tokyo"
        jo = add_person(session, "jo@example.com", [silent, late])
        ana = add_person(session, "ana@example.com", language="es")
        ana.timezone, ana.digest_hour = "America/Lima", 9
        session.flush()

        def told(person: object, *lists: int, language: str = "en") -> tuple[str, int]:
            clock = clock_for(session, person, lists, language, UTC)  # type: ignore[arg-type]
            return clock.zone.key, clock.hour

        assert told(None, silent.id) == ("UTC", 8)
        assert told(None, silent.id, language="fr") == ("Europe/Paris", 8)
        assert told(None, early.id, late.id) == ("Asia/Tokyo", 6)
        assert told(jo) == ("UTC", 8)  # both of hers come at once
        assert told(jo, late.id) == ("Asia/Tokyo", 20)
        assert told(ana, early.id, late.id) == ("America/Lima", 9)

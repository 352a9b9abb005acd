"""A pause: no mail until a day, which begins at midnight where the subscriber is."""

import datetime as dt
from typing import Final

PAUSE_MAX_DAYS: Final = 366


def beginning(day: dt.date, zone: dt.tzinfo) -> dt.datetime:
    """The moment at which a day begins in a zone, in UTC.

    Where clocks go forward at midnight, that is the first moment that there is.
    """
    return dt.datetime.combine(day, dt.time(), zone).astimezone(dt.UTC)


def first_day(until: dt.datetime, zone: dt.tzinfo) -> dt.date:
    """The first day on which mail comes from its beginning on, after a pause until then."""
    day = until.astimezone(zone).date()
    return day if beginning(day, zone) >= until else day + dt.timedelta(days=1)


def a_month_on(day: dt.date) -> dt.date:
    """The same day of the next month; its last one where it has no such day."""
    first = (day.replace(day=1) + dt.timedelta(days=32)).replace(day=1)
    last = (first + dt.timedelta(days=32)).replace(day=1) - dt.timedelta(days=1)
    return first.replace(day=min(day.day, last.day))


def days_offered(now: dt.datetime, zone: dt.tzinfo) -> tuple[dt.date, dt.date]:
    """From which day to which a pause may be asked for: tomorrow, and a year from now."""
    today = now.astimezone(zone).date()
    return today + dt.timedelta(days=1), today + dt.timedelta(days=PAUSE_MAX_DAYS)

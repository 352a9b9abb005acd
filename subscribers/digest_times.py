"""When digests come: at an hour of the day where the subscriber is, daily or on Mondays.

Times are worked out by the calendar of the zone, one for each local date, so that a day with 23
or 25 hours has one as well. An hour that a change of clocks leaves out is served when clocks
have gone forward; of one that comes twice, the first is meant.
"""

import datetime as dt
from collections.abc import Iterable
from dataclasses import dataclass
from typing import Final
from zoneinfo import ZoneInfo

from runtime.zones import zone_of
from subscribers.models import Frequency

HOUR: Final = 8
"""Where neither subscriber nor list says another."""
WEEKDAY: Final = 0
"""Weekly digests come on Mondays."""
ZONES_BY_LANGUAGE: Final = {
    "ar": "Asia/Riyadh",
    "es": "Europe/Madrid",
    "fr": "Europe/Paris",
    "ru": "Europe/Moscow",
    "zh": "Asia/Shanghai",
}
"""Where a reader of a language is thought to be who has not said; others, where the office is."""


@dataclass(frozen=True, slots=True)
class Clock:
    """The zone and the hour (0 to 23) of somebody's digests."""

    zone: ZoneInfo
    hour: int

    def at(self, day: dt.date) -> dt.datetime:
        """The moment of a local date, in UTC."""
        return dt.datetime.combine(day, dt.time(self.hour), self.zone).astimezone(dt.UTC)

    def is_weekly(self, at: dt.datetime) -> bool:
        """Whether weekly digests come on the day of this moment."""
        return at.astimezone(self.zone).weekday() == WEEKDAY

    def is_any_weekly(self, first: dt.datetime, last: dt.datetime) -> bool:
        """Whether weekly digests come at one of these moments, or between them."""
        at = self.next_after(first - dt.timedelta(microseconds=1), (Frequency.WEEKLY,))
        return at is not None and at <= last

    def next_after(self, moment: dt.datetime, frequencies: Iterable[str]) -> dt.datetime | None:
        """The first time after an aware moment, in UTC; None where no frequency has digests."""
        wanted = set(frequencies)
        if Frequency.DAILY not in wanted and Frequency.WEEKLY not in wanted:
            return None
        day = moment.astimezone(self.zone).date()
        while True:
            at = self.at(day)
            # Asked of the moment, not of the date: a date can be missing in a zone.
            if at > moment and (Frequency.DAILY in wanted or self.is_weekly(at)):
                return at
            day += dt.timedelta(days=1)


@dataclass(frozen=True, slots=True)
class Wish:
    """What a subscriber, or a list, says of zone (an IANA name) and hour."""

    timezone: str | None
    hour: int | None


def clock_of(own: Wish, lists: Iterable[Wish], language: str, office: ZoneInfo) -> Clock:
    """Whose word counts: the subscriber's, the first list's that says anything, the language's
    and the office's.
    """
    wishes = [own, *lists]
    names = [one.timezone for one in wishes if one.timezone]
    names.append(ZONES_BY_LANGUAGE.get(language.lower().partition("-")[0], ""))
    zones = filter(None, map(zone_of, names))
    hours = (one.hour for one in wishes if one.hour is not None)
    return Clock(next(zones, office), next(hours, HOUR))

"""Moments that a release must not leave before: read beyond doubt, or refused."""

import datetime
import re
from collections.abc import Sequence

from releases.clocks import TimeOfDay, find_times
from releases.errors import EmbargoError
from releases.reading.dates import FoundDate, find_dates
from releases.reading.lines import fold
from releases.reading.month_names import MONTHS, WEEKDAYS
from releases.zones import Mention, find_zones, localise

__all__ = ["EmbargoError", "parse_moment"]

# ISO 8601, whole. No place is further than 14 hours from UTC: what looks so is a span of time.
_ISO = re.compile(
    r"\b\d{4}-?\d\d-?\d\d[T ]\d\d:?\d\d(?::?\d\d(?:\.\d{1,6})?)?"
    r" ?(?:Z\b|[+-](?:0\d|1[0-4]):?[0-5]\d\b)"
)


def parse_moment(
    text: str, *, date: datetime.date | None = None, what: str = "the time"
) -> datetime.datetime:
    """The moment that a line of text or an option names; aware, with a fixed offset.

    It must have a time, a zone or offset, and a date; `date` stands in for a date (or a year)
    that is not printed. `what` begins the error ("the embargo line", "--at").
    Raises EmbargoError for what is missing, ambiguous, contradictory or impossible.
    """
    printed = " ".join(text.split())
    precise: list[datetime.datetime] = []

    def as_others_write(found: re.Match[str]) -> str:
        # So that whatever stands beside it must agree with it.
        moment = _from_iso(found.group())
        precise.append(moment)
        written = moment.isoformat(timespec="minutes")
        return f" {written[:10]} {written[11:16]} UTC{written[16:]} "

    try:
        plain = _ISO.sub(as_others_write, printed)
        moment = _moment(re.sub(r"(?<=\d)T(?=\d\d)", " ", plain), date)
    except EmbargoError as error:
        why = f"{what} «{printed[:160]}»: {error}"
        raise EmbargoError(why, lacks_date=error.lacks_date) from None
    found = precise[0] if precise else moment
    try:
        found.astimezone(datetime.UTC)
    except OverflowError:
        raise EmbargoError(f"{what} «{printed[:160]}»: no calendar has it") from None
    return found


def _from_iso(text: str) -> datetime.datetime:
    try:
        return datetime.datetime.fromisoformat("".join(text.replace(" ", "T", 1).split()))
    except ValueError as error:
        raise EmbargoError(str(error)) from None


def _moment(text: str, default: datetime.date | None) -> datetime.datetime:
    dates = find_dates(text, is_year_needed=False)
    without_dates = text
    for found in dates:
        blank = " " * (found.end - found.start)
        without_dates = without_dates[: found.start] + blank + without_dates[found.end :]
    times = find_times(without_dates)
    if not times:
        raise EmbargoError(
            "no time of day can be read: write it as 18:00 or 6:00 p.m., with its zone"
        )
    zones = find_zones(without_dates, letters_from=times[0].end)
    if not zones:
        raise EmbargoError(
            "it names no time zone: add one, such as ET, CET, UTC+1 or Europe/Berlin"
        )
    _refuse_unread_date(without_dates, [*times, *zones], has_date=bool(dates))
    day = _day(dates, default)
    moments = {_with_zone(time, times, zones, day, text) for time in times}
    if len(moments) > 1:
        raise EmbargoError("it names more than one moment: leave one")
    return moments.pop()


def _refuse_unread_date(text: str, known: Sequence[TimeOfDay | Mention], *, has_date: bool) -> None:
    """No other date may stand in for one that is printed and cannot be read."""
    left = text
    for part in known:
        left = left[: part.start] + " " * (part.end - part.start) + left[part.end :]
    for word in re.findall(r"\w+", left):
        is_number = word[0].isdigit() and not has_date
        # "may" and "mar" are words of other kinds, too.
        is_name = (len(word) > 3 or not has_date) and (
            fold(word) in MONTHS or fold(word) in WEEKDAYS
        )
        if is_number or is_name:
            raise EmbargoError(f"its date cannot be read at «{word}»: write it as 5 March 2024")


def _day(dates: list[FoundDate], default: datetime.date | None) -> datetime.date:
    days = set()
    for found in dates:
        if found.other_reading and found.other_reading != found.date:
            raise EmbargoError(
                f"its date may be {found.date} or {found.other_reading}: write the month as a word"
            )
        year = found.year or (default.year if default else None)
        if year is None:
            raise EmbargoError("its date has no year", lacks_date=True)
        try:
            day = datetime.date(year, found.month, found.day)
        except ValueError:
            raise EmbargoError(f"{year} has no such day") from None
        if found.weekday is not None and found.weekday != day.weekday():
            raise EmbargoError(f"{day:%d %B %Y} is a {day:%A}, not the weekday it says")
        days.add(day)
    if len(days) > 1:
        raise EmbargoError("it names more than one date: leave one")
    if days:
        return days.pop()
    if default:
        return default
    raise EmbargoError(
        "it names no date that can be read: write it as 5 March 2024", lacks_date=True
    )


def _with_zone(
    time: TimeOfDay, times: list[TimeOfDay], zones: list[Mention], day: datetime.date, text: str
) -> datetime.datetime:
    """A time takes the zone that follows it before the next time, or the only one there is."""
    next_start = min((other.start for other in times if other.start > time.start), default=None)
    after = [
        zone
        for zone in zones
        if zone.start >= time.end and (next_start is None or zone.start < next_start)
    ]
    offsets = [zone for zone in after if isinstance(zone.zone, datetime.timezone)]
    zone = (offsets or after or zones)[0]
    wall = datetime.datetime.combine(day, datetime.time(time.hour, time.minute))
    moment = localise(wall, zone, text[zone.start : zone.end])
    for other in after:
        if _says_otherwise(other, wall, moment, text, is_settled=bool(offsets)):
            raise EmbargoError("it names more than one time zone: leave one")
    return moment


def _says_otherwise(
    zone: Mention,
    wall: datetime.datetime,
    moment: datetime.datetime,
    text: str,
    *,
    is_settled: bool,
) -> bool:
    """Whether the time of day would be another moment in this zone.

    Beside an offset a zone may be one that is ambiguous alone: CST (UTC+8).
    """
    try:
        return localise(wall, zone, text[zone.start : zone.end]) != moment
    except EmbargoError:
        if is_settled:
            return False
        raise

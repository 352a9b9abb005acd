"""Times of day as people write them."""

import re
from dataclasses import dataclass

from releases.errors import EmbargoError

_AFTERNOON = (
    "p", "下午", "晚上", "午後", "오후", "مساء", "дня", "вечера",
    "de la tarde", "de la noche", "del pomeriggio",
)  # fmt: skip
_MORNING = (
    "a", "上午", "凌晨", "早上", "午前", "오전", "صباح", "утра", "de la mañana", "del mattino",
)  # fmt: skip
_NOON = ("ظهر",)
_AM_PM = r"(?P<half>[ap]\.?\s?m\b\.?)"
_PART = (
    r"(?P<part>上午|下午|凌晨|早上|晚上|午前|午後|오전|오후|صباح\w*|ظهر\w*|مساء\w*"
    r"|утра|дня|вечера|de la mañana|de la tarde|de la noche|del mattino|del pomeriggio)"
)
_HOURS = r"(?:uhr|hrs|hours|heures?|horas?|ore|uur|часов|часа|час|ч\.|h\b)"
# Hours and minutes of an offset are no time of day; "18:00-19:00" is a span of them.
_NO_OFFSET = r"(?<!\+)(?<!UTC[-−–])(?<!GMT[-−–])(?<![\s(][-−–])"
# The first form that reads a stretch has it.
_FORMS = (
    re.compile(
        rf"{_NO_OFFSET}(?<![\d:])"
        r"(?P<hour>\d{1,2})\s?[:.：]\s?(?P<minute>\d\d)(?:[:.]\d\d(?:\.\d+)?)?(?!\d)"
        rf"(?:\s?{_AM_PM})?(?:\s?{_PART})?",
        re.IGNORECASE,
    ),
    re.compile(r"(?<!\d)(?P<hour>\d{1,2})\s?(?:h|u|ч\.?)\s?(?P<minute>\d\d)(?!\d)", re.IGNORECASE),
    re.compile(rf"(?<!\d)(?P<hour>\d{{1,2}})\s?{_AM_PM}", re.IGNORECASE),
    re.compile(
        rf"(?:{_PART}\s?)?(?<!\d)(?P<hour>\d{{1,2}})\s?[时時点點시]"
        r"\s?(?:(?P<minute>\d{1,2})\s?[分분]?)?"
    ),
    re.compile(
        rf"(?<!\d)(?P<hour>\d{{1,2}})\s?(?={_HOURS}|{_PART.replace('?P<part>', '?:')})"
        rf"(?:{_HOURS})?\s?{_PART}?",
        re.IGNORECASE,
    ),
    re.compile(r"(?<![\d:])(?P<hour>\d\d)(?P<minute>\d\d)\s?(?=hrs|hours|h\b|[A-Z]{2,4}\b|Z\b)"),
    re.compile(
        r"(?:12 )?\b(?:noon|midday|mittags|midi|mediodía|mezzogiorno|полдень)\b|中午|正午",
        re.IGNORECASE,
    ),
)
_MIDNIGHT = re.compile(
    r"\b(?:midnight|mitternacht|minuit|medianoche|mezzanotte)\b|полноч|午夜|منتصف الليل",
    re.IGNORECASE,
)


@dataclass(frozen=True, slots=True)
class TimeOfDay:
    """A time at `[start, end)` of a text, on the 24-hour clock."""

    start: int
    end: int
    hour: int
    minute: int


def find_times(text: str) -> list[TimeOfDay]:
    """The times of a short text whose dates were blanked out.

    Raises EmbargoError for 25:00, for 13 p.m. and for midnight, which may begin or end a day.
    """
    if _MIDNIGHT.search(text):
        raise EmbargoError("midnight begins or ends a day: write 00:01 or 23:59")
    found: list[TimeOfDay] = []
    for form in _FORMS:
        for match in form.finditer(text):
            if not any(match.start() < time.end and time.start < match.end() for time in found):
                found.append(_read(match))
    return sorted(found, key=lambda time: time.start)


def _read(match: re.Match[str]) -> TimeOfDay:
    parts = match.groupdict()
    if "hour" not in parts:
        return TimeOfDay(match.start(), match.end(), 12, 0)
    half = (parts.get("half") or parts.get("part") or "").lower()
    hour, minute = int(parts["hour"]), int(parts.get("minute") or 0)
    is_half_wrong = half.startswith(("a", "p")) and not 1 <= hour <= 12
    if is_half_wrong or hour > 23 or minute > 59:
        raise EmbargoError(f"{match.group().strip()!r} is no time of day")
    if half.startswith(_MORNING):
        hour = 0 if hour == 12 else hour
    elif half.startswith(_AFTERNOON) or (half.startswith(_NOON) and hour < 11):
        hour += 12 if hour < 12 else 0
    return TimeOfDay(match.start(), match.end(), hour, minute)

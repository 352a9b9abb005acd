"""Lines that hold a date or a time and nothing else."""

import re
from dataclasses import replace

from releases.reading.dates import FoundDate, find_dates
from releases.reading.lines import fold

_DATE_FIELD = (
    r"(?:date|dated|release date|date of release|date of issue|published(?: on)?|issued(?: on)?"
    r"|posted(?: on)?|updated(?: on)?"
    r"|last updated|publication date|for release|released|datum|veroffentlicht(?: am)?|fecha"
    r"|publicado(?: el| em)?|date de publication|publie le"
    r"|data|pubblicato il|дата|опубликовано|التاريخ|تاريخ|日期|发布日期|發佈日期|发布时间|発表日)"
)
_FIELD = re.compile(rf"^{_DATE_FIELD}\s?[:：|]?\s+|^{_DATE_FIELD}\s?[:：]\s?")
DATE_GLUE = re.compile(
    r"^(?:[\s,.;:|/–—•·()\-،，]|\b(?:on|for|the|le|den|el|il|am|dated|of|em|à|a|der|du|de|at|vom|г"
    r"|год[а]?|هـ|م|الموافق|يوم)\b)*$",
    re.IGNORECASE,
)
_CLOCK = re.compile(r",? \d\d:\d\d(?::\d\d)?(?: (?:[+-]\d{4}|[A-Z]{2,4}))?")
_COMPACT_DATE = re.compile(r"(?:19|20)\d\d[01]\d[0-3]\d")
_TIME = re.compile(
    r"^[(\[]?(?:at |as of )?\d{1,2}(?:[:.]\d\d){1,2} ?(?:[ap]\.? ?m\.?|uhr|hrs|hours|h"
    r"|uur)?(?: ?\(?(?:local time|local|[a-z]{1,5}|[a-z]{4,8}(?: (?:standard"
    r"|daylight))? time)\)?)?[)\].]?$"
    r"|^[(\[]?\d{1,2} ?(?:[ap]\.? ?m\.?)(?: ?\(?[a-z]{1,4}\)?)?[)\].]?$|^\d{1,2} h(?: ?\d\d)?$"
)


def whole_date(words: str) -> FoundDate | None:
    """A date and nothing else, or after the name of its field."""
    if len(words) > 80 or not any(letter.isdigit() for letter in words):
        return None
    if _COMPACT_DATE.fullmatch(words):
        words = f"{words[:4]}-{words[4:6]}-{words[6:]}"
        return next((replace(date, end=8) for date in find_dates(words)), None)
    field = _FIELD.match(fold(words))
    start = field.end() if field else 0
    dates = find_dates(words)
    if len(dates) != 1:
        return None
    (date,) = dates
    if start == 0 and _CLOCK.fullmatch(words[date.end :]) and not words[: date.start].strip(" ,"):
        return date
    is_rest_short = field is not None and len(words) - date.end <= 32
    if DATE_GLUE.match(words[start : date.start]) and (
        is_rest_short or DATE_GLUE.match(words[date.end :])
    ):
        return date
    return None


def date_field_end(words: str) -> int | None:
    """Where the name of a date field ends ("Published: "), for a date in the next line."""
    match = re.match(rf"^{_DATE_FIELD}\s?[:：]$", fold(words))
    return len(words) if match else None


def is_clock_time(words: str) -> bool:
    """A time of day, and nothing else."""
    return _TIME.match(fold(words)) is not None

"""Dates as press offices write them, in many languages and orders."""

import datetime
import re
from collections.abc import Iterator
from dataclasses import dataclass

from releases.reading.lines import fold
from releases.reading.month_names import MONTHS, WEEKDAYS


@dataclass(frozen=True, slots=True)
class FoundDate:
    """A date in a text, with its weekday where one is printed; `[start, end)` in that text."""

    start: int
    end: int
    month: int
    day: int
    year: int | None
    other_reading: datetime.date | None = None
    """The second way to read 03/04/2019."""
    weekday: int | None = None
    """The weekday printed beside it, 0 for Monday."""

    @property
    def date(self) -> datetime.date | None:
        """None while the year is not printed."""
        return _date(self.year, self.month, self.day) if self.year else None

    @property
    def contradicts_weekday(self) -> bool:
        """Whether the weekday printed beside it is another than the date's."""
        return self.weekday is not None and self.contradicts(self.weekday)

    def contradicts(self, weekday: int) -> bool:
        """Whether this is no date of that day of the week."""
        return self.date is not None and weekday != self.date.weekday()


_NAME = r"[^\W\d_]['’]?[^\s\d.,;:/()\[\]{}«»“”\"|–—_\-]{1,20}"
_MONTH = rf"(?P<month>{_NAME}(?:[ /]{_NAME})?)"
_DAY = r"(?P<day>\d{1,2})"
_ORDINAL = r"(?:st|nd|rd|th|er|re|º|ª|°|-?го|-?е|:?a|:?e)?"
_YEAR = r"(?P<year>\d{4})"
_OF = r"(?:(?:of|de|di|del)\s+|(?:d|ta)['’]\s?)?"
# Each is tried at every place of a short text; the month's name is looked up afterwards.
_FORMS = (
    # 2024年3月5日, 2024년 3월 5일
    re.compile(
        r"(?P<year>\d{4})\s?[年년]\s?(?P<number>\d{1,2})\s?[月월]\s?(?P<day>\d{1,2})\s?[日일号號]?"
    ),
    # 令和3年1月27日
    re.compile(
        r"(?P<era>令和|平成|昭和)(?P<year>元|\d{1,2})年(?P<number>\d{1,2})月(?P<day>\d{1,2})日"
    ),
    # ngày 5 tháng 3 năm 2024
    re.compile(
        r"(?P<day>\d{1,2})\s+tháng\s+(?P<number>\d{1,2})\s+năm\s+(?P<year>\d{4})", re.IGNORECASE
    ),
    # 2024-03-05, 2024/3/5, 2024.3.5
    re.compile(
        r"(?<![\d/.-])(?P<year>\d{4})(?P<mark>[-/.]) ?(?P<number>\d{1,2})(?P=mark) ?"
        r"(?P<day>\d{1,2})(?![\d/-])\.?"
    ),
    # 2024. március 5.; 2024 m. kovo 5 d.
    re.compile(
        rf"(?<!\d){_YEAR}\.?\s+(?:m\.\s+)?{_MONTH}\s+{_DAY}(?:\.|-[^\W\d_]{{1,3}}|\s?d\.)?(?!\d)"
    ),
    # 29 January 2019, 1er janvier 2019, «29» января 2019 г., 17 de enero de 2010, 3. März 2024
    re.compile(
        rf"(?<![\d/.-])[«\"„“]?{_DAY}[»\"”]?{_ORDINAL}\.?[\s-]*{_OF}{_MONTH}\.?,?[\s-]*(?:del?"
        rf"\s+|of\s+)?"
        rf"{_YEAR}(?!\d)(?:\s?(?:г\.?|года|год|р\.|року|р|ж\.|r\.|roku|m\.|م)(?!\w)\.?)?",
        re.IGNORECASE,
    ),
    # January 29, 2019; Nov. 6, 1995; March 5th 2024
    re.compile(
        rf"{_MONTH}\.?\s*{_DAY}{_ORDINAL}\s*,?\s*(?:de\s+|of\s+)?{_YEAR}(?!\d)", re.IGNORECASE
    ),
    # 29.01.2019, 29/1/2019, 01-29-2019
    re.compile(
        r"(?<![\d/.-])(?P<first>\d{1,2})(?P<mark>[/.-]) ?(?P<second>\d{1,2})(?P=mark) ?"
        r"(?P<year>\d{4}|\d\d)(?![\d/-])"
    ),
)
_ERAS = {"令和": 2018, "平成": 1988, "昭和": 1925}
_WITHOUT_YEAR = (
    re.compile(r"(?<!\d)(?P<number>\d{1,2})\s?[月월]\s?(?P<day>\d{1,2})\s?[日일]"),
    re.compile(rf"(?<![\d/.-]){_DAY}{_ORDINAL}\.?\s+{_OF}{_MONTH}(?!\w)\.?", re.IGNORECASE),
    re.compile(rf"{_MONTH}\.?\s+{_DAY}{_ORDINAL}(?![\d:.]\d|\w|:)", re.IGNORECASE),
)
_WEEKDAY_BEFORE = re.compile(
    r"(?P<name>[^\s\d,.;()|]{2,15})[.,]?(?:\s+(?:the|den|dem|le|the|el|il|ngày))?[,.]?\s*$",
    re.IGNORECASE,
)
_WEEKDAY_AFTER = re.compile(r",?\s*[(（]?\s*(?P<name>[^\s\d,.;()（）|]{2,15})\s*[)）]?")


def find_dates(text: str, *, is_year_needed: bool = True) -> list[FoundDate]:
    """The dates of a short text (a line or two), from left to right, none within another."""
    found: list[FoundDate] = []
    for form in _FORMS if is_year_needed else _FORMS + _WITHOUT_YEAR:
        for date in _matches(form, text):
            if not any(date.start < other.end and other.start < date.end for other in found):
                found.append(_with_weekday(date, text))
    return sorted(found, key=lambda date: date.start)


def _matches(form: re.Pattern[str], text: str) -> Iterator[FoundDate]:
    place = 0
    while match := form.search(text, place):
        place = max(match.start() + 1, place + 1)
        if date := _read(match):
            yield date
            place = match.end()


def _read(match: re.Match[str]) -> FoundDate | None:
    parts = match.groupdict()
    year = int(parts["year"].replace("元", "1")) if parts.get("year") else None
    if year is not None and parts.get("era"):
        year += _ERAS[parts["era"]]
    if year is not None and not (1900 <= year <= 2199 or year < 100):
        return None
    if "first" in parts:
        return _numeric(match, int(parts["first"]), int(parts["second"]), year or 0)
    start = match.start()
    if parts.get("number"):
        month: int | None = int(parts["number"])
    else:
        month, skipped = _month(parts["month"])
        # "in Rabat May 3" matches from "Rabat" on: the date begins where the month does.
        if match.start("month") == match.start():
            start += skipped
        elif skipped:
            return None
    day = int(parts["day"])
    if month is None or _date(year or 2000, month, day) is None:
        return None
    return FoundDate(start, match.end(), month, day, year)


def _month(name: str) -> tuple[int | None, int]:
    """The month's number, and how many characters of `name` are no part of it."""
    folded = fold(name)
    if folded in MONTHS:
        return MONTHS[folded], 0
    parts = re.split(r"[ /]", name)
    if len(parts) == 2:
        first, second = (MONTHS.get(fold(part)) for part in parts)
        if first is not None and second is not None:  # آذار/مارس
            return (first, 0) if first == second else (None, 0)
        if second is not None:
            return second, len(parts[0]) + 1
        if first is not None and fold(parts[1]) in ("de", "del", "of"):  # 17 de enero de 2010
            return first, 0
    return None, 0


def _numeric(match: re.Match[str], first: int, second: int, year: int) -> FoundDate | None:
    """Day first with points; with slashes or hyphens whichever fits, ambiguous where both do."""
    if year < 100:
        year += 2000 if year < 70 else 1900
    day_first = _date(year, second, first)
    month_first = _date(year, first, second)
    if match["mark"] == "." or month_first is None or month_first == day_first:
        if day_first is None:
            return None
        return FoundDate(match.start(), match.end(), second, first, year)
    return FoundDate(match.start(), match.end(), first, second, year, other_reading=day_first)


def _with_weekday(date: FoundDate, text: str) -> FoundDate:
    start, end, weekday = date.start, date.end, None
    before = _WEEKDAY_BEFORE.search(text[max(0, start - 30) : start])
    if before and fold(before["name"]) in WEEKDAYS:
        weekday = WEEKDAYS[fold(before["name"])]
        start -= len(before.group())
    else:
        after = _WEEKDAY_AFTER.match(text, end)
        if after and fold(after["name"]) in WEEKDAYS:
            weekday = WEEKDAYS[fold(after["name"])]
            end = after.end()
    other = date.other_reading
    if other and weekday is not None and date.contradicts(weekday) and other.weekday() == weekday:
        return FoundDate(start, end, other.month, other.day, other.year, None, weekday)
    if other and weekday is not None and not date.contradicts(weekday):
        other = None
    return FoundDate(start, end, date.month, date.day, date.year, other, weekday)


def _date(year: int, month: int, day: int) -> datetime.date | None:
    try:
        return datetime.date(year, month, day)
    except ValueError:
        return None

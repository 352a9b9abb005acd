"""The dateline that a body begins with: place, date, agency, dash."""

import re
from dataclasses import dataclass

from releases.reading.dates import FoundDate, find_dates
from releases.reading.lines import fold, is_caps
from releases.reading.month_names import MONTHS
from releases.reading.places import has_place_shape, is_place

LONGEST = 200
"""No dateline is longer than this many characters."""

_DASH = re.compile(r"\s*(?:\.?\s?--+|\.?\s?[—–―]+|(?:\s|(?<=\s))-(?=\s|[A-Z])|\.-|\.\s?-\s)\s*")
_AGENCY = re.compile(
    r"\s*(?:\([^()\d]{2,50}\)|/\s?[^/\d]{2,40}\s?/|via [A-Z][\w ]{3,30}(?=\s?[—–-]))\.?\s*"
)
_GLUE = re.compile(r"[\s,،，.|]*(?:(?:le|el|the|den|am|on|al|il|a|في)\s+)?")
# A place ends at whatever a dateline goes on with.
_PLACE = re.compile(
    r"\(?(?P<place>[^\W\d_](?:[^\d()—–―:;!?\n]"
    r"|(?<=[^\s-])-(?=[^\s-])){1,69}?)\)?(?=[\s,،，.]*(?:$|\d|\(|/\s?[A-Z]|--|[—–―]| - |\.-"
    r"|\.\s?-\s|:\s))"
)
_CHINESE = re.compile(
    r"^[（(]?(?:(?:本报|本社|新华社|中新社"
    r"|[\u4e00-\u9fff]{2,4}社)\s?)?(?P<place>[\u4e00-\u9fff]{2,6}?)[，,\s]{0,2}"
    r"(?P<date>(?:\d{4}年)?\d{1,2}月\d{1,2}日)(?:[）)]\s?|\s?[电電讯訊][：:\s]?\s?|\s?(?:--?|[—–―]{1,2})\s?)"
)
_ABBREVIATION = re.compile(r", ?(?:[A-Z][a-z]{1,4}|[A-Z]\.[A-Z])$")
_CLOSING = re.compile(r"\s?(?:\)\s?(?:[.:]|[—–-]{1,2})?|[.:])\s+")


@dataclass(frozen=True, slots=True)
class Dateline:
    """A dateline at the start of a paragraph; the body begins at `end` of its words."""

    end: int
    place: str | None
    date: FoundDate | None
    agency: str | None


def read_dateline(words: str) -> Dateline | None:
    """The dateline that these words of a paragraph begin with, if they do beyond doubt."""
    head = words[:LONGEST]
    if match := _CHINESE.match(head):
        dates = find_dates(match["date"], is_year_needed=False)
        return Dateline(match.end(), match["place"], dates[0] if dates else None, None)
    return _Reader(head).read()


class _Reader:
    """Takes place, date, agency and dash from the left, in whatever order they come."""

    def __init__(self, head: str) -> None:
        self.head = head
        self.dates = find_dates(head, is_year_needed=False)
        self.place: str | None = None
        self.date: FoundDate | None = None
        self.agency: str | None = None
        self.position = 1 if head.startswith("(") else 0

    def read(self) -> Dateline | None:
        body_start = None
        for _ in range(8):
            if not self._take():
                break
            if dash := _DASH.match(self.head, self.position):
                self.position = body_start = dash.end()
        if body_start is None and self.place and self.date:
            # Paris, le 3 mars 2024. Le ministre …; (Berlin, 3. März 2024) Die …
            # МОСКВА, 5 марта. /ТАСС/. Глава …
            if self.agency and re.search(r"(?:\)?\.|/)\s$", self.head[: self.position]):
                return Dateline(self.position, self.place, self.date, self.agency)
            closing = _CLOSING.match(self.head, self.position)
            if self.head[self.position - 1] == "." and self.head[self.position :].startswith(" "):
                body_start = self.position + 1
            elif closing:
                body_start = closing.end()
        if body_start is None or body_start >= len(self.head) or not self._is_sure():
            return None
        return Dateline(body_start, self.place, self.date, self.agency)

    def _take(self) -> bool:
        """One more element; the dash after it is not taken."""
        glue = _GLUE.match(self.head, self.position)
        start = glue.end() if glue else self.position
        for date in self.dates:
            if self.date is None and self.position <= date.start <= start:
                self.date, self.position = date, date.end
                return True
        if agency := _AGENCY.match(self.head, self.position):
            inside = agency.group().strip(" ()/.")
            # GENEVA (5 June 2024) – …: the brackets may hold the date.
            self.agency, self.position = inside, agency.end()
            return True
        if self.date is None and self.head[self.position :].lstrip().startswith("("):
            opened = self.head.index("(", self.position) + 1
            for date in self.dates:
                if date.start == opened and self.head[date.end : date.end + 1] == ")":
                    self.date, self.position = date, date.end + 1
                    return True
        return self.place is None and self._take_place(start if self.date else self.position)

    def _take_place(self, start: int) -> bool:
        if self.head.startswith("|", start - 2):  # 5 March 2024 | GENEVA -- …
            self.position = start
        for date in self.dates:  # a month's name would be taken for a part of the place
            if date.start > self.position:
                before = self.head[self.position : date.start]
                words = re.sub(r"[\s,،，]+(?:le|el|the|den|am|on|al|il|في)?\s*$", "", before)
                if has_place_shape(words.strip(" .,")) and not _DASH.search(words):
                    self.place = words.strip(" ,،，")
                    self.position += len(words)
                    return True
                break
        match = _PLACE.match(self.head, self.position)
        if not match or not has_place_shape(match["place"].strip(" .,")):
            return False
        self.place, self.position = match["place"].strip(" ,"), match.end()
        if _ABBREVIATION.search(self.place) and self.head.startswith(".", self.position):
            self.place += "."
            self.position += 1
        return True

    def _is_sure(self) -> bool:
        """A town that is known is enough; else a date or an agency must stand beside it."""
        if self.place is not None and fold(self.place) in MONTHS:
            return False
        if self.place is None:
            # March 5, 2024 — Trade on rivers grew …
            return self.date is not None and self.date.year is not None and self.date.start == 0
        if is_place(self.place):
            return True
        if self.date is not None:
            return True
        # A town nobody knows, in capitals, before a sentence of its own.
        after = self.head[self.position :].lstrip("\"“«'‘")
        is_sentence = len(after) >= 40 and not after[0].islower()
        is_town = is_caps(self.place.split(",")[0]) and len(self.place.split()) <= 4
        return is_town and (self.agency is not None or is_sentence)

"""Labels on the stretches of a text; together they cover all of it."""

from dataclasses import dataclass
from enum import StrEnum


class Label(StrEnum):
    """What a stretch of the text is."""

    SPACE = "space"
    SERIES = "series"
    TITLE = "title"
    SUBTITLE = "subtitle"
    KIND = "kind"
    OFFICE = "office"
    PLACE = "place"
    DATE = "date"
    EMBARGO = "embargo"
    CONTACT = "contact"
    BODY = "body"
    FOOTER = "footer"
    FRONT_MATTER = "front-matter"
    # What follows is furniture: labelled, and not mailed.
    LETTERHEAD = "letterhead"
    RELEASE_LINE = "release-line"
    NUMBER = "number"
    AGENCY = "agency"
    TIME = "time"
    START_MARK = "start-mark"
    END_MARK = "end-mark"
    PAGE_MARK = "page-mark"
    RULE = "rule"
    MAIL_HEADER = "mail-header"
    LIST_FOOTER = "list-footer"


@dataclass(frozen=True, slots=True)
class Span:
    """`text[start:end]` is what the label says."""

    start: int
    end: int
    label: Label


def cover(length: int, marks: list[Span], text: str, rest: Label) -> tuple[Span, ...]:
    """Spans in order and without gaps: white space between the marks is SPACE, the rest `rest`.

    Where marks overlap, the one that begins first, or is given first, keeps its stretch.
    """
    found: list[Span] = []
    place = 0
    for mark in sorted(marks, key=lambda mark: mark.start):
        start = max(mark.start, place)
        if start >= mark.end:
            continue
        if start > place:
            found.append(_gap(place, start, text, rest))
        if found and found[-1].label is mark.label and found[-1].end == start:
            found[-1] = Span(found[-1].start, mark.end, mark.label)
        else:
            found.append(Span(start, mark.end, mark.label))
        place = mark.end
    if place < length:
        found.append(_gap(place, length, text, rest))
    return tuple(found)


def _gap(start: int, end: int, text: str, rest: Label) -> Span:
    return Span(start, end, Label.SPACE if text[start:end].isspace() else rest)

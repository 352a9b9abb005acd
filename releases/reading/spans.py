"""Labels on the stretches of a text; together they cover all of it."""

from collections.abc import Iterator
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


def cover(text: str, marks: list[Span], body_start: int) -> tuple[Span, ...]:
    """Spans in order and without gaps over all of the text.

    What no mark covers is SPACE, BODY from `body_start` on, and LETTERHEAD before it. Where
    marks overlap, the one that begins first, or is given first, keeps its stretch.
    """
    found: list[Span] = []
    place = 0
    for mark in [*sorted(marks, key=lambda mark: mark.start), None]:
        start = max(mark.start, place) if mark else len(text)
        if place < start:
            found += _unmarked(text, place, start, body_start)
        if mark is None or start >= mark.end:
            continue
        if found and found[-1].label is mark.label and found[-1].end == start:
            found[-1] = Span(found[-1].start, mark.end, mark.label)
        else:
            found.append(Span(start, mark.end, mark.label))
        place = mark.end
    return tuple(found)


def _unmarked(text: str, start: int, end: int, body_start: int) -> Iterator[Span]:
    """A stretch without marks, which may begin in the header and go on in the body."""
    border = min(max(start, body_start), end)
    for first, last, label in ((start, border, Label.LETTERHEAD), (border, end, Label.BODY)):
        if first < last:
            is_space = text[first:last].isspace()
            yield Span(first, last, Label.SPACE if is_space else label)

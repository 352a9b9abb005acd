"""What a text says that is in no mail: named, so that nothing goes in silence."""

from collections.abc import Iterator, Sequence
from itertools import groupby

from releases.content import Content
from releases.reading.dates import find_dates
from releases.reading.embargo_lines import speaks_of_release_and_time
from releases.reading.parsed import Unsure
from releases.reading.spans import Label, Span

_MAY_BE_LOST = frozenset(
    (
        Label.SERIES,
        Label.KIND,
        Label.OFFICE,
        Label.PLACE,
        Label.DATE,
        Label.LETTERHEAD,
        Label.NUMBER,
        Label.AGENCY,
        Label.TIME,
        Label.MAIL_HEADER,
        Label.LIST_FOOTER,
    )
)
"""Contacts are all kept; marks, rules, embargo and release lines say what was understood."""

_GLUE = frozenset(
    ("from", "von", "vom", "published", "updated", "dated", "du", "del", "emitido en")
)
"""Names of fields whose values were read."""
_TELLING = 3
"""Letters; shorter words of a dateline tell nothing."""


def find_left_out(text: str, spans: Sequence[Span], content: Content) -> tuple[str, ...]:
    """The stretches of the text whose words are nowhere in the content, as they are printed."""
    said = _letters(" ".join(_said(content)))
    found = []
    printed = (span for span in spans if span.label is not Label.SPACE)
    for label, together in groupby(printed, key=lambda span: span.label):
        if label not in _MAY_BE_LOST:
            continue
        lines = [line for span in together for line in text[span.start : span.end].splitlines()]
        lost = [line.strip(" ,;:\t") for line in lines if not _is_said(line, label, said, content)]
        if lost:
            joint = " " if label is Label.LIST_FOOTER else " / "
            found.append(" ".join(joint.join(lost).split()))
    return tuple(found)


def doubts_of_time(text: str, spans: Sequence[Span], content: Content) -> Iterator[Unsure]:
    """A line about release and a time of day that is no embargo and in no mail either."""
    if content.embargo is not None:
        return
    seen = set()
    for span in spans:
        if span.label not in (Label.DATE, Label.TIME, Label.PLACE, Label.LETTERHEAD):
            continue
        start = text.rfind("\n", 0, span.start) + 1
        end = text.find("\n", span.start)
        line = " ".join(text[start : end if end >= 0 else len(text)].split())
        if line and line not in seen and speaks_of_release_and_time(line):
            seen.add(line)
            yield Unsure("embargo", f"none is read in «{line[:100]}»: is it for later?")


def _said(content: Content) -> list[str]:
    parts = [content.title, content.series, content.subtitle, content.kind_label, content.place]
    parts += [content.office, content.footer, *content.contacts]
    return [part for part in parts if part]


def _is_said(line: str, label: Label, said: str, content: Content) -> bool:
    letters = _letters(line)
    if not letters or letters in said or line.strip(" ,;:").casefold() in _GLUE:
        return True
    if label not in (Label.DATE, Label.PLACE) or content.date is None:
        return False
    # A dateline has place and date; other words beside the date are glue ("le", "Published on").
    day, words = content.date, line
    for found in reversed(find_dates(line, is_year_needed=False)):
        if (found.year or day.year, found.month, found.day) != (day.year, day.month, day.day):
            return False
        words = words[: found.start] + " " + words[found.end :]
    if label is Label.DATE:
        return True
    return all(len(_letters(word)) < _TELLING or _letters(word) in said for word in words.split())


def _letters(words: str) -> str:
    return "".join(letter for letter in words.casefold() if letter.isalnum())

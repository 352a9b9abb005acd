"""What may stand above or between the lines of a header: tables of contents, prefaces, menus."""

import re

from releases.reading.furniture import is_rule
from releases.reading.kinds import kind_of
from releases.reading.lines import Line, Page, fold, is_caps
from releases.reading.prose import is_preamble, is_prose, run_length
from releases.reading.segments import segment
from releases.reading.spans import Label
from releases.reading.stamps import is_breadcrumb
from releases.reading.transcripts import speaker_of

_INDEX = ("index", "contents", "table of contents", "index for today's briefing", "i n d e x")
_INDEXED = re.compile(
    r"^\d{1,3}(?:[-,–] ?\d{1,3})*\s+\S|^\S.{2,60}?(?:\.{3,}|\s)\d{1,3}(?:[-,–] ?\d{1,3})*$"
)
_BRIEFER = re.compile(r"^(?:briefer|speaker)s?:", re.IGNORECASE)
_ORGANISED = re.compile(r"^(?:the )?(?:u\.?s\.? |united states )?department of|^transcript:?$")
_OWN = {Label.DATE, Label.RELEASE_LINE, Label.NUMBER, Label.OFFICE, Label.PLACE}
_MENU = 40
"""Lines that a page's menu may have above its breadcrumbs."""
_LONGEST_INDEX = 90


def preamble_length(lines: list[Line], index: int, page: Page) -> int:
    """How many lines from here an office says of its own text; mostly none."""
    length = run_length(lines, index, page)
    return (
        length if is_preamble(" ".join(line.words for line in lines[index : index + length])) else 0
    )


def menu_length(lines: list[Line]) -> int:
    """How many lines of a page's menu stand on top, with the breadcrumbs that end it."""
    for count, line in enumerate(lines[:_MENU], 1):
        if is_breadcrumb(line.words):
            return count
        if len(line.words) > 60 or is_prose(line.words):
            return 0
    return 0


def repost_length(lines: list[Line]) -> int:
    """How many lines somebody wrote above a rule, with a whole release below it."""
    has_note = False
    for count, line in enumerate(lines[:_MENU], 1):
        if has_note and is_rule(line.words) and line.words[0] in "-_=*—–":
            return count if _has_header(lines[count : count + 12]) else 0
        labels = {part.label for part in segment(line.words) or ()}
        if labels & _OWN:
            return 0
        small = sum(word[0].islower() for word in line.words.split())
        has_note |= len(line.words) >= 40 and small >= 5 and not labels
    return 0


def _has_header(lines: list[Line]) -> bool:
    labels = {part.label for line in lines for part in segment(line.words) or ()}
    return Label.DATE in labels and bool(labels & {Label.KIND, Label.RELEASE_LINE, Label.NUMBER})


def index_length(lines: list[Line], index: int, speakers: frozenset[str]) -> int:
    """How many lines a table of contents takes that begins here, its heading included."""
    if fold(lines[index].words).strip(" :.") not in _INDEX:
        return 0
    if speakers:
        return _until_speech(lines, index, speakers)
    count = numbered = 0
    for number, line in enumerate(lines[index + 1 : index + _LONGEST_INDEX], 1):
        if _INDEXED.match(line.words):
            count, numbered = number, numbered + 1
        elif not (_is_topic(line) or segment(line.words)):
            break
    return count + 1 if numbered >= 2 else 0


def _until_speech(lines: list[Line], index: int, speakers: frozenset[str]) -> int:
    """In a transcript: all topics down to the letterhead, the time or whoever speaks first."""
    for count, line in enumerate(lines[index + 1 : index + _LONGEST_INDEX], 1):
        words = line.words
        is_heading = kind_of(words) is not None or _ORGANISED.match(fold(words)) is not None
        if is_heading or speaker_of(words, speakers):
            return count
    return 1


def _is_topic(line: Line) -> bool:
    is_short = is_caps(line.words) and len(line.words) <= 50
    return is_short or _BRIEFER.match(line.words) is not None

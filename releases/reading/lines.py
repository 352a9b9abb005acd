"""The lines of a text, where they stand in it, and what can be seen without knowing words."""

import re
import unicodedata
from dataclasses import dataclass
from functools import cached_property

NEWLINE = r"\n\r\f\v\x85\u2028\u2029"
# An empty stretch is one match, however many lines it has: 5 MB of blank lines are one gap.
_LINE = re.compile(rf"(\s*[{NEWLINE}]|\s+\Z)|[^{NEWLINE}]+(?:\r\n|[{NEWLINE}]|\Z)")
_INVISIBLE = re.compile("[\x00-\x08\x0e-\x1b\x7f\xad\u200b\u2060\ufeff\ud800-\udfff\ufffe\uffff]")
# Blanks that are neither the common one nor a line end.
_ODD_BLANK = re.compile(r"[^\S \n\r]")
_GAP = re.compile(r"[^\S\n]{3,}|\t")
_LONGEST_FOLD = 1500
_ENOUGH = 400
"""Characters by which capitals are told from small letters."""
_CJK = re.compile("[\u2e80-\u30ff\u3400-\u4dbf\u4e00-\u9fff\uf900-\ufaff\uff00-\uffef]")


@dataclass(slots=True)
class Line:
    """A line that is not blank: `[start, end)` in the text holds it with its line end."""

    start: int
    end: int
    text: str
    """Without line end and without invisible characters."""
    words: str
    """`text` with white space folded."""
    after_blank: bool
    """A blank line, or the beginning, stands before it."""
    after_page: bool
    """A form feed stands before it."""
    hyphenated: bool = False
    """It ends in a soft hyphen: its last word goes on."""

    @property
    def indent(self) -> int:
        """Columns of white space before the words; a tab counts as eight."""
        count = len(self.text) - len(self.text.lstrip())
        return len(self.text[:count].expandtabs(8)) if count else 0


@dataclass(slots=True)
class Cell:
    """A stretch of a line between wide gaps; `[start, end)` in the text."""

    start: int
    end: int
    words: str


def split_lines(text: str) -> list[Line]:
    """All lines that are not blank, in order."""
    has_invisible = _INVISIBLE.search(text) is not None
    has_odd_blanks = _ODD_BLANK.search(text) is not None
    found = []
    after_blank, after_page = True, False
    for match in _LINE.finditer(text):
        raw = match.group()
        if match.lastindex:
            after_blank, after_page = True, after_page or "\f" in raw
            continue
        is_page_end = raw[-1] == "\f"
        hyphenated = False
        if has_invisible:
            hyphenated = raw.rstrip().endswith("\xad")
            raw = _INVISIBLE.sub("", raw)
        raw = raw.rstrip()
        words = raw.lstrip()
        if has_odd_blanks or "  " in words:
            words = " ".join(words.split())
        if words:
            start, end = match.span()
            found.append(Line(start, end, raw, words, after_blank, after_page, hyphenated))
            after_blank, after_page = False, is_page_end
        else:
            after_blank = True
    return found


def groups(lines: list[Line]) -> list[list[Line]]:
    """Lines that follow each other without a blank line."""
    found: list[list[Line]] = []
    for line in lines:
        if line.after_blank or not found:
            found.append([line])
        else:
            found[-1].append(line)
    return found


def cells(line: Line, text: str) -> list[Cell]:
    """The parts of a line that wide gaps keep apart, as in a letterhead of two columns."""
    raw = text[line.start : line.end]
    found, start = [], 0
    for gap in [*_GAP.finditer(raw), None]:
        end = gap.start() if gap else len(raw)
        part = raw[start:end]
        if words := " ".join(_INVISIBLE.sub("", part).split()):
            blank_before = len(part) - len(part.lstrip())
            begin = line.start + start + blank_before
            found.append(Cell(begin, begin + len(part.strip()), words))
        start = gap.end() if gap else len(raw)
    return found


def join_words(first: str, second: str) -> str:
    """Two pieces of hard-wrapped text as one; Chinese and Japanese join without a blank."""
    if first and second and _CJK.match(first[-1]) and _CJK.match(second[0]):
        return first + second
    return f"{first} {second}"


def is_caps(words: str) -> bool:
    """Whether it is printed in capitals (one small word in eight is forgiven)."""
    if words.islower():
        return False
    head = words[:_ENOUGH]
    upper = sum(1 for letter in head if letter.isupper())
    lower = sum(1 for letter in head if letter.islower())
    return upper >= 2 and lower * 8 <= upper


def fold(words: str) -> str:
    """For comparing: case and accents away, dashes and apostrophes alike, blanks folded.

    What is compared is short: of a long text only the beginning comes back.
    """
    words = words[:_LONGEST_FOLD]
    if words.isascii():
        return " ".join(words.lower().split())
    apart = unicodedata.normalize("NFKD", words.casefold())
    plain = unicodedata.normalize("NFC", _ACCENTS.sub("", apart))
    return " ".join(plain.translate(_ALIKE).split())


# Accents of Latin, Greek and Arabic letters; й and ё are letters of their own.
_ACCENTS = re.compile("(?<![\u0400-\u04ff])[\u0300-\u036f\u064b-\u065f\u0670]+")
_ALIKE = str.maketrans({"’": "'", "‘": "'", "‐": "-", "‑": "-", "–": "-", "—": "-", "ـ": None})


class Page:
    """The measures of a text: how wide its lines run, and which stand in the middle."""

    def __init__(self, lines: list[Line]) -> None:
        self._lines = lines

    @cached_property
    def width(self) -> int:
        """The column near which lines end (nine in ten end before it)."""
        ends = sorted(len(line.text) for line in self._lines[:2000])
        return ends[len(ends) * 9 // 10] if ends else 0

    @cached_property
    def is_wrapped(self) -> bool:
        """Whether paragraphs were broken into lines by hand or by a mail programme."""
        lengths = [len(line.text) for line in self._lines[:2000]]
        long = sum(length for length in lengths if length > 140)
        return long * 5 < sum(lengths)

    def is_centred(self, line: Line) -> bool:
        """Whether it stands in the middle: far from the left, and about as far from the right."""
        indent, length = line.indent, len(line.words)
        if indent < 6:
            return False
        width = min(max(self.width, 60), 140)
        return indent >= 20 or abs(indent - (width - indent - length)) <= max(12, width // 4)

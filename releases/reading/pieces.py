"""The header of a release in pieces, each with what it was taken for."""

from dataclasses import dataclass, field

from releases.reading.lines import Line
from releases.reading.parts import Value
from releases.reading.spans import Label


@dataclass(slots=True)
class Piece:
    """A stretch of the header; `label` is None while only its surroundings can tell."""

    label: Label | None
    start: int
    end: int
    words: str
    value: Value
    line: int
    """Index of its line."""


@dataclass(slots=True)
class Header:
    """What was found before the body, and where the body begins."""

    pieces: list[Piece] = field(default_factory=list)
    body_from: int = 0
    """Index of the first line of the body."""
    embargoes: list[list[Line]] = field(default_factory=list)
    """Embargo lines, with those that may go on with them."""
    contacts: list[list[str]] = field(default_factory=list)
    subject: str | None = None
    """Of the mail whose headers were pasted with the text."""
    mail_date: str | None = None
    intro: list[Line] = field(default_factory=list)
    """What stands before "(begin text)"."""

    def of(self, label: Label) -> list[Piece]:
        """The pieces with a label, in order."""
        return [piece for piece in self.pieces if piece.label is label]


def visible_offset(text: str, start: int, words: str, index: int) -> int:
    """Where in the text `words[index]` stands, when `words` are its folded words from `start`."""
    if index == 0:
        return start
    wanted = sum(1 for letter in words[:index] if not letter.isspace())
    place = start
    # Characters that folding dropped are skipped: what counts is that the letters agree.
    letters = (letter for letter in words if not letter.isspace())
    while wanted:
        letter = next(letters)
        while text[place] != letter:
            place += 1
        place += 1
        wanted -= 1
    while index < len(words) and place < len(text) and text[place] != words[index]:
        place += 1
    return place

"""The header: all that stands before the body, line by line, each labelled as far as it tells."""

import re
from dataclasses import dataclass, field

from releases.errors import EmbargoError
from releases.reading import contacts, furniture
from releases.reading.contact_blocks import contact_reach
from releases.reading.datelines import read_dateline
from releases.reading.embargo_lines import is_embargo, read_embargo
from releases.reading.kinds import is_kind_by_whom
from releases.reading.lines import Cell, Line, Page, cells, is_caps
from releases.reading.offices import is_organisation
from releases.reading.prose import (
    has_two_sentences,
    is_advisory_field,
    is_item,
    is_prose,
    is_salutation,
    is_schedule_line,
    is_sentence,
    run_length,
)
from releases.reading.segments import Part, Value, date_field_end, segment
from releases.reading.spans import Label
from releases.reading.transcripts import speaker_of

_LONGEST = 150
"""No header has more lines than this."""
_METADATA = (Label.DATE, Label.PLACE, Label.KIND, Label.RELEASE_LINE, Label.NUMBER)
_BRACKETED = re.compile(r"^[\[(](?P<embargo>[^\])]*)[\])][\s:–—-]+(?P<rest>\S.*)$")
_TO_COME = re.compile(
    r"^(?:(?:from|de|von|source|organi[sz]ation|department|document type|on the web|web|website)"
    r"\s?:"
    r"|published:?|updated:?)$",
    re.IGNORECASE,
)


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


class HeaderReader:
    """Reads lines from the top until the body begins."""

    def __init__(self, text: str, lines: list[Line], page: Page, speakers: frozenset[str]) -> None:
        self._text, self._lines, self._page, self._speakers = text, lines, page, speakers
        self._header = Header()
        self._contact_until = -1
        self._has_title = False
        self._inner_from: int | None = None

    def read(self) -> Header:
        """The header; `body_from` is the number of lines when no body was found."""
        header, index = self._header, self._take_mail_headers()
        limit = min(len(self._lines), _LONGEST)
        while index < limit:
            if self._starts_body(index):
                start_mark = self._start_mark_ahead(index)
                if start_mark is None:
                    break
                header.intro = self._lines[index:start_mark]
                index = start_mark
                self._inner_from = start_mark
            index += self._take(index)
        header.body_from = index
        self._give_inner_lines_to_body()
        return header

    def _give_inner_lines_to_body(self) -> None:
        """Below "(begin text)" a second headline belongs to the text that it announces."""
        if self._inner_from is None:
            return
        for piece in self._header.pieces:
            if piece.line > self._inner_from and piece.label is None:
                piece.label = Label.BODY
                self._header.intro.append(self._lines[piece.line])

    def _take_mail_headers(self) -> int:
        """From, Date, Subject … when at least two stand together at the very top."""
        found: list[tuple[Line, str, str]] = []
        if furniture.is_forwarding_mark(self._lines[0].words):
            found.append((self._lines[0], "", ""))
        for line in self._lines[len(found) : 30]:
            if not (header := furniture.mail_header(line.words)) or (line.after_blank and found):
                break
            found.append((line, *header))
        names = {name for _, name, _ in found}
        is_mail = any(furniture.is_subject(name) for name in names) or (
            any("@" in value for _, _, value in found) and len(found) > 1
        )
        if len(found) < 2 or not is_mail:
            return 0
        for index, (line, name, value) in enumerate(found):
            self._add(Label.MAIL_HEADER, line.start, line.end, line.words, index)
            if furniture.is_subject(name) and value:
                self._header.subject = furniture.without_reply_marks(value) or None
            elif furniture.is_mail_date(name):
                self._header.mail_date = value
        return len(found)

    def _start_mark_ahead(self, index: int) -> int | None:
        if self._inner_from is not None:
            return None
        for ahead in range(index, min(index + 12, len(self._lines))):
            if furniture.is_start_mark(self._lines[ahead].words):
                return ahead
        return None

    # What a line is

    def _take(self, index: int) -> int:
        """Labels the line, and those that go on with it; returns how many."""
        line = self._lines[index]
        if self._is_embargo(line.words):
            return self._take_embargo(index)
        if furniture.is_half_release_line(line.words) and index + 1 < len(self._lines):
            following = self._lines[index + 1]
            if furniture.is_release_line(f"{line.words} {following.words}"):
                self._add(Label.RELEASE_LINE, line.start, line.end, line.words, index)
                self._add(
                    Label.RELEASE_LINE, following.start, following.end, following.words, index
                )
                return 2
        self._look_for_contact(index)
        parts_of_line = cells(line, self._text)
        known = [segment(cell.words) for cell in parts_of_line]
        whole = segment(line.words) if len(parts_of_line) > 1 and not any(known) else None
        labels = {part.label for parts in known for part in parts or ()}
        is_table = len(parts_of_line) > 1 and (labels & set(_METADATA) or self._is_contact(index))
        if len(parts_of_line) > 1 and not is_table:
            parts_of_line = [Cell(line.start, line.end, line.words)]
            known = [whole]
        for cell, parts in zip(parts_of_line, known, strict=True):
            self._take_cell(cell, parts, index)
        if date_field_end(line.words) or _TO_COME.match(line.words):
            self._header.pieces[-1].label = Label.LETTERHEAD
        return 1

    def _take_cell(self, cell: Cell, parts: list[Part] | None, index: int) -> None:
        if self._is_contact(index):
            labels = {part.label for part in parts or ()}
            if not labels & {Label.DATE, Label.KIND, Label.RELEASE_LINE, Label.NUMBER}:
                self._add(Label.CONTACT, cell.start, cell.end, cell.words, index)
                return
        is_sender = index > 0 and _TO_COME.match(self._lines[index - 1].words) is not None
        label = Label.OFFICE if is_sender and len(cell.words) <= 90 else None
        for part in parts or [Part(0, len(cell.words), label)]:
            is_whole = part.end == len(cell.words)
            start = visible_offset(self._text, cell.start, cell.words, part.start)
            end = (
                cell.end
                if is_whole
                else visible_offset(self._text, cell.start, cell.words, part.end)
            )
            words = cell.words[part.start : part.end]
            self._add(part.label, start, end, words, index, part.value)
            self._has_title |= part.label is None

    def _is_embargo(self, words: str) -> bool:
        """A line that holds this release back; what somebody says in a transcript does not."""
        if len(words) > 400 or not is_embargo(words):
            return False
        if self._speakers and speaker_of(words, self._speakers):
            return False
        # A paragraph that also speaks of it is body, and read as such.
        return not (self._has_title and has_two_sentences(words) and is_prose(words))

    def _take_embargo(self, index: int) -> int:
        line = self._lines[index]
        if match := _BRACKETED.match(line.words):
            start = visible_offset(self._text, line.start, line.words, match.start("rest"))
            self._add(Label.EMBARGO, line.start, start, match["embargo"], index)
            self._take_cell(Cell(start, line.end, match["rest"]), segment(match["rest"]), index)
            head = Line(line.start, start, match["embargo"], match["embargo"], True, False)
            self._header.embargoes.append([head])
            return 1
        group = self._lines[index : index + 4]
        self._header.embargoes.append(group)
        try:
            count = read_embargo(group, None)[1]
        except EmbargoError as error:
            if not error.lacks_date:
                raise
            count = 1  # it is read again when the release's date is known
        for number, part in enumerate(group[:count]):
            self._add(Label.EMBARGO, part.start, part.end, part.words, index + number)
        return count

    def _add(
        self, label: Label | None, start: int, end: int, words: str, index: int, value: Value = None
    ) -> None:
        self._header.pieces.append(Piece(label, start, end, words, value, index))

    # Contacts on top

    def _is_contact(self, index: int) -> bool:
        return index <= self._contact_until

    def _look_for_contact(self, index: int) -> None:
        """Sets how far a contact goes that begins here."""
        if not self._is_contact(index):
            self._contact_until = contact_reach(self._lines, self._text, index)

    # Where the body begins

    def _starts_body(self, index: int) -> bool:
        line = self._lines[index]
        words = line.words
        if self._is_contact(index) or self._is_embargo(words):
            return False
        if len(words) <= 200 and segment(words):
            return False
        if contacts.label_end(words) is not None and not is_prose(words):
            return False
        length = run_length(self._lines, index, self._page)
        run = " ".join(part.words for part in self._lines[index : index + length])
        has_title = self._has_title or self._header.subject is not None
        dateline = read_dateline(run)
        if dateline and len(run) - dateline.end >= 20:
            return has_title or dateline.date is not None or dateline.agency is not None
        if not has_title:
            is_long = len(run) > 300 or length > 4 or (len(run) > 150 and has_two_sentences(run))
            return is_long and is_prose(run)
        if self._begins_like_body(index, run):
            return True
        may_be_short = self._has_metadata_since_title() or (
            line.after_blank and self._has_headline()
        )
        is_running = is_prose(run) or (may_be_short and is_sentence(run))
        return is_running and not (len(run) <= 320 and self._header_goes_on(index + length))

    def _begins_like_body(self, index: int, run: str) -> bool:
        words = self._lines[index].words
        if speaker_of(words, self._speakers):
            return True
        if is_kind_by_whom(run):
            return False
        if is_item(words) or is_advisory_field(words) or is_schedule_line(words):
            return True
        return is_salutation(words) and self._has_metadata_since_title() and not is_caps(words)

    def _has_headline(self) -> bool:
        """Whether a line of some length waits to be the title, and no letterhead alone."""
        return any(
            piece.label is None
            and len(piece.words.split()) >= 4
            and not is_organisation(piece.words)
            for piece in self._header.pieces
        )

    def _has_metadata_since_title(self) -> bool:
        for piece in reversed(self._header.pieces):
            if piece.label is None:
                return False
            if piece.label in _METADATA:
                return True
        return self._header.subject is not None

    def _header_goes_on(self, index: int) -> bool:
        """Whether a dateline or a line of header comes soon: then this is a standfirst."""
        has_date = any(piece.label in (Label.DATE, Label.EMBARGO) for piece in self._header.pieces)
        groups = 0
        for ahead in range(index, min(index + 8, len(self._lines))):
            line = self._lines[ahead]
            groups += line.after_blank
            if groups > 2:
                return False
            if len(line.words) <= 120 and (parts := segment(line.words)):
                return not has_date and any(
                    part.label in (Label.DATE, Label.RELEASE_LINE) for part in parts
                )
            if line.after_blank or ahead == index:
                head = " ".join(part.words for part in self._lines[ahead : ahead + 3])
                dateline = read_dateline(head)
                if dateline is not None:
                    return True
                length = run_length(self._lines, ahead, self._page)
                run = " ".join(part.words for part in self._lines[ahead : ahead + length])
                if is_prose(run) or is_sentence(run):
                    return False
        return False

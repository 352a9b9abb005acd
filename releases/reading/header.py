"""The header: all that stands before the body, line by line, each labelled as far as it tells."""

import re

from releases.errors import EmbargoError
from releases.reading import furniture
from releases.reading.body_start import BodyStart
from releases.reading.contact_blocks import contact_reach
from releases.reading.date_lines import date_field_end
from releases.reading.embargo_lines import is_embargo, names_no_moment, read_embargo
from releases.reading.lines import Cell, Line, Page, cells
from releases.reading.mail_headers import read_mail_headers
from releases.reading.offices import is_organisation
from releases.reading.openings import (
    index_length,
    menu_length,
    preamble_length,
    repost_length,
)
from releases.reading.parts import Part, Value
from releases.reading.pieces import Header, Piece, visible_offset
from releases.reading.prose import (
    has_two_sentences,
    is_prose,
)
from releases.reading.segments import METADATA, segment
from releases.reading.spans import Label
from releases.reading.transcripts import speaker_of

_LONGEST = 150
"""No header has more lines than this."""
_BRACKETED = re.compile(r"^[\[(](?P<embargo>[^\])]*)[\])][\s:–—-]+(?P<rest>\S.*)$")
_TO_COME = re.compile(
    r"^(?:(?:from|de|von|source|organi[sz]ation|department|document type|on the web|web|website)"
    r"\s?:"
    r"|published:?|updated:?)$",
    re.IGNORECASE,
)


class HeaderReader:
    """Reads lines from the top until the body begins."""

    def __init__(
        self,
        text: str,
        lines: list[Line],
        page: Page,
        speakers: frozenset[str],
        *,
        is_embargo_known: bool = False,
    ) -> None:
        self._is_embargo_known = is_embargo_known
        self._text, self._lines, self._page, self._speakers = text, lines, page, speakers
        self._header = Header()
        self._body = BodyStart(self._header, lines, page, speakers)
        self._contact_until = -1
        self._has_title = False
        self._held: set[int] = set()
        self._inner_from: int | None = None

    def read(self) -> Header:
        """The header; `body_from` is the number of lines when no body was found."""
        header, index = self._header, self._take_mail_headers()
        if index == 0 and (count := menu_length(self._lines)):
            index = self._take_furniture(0, count, Label.LIST_FOOTER)
        if index == 0 and (count := repost_length(self._lines)):
            index = self._take_furniture(0, count, Label.MAIL_HEADER)
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
        if self._inner_from is None or not self._has_outer_headline(self._inner_from):
            return
        for piece in self._header.pieces:
            if piece.line > self._inner_from and piece.label is None:
                piece.label = Label.BODY
                self._header.intro.append(self._lines[piece.line])

    def _has_outer_headline(self, inner_from: int) -> bool:
        return any(
            piece.label is None and piece.line < inner_from and not is_organisation(piece.words)
            for piece in self._header.pieces
        )

    def _take_mail_headers(self) -> int:
        mail = read_mail_headers(self._lines)
        for index, line in enumerate(self._lines[: mail.count]):
            self._add(Label.MAIL_HEADER, line.start, line.end, line.words, index)
        self._header.subject, self._header.mail_date = mail.subject, mail.date
        return mail.count

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
        if count := preamble_length(self._lines, index, self._page):
            return self._take_furniture(index, count, Label.LIST_FOOTER)
        if count := index_length(self._lines, index, self._speakers):
            return self._take_furniture(index, count, Label.LIST_FOOTER)
        if self._is_embargo(line.words) and not self._hold_column(index):
            return self._take_embargo(index)
        if furniture.is_half_release_line(line.words) and index + 1 < len(self._lines):
            following = self._lines[index + 1]
            second, *others = cells(following, self._text)
            if furniture.is_release_line(f"{line.words} {second.words}"):
                self._add(Label.RELEASE_LINE, line.start, line.end, line.words, index)
                self._add(Label.RELEASE_LINE, second.start, second.end, second.words, index)
                for cell in others:
                    self._take_cell(cell, segment(cell.words), index)
                return 2
        self._look_for_contact(index)
        parts_of_line = cells(line, self._text)
        known = [segment(cell.words) for cell in parts_of_line]
        whole = segment(line.words) if len(parts_of_line) > 1 and not any(known) else None
        labels = {part.label for parts in known for part in parts or ()}
        is_held = any(cell.start in self._held for cell in parts_of_line)
        is_table = len(parts_of_line) > 1 and (
            labels & set(METADATA) or self._is_contact(index) or is_held
        )
        if len(parts_of_line) > 1 and not is_table:
            parts_of_line = [Cell(line.start, line.end, line.words)]
            known = [whole]
        for cell, parts in zip(parts_of_line, known, strict=True):
            self._take_cell(cell, parts, index)
        if date_field_end(line.words) or _TO_COME.match(line.words):
            self._header.pieces[-1].label = Label.LETTERHEAD
        return 1

    def _take_furniture(self, index: int, count: int, label: Label) -> int:
        """Labels lines that say nothing of the release, dates and the like in them aside."""
        for number, line in enumerate(self._lines[index : index + count], index):
            parts = segment(line.words) or []
            if not parts or any(part.label not in (Label.DATE, Label.TIME) for part in parts):
                parts = [Part(0, len(line.words), label)]
            self._take_cell(Cell(line.start, line.end, line.words), parts, number)
        return count

    def _take_cell(self, cell: Cell, parts: list[Part] | None, index: int) -> None:
        if cell.start in self._held:
            self._add(Label.EMBARGO, cell.start, cell.end, cell.words, index)
            return
        if self._is_contact(index):
            labels = {part.label for part in parts or ()}
            if not labels & {*METADATA, Label.TIME} - {Label.PLACE}:
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

    def _hold_column(self, index: int) -> bool:
        """An embargo in a column of its own beside something else, and the time below it."""
        line = self._lines[index]
        found = cells(line, self._text)
        own = [cell for cell in found if is_embargo(cell.words)]
        if len(found) < 2 or len(own) != 1:
            return False
        (head,) = own
        column = head.start - line.start
        words, held = head.words, [head]
        for below in self._lines[index + 1 : index + 4]:
            cell = cells(below, self._text)[-1]
            labels = {part.label for part in segment(cell.words) or ()}
            is_below = abs(cell.start - below.start - column) <= 8 and not below.after_blank
            if not is_below or not labels or not labels <= {Label.TIME, Label.DATE}:
                break
            words = f"{words} {cell.words}"
            held.append(cell)
        self._held |= {cell.start for cell in held}
        self._header.embargoes.append([Line(head.start, head.end, words, words, True, False)])
        return True

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
            is_told = self._is_embargo_known and names_no_moment(line.words)
            if not (error.lacks_date or is_told):
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

    def _starts_body(self, index: int) -> bool:
        if self._is_contact(index) or self._is_embargo(self._lines[index].words):
            return False
        return self._body.begins_at(index)

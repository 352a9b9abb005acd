"""Where the header of a plain text ends and its body begins."""

import re

from releases.reading import contacts
from releases.reading.datelines import read_dateline
from releases.reading.kinds import is_kind_by_whom
from releases.reading.lines import Line, Page, fold, is_caps
from releases.reading.offices import is_organisation
from releases.reading.openings import index_length
from releases.reading.pieces import Header
from releases.reading.prose import (
    ends_sentence,
    has_two_sentences,
    is_advisory_field,
    is_item,
    is_preamble,
    is_prose,
    is_salutation,
    is_schedule_line,
    is_sentence,
    run_length,
)
from releases.reading.segments import METADATA, segment
from releases.reading.spans import Label
from releases.reading.transcripts import speaker_of

_ADDRESSED = re.compile(r"Dear |TO THE (?:CONGRESS|SENATE|HOUSE) ")


class BodyStart:
    """Tells the first line of the body from those of the header above it."""

    def __init__(
        self, header: Header, lines: list[Line], page: Page, speakers: frozenset[str]
    ) -> None:
        self._header, self._lines, self._page, self._speakers = header, lines, page, speakers

    def begins_at(self, index: int) -> bool:
        """Whether running text begins with this line, given the header read so far."""
        line = self._lines[index]
        words = line.words
        if len(words) <= 200 and segment(words):
            return False
        if contacts.label_end(words) is not None and not is_prose(words):
            return False
        length = run_length(self._lines, index, self._page)
        run = " ".join(part.words for part in self._lines[index : index + length])
        if is_preamble(run) or index_length(self._lines, index, self._speakers):
            return False
        if (length == 1 and self._is_dated_headline(index)) or self._is_printed_again(run):
            return False
        has_title = self._has_title() or self._header.subject is not None
        dateline = read_dateline(run)
        if dateline and len(run) - dateline.end >= 20:
            return has_title or dateline.date is not None or dateline.agency is not None
        if not has_title:
            if self._is_untitled(index, run, length):
                return True
            is_long = len(run) > 300 or length > 4 or (len(run) > 150 and has_two_sentences(run))
            return is_long and is_prose(run)
        if self._begins_like_body(index, run):
            return True
        may_be_short = self._has_metadata_since_title() or (
            line.after_blank and self._has_headline()
        )
        is_running = is_prose(run) or (may_be_short and is_sentence(run))
        return is_running and not (len(run) <= 320 and self._header_goes_on(index + length))

    def _is_untitled(self, index: int, run: str, length: int) -> bool:
        """A first paragraph right below kind and date, with another paragraph after it."""
        labels = {piece.label for piece in self._header.pieces}
        if not {Label.KIND, Label.DATE} <= labels or len(run) < 100 or not ends_sentence(run):
            return False
        ahead = index + length
        if ahead >= len(self._lines) or not is_prose(run):
            return False
        count = run_length(self._lines, ahead, self._page)
        following = " ".join(line.words for line in self._lines[ahead : ahead + count])
        return self._lines[ahead].after_blank and is_prose(following)

    def _is_dated_headline(self, index: int) -> bool:
        """6 September 2012 - Features of the scheme: a date and the headline on one line."""
        line = self._lines[index]
        following = self._lines[index + 1 : index + 2]
        is_alone = bool(following) and following[0].after_blank
        if self._has_title() or not is_alone or ends_sentence(line.words) or len(line.words) > 160:
            return False
        dateline = read_dateline(line.words)
        return dateline is not None and dateline.date is not None and dateline.place is None

    def _is_printed_again(self, run: str) -> bool:
        """The headline once more, below the lines that follow its first printing."""
        return len(run) >= 20 and any(
            piece.label is None and fold(piece.words) == fold(run) for piece in self._header.pieces
        )

    def _begins_like_body(self, index: int, run: str) -> bool:
        words = self._lines[index].words
        if speaker_of(words, self._speakers):
            return True
        if is_kind_by_whom(run):
            return False
        if is_item(words) or is_advisory_field(words) or is_schedule_line(words):
            return True
        is_letter = _ADDRESSED.match(words) and words.rstrip(") ").endswith((":", ","))
        if is_letter and (words.startswith("Dear ") or self._has_headline()):
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
            if piece.label in METADATA:
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

    def _has_title(self) -> bool:
        """Whether some line may be the title."""
        return any(piece.label is None for piece in self._header.pieces)

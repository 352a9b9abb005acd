"""From labelled pieces to the facts of a release: kind, office, place, date, embargo."""

import datetime
import re
from collections.abc import Iterator

from releases.content import Kind
from releases.errors import EmbargoError
from releases.reading.datelines import Dateline
from releases.reading.dates import FoundDate, find_dates
from releases.reading.embargo_lines import (
    is_closing_embargo,
    is_embargo,
    is_loud_embargo,
    mentions,
    names_no_moment,
    read_embargo,
    smells_of_embargo,
)
from releases.reading.kinds import PrintedKind, kind_of_title
from releases.reading.lines import Line, fold, groups
from releases.reading.offices import (
    is_nobodys,
    is_organisation,
    is_person,
    is_position,
    is_press_office,
    is_venue,
)
from releases.reading.parsed import Unsure
from releases.reading.pieces import Header, Piece
from releases.reading.places import bare_place, is_place
from releases.reading.prose import ends_sentence
from releases.reading.spans import Label

_OFFICE_OF = re.compile(r",\s*(?P<office>(?:Office|Bureau) of .+)$")
_PERSON = re.compile(r"(?:The )?(?:Rt\.? )?(?:Hon|Dr|Mr|Mrs|Ms|Prof)\b", re.IGNORECASE)
_FROM = re.compile(r"^from (?:the )?", re.IGNORECASE)
_ARABIC = re.compile("[\u0600-\u06ff]")
_AMERICAN = re.compile(r"\b(?:u\.?s\.?a?|d\.?c\.?|washington|new york|calif|texas|va|md)\b")
_SENDERS = (Label.OFFICE, Label.LETTERHEAD)
_ABOVE = 2
"""Organisations above a press office that are named with it."""
_NEAR_TOP = 3
"""Paragraphs of the body in which a sentence about an embargo is taken to be the release's own."""
_NEAR_END = 12
"""Paragraphs at the end that are looked at though none of the known words stands in the text."""
_LONGEST_GROUP = 60
"""Lines; more of a paragraph are not needed to tell."""
_SHORT = 50
"""Characters; a line that broke before had no need to."""


class Facts:
    """Reads one fact after another, and keeps what is in doubt."""

    def __init__(self, header: Header, dateline: Dateline | None, *, is_transcript: bool) -> None:
        self._header, self._dateline = header, dateline
        self._is_transcript = is_transcript
        self.unsure: list[Unsure] = []

    def doubt(self, field: str, why: str | None) -> None:
        """Notes that a field may be wrong, if there is a reason."""
        if why:
            self.unsure.append(Unsure(field, why))

    def kind(
        self, title: str, before_title: PrintedKind | None, *, has_speakers: bool
    ) -> PrintedKind:
        """The kind printed in the header, else the one the title says, else what fits."""
        printed = [before_title] if before_title else []
        for piece in self._header.of(Label.KIND):
            if isinstance(piece.value, PrintedKind):
                printed.append(piece.value)
            elif kind := kind_of_title(piece.words):
                printed.append(PrintedKind(kind, piece.words))
        for found in printed:  # "News" or "Press release" says least
            if found.kind is not Kind.PRESS_RELEASE:
                return found
        if printed:
            return printed[0]
        if kind := kind_of_title(title):
            return PrintedKind(kind, "")
        if has_speakers:
            return PrintedKind(Kind.TRANSCRIPT, "")
        is_released = self._header.of(Label.RELEASE_LINE) or (
            self._dateline is not None and self._dateline.agency
        )
        numbers = [fold(piece.words) for piece in self._header.of(Label.NUMBER)]
        if not is_released and not any(number.startswith("release") for number in numbers):
            self.doubt("kind", "the text does not say what kind it is: taken for a press release")
        return PrintedKind(Kind.PRESS_RELEASE, "")

    def office(self) -> str | None:
        """The press office, else another office, else the organisation of the letterhead."""
        offices = self._header.of(Label.OFFICE)
        for piece in offices:
            if is_press_office(_sender(piece)):
                return self._with_those_above(piece)
        if offices:
            return _sender(offices[0])
        for piece in self._header.of(Label.SUBTITLE):
            if match := _OFFICE_OF.search(piece.words):
                return match["office"]
        letterhead = self._header.of(Label.LETTERHEAD)
        senders = [
            piece
            for is_sender in (is_organisation, is_position)
            for piece in letterhead
            if is_sender(piece.words) and not _is_somebody(piece.words)
        ]
        chosen = _most_specific(senders) if senders else None
        if chosen is None and letterhead and letterhead[0].line <= 3:
            first = letterhead[0]
            has_name = any(letter.isalpha() for letter in first.words) and not re.search(
                r"\d|[:@]", first.words
            )
            has_name = has_name and len(first.words) > 2 and kind_of_title(first.words) is None
            has_name = has_name and not _is_somebody(first.words) and not is_person(first.words)
            if has_name and len(first.words.split()) <= 6:
                chosen = first
                self.doubt("office", "it is only the line on top: it may be a headline")
        if chosen is None:
            return None
        if is_position(chosen.words) and (match := _OFFICE_OF.search(chosen.words)):
            return match["office"]
        chosen.label = Label.OFFICE
        return _sender(chosen)

    def _with_those_above(self, office: Piece) -> str:
        """An office, and whose it is where its name does not tell: Ministry X, Press Office."""
        names = [_sender(office)]
        if not is_nobodys(names[0]):
            return names[0]
        pieces = self._header.pieces
        position = next(index for index, piece in enumerate(pieces) if piece is office)
        for above in reversed(pieces[:position]):
            is_near = above.line == office.line - len(names) and above.label in _SENDERS
            if not is_near or not is_organisation(above.words) or len(names) > _ABOVE:
                break
            above.label = Label.OFFICE
            names.insert(0, _sender(above))
        return ("، " if _ARABIC.search(names[0]) else ", ").join(names)

    def place(self) -> str | None:
        """A place of the header by its name, else the dateline's, else a venue."""
        places = [bare_place(piece.words.strip(" ,;:")) for piece in self._header.of(Label.PLACE)]
        for place in places:
            if is_place(place) or ("," in place and not is_venue(place)):
                return place
        if self._dateline is not None and self._dateline.place:
            return self._dateline.place
        return places[-1] if places else None

    def venues(self, place: str | None) -> list[str]:
        """Where in that place it was said: the header's other places, if they are venues."""
        found = []
        for piece in self._header.of(Label.PLACE):
            words = piece.words.strip(" ,;:")
            if words != place and is_venue(words) and not is_place(words):
                piece.label = Label.SUBTITLE
                found.append(words)
        return found

    def date(self, embargo_lines: list[list[Line]], title: str) -> datetime.date | None:
        """The header's date, else the dateline's, the pasted mail's, the embargo's, the title's."""
        printed = [
            piece.value
            for piece in self._header.of(Label.DATE)
            if isinstance(piece.value, FoundDate)
        ]
        dates = [found for found in printed if found.date]
        if dates:
            chosen = dates[0]
            others = {other.date for other in dates[1:]} - {chosen.date}
            if others:
                self.doubt("date", f"other dates stand in the header: {_listed(others)}")
        elif dateline_date := self._dateline.date if self._dateline else None:
            if dateline_date.date is None:
                self.doubt("date", "the dateline's date has no year")
                return None
            chosen = dateline_date
        else:
            return self._other_date(embargo_lines) or self._date_of_title(title)
        return self._checked(chosen)

    def _checked(self, chosen: FoundDate) -> datetime.date | None:
        date = chosen.date
        if chosen.other_reading and chosen.other_reading != date:
            if _AMERICAN.search(fold(self.place() or "")):
                return date
            self.doubt("date", f"it may also be read as {chosen.other_reading}")
        if chosen.contradicts_weekday and date:
            self.doubt("date", f"{date} is a {date:%A}, not the weekday it says")
        dateline = self._dateline.date if self._dateline else None
        if dateline and date and dateline is not chosen:
            day = datetime.date(dateline.year or date.year, dateline.month, min(dateline.day, 28))
            if (day.month, dateline.day, dateline.year or date.year) != (
                date.month,
                date.day,
                date.year,
            ):
                said = f"{dateline.year or date.year}-{dateline.month:02}-{dateline.day:02}"
                self.doubt("date", f"the dateline says {said}")
        return date

    def _other_date(self, embargo_lines: list[list[Line]]) -> datetime.date | None:
        for words in [self._header.mail_date or ""] + [
            " ".join(line.words for line in lines) for lines in embargo_lines
        ]:
            if dates := [found for found in find_dates(words) if found.date]:
                return dates[0].date
        return None

    def _date_of_title(self, title: str) -> datetime.date | None:
        dates = {found.date for found in find_dates(title) if found.date}
        if len(dates) != 1:
            return None
        self.doubt("date", "only the title names one")
        return dates.pop()

    def embargo(
        self,
        date: datetime.date | None,
        headline: str,
        body: list[Line],
        below: list[Line],
        *,
        is_known: bool,
    ) -> datetime.datetime | None:
        """The embargo, or EmbargoError when there is one that cannot be read beyond doubt.

        Where it `is_known` from elsewhere a line need not say until when (EMBARGOED).
        """
        found: set[datetime.datetime] = set()
        for lines in [
            *self._header.embargoes,
            *embargoes_in(body, below, is_spoken=self._is_transcript),
        ]:
            if is_known and names_no_moment(lines[0].words):
                continue
            moment, _, is_dated_by_release = read_embargo(lines, date)
            if is_dated_by_release:
                self.doubt("embargo", "its line gives no full date: the release's own is taken")
            found.add(moment)
        refuse_several(found)
        if not found:
            if not is_known:
                refuse_embargo_of(headline)
            return None
        if self._header.of(Label.RELEASE_LINE):
            self.doubt("embargo", "the text also says that it is for immediate release")
        return found.pop()


def _sender(piece: Piece) -> str:
    return _FROM.sub("", piece.words).strip(" *:,")


def _most_specific(senders: list[Piece]) -> Piece:
    """Department, administration, institute on lines of their own: the last one sends."""
    chosen = senders[0]
    for piece in senders[1:]:
        if piece.line == chosen.line + 1 and is_organisation(piece.words):
            chosen = piece
    return chosen


def _is_somebody(words: str) -> bool:
    """A person with an honorific or a post, rather than the post alone."""
    first, _, rest = words.partition(" ")
    name, _, post = words.partition(",")
    is_named = is_person(name) and is_position(post) and not _OFFICE_OF.search(words)
    return is_named or _PERSON.match(words) is not None or (is_position(first) and is_person(rest))


def refuse_embargo_of(headline: str) -> None:
    """Raises EmbargoError when a headline speaks of an embargo that no line explains."""
    if smells_of_embargo(headline):
        raise EmbargoError(
            f"the headline «{headline[:100]}» speaks of an embargo, and no line says until when:"
            ' add one such as "EMBARGOED UNTIL 6:00 p.m. ET, 5 March 2024"'
        )


def refuse_several(moments: set[datetime.datetime]) -> None:
    """Raises EmbargoError when a text names more than one moment."""
    if len(moments) > 1:
        listed = ", ".join(sorted(moment.isoformat() for moment in moments))
        raise EmbargoError(f"the text names several embargoes ({listed}): leave one")


def embargoes_in(body: list[Line], below: list[Line], *, is_spoken: bool) -> list[list[Line]]:
    """Embargo lines outside the header: in the first and last paragraphs, or loud ones anywhere.

    What speakers in a transcript say of an embargo concerns the call they are in.
    """
    found = []
    for is_body, lines in ((True, body), (False, below)):
        if not lines:
            continue
        has_word = mentions("\n".join(line.words for line in lines))
        paragraphs = groups(lines)
        closing_from = len(paragraphs) - _NEAR_END
        for number, group in enumerate(paragraphs):
            is_near_edge = number < _NEAR_TOP or number >= closing_from
            if not (has_word or is_near_edge):
                continue
            words = " ".join(line.words for line in group[:_LONGEST_GROUP])
            is_near_top = is_body and number < _NEAR_TOP and not is_spoken
            if has_word and is_loud_embargo(group[0].words):
                found.append(group[:4])
            elif has_word and is_near_top and is_embargo(words[:600]):
                found.append([_as_line(group[0], _sentence(words))])
            elif is_near_edge and (is_loud_embargo(group[0].words) or not is_spoken):
                found += _closing(group, words)
    return found


def _closing(group: list[Line], words: str) -> Iterator[list[Line]]:
    """An embargo that is such a paragraph, or a line of its own in it."""
    is_found = False
    last = max(len(group) - _LONGEST_GROUP, 0)
    for number, line in enumerate(group):
        if _LONGEST_GROUP <= number < last:
            continue
        above = group[number - 1].words if number else "."
        is_own = ends_sentence(above) or len(above) < _SHORT
        if is_own and is_closing_embargo(line.words):
            is_found = True
            yield group[number : number + 4]
    if not is_found and is_closing_embargo(words):
        yield [_as_line(group[0], words)]


def _as_line(first: Line, words: str) -> Line:
    return Line(first.start, first.end, words, words, True, False)


def _sentence(words: str) -> str:
    """The part of a long paragraph around the word."""
    if len(words) <= 300:
        return words
    match = re.search(r"embargo|sperrfrist|not for|эмбарго|禁发|النشر", words, re.IGNORECASE)
    middle = match.start() if match else 0
    return words[max(0, middle - 80) : middle + 200]


def _listed(dates: set[datetime.date | None]) -> str:
    return ", ".join(sorted(str(date) for date in dates))

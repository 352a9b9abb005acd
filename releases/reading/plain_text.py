"""A release in plain text: lines → header → headings and facts → body → tail."""

from dataclasses import dataclass, replace

from releases.content import Content, Kind
from releases.errors import ReleaseError
from releases.reading import contacts
from releases.reading.body import BodyReader
from releases.reading.datelines import LONGEST, Dateline, read_dateline
from releases.reading.facts import Facts
from releases.reading.header import HeaderReader
from releases.reading.kinds import PrintedKind, is_series
from releases.reading.languages import language_of
from releases.reading.left_out import doubts_of_time, find_left_out
from releases.reading.lines import Line, Page, groups, split_lines
from releases.reading.lists import Numbering, items_of
from releases.reading.paragraphs import Joiner, breaks
from releases.reading.parsed import Parsed
from releases.reading.pieces import Header, Piece, visible_offset
from releases.reading.quoted import unquoted
from releases.reading.spans import Label, Span, cover
from releases.reading.stamps import without_stamps
from releases.reading.tail import Tail, read_tail
from releases.reading.titles import MAY_END_SHORT_TEXT, Headings, choose, printed_kind_before_title
from releases.reading.transcripts import find_speakers

_SPOKEN = (Kind.REMARKS, Kind.TRANSCRIPT)
_UNSPOKEN = (Kind.FACT_SHEET, Kind.MEDIA_ADVISORY, Kind.NOTICE_TO_THE_PRESS)
_DATELINE_PARAGRAPHS = 6


@dataclass(slots=True)
class _Title:
    words: str
    series: str | None = None
    kind: PrintedKind | None = None


def read_plain_text(text: str, *, is_embargo_known: bool = False) -> Parsed:
    """Reads plain text as press offices send it; raises ReleaseError and EmbargoError.

    `is_embargo_known`: whoever gives the text says until when, where the text does not.
    """
    lines, stamps = without_stamps(text, unquoted(split_lines(text)))
    if not lines:
        raise ReleaseError("there is nothing in it: no line of text was found")
    page = Page(lines)
    speakers = find_speakers(lines)
    header = HeaderReader(text, lines, page, speakers, is_embargo_known=is_embargo_known).read()
    headings = choose(header, lines, page)
    _find_late_body(header, headings, lines)
    title = _title(text, header, headings, lines)
    tail = read_tail(lines, header.body_from)
    body = header.intro + lines[header.body_from : tail.body_end]
    if not body:
        raise ReleaseError(
            f"no body: nothing like running text follows the title «{title.words[:80]}»"
            f" in the {len(lines)} lines of the text"
        )
    body, dateline, marks = _without_dateline(text, body, len(header.intro))
    is_dated = dateline is not None and dateline.date is not None and dateline.date.date
    if not header.of(Label.DATE) and not is_dated:
        header.pieces += tail.dates(lines)
    facts = Facts(header, dateline, is_transcript=bool(speakers))
    facts.doubt("title", headings.why_unsure)
    kind = facts.kind(title.words, title.kind, has_speakers=bool(speakers))
    date = facts.date(header.embargoes, title.words)
    below = [line for _, group in tail.parts for line in group]
    embargo = facts.embargo(date, title.words, body, below, is_known=is_embargo_known)
    if date is None and embargo is not None:
        date = embargo.date()
    sample = " ".join([title.words, *(line.words for line in body[:400])])
    guess = language_of(sample, opening=" ".join([title.words, body[0].words]))
    facts.doubt("language", guess.why_unsure)
    is_spoken = kind.kind in _SPOKEN
    reader = BodyReader(
        text,
        page,
        frozenset() if kind.kind in _UNSPOKEN else speakers,
        is_spoken=is_spoken,
        language=guess.language,
    )
    place = facts.place()
    content = Content(
        title=title.words,
        body=reader.read(body),
        kind=kind.kind,
        kind_label=kind.label or None,
        series=title.series,
        subtitle=_subtitle(header, headings, facts.venues(place)),
        office=facts.office(),
        place=place,
        date=date,
        embargo=embargo,
        language=guess.language,
        contacts=_contacts(header, tail, lines),
        footer=_footer(tail, text, page),
    )
    if not content.plain_paragraphs():
        raise ReleaseError(f"no body: only marks follow the title «{title.words[:80]}»")
    marks += stamps + reader.marks + _marks(header, tail)
    marks += [Span(line.start, line.end, Label.BODY) for line in header.intro]
    body_start = lines[header.body_from].start if header.body_from < len(lines) else len(text)
    spans = cover(text, marks, body_start)
    facts.unsure += doubts_of_time(text, spans, content)
    return Parsed(content, tuple(facts.unsure), spans, text, find_left_out(text, spans, content))


def _find_late_body(header: Header, headings: Headings, lines: list[Line]) -> None:
    """Short texts may have no line like running text: then the lines below the title are it."""
    if header.body_from < len(lines) or headings.title is None:
        return
    title_end = headings.title.pieces[-1].line
    for chunk in headings.subtitles:
        first = chunk.pieces[0]
        if first.line > title_end and all(
            piece.label in MAY_END_SHORT_TEXT for piece in header.pieces if piece.line >= first.line
        ):
            header.body_from = first.line
            header.pieces = [piece for piece in header.pieces if piece.line < first.line]
            return


def _title(text: str, header: Header, headings: Headings, lines: list[Line]) -> _Title:
    if headings.title is None:
        if header.subject:
            return _Title(header.subject)
        if named := _named_by_kind(header):
            return _Title(named)
        line = lines[min(header.body_from, len(lines) - 1)]
        raise ReleaseError(
            "no title: no headline stands between the top of the text and its first paragraph,"
            f" «{line.words[:60]}» (line {header.body_from + 1} of those that are not empty)"
        )
    words = headings.title.words.strip().rstrip(":").rstrip() or headings.title.words
    head, colon, rest = words.partition(":")
    if colon and rest.strip() and is_series(head):
        _part_title(text, header, headings.title.pieces[0], rest.strip(), Label.SERIES)
        return _Title(rest.strip(), series=head.strip())
    series = next((piece.words for piece in header.of(Label.SERIES)), None)
    if split := printed_kind_before_title(words):
        kind, rest = split
        _part_title(text, header, headings.title.pieces[0], rest, Label.KIND)
        return _Title(rest, series, kind)
    return _Title(words, series)


def _named_by_kind(header: Header) -> str | None:
    """Without a headline it is what its office calls it ("Federal Bank Press Release")."""
    senders = header.of(Label.OFFICE) + header.of(Label.LETTERHEAD)
    named = [piece for piece in senders if any(letter.isalpha() for letter in piece.words)]
    kinds = header.of(Label.KIND)
    if not named or not kinds or not header.of(Label.DATE):
        return None
    return f"{named[0].words.strip(' *:,')}: {kinds[0].words.strip(' *:')}"


def _part_title(text: str, header: Header, first: Piece, rest: str, label: Label) -> None:
    """Gives what stands before the title in its first line a label of its own."""
    index = first.words.find(":") + 1
    index += len(first.words[index:]) - len(first.words[index:].lstrip())
    middle = visible_offset(text, first.start, first.words, index) if index else first.start
    if not rest or index >= len(first.words):
        first.label = label
        return
    before = replace(first, label=label, end=middle, words=first.words[:index], value=None)
    first.start, first.words = middle, first.words[index:]
    header.pieces.insert(header.pieces.index(first), before)


def _subtitle(header: Header, headings: Headings, venues: list[str]) -> str | None:
    chunks = [
        chunk
        for chunk in headings.subtitles
        if chunk.pieces[0].label is Label.SUBTITLE and chunk.pieces[0].line < header.body_from
    ]
    kept = {id(piece) for chunk in chunks for piece in chunk.pieces}
    above = [
        piece.words
        for piece in header.of(Label.SUBTITLE)
        if id(piece) not in kept and piece.words.strip(" ,;:") not in venues
    ]
    parts = above + [chunk.words for chunk in chunks] + venues
    if not parts:
        return None
    joined = parts[0]
    for part in parts[1:]:
        joined += (" " if joined.endswith((".", ":", ",", "?", "!", "–", "—")) else ", ") + part
    return joined


def _without_dateline(
    text: str, body: list[Line], intro: int
) -> tuple[list[Line], Dateline | None, list[Span]]:
    """The body without the dateline that one of its first paragraphs begins with."""
    position = intro
    for group in groups(body[intro : intro + 60])[:_DATELINE_PARAGRAPHS]:
        words, ends = "", []
        for line in group:
            words = f"{words} {line.words}" if words else line.words
            ends.append(len(words))
            if len(words) > LONGEST:
                break
        dateline = read_dateline(words)
        if dateline and dateline.end < len(words):
            index = next(i for i, end in enumerate(ends) if end > dateline.end)
            line = group[index]
            cut = dateline.end - (ends[index - 1] + 1 if index else 0)
            rest = line.words[max(cut, 0) :].lstrip()
            start = visible_offset(text, line.start, line.words, len(line.words) - len(rest))
            kept = replace(line, start=start, text=rest, words=rest, after_blank=True)
            marks = [Span(group[0].start, start, Label.PLACE)]
            first = position + index
            return [*body[:position], kept, *body[first + 1 :]], dateline, marks
        position += len(group)
    return body, None, []


def _contacts(header: Header, tail: Tail, lines: list[Line]) -> tuple[str, ...]:
    together: list[list[str]] = []
    previous = -2
    for piece in header.of(Label.CONTACT):
        if (
            not together
            or piece.line > previous + 1
            or (piece.line != previous and lines[piece.line].after_blank)
        ):
            together.append([])
        together[-1].append(piece.words)
        previous = piece.line
    together += [[line.words for line in group] for group in tail.of(Label.CONTACT)]
    return tuple(entry for words in together for entry in contacts.entries(words))


def _footer(tail: Tail, text: str, page: Page) -> str | None:
    joiner = Joiner(text)
    paragraphs = []
    for group in tail.of(Label.FOOTER):
        lead, items = items_of(group, Numbering(group), page)
        lines = [joiner.join(part) for part in breaks(lead, page)] if lead else []
        lines += [joiner.join(item.lines) for item in items]
        paragraphs.append("\n".join(lines))
    return "\n\n".join(paragraphs) or None


def _marks(header: Header, tail: Tail) -> list[Span]:
    marks = [Span(piece.start, piece.end, piece.label or Label.BODY) for piece in header.pieces]
    for label, group in tail.parts:
        marks += [Span(line.start, line.end, label) for line in group]
    return marks

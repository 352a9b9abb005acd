"""Which of the header's lines are the title, and what that makes of the others."""

import re
from dataclasses import dataclass
from itertools import pairwise

from releases.content import Kind
from releases.reading.datelines import read_dateline
from releases.reading.headlines import (
    Chunk,
    headline_score,
    is_full_sentence,
    short_line_above,
)
from releases.reading.kinds import PrintedKind, is_kind_by_whom, is_series, kind_of, kind_of_title
from releases.reading.lines import Line, Page, fold, is_caps
from releases.reading.offices import (
    is_office,
    is_organisation,
    is_person,
    is_position,
    is_venue,
)
from releases.reading.pieces import Header, Piece
from releases.reading.places import has_place_shape
from releases.reading.prose import ends_abbreviated, ends_sentence, has_no_room, is_joined
from releases.reading.spans import Label

_DELIVERY = re.compile(r"[(\[]?(?:as (?:prepared|delivered|released|translated)|check )")
_WHERE = re.compile(r"(?:At|Before|To|In) (?:the|a|an) ")
_KINDS_BEFORE_COLON = ("press-release", "media-advisory", "media-note")


MAY_END_SHORT_TEXT = (
    *(None, Label.SUBTITLE, Label.CONTACT, Label.END_MARK, Label.LIST_FOOTER),
    *(Label.EMBARGO, Label.NUMBER, Label.RELEASE_LINE),
)
"""What a text may end with that is too short to have a line like running text."""


@dataclass(frozen=True, slots=True)
class Headings:
    """What the unclaimed lines turned out to be."""

    title: Chunk | None
    subtitles: tuple[Chunk, ...] = ()
    why_unsure: str | None = None


def choose(header: Header, lines: list[Line], page: Page) -> Headings:
    """Finds the title and labels every unclaimed piece of the header."""
    _free_split_kinds(header, lines)
    chunks = _chunks(header, lines, page)
    scored = [(headline_score(chunk, chunks, header), chunk) for chunk in chunks]
    best = max((score for score, _ in scored), default=-1.0)
    if best < 0 and header.subject and chunks:
        return Headings(None, tuple(_label_after(chunks, header)))
    if best < 0 and (kind := _kind_as_title(header, chunks)):
        title, why_unsure = kind, None
        chunks = [kind, *chunks]
    elif not chunks:
        return Headings(None, why_unsure=None if header.subject else "there is no headline")
    else:
        title = next(chunk for score, chunk in scored if score == best)
        why_unsure = _doubt(title, best, scored)
        above = short_line_above(title, chunks, lines)
        if above and (kept := _without_body(chunks, title, header, lines)):
            title, chunks, why_unsure = above, kept, None
        why_unsure = why_unsure or _doubt_of_sentence(title, above)
    _label(title, Label.TITLE)
    chunks = [chunk for chunk in chunks if chunk is title or not _is_again(chunk, title)]
    position = chunks.index(title)
    _label_before(chunks[:position])
    after = chunks[position + 1 :]
    if after and _heads_body(after[-1], title, header):
        header.body_from = after[-1].pieces[0].line
        header.pieces = [piece for piece in header.pieces if piece.line < header.body_from]
        after = [chunk for chunk in after if chunk.pieces[-1].line < header.body_from]
    return Headings(title, tuple(_label_after(after, header)), why_unsure)


def _without_body(
    chunks: list[Chunk], first: Chunk, header: Header, lines: list[Line]
) -> list[Chunk] | None:
    """The chunks above one that begins the body, which is then none of the header's any more.

    None when the header goes on below it, and it is a headline therefore.
    """
    start = header.pieces.index(first.pieces[0])
    has_more = any(piece.label not in MAY_END_SHORT_TEXT for piece in header.pieces[start:])
    opening = " ".join(line.words for line in lines[header.body_from : header.body_from + 3])
    if has_more or read_dateline(opening):
        return None
    header.body_from = first.pieces[0].line
    del header.pieces[start:]
    return chunks[: chunks.index(first)]


def _doubt_of_sentence(title: Chunk, above: Chunk | None) -> str | None:
    if not is_full_sentence(title.words):
        return None
    may_be = f"; above it stands «{above.words[:60]}»" if above else ""
    return f"it is a sentence with a full stop: «{title.words[:60]}»{may_be}"


def _is_again(chunk: Chunk, title: Chunk) -> bool:
    """The title once more, as web pages print it above or below: labelled, and not kept."""
    is_again = fold(chunk.words).strip(" :.*") == fold(title.words).strip(" :.*")
    if is_again:
        _label(chunk, Label.LETTERHEAD)
    return is_again


def _free_split_kinds(header: Header, lines: list[Line]) -> None:
    """PRESS BRIEFING / BY THE SECRETARY: a kind whose line goes on in the next is a headline.

    So is a date that ends one (DAILY SCHEDULE FOR / THURSDAY, MAY 3, 2012).
    """
    for piece, following in pairwise(header.pieces):
        if following.line != piece.line + 1:
            continue
        is_apart = lines[following.line].after_blank
        if piece.label is None and following.label is Label.DATE and not is_apart:
            is_open = re.search(r"\b(?:for|of|on)$", fold(piece.words)) is not None
            if is_open or re.match(
                r"for (?!release|use|publication|immediate)", fold(following.words)
            ):
                following.label = None
        elif piece.label is Label.KIND and following.label is None:
            may_go_on = not is_apart or following.words.startswith("by ")
            if may_go_on and is_joined(piece.words, following.words):
                piece.label = None


def _doubt(title: Chunk, best: float, scored: list[tuple[float, Chunk]]) -> str | None:
    looks_like_name = any(
        is_what(title.words) for is_what in (is_organisation, is_office, is_position, is_person)
    )
    if best < 0 and (len(scored) > 1 or looks_like_name):
        return f"no line looks like a headline; taken: «{title.words[:60]}»"
    for score, chunk in scored:
        if chunk is title:
            return None
        if score >= best - 0.5:
            return f"it may also be «{chunk.words[:60]}»"
    return None


def _kind_as_title(header: Header, chunks: list[Chunk]) -> Chunk | None:
    """Newsroom pages may have a kind for their title ("Daily Press Briefing")."""
    is_on_top = True
    are_offices = all(is_organisation(chunk.words) or is_office(chunk.words) for chunk in chunks)
    are_names = all(_is_name(chunk.words) for chunk in chunks)
    for piece in header.pieces:
        if piece.label is Label.KIND and isinstance(piece.value, PrintedKind):
            is_generic = piece.value.kind is Kind.PRESS_RELEASE or len(piece.words.split()) < 2
            is_spoken = piece.value.kind is Kind.TRANSCRIPT
            is_below = are_offices and all(part.line < piece.line for part in _all(chunks))
            if not is_generic and (is_on_top or is_spoken or is_below):
                return Chunk([piece], is_centred=False)
            if is_on_top:
                return None
        if piece.label in (Label.OFFICE, Label.LETTERHEAD, Label.DATE, None):
            is_on_top = False
            if not are_names:
                return None
    return None


def _all(chunks: list[Chunk]) -> list[Piece]:
    return [piece for chunk in chunks for piece in chunk.pieces]


def _is_name(words: str) -> bool:
    """Who sends or speaks, or a remark in brackets."""
    is_remark = words[0] in "([" and words[-1] in ")]"
    return is_remark or any(
        is_who(words) for is_who in (is_organisation, is_office, is_position, is_person)
    )


def _heads_body(chunk: Chunk, title: Chunk, header: Header) -> bool:
    """A short line below date or place, right above the text, is a heading of the text."""
    pieces = header.pieces
    if pieces[-1] is not chunk.pieces[-1] or len(chunk.words.split()) > 12:
        return False
    between = pieces[pieces.index(title.pieces[-1]) + 1 : pieces.index(chunk.pieces[0])]
    has_metadata = any(piece.label in (Label.DATE, Label.PLACE) for piece in between)
    is_somebody = any(
        is_who(chunk.words) for is_who in (is_person, is_position, is_office, is_organisation)
    )
    if _DELIVERY.match(fold(chunk.words)):
        return False
    is_heading = not is_somebody or is_caps(chunk.words)
    return has_metadata and is_heading and not is_venue(chunk.words)


def _chunks(header: Header, lines: list[Line], page: Page) -> list[Chunk]:
    chunks: list[Chunk] = []
    previous: Piece | None = None
    for piece in header.pieces:
        if piece.label is None:
            line = lines[piece.line]
            is_centred = page.is_centred(line)
            if previous and chunks and _is_one(previous, piece, chunks[-1], lines, page):
                chunks[-1].pieces.append(piece)
            else:
                chunks.append(Chunk([piece], is_centred))
            previous = piece
        elif piece.label is not Label.RULE:
            previous = None
    return chunks


def _is_one(first: Piece, second: Piece, chunk: Chunk, lines: list[Line], page: Page) -> bool:
    """Whether two lines of text are one headline."""
    before, after = lines[first.line], lines[second.line]
    if second.line != first.line + 1:
        return False
    if is_kind_by_whom(chunk.words) and after.after_blank:
        return False
    same_case = is_caps(first.words) == is_caps(second.words)
    if is_organisation(first.words) and is_organisation(second.words):
        return False
    if is_position(first.words) and _WHERE.match(second.words) and not is_caps(first.words):
        return False
    if is_joined(first.words, second.words):
        return not after.after_blank or (same_case and not first.words.endswith(":"))
    is_end = ends_sentence(first.words) and not ends_abbreviated(first.words)
    if is_end and not after.after_blank:
        return same_case and not page.is_centred(before) and has_no_room(before, after, page.width)
    is_full = len(first.words) >= 40 and has_no_room(before, after, page.width)
    if is_full and is_caps(first.words) and is_caps(second.words) and not after.after_blank:
        return True
    if _are_unlike(first.words, second.words, is_apart=after.after_blank):
        return False
    is_centred = chunk.is_centred and page.is_centred(after)
    if after.after_blank or not same_case:
        return (
            same_case and is_centred and is_caps(first.words) and not is_organisation(first.words)
        )
    if is_centred or (is_caps(first.words) and len(first.words) >= 20):
        return True
    if is_person(first.words) or is_position(second.words) or _is_where(first, second):
        return False
    width = max(len(before.words), len(after.words), min(page.width, 60))
    return page.is_wrapped and has_no_room(before, after, width)


def _are_unlike(first: str, second: str, *, is_apart: bool) -> bool:
    """Whether one of two lines names who or what the other does not."""
    if is_kind_by_whom(second):
        return True
    if any(is_name(first) != is_name(second) for is_name in (is_organisation, is_office)):
        return True
    return any(
        is_who(first) != is_who(second) and (is_who(first) or is_apart)
        for is_who in (is_person, is_position)
    )


def _is_where(first: Piece, second: Piece) -> bool:
    """Whether the second line is the venue of what the first announces."""
    is_short = len(second.words.split()) <= 6
    return is_short and is_venue(second.words) and not is_venue(first.words)


def _label(chunk: Chunk, label: Label) -> None:
    for piece in chunk.pieces:
        piece.label = label


def _label_before(chunks: list[Chunk]) -> None:
    """What stands above the title: who sends, or the kind with its author."""
    for chunk in chunks:
        words = chunk.words
        if is_kind_by_whom(words) or (kind_of_title(words) and len(words.split()) <= 4):
            _label(chunk, Label.KIND)
        elif is_series(words):
            _label(chunk, Label.SERIES)
        elif is_office(words):
            _label(chunk, Label.OFFICE)
        elif len(words.split()) <= 9:
            _label(chunk, Label.LETTERHEAD)
        else:
            _label(chunk, Label.SUBTITLE)


def _label_after(chunks: list[Chunk], header: Header) -> list[Chunk]:
    """What stands below the title: its subtitle, who spoke and where."""
    subtitles = []
    for chunk in chunks:
        words = chunk.words
        if is_office(words):
            _label(chunk, Label.OFFICE)
        elif (
            is_organisation(words) and not is_position(words) and not _is_above_place(chunk, header)
        ):
            _label(chunk, Label.LETTERHEAD)
        elif is_kind_by_whom(words) and not header.of(Label.KIND):
            _label(chunk, Label.KIND)
        elif _is_place_by_position(chunk, header) and not any(
            not is_venue(piece.words) for piece in header.of(Label.PLACE)
        ):
            _label(chunk, Label.PLACE)
        else:
            _label(chunk, Label.SUBTITLE)
            subtitles.append(chunk)
    return subtitles


def _is_above_place(chunk: Chunk, header: Header) -> bool:
    """A venue, with its town on the next line."""
    position = header.pieces.index(chunk.pieces[-1])
    following = header.pieces[position + 1 : position + 2]
    is_place = bool(following) and following[0].label is Label.PLACE
    return is_place and is_venue(chunk.words)


def _is_place_by_position(chunk: Chunk, header: Header) -> bool:
    """A venue, or a capitalised name right before the date."""
    words = chunk.words
    if len(chunk.pieces) > 2 or len(words.split()) > 9:
        return False
    if is_venue(words):
        return True
    if len(chunk.pieces) > 1 or len(words.split()) > 6:
        return False
    position = header.pieces.index(chunk.pieces[0])
    following = header.pieces[position + 1 : position + 2]
    before = header.pieces[max(position - 1, 0)]
    is_near = (bool(following) and following[0].label is Label.DATE) or (
        before.label is Label.PLACE and is_venue(before.words)
    )
    return is_near and has_place_shape(words) and not is_position(words) and "," in words


def printed_kind_before_title(title: str) -> tuple[PrintedKind, str] | None:
    """The kind and the rest of a title such as "Press Release: Acme opens …"."""
    head, colon, rest = title.partition(":")
    if not colon or not rest.strip():
        return None
    found = kind_of(head)
    if found and found.kind.value in _KINDS_BEFORE_COLON:
        return found, rest.strip()
    return None

"""Which of the header's lines are the title, and what that makes of the others."""

from dataclasses import dataclass
from itertools import pairwise

from releases.content import Kind
from releases.reading.header import Header, Piece
from releases.reading.kinds import PrintedKind, is_kind_by_whom, is_series, kind_of, kind_of_title
from releases.reading.lines import Line, Page, is_caps, join_words
from releases.reading.offices import (
    is_office,
    is_organisation,
    is_person,
    is_position,
    is_venue,
)
from releases.reading.places import has_place_shape
from releases.reading.prose import ends_sentence, has_no_room, is_joined, is_unspaced
from releases.reading.spans import Label

_KINDS_BEFORE_COLON = ("press-release", "media-advisory", "media-note")


@dataclass(slots=True)
class Chunk:
    """Lines of the header that are set as one, and that nothing else has claimed."""

    pieces: list[Piece]
    is_centred: bool

    @property
    def words(self) -> str:
        """Its lines as one."""
        joined = self.pieces[0].words
        for piece in self.pieces[1:]:
            joined = join_words(joined, piece.words)
        return joined


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
    scored = [(_score(chunk, chunks, header), chunk) for chunk in chunks]
    best = max((score for score, _ in scored), default=-1.0)
    if best < 0 and (kind := _kind_as_title(header)):
        title, why_unsure = kind, None
        chunks = [kind, *chunks]
    elif not chunks:
        return Headings(None)
    else:
        title = next(chunk for score, chunk in scored if score == best)
        why_unsure = _doubt(title, best, scored)
    _label(title, Label.TITLE)
    position = chunks.index(title)
    _label_before(chunks[:position])
    after = chunks[position + 1 :]
    if after and _heads_body(after[-1], title, header):
        header.body_from = after[-1].pieces[0].line
        header.pieces = [piece for piece in header.pieces if piece.line < header.body_from]
        after = after[:-1]
    return Headings(title, tuple(_label_after(after, header)), why_unsure)


def _free_split_kinds(header: Header, lines: list[Line]) -> None:
    """PRESS BRIEFING / BY THE SECRETARY: a kind whose line goes on in the next is a headline."""
    for piece, following in pairwise(header.pieces):
        if piece.label is Label.KIND and following.label is None:
            is_next = following.line == piece.line + 1 and not lines[following.line].after_blank
            if is_next and is_joined(piece.words, following.words):
                piece.label = None


def _doubt(title: Chunk, best: float, scored: list[tuple[float, Chunk]]) -> str | None:
    looks_like_name = any(
        is_what(title.words) for is_what in (is_organisation, is_office, is_position)
    )
    if best < 0 and (len(scored) > 1 or looks_like_name):
        return f"no line looks like a headline; taken: «{title.words[:60]}»"
    for score, chunk in scored:
        if chunk is title:
            return None
        if score >= best - 0.5:
            return f"it may also be «{chunk.words[:60]}»"
    return None


def _kind_as_title(header: Header) -> Chunk | None:
    """Newsroom pages may have a kind for their title ("Daily Press Briefing")."""
    for piece in header.pieces:
        if piece.label is Label.KIND and isinstance(piece.value, PrintedKind):
            is_generic = piece.value.kind is Kind.PRESS_RELEASE or len(piece.words.split()) < 2
            return None if is_generic else Chunk([piece], is_centred=False)
        if piece.label in (Label.OFFICE, Label.LETTERHEAD, Label.DATE, None):
            return None
    return None


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
    if is_joined(first.words, second.words):
        return True
    if ends_sentence(first.words) and not after.after_blank:
        return same_case and not page.is_centred(before) and has_no_room(before, after, page.width)
    is_centred = chunk.is_centred and page.is_centred(after)
    for is_name in (is_organisation, is_office):
        if is_name(first.words) != is_name(second.words):
            return False
    for is_who in (is_person, is_position):
        if is_who(first.words) != is_who(second.words) and (
            is_who(first.words) or after.after_blank
        ):
            return False
    if after.after_blank:
        return (
            same_case and is_centred and is_caps(first.words) and not is_organisation(first.words)
        )
    if not same_case:
        return False
    if is_centred or (is_caps(first.words) and len(first.words) >= 20):
        return True
    if is_person(first.words) or is_position(second.words):
        return False
    width = max(len(before.words), len(after.words), min(page.width, 60))
    return page.is_wrapped and has_no_room(before, after, width)


def _score(chunk: Chunk, chunks: list[Chunk], header: Header) -> float:
    """How much like a headline it looks."""
    words = chunk.words[:1000]
    count = len(words) / 2.5 if is_unspaced(words) else len(words.split())
    score = 0.0
    if count <= 2:
        score -= 1.5
    elif count >= 5:
        score += 2 if count <= 40 else -1
    else:
        score += 0.5
    score -= 3 * (is_organisation(words) or is_office(words))
    score -= 2.5 * is_position(words) * (count <= 8)
    score -= 2 * (is_person(words) and kind_of_title(words) is None)
    score -= 1 * (is_venue(words) and count <= 5)
    score += 0.5 * (is_caps(words) and count >= 3)
    score += 0.5 * (chunk.is_centred and count >= 3)
    score += 1 * (kind_of_title(words) is not None)
    score -= 0.75 * (ends_sentence(words) and not words.endswith(("?", "!")))
    if is_kind_by_whom(words) and chunk is not chunks[-1]:
        following = chunks[chunks.index(chunk) + 1]
        score -= 4 * (not is_person(following.words) and len(following.words.split()) >= 3)
    score -= 0.25 * min(chunks.index(chunk), 4)
    if _is_letterhead(chunk, chunks, header):
        score -= 2.5
    return score


def _is_letterhead(chunk: Chunk, chunks: list[Chunk], header: Header) -> bool:
    """A short line on top, with a release line, a kind or a date between it and another line."""
    if len(chunk.words.split()) > 9 or chunk is chunks[-1]:
        return False
    last = chunk.pieces[-1]
    for below in header.pieces[header.pieces.index(last) + 1 :]:
        if below.line > last.line + 1:
            break
        last = below
        if below.label is Label.OFFICE:
            return True
        if below.label is not None:
            break
    if chunk is not chunks[0]:
        return False
    position = header.pieces.index(chunk.pieces[-1])
    if len(chunk.words.split()) > 6:
        return False
    following = header.pieces.index(chunks[1].pieces[0])
    between = {piece.label for piece in header.pieces[position + 1 : following]}
    return bool(between & {Label.RELEASE_LINE, Label.KIND, Label.NUMBER, Label.OFFICE, Label.DATE})


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
        elif is_organisation(words) and not is_position(words):
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

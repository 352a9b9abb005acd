"""How much like a headline some lines of the header look."""

import re
from dataclasses import dataclass

from releases.content import Kind
from releases.reading.contacts import is_fields_only
from releases.reading.kinds import PrintedKind, is_kind_by_whom, kind_of_title
from releases.reading.lines import Line, fold, is_caps, join_words
from releases.reading.offices import (
    is_honoured,
    is_office,
    is_organisation,
    is_person,
    is_position,
    is_venue,
)
from releases.reading.pieces import Header, Piece
from releases.reading.prose import ends_sentence, is_sentence, is_unspaced
from releases.reading.spans import Label

_WHERE = re.compile(r"(?:At|Before|AT|BEFORE) (?:the|a|an|THE|A|AN) ")
_AUTHOR = re.compile(r"by (?:the|his|her|order of) |(?:in )?the name of |check against ")

_SHORT = 4
"""Words; a longer line is found to be a headline by its score."""


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


def headline_score(chunk: Chunk, chunks: list[Chunk], header: Header) -> float:
    """How much like a headline it looks."""
    words = chunk.words[:1000]
    if _is_over_author(chunk, chunks, header):
        return 3.0
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
    score -= 3.5 * (words[0] in "([" and words[-1] in ")]")
    score -= 1 * words.endswith((":", ","))
    score -= 5 * is_fields_only(words)
    score -= 3 * is_honoured(words)
    score -= 3 * (_WHERE.match(words) is not None)
    score -= 2.5 * (_AUTHOR.match(fold(words)) is not None)
    is_prepared = "as prepared" in fold(words)
    if is_kind_by_whom(words) and chunk is not chunks[-1] and not is_prepared:
        following = chunks[chunks.index(chunk) + 1]
        score -= 4 * (not is_person(following.words) and len(following.words.split()) >= 3)
    score -= 0.25 * min(chunks.index(chunk), 4)
    if _is_letterhead(chunk, chunks, header):
        score -= 2.5
    return score


def _is_over_author(chunk: Chunk, chunks: list[Chunk], header: Header) -> bool:
    """The first line, with the kind right below it and then only who speaks."""
    if chunk is not chunks[0] or len(chunks) < 2 or len(chunk.pieces) > 3:
        return False
    position = header.pieces.index(chunk.pieces[-1])
    kind = header.pieces[position + 1].value
    if not isinstance(kind, PrintedKind) or kind.kind is Kind.PRESS_RELEASE:
        return False
    if is_office(chunk.words) or (is_organisation(chunk.words) and "'s " not in fold(chunk.words)):
        return False
    return is_person(chunks[1].words) and all(
        is_person(below.words) or is_position(below.words) or is_venue(below.words)
        for below in chunks[1:]
    )


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
    number = chunks.index(chunk)
    if number > 2 or any(len(above.words.split()) > 6 for above in chunks[: number + 1]):
        return False
    position = header.pieces.index(chunk.pieces[-1])
    following = header.pieces.index(chunks[number + 1].pieces[0])
    if number and len(chunks[number + 1].words.split()) < 4:
        return False
    between = {piece.label for piece in header.pieces[position + 1 : following]}
    return bool(between & {Label.RELEASE_LINE, Label.KIND, Label.NUMBER, Label.OFFICE, Label.DATE})


def is_full_sentence(words: str) -> bool:
    """Whether it ends with a full stop that is a sentence's own, as few headlines do."""
    return words.endswith((".", "。", "।", "۔")) and is_sentence(words)


def short_line_above(title: Chunk, chunks: list[Chunk], lines: list[Line]) -> Chunk | None:
    """FERRY STAYS, alone above a first paragraph that is as short as a headline may be."""
    number = chunks.index(title)
    if number == 0 or not is_full_sentence(title.words):
        return None
    above, first = chunks[number - 1], title.pieces[0]
    words = above.words
    is_alone = len(above.pieces) == 1 and above.pieces[0].line == first.line - 1
    if not (is_alone and lines[first.line].after_blank) or len(words.split()) > _SHORT:
        return None
    is_somebody = is_position(words) or is_honoured(words) or (number > 1 and is_person(words))
    if is_somebody or is_organisation(words) or is_office(words) or is_venue(words):
        return None
    is_open = words.endswith((".", "。", ":", ",")) or words[0] in "(["
    return None if is_open or not any(letter.isalpha() for letter in words) else above

"""The body: lines to blocks."""

import re
from collections import Counter
from collections.abc import Iterator

from releases.blocks import (
    Block,
    Break,
    Heading,
    Inline,
    Lines,
    Paragraph,
    Quotation,
    Table,
    plain,
)
from releases.links import linked
from releases.reading import contacts, furniture
from releases.reading.languages import differs_in_script
from releases.reading.lines import Line, Page, cells, groups, is_caps, join_words
from releases.reading.lists import Item, Numbering, collect, items_of
from releases.reading.paragraphs import Joiner, breaks, is_plain_paragraph
from releases.reading.prose import ends_sentence, is_advisory_field, is_prose, is_schedule_line
from releases.reading.spans import Label, Span
from releases.reading.transcripts import speaker_of

_QUOTED = re.compile(r"^>\s?")
_ADDRESS = re.compile(r"://|\bwww\.|\S@\S|\b[a-z0-9-]+(?:\.[a-z0-9-]+)*\.[a-z]{2,}/", re.IGNORECASE)
# No. 3 and U.S. Policy are no sentences.
_INNER_STOP = re.compile(r"(?:[^\W\d_]{4,}|\d{4})[.!…][”\"')]?\s+[^\W_a-z]|[。！][^」』”]")
_STATEMENT = re.compile(r"(?:It|They|He|She|There|We|I|You) [a-z’']+ ")
_MANY_WORDS, _MANY_WORDS_IN_CAPS = 12, 14
_OPENING_QUOTES = "\"“„«‘'"
_PAGE_STARTS = frozenset("-–—*(mMpPoOcCsSwW第с1234567890aA[")


class BodyReader:
    """Makes blocks of the body's lines; `marks` says which lines were furniture."""

    def __init__(
        self,
        text: str,
        page: Page,
        speakers: frozenset[str],
        *,
        is_spoken: bool,
        language: str | None,
    ) -> None:
        self._text, self._page, self._speakers = text, page, speakers
        self._is_spoken, self._language = is_spoken, language
        self._joiner = Joiner(text)
        self.marks: list[Span] = []

    def read(self, lines: list[Line]) -> tuple[Block, ...]:
        """The blocks of these lines, in order."""
        indents = Counter(line.indent for line in lines[:400])
        self._base_indent = indents.most_common(1)[0][0] if indents else 0
        numbering = Numbering(lines)
        found: list[Block | Item] = []
        kept = groups(lines)
        page_was_broken = False
        for index, printed in enumerate(kept):
            if not page_was_broken and self._is_plain(printed):
                is_last = index == len(kept) - 1
                found.append(self._paragraph(printed, may_be_heading=not is_last))
                continue
            group, is_broken = self._without_page_marks(printed)
            page_was_broken |= is_broken
            if not group:
                continue
            page_was_broken |= group[0].after_page
            blocks = list(self._group(group, numbering, is_last=index == len(kept) - 1))
            if page_was_broken and found and blocks:
                blocks = self._mended(found, blocks)
            page_was_broken = False
            found += blocks
        return tuple(self._settled(collect(found)))

    def _without_page_marks(self, group: list[Line]) -> tuple[list[Line], bool]:
        kept = []
        for line in group:
            words = line.words
            if len(words) <= 40 and words[0] in _PAGE_STARTS and furniture.is_page_mark(words):
                self.marks.append(Span(line.start, line.end, Label.PAGE_MARK))
            else:
                kept.append(line)
        return kept, len(kept) < len(group)

    def _mended(self, found: list[Block | Item], blocks: list[Block | Item]) -> list[Block | Item]:
        """A paragraph that a page mark cut in two is one again."""
        last, first = found[-1], blocks[0]
        if not isinstance(last, Paragraph) or not isinstance(first, Paragraph) or first.speaker:
            return blocks
        end, start = last.runs[-1].text, first.runs[0].text
        if ends_sentence(end) or not start[:1].islower():
            return blocks
        words = join_words(plain(last.runs), plain(first.runs))
        found[-1] = Paragraph(self._inline(words), last.speaker, last.language)
        return blocks[1:]

    def _group(
        self, group: list[Line], numbering: Numbering, *, is_last: bool
    ) -> Iterator[Block | Item]:
        first = group[0].words
        if len(group) == 1 and furniture.is_rule(first):
            self.marks.append(Span(group[0].start, group[0].end, Label.RULE))
            yield Break()
            return
        if all(line.words[0] == ">" for line in group):
            yield self._quotation([_unquoted(line) for line in group])
            return
        if self._speakers:
            for part in self._by_speaker(group):
                yield from self._plain_group(part, numbering, is_last=is_last)
            return
        yield from self._plain_group(group, numbering, is_last=is_last)

    def _is_plain(self, group: list[Line]) -> bool:
        """Nearly every group of a long text is one paragraph, and needs no further look."""
        if len(group) > 1 and not self._page.is_wrapped:
            return False
        if group[0].after_page or not is_plain_paragraph(group):
            return False
        return not self._speakers or not any(
            speaker_of(line.words, self._speakers) for line in group[1:]
        )

    def _by_speaker(self, group: list[Line]) -> Iterator[list[Line]]:
        start = 0
        for index in range(1, len(group)):
            if speaker_of(group[index].words, self._speakers):
                yield group[start:index]
                start = index
        yield group[start:]

    def _plain_group(
        self, group: list[Line], numbering: Numbering, *, is_last: bool
    ) -> Iterator[Block | Item]:
        if len(group) >= 3 and (table := self._table(group)):
            yield table
            return
        lead, items = items_of(group, numbering, self._page)
        if lead:
            yield from self._paragraphs(lead, is_last=is_last and not items)
        for item in items:
            yield Item(self._inline(self._joiner.join(item.lines)[item.cut :]), item.number)

    def _paragraphs(self, group: list[Line], *, is_last: bool) -> Iterator[Block]:
        if self._is_quotation(group):
            yield self._quotation(group)
            return
        if len(group) > 1 and all(self._page.is_centred(line) for line in group):
            yield self._centred(group)
            return
        parts = breaks(group, self._page)
        if len(parts) == 1:
            yield self._paragraph(group, may_be_heading=not is_last)
            return
        if len(parts) > 1 and furniture.is_rule(parts[1][0].words) and len(parts[1]) == 1:
            self.marks.append(Span(parts[1][0].start, parts[1][0].end, Label.RULE))
            yield Heading(self._inline(self._joiner.join(parts[0])))
            parts = parts[2:]
        position = 0
        while position < len(parts):
            count = self._short_lines(parts[position:])
            if count > 1:
                lines = parts[position : position + count]
                yield Lines(tuple(self._inline(self._joiner.join(part)) for part in lines))
                position += count
                continue
            is_end = is_last and position == len(parts) - 1
            yield self._paragraph(parts[position], may_be_heading=not is_end)
            position += 1

    def _short_lines(self, parts: list[list[Line]]) -> int:
        """How many parts from the first are lines whose breaks matter (an address, a schedule)."""
        count = 0
        for part in parts:
            words = part[0].words
            is_short = len(part) == 1 and len(words) <= 90 and not is_prose(words)
            is_field = is_schedule_line(words) or is_advisory_field(words)
            if speaker_of(words, self._speakers) or not (is_short or (is_field and len(parts) > 1)):
                break
            count += 1
        # A heading stands alone above its paragraph.
        if count == len(parts) or count >= 3:
            return count
        return 0

    def _paragraph(self, part: list[Line], *, may_be_heading: bool) -> Block:
        words = self._joiner.join(part)
        if self._speakers and (spoken := speaker_of(words, self._speakers)):
            name, start = spoken
            return Paragraph(self._inline(words[start:]), speaker=name)
        language = self._other_language(words)
        if may_be_heading and self._looks_like_heading(part, words):
            return Heading(self._inline(words), language=language)
        return Paragraph(self._inline(words), language=language)

    def _looks_like_heading(self, part: list[Line], words: str) -> bool:
        if len(words) > 100 or len(part) > 2 or words[0].islower():
            return False
        if ends_sentence(words) and not words.endswith("?"):
            return False
        if len(words.split()) > (_MANY_WORDS_IN_CAPS if is_caps(words) else _MANY_WORDS):
            return False
        if _ADDRESS.search(words) or _INNER_STOP.search(words) or _STATEMENT.match(words):
            return False
        if is_advisory_field(words) or is_schedule_line(words):
            return False
        if not any(letter.isalpha() for letter in words):
            return False
        is_set_apart = is_caps(words) or self._page.is_centred(part[0])
        if self._is_spoken or words.endswith((":", ";", ",", "：", "--", "—")):
            return is_set_apart and not words.endswith((",", ";", "--", "—"))
        return words[0] not in _OPENING_QUOTES + "([" and not contacts.is_reachable(words)

    def _centred(self, group: list[Line]) -> Block:
        words = self._joiner.join(group)
        if (
            len({is_caps(line.words) for line in group}) == 1
            and is_caps(words)
            and len(words) < 200
        ):
            return Heading(self._inline(words))
        return Lines(tuple(self._inline(line.words) for line in group))

    def _is_quotation(self, group: list[Line]) -> bool:
        """Set in from the margin as a whole, and opening with a quotation mark."""
        if len(group) == 1 or group[0].words[0] not in _OPENING_QUOTES:
            return False
        indents = {line.indent for line in group}
        return len(indents) == 1 and min(indents) >= self._base_indent + 4

    def _quotation(self, group: list[Line]) -> Quotation:
        return Quotation((Paragraph(self._inline(self._joiner.join(group))),))

    def _table(self, group: list[Line]) -> Table | None:
        """Columns kept apart by tabs or bars, or three and more by wide gaps."""
        if all("|" in line.words for line in group):
            rows = [
                [cell.strip() for cell in line.words.strip("| ").split("|")]
                for line in group
                if not furniture.is_rule(line.words.replace("|", "").replace(" ", "") or "---")
            ]
            is_sure = True
        elif all("\t" in line.text.strip() or "   " in line.text.strip() for line in group):
            rows = [[cell.words for cell in cells(line, self._text)] for line in group]
            is_sure = all("\t" in line.text.strip() for line in group)
        else:
            return None
        counts = {len(row) for row in rows}
        if len(counts) != 1 or counts.pop() < (2 if is_sure else 3) or len(rows) < 2:
            return None
        inline = [tuple(self._inline(cell) for cell in row) for row in rows]
        has_header = not any(letter.isdigit() for letter in "".join(rows[0]))
        return Table(inline[0], tuple(inline[1:])) if has_header else Table((), tuple(inline))

    def _inline(self, words: str) -> Inline:
        return linked(words)

    def _other_language(self, words: str) -> str | None:
        return differs_in_script(words, self._language) if self._language else None

    def _settled(self, blocks: list[Block]) -> Iterator[Block]:
        """Headings that follow each other are no headings: a list without bullets, or verse."""
        for position, block in enumerate(blocks):
            following = blocks[position + 1] if position + 1 < len(blocks) else None
            before = blocks[position - 1] if position else None
            if isinstance(block, Heading) and not is_caps(plain(block.runs)):
                neighbours = (before, following)
                if following is None or sum(isinstance(near, Heading) for near in neighbours) > 1:
                    yield Paragraph(block.runs, language=block.language)
                    continue
            yield block


def _unquoted(line: Line) -> Line:
    words = _QUOTED.sub("", line.words)
    return Line(line.start, line.end, words, words or ">", line.after_blank, line.after_page)

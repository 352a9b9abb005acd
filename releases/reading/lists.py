"""Bullets and numbers at the beginning of lines."""

from bisect import bisect_right
from dataclasses import dataclass

from releases.blocks import Block, Inline, Listing
from releases.reading.lines import Line, Page
from releases.reading.prose import BULLET, NUMBERED, ends_sentence, has_no_room

_DASHES = "-–—*+"


@dataclass(frozen=True, slots=True)
class Item:
    """One item on its way into a list; `number` is None for a bullet."""

    runs: Inline
    number: int | None


@dataclass(slots=True)
class ItemLines:
    """The lines of one item; its words begin at `cut` of the joined lines."""

    lines: list[Line]
    cut: int
    number: int | None


class Numbering:
    """Which numbers that begin lines count something: 1 where a 2 follows, then each next."""

    def __init__(self, lines: list[Line]) -> None:
        self._twos = [line.start for line in lines if _number(line.words) == 2]
        self._last = 0

    def accepts(self, line: Line) -> int | None:
        """The number that the line begins with, if it goes on counting."""
        number = _number(line.words)
        if number is None:
            return None
        is_first = number == 1 and bisect_right(self._twos, line.start) < len(self._twos)
        if not is_first and not (self._last and number == self._last + 1):
            return None
        self._last = number
        return number


def _number(words: str) -> int | None:
    if not words[0].isdigit() and words[0] != "(":
        return None
    match = NUMBERED.match(words)
    return int(match["number"]) if match and match["number"].isdigit() else None


def items_of(
    group: list[Line], numbering: Numbering, page: Page
) -> tuple[list[Line], list[ItemLines]]:
    """The lines of a group before its first item, and its items with the lines that go on."""
    lead: list[Line] = []
    items: list[ItemLines] = []
    width = 0
    for position, line in enumerate(group):
        words = line.words
        bullet = BULLET.match(words) if not words[0].isalnum() or words[0] == "o" else None
        if bullet and position and not items and _is_wrapped_dash(group[position - 1], line, page):
            bullet = None
        if bullet:
            items.append(ItemLines([line], bullet.end(), None))
        elif (number := numbering.accepts(line)) is not None:
            match = NUMBERED.match(words)
            items.append(ItemLines([line], match.end() if match else 0, number))
        elif items and _continues(items[-1].lines[-1], line, items[-1].lines[0]):
            items[-1].lines.append(line)
        elif items:
            # A paragraph that follows the list without a blank line is taken as its last item's.
            items[-1].lines.append(line)
        else:
            lead.append(line)
        width = max(width, len(words))
    return lead, items


def _continues(before: Line, line: Line, first: Line) -> bool:
    return line.indent > first.indent or not ends_sentence(before.words)


def _is_wrapped_dash(before: Line, line: Line, page: Page) -> bool:
    """A dash in the middle of a sentence that came to stand at the beginning of a line."""
    if line.words[0] not in _DASHES or ends_sentence(before.words) or before.words.endswith(":"):
        return False
    return (
        page.is_wrapped
        and has_no_room(before, line, min(page.width, 100))
        and (line.indent <= before.indent)
    )


def collect(blocks: list[Block | Item]) -> list[Block]:
    """Items that follow each other become one list."""
    found: list[Block] = []
    pending: list[Item] = []
    for block in [*blocks, None]:
        if isinstance(block, Item) and _belongs(block, pending):
            pending.append(block)
            continue
        if pending:
            found.append(_listing(pending))
            pending = []
        if isinstance(block, Item):
            pending = [block]
        elif block is not None:
            found.append(block)
    return found


def _belongs(item: Item, pending: list[Item]) -> bool:
    if not pending:
        return True
    last = pending[-1].number
    return item.number is None if last is None else item.number == last + 1


def _listing(items: list[Item]) -> Listing:
    first = items[0].number
    runs = tuple(item.runs for item in items)
    return Listing(runs) if first is None else Listing(runs, is_ordered=True, start=first)

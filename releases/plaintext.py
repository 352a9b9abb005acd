"""The text part: a release's body as plain text, wrapped for people who read in a terminal.

72 columns, East Asian wide characters counted as two (UAX #11); a URL is never broken, no line
ends in a blank. Quoted passages are indented rather than marked with ">", which mail clients
take for an earlier message and fold away. A link's target stands in angle brackets after its
words (RFC 3986, appendix C), unless the words are the target.
"""

import functools
import re
import unicodedata
from collections.abc import Iterator
from itertools import zip_longest
from typing import Final, assert_never

from releases.content import (
    Block,
    Break,
    Content,
    Heading,
    Inline,
    Lines,
    Listing,
    Paragraph,
    Quotation,
    Table,
)
from releases.links import says_its_target, uri

COLUMNS: Final = 72
QUOTE_INDENT: Final = "    "
THEMATIC_BREAK: Final = "* * *"

# White space where a line may end: not the no-break spaces.
_BREAKS: Final = re.compile(r"[^\S\xa0\u2007\u202f]+")
# Chinese and Japanese break between characters, but no line begins with a closing mark or ends
# with an opening one (JIS X 4051, much reduced). Hangul breaks at spaces.
_IDEOGRAPH: Final = (
    "\u2e80-\u2fff\u3003-\u3007\u3012\u3013\u3020-\u30fa\u3105-\u312f\u3190-\u4dbf\u4e00-\u9fff"
    "\uf900-\ufaff\uff10-\uff19\uff21-\uff3a\uff41-\uff5a\U0001b000-\U0001b16f\U00020000-\U0003ffff"
)
_OPENING: Final = "（「『【《〈〔｛［“‘"
_CLOSING: Final = "、。，．：；！？）」』】》〉〕｝］…—·・ーー々”’％"
_PIECE: Final = re.compile(
    rf"<[!-~]+>[{_CLOSING}]*|https?://[!-~]+[{_CLOSING}]*"
    rf"|[{_OPENING}(\[]*[{_IDEOGRAPH}][{_CLOSING})\],.;:!?]*"
    rf"|[{_OPENING}]*[^{_IDEOGRAPH}{_OPENING}{_CLOSING}]+[{_CLOSING}]*"
    r"|.",
    re.DOTALL,
)
_HAS_IDEOGRAPH: Final = re.compile(f"[{_IDEOGRAPH}]")


def columns(text: str) -> int:
    """How many columns of a terminal the text takes."""
    return len(text) if text.isascii() else sum(map(_character_columns, text))


def wrap(text: str, first: str = "", rest: str = "") -> str:
    """The text in lines of at most COLUMNS, unless a single word is wider.

    The first line begins with `first`, the others with `rest`.
    """
    lines: list[str] = []
    line, used, is_empty = [first], columns(first), True
    for glue, piece in _pieces(text):
        width = columns(piece)
        if not is_empty and used + len(glue) + width > COLUMNS:
            lines.append("".join(line))
            line, used, is_empty = [rest], columns(rest), True
        if not is_empty and glue:
            line.append(glue)
            used += 1
        line.append(piece)
        used += width
        is_empty = False
    lines.append("".join(line).rstrip())
    return "\n".join(lines)


def underlined(text: str, mark: str = "-") -> str:
    """The lines with a rule below them, as wide as the widest."""
    return text + "\n" + mark * min(COLUMNS, max(map(columns, text.split("\n"))))


def body_text(content: Content) -> str:
    """The release's body; blocks are parted by an empty line."""
    blocks = ("\n".join(_block(block, content.language)) for block in content.body)
    return "\n\n".join(filter(None, blocks))


def line_text(runs: Inline) -> str:
    """The words of an inline text, unwrapped, each link followed by its target."""
    return "".join(
        f"{run.text} <{uri(run.href)}>"
        if run.href and not says_its_target(run.text, run.href)
        else run.text
        for run in runs
    )


def with_colon(label: str, language: str | None) -> str:
    """A label as it introduces what follows: "Change what you get:", in Chinese with "："."""
    if label.endswith((":", "：")):
        return label
    match (language or "").lower().partition("-")[0]:
        case "zh" | "ja":
            return f"{label}："
        case "fr":
            return f"{label}\xa0:"
        case _:
            return f"{label}:"


def _block(block: Block, language: str | None) -> Iterator[str]:
    match block:
        case Paragraph():
            yield _paragraph(block, language)
        case Heading(runs, level):
            heading = wrap(line_text(runs))
            yield underlined(heading) if level == 2 else heading
        case Listing():
            yield from _items(block)
        case Quotation(paragraphs):
            yield "\n\n".join(_paragraph(part, language, QUOTE_INDENT) for part in paragraphs)
        case Lines(lines):
            for line in lines:
                yield wrap(line_text(line), rest="  ")
        case Table():
            yield from _table(block)
        case Break():
            yield THEMATIC_BREAK
        case _:
            assert_never(block)


def _paragraph(paragraph: Paragraph, language: str | None, indent: str = "") -> str:
    text = line_text(paragraph.runs)
    if paragraph.speaker:
        text = f"{with_colon(paragraph.speaker, paragraph.language or language)} {text}"
    return wrap(text, indent, indent)


def _items(listing: Listing) -> Iterator[str]:
    last = listing.start + len(listing.items) - 1
    for number, item in enumerate(listing.items, listing.start):
        mark = f"{number:>{len(str(last))}}. " if listing.is_ordered else "* "
        yield wrap(line_text(item), mark, " " * len(mark))


def _table(table: Table) -> Iterator[str]:
    """Aligned columns where they fit; else each row as lines of "heading: value"."""
    head = [_cell(cell) for cell in table.header]
    rows = [[_cell(cell) for cell in row] for row in table.rows]
    count = max(map(len, (head, *rows)))
    every = [row + [""] * (count - len(row)) for row in ([head] if head else []) + rows]
    widths = [max(columns(row[place]) for row in every) for place in range(count)]
    if sum(widths) + 2 * (count - 1) <= COLUMNS:
        if head:
            every.insert(1, ["-" * width for width in widths])
        yield from (_aligned(row, widths) for row in every)
        return
    for number, row in enumerate(rows):
        if number:
            yield ""
        for name, value in zip_longest(head, row, fillvalue=""):
            if value:
                yield wrap(f"{name}: {value}" if name else value, rest="  ")


def _cell(runs: Inline) -> str:
    return " ".join(line_text(runs).split())


def _aligned(row: list[str], widths: list[int]) -> str:
    padded = (cell + " " * (width - columns(cell)) for cell, width in zip(row, widths, strict=True))
    return "  ".join(padded).rstrip()


def _pieces(text: str) -> Iterator[tuple[str, str]]:
    """What must stay together, each with the blank before it, if there was one."""
    words = text.split() if text.isascii() else filter(None, _BREAKS.split(text))
    if not _HAS_IDEOGRAPH.search(text):
        for word in words:
            yield " ", word
        return
    for word in words:
        glue = " "
        for piece in _PIECE.findall(word):
            yield glue, piece
            glue = ""


@functools.lru_cache(maxsize=65536)
def _character_columns(character: str) -> int:
    if unicodedata.category(character) in {"Mn", "Me", "Cf"}:
        return 0
    return 2 if unicodedata.east_asian_width(character) in "WF" else 1

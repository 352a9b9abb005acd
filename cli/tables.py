"""Plain tables for terminals: columns of text that line up in any script."""

import unicodedata
from collections.abc import Sequence

from cli.errors import one_line


def table(header: Sequence[str], rows: Sequence[Sequence[str]], *, numbers: int = 0) -> str:
    """Header and rows as lines of text; the last `numbers` columns stand to the right."""
    lines = [[one_line(cell) for cell in row] for row in (header, *rows)]
    widths = [max(width(cell) for cell in column) for column in zip(*lines, strict=True)]
    first_number = len(widths) - numbers
    return "\n".join(
        "  ".join(
            _padded(cell, widths[place], to_the_right=place >= first_number)
            for place, cell in enumerate(line)
        ).rstrip()
        for line in lines
    )


def width(text: str) -> int:
    """How many cells of a terminal the text takes (UAX #11; marks take none)."""
    return sum(
        0
        if unicodedata.category(character) in {"Mn", "Me", "Cf"}
        else 2
        if unicodedata.east_asian_width(character) in "WF"
        else 1
        for character in text
    )


def _padded(cell: str, cells: int, *, to_the_right: bool) -> str:
    padding = " " * (cells - width(cell))
    return padding + cell if to_the_right else cell + padding


def shortened(text: str, cells: int) -> str:
    """The text on one line, in at most so many cells of a terminal."""
    line = one_line(" ".join(text.split()))
    if width(line) <= cells:
        return line
    kept, used = "", 1
    for character in line:
        used += width(character)
        if used > cells:
            break
        kept += character
    return f"{kept.rstrip()}…"

"""Hard-wrapped lines as paragraphs again."""

import re
from functools import cached_property

from releases.reading.lines import Line, Page, is_caps, join_words
from releases.reading.prose import ends_sentence, has_no_room, is_joined, is_prose, is_unspaced

_HYPHEN = re.compile(r"[^\W\d_][-‐]$")
_WORDS_LIMIT = 500_000


class Joiner:
    """Joins lines; a hyphen at a line's end goes only where the text shows the word whole."""

    def __init__(self, text: str) -> None:
        self._text = text

    def join(self, lines: list[Line]) -> str:
        """The words of the lines as one paragraph."""
        if len(lines) == 1:
            return lines[0].words
        first = lines[0].words
        joined = [first]
        last, was_hyphenated = first, lines[0].hyphenated
        for line in lines[1:]:
            words = line.words
            if was_hyphenated:
                joined.append(words)
            elif last[-1] in "-‐" and words[0].islower() and _HYPHEN.search(last[-2:]):
                self._append_hyphenated(joined, words)
            elif last[-1] < "\u2e80":
                joined.append(" " + words)
            else:
                joined.append(join_words(last, words)[len(last) :])
            last, was_hyphenated = words, line.hyphenated
        return "".join(joined)

    def _append_hyphenated(self, joined: list[str], words: str) -> None:
        """recon-/struction becomes one word where that word stands elsewhere; non-/voting stays."""
        start = joined[-1].rsplit(maxsplit=1)[-1]
        end = words.split(maxsplit=1)[0]
        whole = (start[:-1] + end).strip(".,;:!?\"'”’)(“‘").lower()
        if whole in self._vocabulary:
            joined[-1] = joined[-1][:-1]
        joined.append(words)

    @cached_property
    def _vocabulary(self) -> frozenset[str]:
        return frozenset(re.findall(r"[^\W\d_]+", self._text[:_WORDS_LIMIT].lower()))


def is_plain_paragraph(group: list[Line]) -> bool:
    """Full lines that begin with letters at the margin: nearly every group of a long text.

    A shortcut: the rules for lists, tables, verse and quotations would all say the same.
    """
    last = group[-1]
    if len(group) == 1:
        words = last.words
        return (len(words) > 100 or words[-1] == ".") and words[0].isalpha() and words[:2] != "o "
    width = 0
    for line in group:
        words = line.words
        if not words[0].isalpha() or words[:2] == "o ":
            return False
        width = max(width, len(words))
    least = width * 0.82
    for line in group[1:]:
        if line.text[0].isspace():
            return False
    for line in group[:-1]:
        if len(line.words) <= least:
            return False
    is_text = len(last.words) > 40 or last.words[-1] == "."
    return is_text and width > 40 and len(last.words) == len(last.text)


def breaks(group: list[Line], page: Page) -> list[list[Line]]:
    """A group parted where its lines were parted on purpose: at indents and between unlike lines.

    Hard-wrapped lines stay together. Lines that are short throughout (an address, a schedule)
    come back one by one.
    """
    if len(group) == 1:
        return [group]
    width = max(len(line.words) for line in group)
    base = min(line.indent for line in group)
    indented = [line.indent >= base + 2 for line in group]
    is_first_line_indented = sum(indented) * 2 <= len(group)
    parts = [[group[0]]]
    for position in range(1, len(group)):
        before, line = group[position - 1], group[position]
        is_new = False
        if is_first_line_indented and indented[position] and not indented[position - 1]:
            is_new = ends_sentence(before.words) or not has_no_room(before, line, width)
        if not is_new and not _is_wrapped(before, line, width, page):
            is_new = True
        if is_new:
            parts.append([line])
        else:
            parts[-1].append(line)
    return parts


def _is_wrapped(before: Line, line: Line, width: int, page: Page) -> bool:
    """Whether the break between two lines is only the end of the paper."""
    if before.hyphenated:
        return True
    if not page.is_wrapped:
        return len(before.words) > 40 and line.words[0].islower()
    if is_joined(before.words, line.words):
        return True
    if is_caps(before.words) != is_caps(line.words) and len(before.words) < width * 0.8:
        return False
    if is_unspaced(before.words):
        return not ends_sentence(before.words) or has_no_room(before, line, width)
    if width < min(50, page.width * 0.55) and not is_prose(f"{before.words} {line.words}"):
        return False
    return has_no_room(before, line, width)

"""Texts that a mail programme quoted as a whole: every line begins with >."""

import re

from releases.reading.lines import Line

_QUOTE = re.compile(r"^\s*(?:>\s?)+")
_SAMPLE = 200


def unquoted(lines: list[Line]) -> list[Line]:
    """The lines without the marks of quotation, when nearly all have one."""
    head = lines[:_SAMPLE]
    marked = sum(line.words[0] == ">" for line in head)
    if len(head) < 4 or head[0].words[0] != ">" or marked * 3 < len(head) * 2:
        return lines
    found: list[Line] = []
    after_blank = True
    for line in lines:
        text = _QUOTE.sub("", line.text)
        words = " ".join(text.split())
        after_blank = after_blank or line.after_blank
        if words:
            start = line.start + len(line.text) - len(text)
            found.append(Line(start, line.end, text, words, after_blank, line.after_page))
        after_blank = not words
    return found

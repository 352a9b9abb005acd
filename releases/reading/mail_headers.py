"""The headers of a mail, and of those it passes on, that were pasted above a release."""

import re
from dataclasses import dataclass

from releases.reading import furniture
from releases.reading.lines import Line
from releases.reading.segments import segment
from releases.reading.spans import Label

_CLOCK = re.compile(r"([A-Z][a-z]{2} +\d{1,2}) \d\d:\d\d(?::\d\d)?(?: [A-Z]{3,4})?( (?:19|20)\d\d)")
_LONGEST = 30
"""Lines of one mail's headers."""
_NOTE = 8
"""Lines that somebody may write above what they pass on."""
_TELLING = (Label.KIND, Label.RELEASE_LINE, Label.NUMBER, Label.OFFICE, Label.SERIES)


@dataclass(slots=True)
class MailHeaders:
    """What the mails above a release say of it, and how many lines they take."""

    count: int = 0
    subject: str | None = None
    date: str | None = None


def read_mail_headers(lines: list[Line]) -> MailHeaders:
    """From, Date, Subject … at the very top, down to those of the mail passed on last."""
    found = MailHeaders()
    while block := _block(lines, found.count):
        found.count += len(block)
        _read(block, found)
        found.count = _next_mail(lines, found.count)
    return found


def _block(lines: list[Line], start: int) -> list[tuple[str, str]]:
    """Name and value of consecutive header lines, when at least two stand together."""
    block: list[tuple[str, str]] = []
    if start < len(lines) and furniture.is_forwarding_mark(lines[start].words):
        block.append(("", ""))
    for index in range(start + len(block), min(start + _LONGEST, len(lines))):
        line = lines[index]
        header = furniture.mail_header(line.words)
        if block and block[-1][0] and line.after_blank:
            break
        if header is None and not (block and _goes_on(lines, index)):
            break
        block.append(header or ("", line.words))
    names = {name for name, _ in block if name}
    is_mail = any(furniture.is_subject(name) for name in names) or (
        any("@" in value for _, value in block) and len(names) > 1
    )
    return block if len(block) >= 2 and names and is_mail else []


def _goes_on(lines: list[Line], index: int) -> bool:
    """Whether a line is the rest of a long list of addressees: another header follows soon."""
    for line in lines[index + 1 : index + 5]:
        if line.after_blank:
            return False
        if furniture.mail_header(line.words):
            return "@" in lines[index].words or ";" in lines[index].words
    return False


def _read(block: list[tuple[str, str]], found: MailHeaders) -> None:
    for name, value in block:
        if furniture.is_subject(name) and value:
            found.subject = furniture.without_reply_marks(value) or found.subject
        elif furniture.is_mail_date(name):
            found.date = _CLOCK.sub(r"\1,\2", value)


def _next_mail(lines: list[Line], start: int) -> int:
    """Where the next mail's headers begin, if only a short note stands above them."""
    for index in range(start, min(start + _NOTE, len(lines))):
        if _block(lines, index):
            return index
        parts = segment(lines[index].words) or ()
        if len(lines[index].words) > 300 or any(part.label in _TELLING for part in parts):
            break
    return start

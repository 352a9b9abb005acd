"""Tables of text as people export them: which encoding, which delimiter, which line is which.

Reads in bounded memory, whatever is in the file. What cannot be read is a Fault with its line
number, and reading goes on behind it: a quote that nobody closed costs its own line, not the
rest of the file (RFC 4180 has no better idea).
"""

import codecs
import csv
import io
import re
import shutil
import tempfile
from collections import deque
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import BinaryIO, Final, TextIO

from subscribers.import_columns import is_email_column

LINE_MAX_CHARACTERS: Final = 65_536
RECORD_MAX_LINES: Final = 50
"""A quoted cell may hold line breaks; a record of more lines has a quote that is not closed."""
SHOWN_MAX_CHARACTERS: Final = 60
DELIMITERS: Final = (",", ";", "\t")
_MAILBOX: Final = re.compile(r'"\s*<[^<>"]*@[^<>"]*>')
_SCAN_OCTETS: Final = 1 << 18
_BOMS: Final = (
    # UTF-32's little-endian mark begins with that of UTF-16.
    (codecs.BOM_UTF32_LE, "utf-32", "UTF-32"),
    (codecs.BOM_UTF32_BE, "utf-32", "UTF-32"),
    (codecs.BOM_UTF8, "utf-8-sig", "UTF-8"),
    (codecs.BOM_UTF16_LE, "utf-16", "UTF-16"),
    (codecs.BOM_UTF16_BE, "utf-16", "UTF-16"),
)


_OTHER_FILES: Final = (
    (b"PK\x03\x04", "this is an Excel workbook or another zip file: save it as CSV"),
    (b"\xd0\xcf\x11\xe0", "this is an Excel workbook of the old kind: save it as CSV"),
    (b"%PDF-", "this is a PDF: a table of subscribers is a CSV file"),
    (b"\x1f\x8b", "this is a gzip file: unpack it first"),
    (b"\x89PNG", "this is a picture: a table of subscribers is a CSV file"),
    (b"\xff\xd8\xff", "this is a picture: a table of subscribers is a CSV file"),
    (b"\x7fELF", "this is a program: a table of subscribers is a CSV file"),
)


def shown(text: str) -> str:
    """The text in quotes, short, on one line."""
    if not text:
        return ""
    cut = text[:SHOWN_MAX_CHARACTERS]
    safe = "".join(character if character.isprintable() else "\ufffd" for character in cut)
    return f"“{safe}{'…' if len(text) > len(cut) else ''}”"


class TableError(Exception):
    """A file that is no table at all; one plain line."""


@dataclass(frozen=True, slots=True)
class Fault:
    """Why a line (from 1) is not taken, and the piece of it that shows it."""

    line: int
    reason: str
    value: str = ""
    is_bad: bool = True
    """False where nothing is wrong with the line, and it is left alone for what it says."""


@dataclass(frozen=True, slots=True)
class Encoding:
    """How a file's octets are read; `note` is for people where it was a guess."""

    codec: str
    note: str | None = None


Record = tuple[int, list[str]]
"""The line on which a record begins, and its cells."""


class Table:
    """A table's columns as it names them, and its records one by one."""

    def __init__(self, stream: BinaryIO) -> None:
        """Read the header; raises TableError when there is none."""
        seekable = stream if stream.seekable() else _spooled(stream)
        _refuse_other_files(seekable)
        self.encoding = detect_encoding(seekable)
        text = io.TextIOWrapper(
            seekable, encoding=self.encoding.codec, errors=_errors(self.encoding), newline=""
        )
        self._lines = _Lines(text)
        self.columns, delimiter = _header(self._lines)
        self._reader = csv.reader(
            self._lines, delimiter=delimiter, skipinitialspace=True, strict=True
        )

    def __iter__(self) -> Iterator[Record | Fault]:
        """The records with something in them, and what is wrong with others."""
        lines, reader = self._lines, self._reader
        while True:
            lines.begin_record()
            try:
                cells = next(reader)
            except StopIteration:
                return
            except (csv.Error, _Unreadable) as error:
                yield self._fault(error)
                continue
            if any(cells):
                yield lines.first, cells

    def _fault(self, error: Exception) -> Fault:
        """What is wrong with the record begun; reading goes on with its second line."""
        first, count = self._lines.first, self._lines.go_back()
        if isinstance(error, _Unreadable) and count == 1:
            return Fault(first, str(error))
        if count == 1 and not str(error).startswith("unexpected end"):
            if _MAILBOX.search(self._lines.first_text):
                return Fault(first, "a name stands before the address: give the bare address")
            # On one line nothing else is left of what csv complains about.
            return Fault(
                first,
                "a cell goes on after its closing quote: put all of it in quotes, and write a "
                "quote inside it twice",
            )
        where = "" if count == 1 else f" (looked for its end up to line {first + count - 1})"
        return Fault(first, f"a quote is opened on this line and not closed{where}")


def detect_encoding(stream: BinaryIO) -> Encoding:
    """UTF-8 or what the byte order mark says, else a guess; the stream is at its beginning after.

    Windows-1252 is what a file is that has octets above 127 and makes no sense as UTF-8. One
    that makes sense but for a few lines is UTF-8, and those lines are faults.
    """
    head = stream.read(4)
    stream.seek(0)
    for mark, codec, _ in _BOMS:
        if head.startswith(mark):
            return Encoding(codec)
    if len(head) == 4 and head[1] == head[3] == 0:
        return Encoding("utf-16-le", "has no byte order mark; read as UTF-16, little-endian")
    if len(head) == 4 and head[0] == head[2] == 0:
        return Encoding("utf-16-be", "has no byte order mark; read as UTF-16, big-endian")
    good = bad = 0
    decoder = codecs.getincrementaldecoder("utf-8")("surrogateescape")
    while block := stream.read(_SCAN_OCTETS):
        if block.isascii() and not decoder.getstate()[0]:
            continue
        text = decoder.decode(block)
        wrong = sum(1 for character in text if "\udc80" <= character <= "\udcff")
        bad += wrong
        good += sum(1 for character in text if character > "\x7f") - wrong
    stream.seek(0)
    if bad > good:
        return Encoding("windows-1252", "is not UTF-8; read as Windows-1252")
    return Encoding("utf-8")


def _refuse_other_files(stream: BinaryIO) -> None:
    """Raise TableError for what begins like a file of another kind; else back to its beginning."""
    head = stream.read(8)
    stream.seek(0)
    for mark, why in _OTHER_FILES:
        if head.startswith(mark):
            raise TableError(why)


def _errors(encoding: Encoding) -> str:
    return "replace" if encoding.codec.startswith(("utf-16", "utf-32")) else "surrogateescape"


def _spooled(stream: BinaryIO) -> BinaryIO:
    """A pipe's content in a file that can be read twice."""
    spool = tempfile.TemporaryFile()  # noqa: SIM115 (it lives as long as the table)
    shutil.copyfileobj(stream, spool)
    spool.seek(0)
    return spool


class _Unreadable(Exception):
    """A line that is too long, or a record of too many lines."""


@dataclass(frozen=True, slots=True)
class _LongLine:
    length: int


class _Lines:
    """The physical lines, of which those of the record being read can be given again."""

    def __init__(self, text: TextIO) -> None:
        self._readline = text.readline
        self._again: deque[str | _LongLine] = deque()
        self._record: list[str | _LongLine] = []
        self._given = 0
        self.first = 1

    def begin_record(self) -> None:
        """The next line is a record's first."""
        self._record.clear()
        self.first = self._given + 1

    @property
    def first_text(self) -> str:
        """The first line of this record; nothing where it is too long to be kept."""
        first = self._record[0] if self._record else ""
        return first if isinstance(first, str) else ""

    def go_back(self) -> int:
        """Give all but the first line of this record again; returns how many lines it had."""
        count = len(self._record)
        self._again.extendleft(reversed(self._record[1:]))
        self._given -= max(count - 1, 0)
        return count

    def __iter__(self) -> "_Lines":
        return self

    def __next__(self) -> str:
        line = self._again.popleft() if self._again else self._read()
        self._given += 1
        self._record.append(line)
        if isinstance(line, _LongLine):
            raise _Unreadable(
                f"this line is longer than {LINE_MAX_CHARACTERS:,} characters ({line.length:,})"
            )
        if len(self._record) > RECORD_MAX_LINES:
            raise _Unreadable
        return line

    def _read(self) -> str | _LongLine:
        line = self._readline(LINE_MAX_CHARACTERS)
        if len(line) < LINE_MAX_CHARACTERS or line[-1] in "\r\n":
            if not line:
                raise StopIteration
            return line
        length = len(line)
        while line and line[-1] not in "\r\n":
            line = self._readline(LINE_MAX_CHARACTERS)
            length += len(line)
        return _LongLine(length)


def _header(lines: _Lines) -> tuple[tuple[str, ...], str]:
    """The names of the columns and the delimiter."""
    said: str | None = None
    for line in _until_unreadable(lines):
        text = line.strip("\r\n")
        if text[:4].lower() == "sep=" and _can_delimit(text[4:]):
            said = text[4:]  # Excel's own hint
        elif text.strip():
            return _columns(line, said)
        lines.begin_record()  # blank lines are no record of many lines
    raise TableError("the file is empty: its first line names the columns, such as email,name")


def _can_delimit(text: str) -> bool:
    return text == "\t" or (len(text) == 1 and text.isprintable() and text not in ' "')


def _until_unreadable(lines: _Lines) -> Iterator[str]:
    try:
        yield from lines
    except _Unreadable as error:
        raise TableError(
            f"this is no table of subscribers: in line {lines.first}, {error}"
        ) from None


def _columns(line: str, said: str | None) -> tuple[tuple[str, ...], str]:
    found: tuple[tuple[str, ...], str] = ((), ",")
    for delimiter in (said,) if said else DELIMITERS:
        reader = csv.reader([line], delimiter=delimiter, skipinitialspace=True)
        names = tuple(name.strip() for name in next(reader))
        if _worth(names) > _worth(found[0]):
            found = (names, delimiter)
    return found


def _worth(names: Sequence[str]) -> tuple[bool, int]:
    """How likely a line is split at the right delimiter."""
    return any(map(is_email_column, names)), len(names)

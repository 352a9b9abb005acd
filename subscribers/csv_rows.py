"""A subscriber's row in a table: from cells to values that can be kept, or what is wrong.

Also the neutralising of cells, which spreadsheets would otherwise run as formulas: an export
puts an apostrophe before `= + - @`, tab and carriage return, and an import takes it off.
"""

import functools
import re
import unicodedata
from collections.abc import Callable, Sequence
from typing import Final, NamedTuple

from babel import Locale

from mail.addresses import AddressError, parse_address
from mail.text import name_fault
from subscribers.address_words import told
from subscribers.columns import COLUMNS
from subscribers.csv_text import Fault, Record, TableError
from subscribers.models import Format

FORMATS: Final = frozenset(Format)
NOT_TO_BE_MAILED: Final = frozenset({"suspended", "suppressed", "ended"})
"""States in our own export's `state` column: who has one does not come in by another file."""
VALUE_MAX_CHARACTERS: Final = 60
_FORMULA = re.compile(r"'*[=+\-@\t\r]")
_NEUTRALISED = re.compile(r"''*[=+\-@\t\r]")
_TAG = re.compile(r"([a-z]{2,3})((?:-[a-z0-9]{1,8})*)")


class Row(NamedTuple):
    """What a row says; None where it says nothing."""

    line: int
    address: str
    address_key: str
    name: str | None
    language: str | None
    format: str | None
    outlet: str | None


def neutralised(cell: str) -> str:
    """The cell as a spreadsheet shows it without running it."""
    return f"'{cell}" if _FORMULA.match(cell) else cell


def plain_cell(cell: str) -> str:
    """The opposite of `neutralised`."""
    return cell[1:] if cell[:1] == "'" and _NEUTRALISED.match(cell) else cell


def row_reader(columns: Sequence[str]) -> Callable[[Record], Row | Fault]:
    """A reader of rows with these columns; raises TableError when `email` is not among them."""
    _check(columns)
    width = len(columns)
    email, name, language, fmt, outlet = (_place(columns, column) for column in COLUMNS)
    state = _place(columns, "state")

    def read(record: Record) -> Row | Fault:
        line, cells = record
        missing = width - len(cells)
        if missing < 0 and any(cells[width:]):
            return Fault(line, f"the row has {len(cells)} cells, and there are {width} columns")
        if missing > 0:
            cells = cells + [""] * missing
        # Cells past the last column are empty, and so is the one that absent columns read.
        cells = [*cells[:width], ""]
        given = plain_cell(cells[email].strip())
        try:
            _check_readable((given, cells[name], cells[outlet]))
            address = parse_address(given)
            _check_state(cells[state].strip().lower())
            return Row(
                line,
                str(address),
                address.key,
                _text("name", cells[name]),
                _language(cells[language].strip()),
                _format(cells[fmt].strip()),
                _text("outlet", cells[outlet]),
            )
        except AddressError as error:
            return Fault(line, told(error, given), _shown(given))
        except _Refused as error:
            return Fault(line, str(error), _shown(given), error.is_bad)

    return read


class _Refused(Exception):
    """A cell that is not taken; one plain line."""

    def __init__(self, reason: str, *, is_bad: bool = True) -> None:
        super().__init__(reason)
        self.is_bad = is_bad


def _check(columns: Sequence[str]) -> None:
    if "email" not in columns:
        found = ", ".join(_shown(column) or "“”" for column in columns[:12])
        hint = (
            " (is the first line an address already? It must name the columns: email,name)"
            if any("@" in column for column in columns)
            else ""
        )
        raise TableError(f"there is no column “email”; the columns are: {found}{hint}")
    for column in COLUMNS:
        if columns.count(column) > 1:
            raise TableError(f"there are {columns.count(column)} columns called “{column}”")


def _place(columns: Sequence[str], column: str) -> int:
    """Where the column is; -1, the empty cell at the end, when it is not there."""
    return columns.index(column) if column in columns else -1


def _check_state(state: str) -> None:
    if state in NOT_TO_BE_MAILED:
        raise _Refused(f"the file itself says that it is {state}", is_bad=False)


def _check_readable(cells: Sequence[str]) -> None:
    for cell in cells:
        if not cell.isascii() and any(
            "\udc80" <= character <= "\udcff" or character == "\ufffd" for character in cell
        ):
            raise _Refused("the row has octets that are no text in the file's encoding")


def _text(column: str, cell: str) -> str | None:
    text = plain_cell(cell).strip()
    if not text:
        return None
    fault = name_fault(text)
    if fault is not None:
        raise _Refused(fault.replace("the name", f"the {column}"))
    return text if text.isascii() else unicodedata.normalize("NFC", text)


def _format(cell: str) -> str | None:
    if not cell:
        return None
    value = cell.lower()
    if value not in FORMATS:
        raise _Refused(f"the format is {' or '.join(Format)}, not {_shown(cell)}")
    return value


@functools.lru_cache(maxsize=1024)
def _language(cell: str) -> str | None:
    """The language as a tag of BCP 47, in its usual letter case."""
    if not cell:
        return None
    tag = _TAG.fullmatch(cell.lower().replace("_", "-"))
    if tag is None or tag[1] not in _known_languages():
        raise _Refused(f"the language is a code such as en, fr or pt-BR, not {_shown(cell)}")
    primary, *rest = tag[0].split("-")
    return "-".join([primary, *(_usual_case(subtag) for subtag in rest)])


def _usual_case(subtag: str) -> str:
    """RFC 5646, section 2.1.1: scripts in title case, regions in upper case."""
    if len(subtag) == 4 and subtag.isalpha():
        return subtag.title()
    return subtag.upper() if len(subtag) == 2 else subtag


@functools.cache
def _known_languages() -> frozenset[str]:
    return frozenset(Locale("en").languages)


def _shown(text: str) -> str:
    """The text in quotes, short, on one line."""
    if not text:
        return ""
    cut = text[:VALUE_MAX_CHARACTERS]
    safe = "".join(character if character.isprintable() else "\ufffd" for character in cut)
    return f"“{safe}{'…' if len(text) > len(cut) else ''}”"

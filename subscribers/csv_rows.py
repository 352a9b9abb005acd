"""A subscriber's row in a table: from cells to values that can be kept, or what is wrong.

Also the neutralising of cells, which spreadsheets would otherwise run as formulas: an export
puts an apostrophe before `= + - @`, tab and carriage return, and an import takes it off.
"""

import functools
import json
import re
import unicodedata
from collections.abc import Callable, Mapping, Sequence
from typing import Any, Final, NamedTuple, TypeAlias

from babel import Locale

from mail.addresses import AddressError, parse_address
from mail.text import name_fault
from subscribers.address_words import told
from subscribers.columns import (
    ATTRIBUTES,
    CONSENT_DATE,
    FREQUENCY,
)
from subscribers.csv_text import Fault, Record, shown
from subscribers.import_columns import Columns, fold, names_of
from subscribers.import_standing import StandingReader
from subscribers.import_words import date_of, frequency_of
from subscribers.models import Format, Frequency

FORMATS: Final = frozenset(Format)
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
    frequency: str | None = None
    consent_source: str | None = None
    """Where and when they agreed, where the table itself says it."""
    consent_date: str | None = None


class Unconfirmed(NamedTuple):
    """A row of somebody who has not confirmed: it may come in, but does not begin by that."""

    row: Row
    why: Fault
    """What is told where the import would let it begin."""


Read: TypeAlias = Row | Unconfirmed | Fault


def neutralised(cell: str) -> str:
    """The cell as a spreadsheet shows it without running it."""
    return f"'{cell}" if _FORMULA.match(cell) else cell


def plain_cell(cell: str) -> str:
    """The opposite of `neutralised`."""
    return cell[1:] if cell[:1] == "'" and _NEUTRALISED.match(cell) else cell


def row_reader(columns: Columns) -> Callable[[Record], Read]:
    """A reader of rows of a table with these columns."""
    width = len(columns.header)
    email, language, fmt, outlet, frequency, attributes = (
        _place(columns, said)
        for said in ("email", "language", "format", "outlet", FREQUENCY, ATTRIBUTES)
    )
    names = columns.places.get("name", (-1,))
    dates, standing = columns.places.get(CONSENT_DATE, ()), StandingReader(columns)
    from_attributes = [said for said in IN_ATTRIBUTES if said not in columns.places]

    def read(record: Record) -> Read:
        line, cells = record
        missing = width - len(cells)
        if missing < 0 and any(cells[width:]):
            return Fault(line, f"the row has {len(cells)} cells, and there are {width} columns")
        if missing > 0:
            cells = cells + [""] * missing
        # Cells past the last column are empty, and so is the one that absent columns read.
        cells = [*cells[:width], ""]
        given = plain_cell(cells[email].strip())
        name = cells[names[0]] if len(names) == 1 else _joined([cells[place] for place in names])
        try:
            _check_readable((given, name, cells[outlet]))
            address = parse_address(given)
            _check_standing(standing, cells)
            row = Row(
                line,
                str(address),
                address.key,
                _text("name", name),
                _language(cells[language].strip()),
                _format(cells[fmt].strip()),
                _text("outlet", cells[outlet]),
                _frequency(cells[frequency].strip()),
                _text("consent's source", standing.source(cells)),
                next((_date(cells[place]) for place in dates if cells[place].strip()), None),
            )
            said = cells[attributes].strip()
            if said:
                row = _with_attributes(row, said, from_attributes)
        except AddressError as error:
            return Fault(line, told(error, given), shown(given))
        except _Refused as error:
            return Fault(line, str(error), shown(given), error.is_bad)
        why = standing.why_unconfirmed(cells)
        if why is None:
            return row
        return Unconfirmed(row, Fault(line, why, shown(given), is_bad=False))

    return read


class _Refused(Exception):
    """A cell that is not taken; one plain line."""

    def __init__(self, reason: str, *, is_bad: bool = True) -> None:
        super().__init__(reason)
        self.is_bad = is_bad


def _place(columns: Columns, said: str) -> int:
    """Where it is said; -1, the empty cell at the end, when it is not."""
    return columns.places.get(said, (-1,))[0]


def _check_standing(standing: StandingReader, cells: Sequence[str]) -> None:
    why = standing.why_not(cells)
    if why is not None:
        raise _Refused(why, is_bad=False)


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


def _joined(parts: Sequence[str]) -> str:
    """A name of several cells, such as the first and the last one."""
    return " ".join(filter(None, (plain_cell(part).strip() for part in parts)))


def _frequency(cell: str) -> str | None:
    if not cell:
        return None
    found = frequency_of(cell)
    if found is None:
        raise _Refused(f"how often is {', '.join(Frequency)}, not {shown(cell)}")
    return found.value


def _date(cell: str) -> str | None:
    return _text("date of consent", date_of(plain_cell(cell)))


def _with_attributes(row: Row, cell: str, wanted: Sequence[str]) -> Row:
    """The row, with what members of a JSON object say of what no column says."""
    try:
        given = json.loads(cell)
    except ValueError:
        given = None
    if not isinstance(given, dict):
        raise _Refused(f"the attributes are no object in JSON: {shown(cell)}")
    members = {fold(name): value for name, value in given.items() if isinstance(value, str)}
    found: dict[str, Any] = {}
    for said in wanted:
        value = next((members[name] for name in names_of(said) if name in members), "").strip()
        if value:
            found[said] = IN_ATTRIBUTES[said](value)
    return row._replace(**found)


def _format(cell: str) -> str | None:
    if not cell:
        return None
    value = cell.lower()
    if value not in FORMATS:
        raise _Refused(f"the format is {' or '.join(Format)}, not {shown(cell)}")
    return value


@functools.lru_cache(maxsize=1024)
def _language(cell: str) -> str | None:
    """The language as a tag of BCP 47, in its usual letter case."""
    if not cell:
        return None
    tag = _TAG.fullmatch(cell.lower().replace("_", "-"))
    if tag is None or tag[1] not in _known_languages():
        raise _Refused(f"the language is a code such as en, fr or pt-BR, not {shown(cell)}")
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


def _outlet(cell: str) -> str | None:
    return _text("outlet", cell)


IN_ATTRIBUTES: Final[Mapping[str, Callable[[str], str | None]]] = {
    "language": _language,
    "format": _format,
    "outlet": _outlet,
    FREQUENCY: _frequency,
}
"""What attributes can say, and how that is read."""

"""Tables as people have them: encodings, quotes, lines and cells, each fault by its line."""

import io
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from runtime.database import Database
from subscribers.csv_rows import neutralised, plain_cell, row_reader
from subscribers.csv_text import LINE_MAX_CHARACTERS, Fault, Table, TableError
from subscribers.import_columns import find_columns
from subscribers.importing import (
    Source,
    Totals,
)
from tests.support.importing import load, people


def lines_of(text: str | bytes) -> list[Any]:
    """The records and faults of a table, read as rows."""
    table = Table(io.BytesIO(text.encode() if isinstance(text, str) else text))
    read = row_reader(find_columns(table.columns))
    return [found if isinstance(found, Fault) else read(found) for found in table]


def test_bad_rows_by_line(database: Database) -> None:
    """Each bad row is told with its line and the reason, and the good ones are in."""
    totals, problems = load(
        database,
        "email,name,language,format\n"
        "good@example.org,Good,en,html\n"
        "no-at-sign,A,en,html\n"
        '"x@example.org","Evil\r\nBcc: victim@example.org",en,html\n'
        "y@example.org,Y,klingon,html\n"
        "z@example.org,Z,en,pdf\n"
        "w@example.org,W,en,html,more,cells\n"
        "n\x00l@example.org,N,en,html\n"
        "m@example.org,N\x00ul,en,html\n"
        f"v@example.org,{'V' * 121},en,html\n"
        ",Nobody,en,html\n"
        ",,,\n"
        "late@example.org,Late,en,html\n",
        is_confirmed=True,
    )
    assert (totals.added, totals.bad) == (2, 9)
    said = {problem.line: problem.reason for problem in problems}
    assert sorted(said) == [3, 4, 6, 7, 8, 9, 10, 11, 12]
    assert "no @" in said[3]
    assert said[4] == "the name has a line break in it"
    assert "language" in said[6]
    assert "klingon" in said[6]
    assert said[7] == "the format is html or text, not “pdf”"
    assert said[8] == "the row has 6 cells, and there are 4 columns"
    assert "invisible character" in said[10]
    assert "longer than 120" in said[11]
    assert said[12].startswith("the address is empty")
    assert set(people(database)) == {"good@example.org", "late@example.org"}


def test_a_long_line(database: Database) -> None:
    """10 MB of one line costs that line only, and is not kept in memory."""
    long = b"long@example.org," + b"x" * 10_000_000
    totals, problems = load(
        database, b"email,name\na@example.org,A\n" + long + b"\nb@example.org,B\n"
    )
    assert totals == Totals(added=2, bad=1, last_line=4)
    assert problems[0].line == 3
    assert f"longer than {LINE_MAX_CHARACTERS:,} characters (10,000,018)" in problems[0].reason


def test_a_file_of_one_long_line(database: Database) -> None:
    """10 MB without a line break are no table, and that is said."""
    with pytest.raises(TableError, match=r"line 1.* longer than 65,536 characters \(10,000,000\)"):
        load(database, b"x" * 10_000_000)


def test_a_quote_that_is_not_closed(database: Database) -> None:
    """It is reported with the line it begins on, and does not swallow the lines behind it."""
    rest = "".join(f"p{number}@example.org,P\n" for number in range(200))
    totals, problems = load(database, f'email,name\na@example.org,"A\n{rest}')
    assert (totals.added, totals.bad) == (200, 1)
    assert problems[0].line == 2
    assert "quote is opened on this line and not closed" in problems[0].reason


def test_a_cell_that_goes_on_after_its_quote(database: Database) -> None:
    """It is told from a quote that is not closed, and what to do."""
    text = 'email,name\na@example.org,"Anna" Smith\nb@example.org,"B"\n'
    totals, [problem] = load(database, text)
    assert (totals.added, totals.bad, problem.line) == (1, 1, 2)
    assert problem.reason.startswith("a cell goes on after its closing quote")
    assert "quote is opened" in load(database, 'email,name\nc@example.org,"C')[1][0].reason


def test_two_quotes_that_are_not_closed() -> None:
    """The next line's quote does not close it, and that line's own row is read."""
    found = lines_of('email,name\na@example.org,"A\nb@example.org,"B"\nc@example.org,"C\n')
    assert [(row.line, isinstance(row, Fault)) for row in found] == [
        (2, True),
        (3, False),
        (4, True),
    ]


@pytest.mark.parametrize(
    ("data", "name", "note"),
    [
        ("email,name\na@example.org,Žižka\n".encode(), "Žižka", None),
        ("email,name\na@example.org,Žižka\n".encode("utf-8-sig"), "Žižka", None),
        ("email,name\na@example.org,Žižka\n".encode("utf-16"), "Žižka", None),
        ("email;name\r\na@example.org;Žižka\r\n".encode("utf-16-le"), "Žižka", "UTF-16"),
        ("email\tname\ra@example.org\tŽižka\r".encode("windows-1252"), "Žižka", "Windows-1252"),
        (b"sep=;\nemail;name\na@example.org;x,y\n", "x,y", None),
        (b"sep=\t\r\nemail\tname\r\na@example.org\tx,y\r\n", "x,y", None),
        (b"\n" * 60 + b"email,name\na@example.org,x\n", "x", None),
        (b'\n\n"EMAIL" , Name\n"a@example.org", "x,y"\n', "x,y", None),
    ],
)
def test_encodings_and_delimiters(data: bytes, name: str, note: str | None) -> None:
    """UTF-8, UTF-16 and Windows-1252, commas, semicolons and tabs, any line ends are read."""
    source = Source(io.BytesIO(data))
    rows = list(source)
    assert [row.name for row in rows if not isinstance(row, Fault)] == [name]
    assert (note is None) == (source.note is None)
    assert note is None or note in (source.note or "")


def test_octets_that_are_no_text(database: Database) -> None:
    """In a file of UTF-8 a line in another encoding is a fault, and spoils no other name."""
    data = "email,name\na@example.org,Żółć\n".encode() + b"b@example.org,Ren\xe9\n"
    totals, problems = load(database, data)
    assert (totals.added, problems[0].line) == (1, 3)
    assert "no text in the file's encoding" in problems[0].reason
    assert people(database)["a@example.org"][0] == "Żółć"


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("", "the file is empty"),
        ("\n \n", "the file is empty"),
        ("\n" * 60, "the file is empty"),
        ("\n" * 60 + "x" * 100_000, "in line 61, this line is longer than"),
        ('sep="\n', "no column “email”"),
        ("sep= \n", "no column “email”"),
        (
            "name,address\nA,a@example.org\n",
            "no column “email”; the columns are: “name”, “address”",
        ),
        ("a@example.org\nb@example.org\n", "is the first line an address already"),
        ("email,name,email\n", "2 columns called “email”"),
    ],
)
def test_no_table(database: Database, text: str, said: str) -> None:
    """A file that is no table of subscribers is refused with what was found in it."""
    with pytest.raises(TableError, match=said):
        load(database, text)


@pytest.mark.parametrize(
    ("octets", "said"),
    [
        (
            b"PK\x03\x04\x14\x00\x06\x00",
            "this is an Excel workbook or another zip file: save it as",
        ),
        (b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1", "an Excel workbook of the old kind: save it as CSV"),
        (b"%PDF-1.7\n", "this is a PDF"),
        (b"\x1f\x8b\x08\x00", "this is a gzip file"),
        (b"\x89PNG\r\n\x1a\n", "this is a picture"),
    ],
)
def test_a_file_of_another_kind(octets: bytes, said: str) -> None:
    """What is no text is said to be what it is, and what to do with it."""
    with pytest.raises(TableError, match=said):
        lines_of(octets)


@pytest.mark.parametrize(
    ("row", "reason"),
    [
        ('"Name, X" <nm@example.org>', "a name stands before the address: give the bare address"),
        ('"Name <nm@example.org>"', "give the bare address, without a name and angle brackets"),
        ('"Na"me,x@example.org', "a cell goes on after its closing quote"),
        ("foo@@bar", "there is more than one @ in it"),
        ("jane@example", "the domain has no dot"),
        ("jane@printer.local", "no mail reaches this domain"),
        ("jane@-example.org", "there is a hyphen where none can be"),
        ("jane..doe@example.org", "there are two dots in a row"),
        ("jane\uff20example.org", "the @ is a look-alike"),
        ("jane@exa_mple.org", "the part after the @ is not the name of a domain"),
        ("@example.org", "there is nothing before the @"),
        ("jane@", "there is nothing after the @"),
    ],
)
def test_what_people_write_for_an_address(row: str, reason: str) -> None:
    """The reason is ours, in one style, and says what to write instead."""
    [fault] = lines_of(f"email\n{row}\n")
    assert isinstance(fault, Fault)
    assert fault.reason.startswith(reason)
    assert not fault.reason.endswith(".")


@given(st.text())
def test_cells_are_neutralised_and_back(cell: str) -> None:
    """No cell begins as a formula after neutralising, and import brings back what it was."""
    safe = neutralised(cell)
    assert not safe.startswith(("=", "+", "-", "@", "\t", "\r"))
    assert plain_cell(safe) == cell


@given(st.binary(max_size=300))
def test_nothing_is_beyond_reading(data: bytes) -> None:
    """Whatever the octets, a table is read to its end, or refused as no table."""
    try:
        list(Source(io.BytesIO(data)))
        list(Source(io.BytesIO(b"email,name\n" + data)))
    except TableError:
        pass

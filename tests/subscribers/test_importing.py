"""What an import promises: the good rows in, each bad one by its line, nobody brought back."""

import datetime as dt
import io
import re
from collections.abc import Iterator
from typing import Any
from zoneinfo import ZoneInfo

import pytest
import sqlalchemy as sa
from hypothesis import given
from hypothesis import strategies as st

from mail.hashing import suppression_hash
from runtime.database import Database, database_now
from subscribers import import_chunk, importing
from subscribers.changes import Change
from subscribers.commands import Wanted, save, stop_all, undo
from subscribers.consents import Via
from subscribers.csv_rows import neutralised, plain_cell, row_reader
from subscribers.csv_text import LINE_MAX_CHARACTERS, Fault, Table, TableError
from subscribers.import_chunk import Consented
from subscribers.import_columns import find_columns
from subscribers.importing import (
    Importing,
    ImportInterruptedError,
    Problem,
    Source,
    Totals,
    import_subscribers,
)
from subscribers.lists import UnknownListError, create_list
from subscribers.models import Subscriber, Subscription, SubscriptionState, Suppression

HASH_KEY = "a key for hashes that is long enough"
CONSENT = Consented("the accreditation form", "2026-01-31")


@pytest.fixture
def database(database_url: str) -> Iterator[Database]:
    database = Database(database_url)
    with database.transaction() as session:
        create_list(session, "press", "Press releases")
        create_list(session, "europe", "Europe")
    yield database
    database.dispose()


def load(
    database: Database, text: str | bytes, list_slug: str = "press", **options: Any
) -> tuple[Totals, list[Problem]]:
    """Import a table; its totals and its problems."""
    told: list[Problem] = []
    data = text.encode() if isinstance(text, str) else text
    totals = import_subscribers(
        database,
        Source(io.BytesIO(data)),
        Importing(list_slug, HASH_KEY, "import test.csv", told.append, CONSENT, **options),
    )
    return totals, told


def people(database: Database) -> dict[str, tuple[str | None, str, str, str | None]]:
    """Name, language, format and outlet by address."""
    with database.reading() as session:
        return {
            found.address: (found.name, found.language, found.format, found.outlet)
            for found in session.scalars(sa.select(Subscriber))
        }


def states(database: Database, list_slug: str = "press") -> dict[str, list[str]]:
    """The states of each address's subscriptions to a list, oldest first."""
    found: dict[str, list[str]] = {}
    with database.reading() as session:
        for address, state in session.execute(
            sa.select(Subscriber.address, Subscription.state)
            .join(Subscription, Subscription.subscriber_id == Subscriber.id)
            .where(
                Subscription.list_id
                == sa.select(importing.list_by_slug(session, list_slug).id).scalar_subquery()
            )
            .order_by(Subscription.id)
        ):
            found.setdefault(address, []).append(state)
    return found


def end(database: Database, address: str, state: str = "ended") -> None:
    """Let somebody leave every list, or be suspended."""
    with database.transaction() as session:
        person = session.scalars(sa.select(Subscriber).where(Subscriber.address == address)).one()
        for entry in session.scalars(
            sa.select(Subscription).where(Subscription.subscriber_id == person.id)
        ):
            entry.state = state
            if state == SubscriptionState.ENDED:
                entry.ended_at = database_now()
                entry.end_reason = "one-click"


def lines_of(text: str | bytes) -> list[Any]:
    """The records and faults of a table, read as rows."""
    table = Table(io.BytesIO(text.encode() if isinstance(text, str) else text))
    read = row_reader(find_columns(table.columns))
    return [found if isinstance(found, Fault) else read(found) for found in table]


def test_all_columns_come_in(database: Database) -> None:
    """Every column of the contract is kept, and without --confirmed everyone stays pending."""
    totals, problems = load(
        database,
        "Email,NAME,language,Format,outlet\n"
        'ana@example.org,"Díaz, Ana",ES,text,El Diario\n'
        "bo@example.org,,,,\n",
    )
    assert (totals, problems) == (Totals(added=2, last_line=3), [])
    assert people(database) == {
        "ana@example.org": ("Díaz, Ana", "es", "text", "El Diario"),
        "bo@example.org": (None, "en", "html", None),
    }
    assert states(database) == {"ana@example.org": ["pending"], "bo@example.org": ["pending"]}


def test_confirming(database: Database) -> None:
    """--confirmed makes new and pending subscriptions active; running it twice changes nothing."""
    load(database, "email\nana@example.org\n")
    text = "email\nana@example.org\nbo@example.org\n"
    assert load(database, text, is_confirmed=True)[0] == Totals(added=1, confirmed=1, last_line=3)
    assert load(database, text, is_confirmed=True)[0] == Totals(unchanged=2, last_line=3)
    assert load(database, text)[0] == Totals(unchanged=2, last_line=3)
    assert states(database) == {"ana@example.org": ["active"], "bo@example.org": ["active"]}


def test_fields_are_never_emptied(database: Database) -> None:
    """A cell that is empty or a column that is missing leaves what is known as it is."""
    load(database, "email,name,language,format,outlet\nana@example.org,Ana,es,text,El Diario\n")
    totals, _ = load(database, "email,name,language\nANA@example.org,,fr\n")
    assert totals == Totals(changed=1, last_line=2)
    assert people(database) == {"ana@example.org": ("Ana", "fr", "text", "El Diario")}


def test_who_left_is_not_brought_back(database: Database) -> None:
    """Who left, is suspended or suppressed is reported by line, and nothing of theirs changes."""
    text = "email,name\nleft@example.org,L\nsuspended@example.org,S\nfine@example.org,F\n"
    load(database, text, is_confirmed=True)
    end(database, "left@example.org")
    end(database, "suspended@example.org", "suspended")
    with database.transaction() as session:
        session.add(
            Suppression(
                address_hash=suppression_hash(HASH_KEY, "bounced@example.org"),
                reason="address does not exist",
            )
        )
    totals, problems = load(
        database,
        text.replace(",L", ",X").replace(",S", ",X") + "Bounced@example.org,B\n",
        is_confirmed=True,
    )
    assert totals == Totals(unchanged=1, skipped=3, last_line=5)
    assert [(problem.line, problem.is_bad) for problem in problems] == [
        (2, False),
        (3, False),
        (5, False),
    ]
    assert "left this list on" in problems[0].reason
    assert "one-click" in problems[0].reason
    assert problems[1].reason == "is suspended on the list press, and stays so"
    assert "address does not exist" in problems[2].reason
    assert states(database) == {
        "left@example.org": ["ended"],
        "suspended@example.org": ["suspended"],
        "fine@example.org": ["active"],
    }
    assert {name for name, *_ in people(database).values()} == {"L", "S", "F"}


def test_leaving_one_list_says_nothing_about_another(database: Database) -> None:
    """Who left one list can be put on another one."""
    load(database, "email\nana@example.org\n", is_confirmed=True)
    end(database, "ana@example.org")
    assert load(database, "email\nana@example.org\n", "europe")[0].added == 1


def stop(database: Database, address: str) -> Change:
    """Let somebody press "Stop all mail"."""
    with database.transaction() as session:
        person = session.scalars(sa.select(Subscriber).where(Subscriber.address == address)).one()
        return stop_all(session, person.id, Via("a test"))


def test_who_stopped_all_mail_is_on_no_new_list(database: Database) -> None:
    """Stopping everything holds for every list, also one that came later, until an undo."""
    text = "email,name\nana@example.org,Ana\nbo@example.org,Bo\n"
    load(database, text, is_confirmed=True)
    change = stop(database, "ana@example.org")
    for is_confirmed in (False, True):
        totals, [problem] = load(
            database, text.replace("Ana", "Anna"), "europe", is_confirmed=is_confirmed
        )
        assert totals.skipped == 1
        assert problem.line == 2
        assert re.fullmatch(
            r"stopped all mail on \d{4}-\d\d-\d\d, and is not brought back", problem.reason
        )
    assert states(database, "europe") == {"bo@example.org": ["active"]}
    assert people(database)["ana@example.org"][0] == "Ana"
    assert "left this list" in load(database, text)[1][0].reason
    with database.transaction() as session:
        undo(session, change.undo, Via("a test"))
    assert load(database, text, "europe", is_confirmed=True)[0].added == 1


def test_who_began_again_may_be_added(database: Database) -> None:
    """Who follows something again after having stopped all mail can be put on another list."""
    load(database, "email\nana@example.org\n", is_confirmed=True)
    change = stop(database, "ana@example.org")
    with database.transaction() as session:
        europe = importing.list_by_slug(session, "europe").id
        save(session, change.subscriber_id, Wanted(on=frozenset({europe})), Via("a test"))
        save(session, change.subscriber_id, Wanted(off=frozenset({europe})), Via("a test"))
        create_list(session, "travel", "Travel")
    assert load(database, "email\nana@example.org\n", "travel")[0].added == 1


def test_who_is_suspended_comes_onto_no_list(database: Database) -> None:
    """A suspension on one list keeps an import from adding or confirming others, by line."""
    text = "email,name\nana@example.org,Ana\nbo@example.org,Bo\n"
    load(database, text, is_confirmed=True)
    end(database, "ana@example.org", "suspended")
    end(database, "bo@example.org", "suspended")
    with database.transaction() as session:
        bo = session.scalars(sa.select(Subscriber).where(Subscriber.name == "Bo")).one()
        europe = importing.list_by_slug(session, "europe").id
        session.add(
            Subscription(subscriber_id=bo.id, list_id=europe, state="pending", source="page")
        )
    totals, problems = load(database, text.replace("Ana", "Anna"), "europe", is_confirmed=True)
    assert totals == Totals(skipped=2, last_line=3)
    assert {problem.reason for problem in problems} == {
        "is suspended on the list press, and stays so"
    }
    assert states(database, "europe") == {"bo@example.org": ["pending"]}
    assert people(database)["ana@example.org"][0] == "Ana"


def test_days_are_the_offices(database: Database) -> None:
    """The day on which somebody left is told in the press office's time zone."""
    load(database, "email\nana@example.org\n", is_confirmed=True)
    end(database, "ana@example.org")
    with database.transaction() as session:
        session.execute(
            sa.update(Subscription).values(ended_at=dt.datetime(2026, 3, 31, 22, 30, tzinfo=dt.UTC))
        )
    [problem] = load(database, "email\nana@example.org\n", zone=ZoneInfo("Europe/Brussels"))[1]
    assert "left this list on 2026-04-01" in problem.reason


def test_duplicates_within_a_file(database: Database, monkeypatch: pytest.MonkeyPatch) -> None:
    """One address in other letter case, Unicode form or IDN form is one address; also chunks on."""
    monkeypatch.setattr(importing, "CHUNK_ROWS", 2)
    totals, problems = load(
        database,
        "email\nana@example.org\nbo@example.org\nANA@Example.ORG\n"
        "jos\u00e9@example.org\njose\u0301@example.org\n"
        "p@b\u00fccher.example\np@xn--bcher-kva.example\n",
    )
    assert totals == Totals(added=4, bad=3, last_line=8)
    assert [(problem.line, problem.reason) for problem in problems] == [
        (4, "the same address as on line 2"),
        (6, "the same address as on line 5"),
        (8, "the same address as on line 7"),
    ]


def test_duplicates_against_the_database(database: Database) -> None:
    """An address known in another letter case or form is the same subscriber."""
    load(database, "email\nJos\u00e9@b\u00fccher.example\n")
    totals, _ = load(database, "email\njose\u0301@XN--BCHER-KVA.example\n")
    assert totals == Totals(unchanged=1, last_line=2)
    assert len(people(database)) == 1


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


def test_unknown_list(database: Database) -> None:
    """A list that does not exist is named, and so are those that do."""
    with pytest.raises(
        UnknownListError, match="no list is called “asia”; there are: europe, press"
    ):
        load(database, "email\na@example.org\n", "asia")


def test_a_dry_run_changes_nothing(database: Database) -> None:
    """It tells what would happen, problems included, and leaves the database as it was."""
    load(database, "email,name\nana@example.org,Ana\n")
    text = "email,name\nana@example.org,Anna\nbo@example.org,Bo\nbad\nbo@example.org,Bo\n"
    tried = load(database, text, is_dry_run=True)
    assert people(database) == {"ana@example.org": ("Ana", "en", "html", None)}
    assert load(database, text) == tried
    assert len(people(database)) == 2


def test_an_interrupted_import(database: Database, monkeypatch: pytest.MonkeyPatch) -> None:
    """A database lost in the middle keeps whole chunks; running it again does the rest."""
    monkeypatch.setattr(importing, "CHUNK_ROWS", 2)
    text = "email\n" + "".join(f"p{number}@example.org\n" for number in range(6))

    def lose_it(totals: Totals) -> None:
        if totals.added == 4:
            database.url = "sqlite:////nowhere/at/all.sqlite"
            database.dispose()

    url = database.url
    with pytest.raises(ImportInterruptedError) as caught:
        load(database, text, on_chunk=lose_it)
    assert caught.value.totals == Totals(added=4, last_line=5)
    database.url = url
    database.dispose()
    assert load(database, text)[0] == Totals(added=2, unchanged=4, last_line=7)


def test_our_own_export_says_who_is_not_to_be_mailed(database: Database) -> None:
    """A row that says it is suspended is left alone; another file's states mean nothing to us."""
    totals, problems = load(database, "email,state\na@example.org,suspended\nb@example.org,Texas\n")
    assert totals == Totals(added=1, skipped=1, last_line=3)
    assert [(problem.line, problem.is_bad) for problem in problems] == [(2, False)]


def test_somebody_signs_up_meanwhile(postgresql_url: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """Who signs up between the plan and its doing is found by another plan, and counts once."""
    database = Database(postgresql_url)
    with database.transaction() as session:
        create_list(session, "press", "Press releases")
    plan, made = import_chunk.plan, []

    def plan_slowly(*arguments: Any) -> Any:
        planned = plan(*arguments)
        if not made:
            made.append("b@example.org")
            with database.transaction() as session:
                key = suppression_hash(HASH_KEY, made[0])
                session.add(Subscriber(address=made[0], address_key=made[0], address_hash=key))
        return planned

    monkeypatch.setattr(import_chunk, "plan", plan_slowly)
    totals, problems = load(database, "email\na@example.org\nb@example.org\nc@example.org\n")
    assert (totals, problems) == (Totals(added=3, last_line=4), [])
    assert len(people(database)) == len(states(database)) == 3
    database.dispose()


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

"""What an import promises: the good rows in, each person once, and nothing by halves."""

from typing import Any

import pytest

from mail.hashing import suppression_hash
from runtime.database import Database
from subscribers import import_chunk, importing
from subscribers.importing import (
    ImportInterruptedError,
    Totals,
)
from subscribers.lists import UnknownListError, create_list
from subscribers.models import Subscriber
from tests.support.importing import HASH_KEY, load, people, states


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

"""What an import promises of those who said no, and of those who never confirmed."""

import io
from collections.abc import Iterator
from typing import Any

import pytest
import sqlalchemy as sa

from runtime.database import Database
from subscribers.exporting import export_subscribers
from subscribers.import_chunk import Consented
from subscribers.import_columns import parse_mapping
from subscribers.importing import Importing, Problem, Source, Totals, import_subscribers
from subscribers.lists import create_list
from subscribers.models import Subscriber, Subscription
from subscribers.record_models import Consent

DEFAULT = "accreditation form"
TERMS = Consented(DEFAULT, "2026-01-31")


@pytest.fixture
def database(database_url: str) -> Iterator[Database]:
    database = Database(database_url)
    with database.transaction() as session:
        create_list(session, "press", "Press releases")
        create_list(session, "again", "The same on a new installation")
    yield database
    database.dispose()


def load(
    database: Database,
    text: str,
    mapping: tuple[str, ...] = (),
    list_slug: str = "press",
    **options: Any,
) -> tuple[Totals, list[Problem]]:
    """Import a table, confirmed unless otherwise said; its totals and its problems."""
    told: list[Problem] = []
    terms = Importing(
        list_slug,
        "a key for hashes that is long enough",
        "import test.csv",
        told.append,
        TERMS,
        **({"is_confirmed": True} | options),
    )
    source = Source(io.BytesIO(text.encode()), parse_mapping(mapping))
    return import_subscribers(database, source, terms), told


def states(database: Database) -> dict[str, str]:
    """By address, the state of the subscription."""
    with database.reading() as session:
        found = session.execute(
            sa.select(Subscriber.address, Subscription.state).join(
                Subscription, Subscription.subscriber_id == Subscriber.id
            )
        )
        return {row.address: row.state for row in found}


def sources(database: Database) -> list[str]:
    """What the consent log says of where they agreed, in the order of the table."""
    with database.reading() as session:
        details = session.scalars(sa.select(Consent.detail).order_by(Consent.id))
        return [detail["source"] for detail in details]


NOES = ("no", "No", " FALSE ", "0", "n", "nein", "non", "нет", "لا", "否", "não", "✗", "withdrawn")
YESES = ("yes", "TRUE", "1", "y", "ja", "oui", "sí", "да", "نعم", "是", "x", "✓", "")


def table(column: str, cells: tuple[str, ...]) -> str:
    """A table with somebody for each cell of a column."""
    rows = "".join(f"p{number}@example.org,{cell}\n" for number, cell in enumerate(cells))
    return f"email,{column}\n{rows}"


@pytest.mark.parametrize("column", ["consent", "Consent source", "opt-in", "Accepts Marketing"])
def test_who_did_not_agree_is_left_alone(database: Database, column: str) -> None:
    """A no in any language is reported, with its line, and nothing is kept of them."""
    for is_confirmed in (True, False):
        totals, problems = load(database, table(column, NOES), is_confirmed=is_confirmed)
        assert totals == Totals(skipped=len(NOES), last_line=len(NOES) + 1)
        assert problems[0].line == 2
        assert problems[0].reason == (
            f"the file itself says that they have not agreed ({column}: “no”)"
        )
        assert not any(problem.is_bad for problem in problems)
    assert states(database) == {}


def test_a_yes_says_nothing_of_the_source(database: Database) -> None:
    """What is stated of the whole table counts; words that do say it are kept."""
    load(database, table("consent", (*YESES, "form at the fair", "n/a")))
    assert sources(database) == [*[DEFAULT] * len(YESES), "form at the fair", DEFAULT]
    assert set(states(database).values()) == {"active"}


def test_a_no_counts_in_every_column(database: Database) -> None:
    """Beside a source, a yes does not hide it, and a no is not hidden by it; nor by `--map`."""
    text = (
        "email,consent,origin\na@example.org,yes,Fair\nb@example.org,no,Fair\n"
        "c@example.org,form,Fair\n"
    )
    for mapping in ((), ("consent-source=origin",), ("consent-source=",)):
        totals, problems = load(database, text, mapping)
        assert totals.skipped == 1
        assert [problem.line for problem in problems] == [3]
    assert sources(database) == ["Fair", "form"]


def test_who_opted_out_is_left_alone(database: Database) -> None:
    """A column that asks whether they want no mail: a yes or a day there is a no."""
    cells = ("true", "2024-05-06", "X", "1", "false", "0", "no", "", "NULL")
    for column in ("HasOptedOutOfEmail", "Unsubscribed"):
        _, problems = load(database, table(column, cells))
        assert [problem.line for problem in problems] == [2, 3, 4, 5]
        assert "says that no mail goes there" in problems[0].reason
    assert sorted(states(database)) == [f"p{number}@example.org" for number in range(4, 9)]


@pytest.mark.parametrize(
    ("column", "cell"),
    [
        *(
            ("status", said)
            for said in (
                *("pending", "Unconfirmed", "not confirmed", "awaiting_confirmation"),
                *("Opt-in pending", "nicht bestätigt", "en attente", "не подтверждён", "未确认"),
            )
        ),
        ("consent", "pending"),
        ("confirmed", "no"),
        ("Double opt-in", "false"),
    ],
)
def test_who_never_confirmed_is_not_confirmed_by_an_import(
    database: Database, column: str, cell: str
) -> None:
    """With --confirmed the row is reported and left alone; without, it is pending as anybody."""
    text = f"email,{column}\na@example.org,{cell}\n"
    totals, [problem] = load(database, text)
    assert totals == Totals(skipped=1, last_line=2)
    assert (problem.is_bad, problem.line, problem.value) == (False, 2, "“a@example.org”")
    assert (
        problem.reason == f"the file itself says that they have not confirmed ({column}: “{cell}”)"
    )
    assert states(database) == {}
    assert load(database, text, is_confirmed=False) == (Totals(added=1, last_line=2), [])
    assert states(database) == {"a@example.org": "pending"}
    assert load(database, text)[0] == Totals(skipped=1, last_line=2)
    assert states(database) == {"a@example.org": "pending"}
    assert load(database, f"email,{column}\na@example.org,confirmed\n")[0].confirmed == 1


def test_our_own_export_keeps_who_is_pending(database: Database) -> None:
    """A list brought to a new installation with --confirmed confirms nobody who had not."""
    load(database, "email\na@example.org\n")
    load(database, "email\nb@example.org\n", is_confirmed=False)
    text = io.StringIO()
    with database.reading() as session:
        export_subscribers(session, text, "press")
    totals, [problem] = load(database, text.getvalue(), list_slug="again")
    assert totals == Totals(added=1, skipped=1, last_line=3)
    assert problem.value == "“b@example.org”"

"""Nobody who left, stopped their mail or is suspended is brought back by an import."""

import datetime as dt
import re
from zoneinfo import ZoneInfo

import sqlalchemy as sa

from mail.hashing import suppression_hash
from runtime.database import Database
from subscribers import importing
from subscribers.changes import Change
from subscribers.commands import Wanted, save, stop_all, undo
from subscribers.consents import Via
from subscribers.importing import (
    Totals,
)
from subscribers.lists import create_list
from subscribers.models import Subscriber, Subscription, Suppression
from tests.support.importing import HASH_KEY, end, load, people, states


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

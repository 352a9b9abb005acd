"""What an import promises of consent and of how often mail comes: both are kept, in sets."""

from typing import Any

import pytest
import sqlalchemy as sa

from runtime.database import Database
from subscribers import import_chunk
from subscribers.changes import Change
from subscribers.commands import Wanted, save, stop_all
from subscribers.consents import Via, change_of
from subscribers.importing import Totals
from subscribers.lists import create_list
from subscribers.models import PLAN_ANEW, MailingList, Subscriber, Subscription
from subscribers.record_models import Consent
from tests.support.importing import CONSENT, load


def log(database: Database) -> list[tuple[str, str, str]]:
    """Who is on the consent log, and how and when they agreed."""
    with database.reading() as session:
        found = session.execute(
            sa.select(Subscriber.address, Consent.what, Consent.page, Consent.detail)
            .join(Consent, Consent.subscriber_id == Subscriber.id)
            .order_by(Consent.id)
        ).all()
    assert {(what, page) for _, what, page, _ in found} <= {("import", "subscribers import")}
    return [(address, detail["source"], detail["date"]) for address, *_, detail in found]


def standing(database: Database, list_slug: str = "press") -> dict[str, tuple[str, str, bool]]:
    """By address: the state, how often, and whether a digest is to be planned."""
    with database.reading() as session:
        rows = session.execute(
            sa.select(
                Subscriber.address,
                Subscription.state,
                Subscription.frequency,
                Subscriber.next_digest_at,
            )
            .join(Subscription, Subscription.subscriber_id == Subscriber.id)
            .join(MailingList, MailingList.id == Subscription.list_id)
            .where(MailingList.slug == list_slug)
        )
        found = {address: (state, often, due) for address, state, often, due in rows}
    assert {due for *_, due in found.values()} <= {None, PLAN_ANEW}
    return {address: (*rest, due is not None) for address, (*rest, due) in found.items()}


def test_who_begins_is_on_the_consent_log_once(database: Database) -> None:
    """New, joining and confirmed ones get an entry each; who was there before gets none."""
    load(database, "email\nana@example.org\n")
    load(database, "email\nana@example.org\nbo@example.org\n", is_confirmed=True)
    load(database, "email\nana@example.org\nbo@example.org\n", is_confirmed=True)
    load(database, "email\nbo@example.org\ncy@example.org\n", "europe")
    said = (CONSENT.source, CONSENT.date)
    assert log(database) == [
        ("ana@example.org", *said),
        ("ana@example.org", *said),
        ("bo@example.org", *said),
        ("bo@example.org", *said),
        ("cy@example.org", *said),
    ]
    with database.reading() as session:
        entry = session.scalars(sa.select(Consent).order_by(Consent.id)).first()
        assert entry is not None
        press = session.scalar(sa.select(MailingList.id).where(MailingList.slug == "press"))
        assert change_of(entry) == Change(
            entry.subscriber_id, entry.at, joined=(press,) if press else (), entry_id=entry.id
        )


def test_a_row_says_itself_how_and_when(database: Database) -> None:
    """A cell comes before what is stated of the whole table; quotes and accents are no matter."""
    load(
        database,
        "email,consent source,consent date\n"
        'ana@example.org,"Form ""Presse"" à Genève",2019-03-04\n'
        "bo@example.org,,\n",
    )
    assert log(database) == [
        ("ana@example.org", 'Form "Presse" à Genève', "2019-03-04"),
        ("bo@example.org", CONSENT.source, CONSENT.date),
    ]


def test_a_dry_run_logs_nothing(database: Database) -> None:
    """Nothing is on the log of what did not happen."""
    load(database, "email\nana@example.org\n", is_dry_run=True)
    assert log(database) == []


def test_how_often(database: Database) -> None:
    """Who gets digests has one to be planned, once mail may be sent to them."""
    text = (
        "email,frequency\nana@example.org,Daily\nbo@example.org,weekly\n"
        "cy@example.org,immediately\ndi@example.org,\n"
    )
    load(database, text)
    assert standing(database) == {
        "ana@example.org": ("pending", "daily", False),
        "bo@example.org": ("pending", "weekly", False),
        "cy@example.org": ("pending", "at-once", False),
        "di@example.org": ("pending", "at-once", False),
    }
    load(database, text.replace("Daily", "").replace("immediately", "weekly"), is_confirmed=True)
    assert standing(database) == {
        "ana@example.org": ("active", "daily", True),
        "bo@example.org": ("active", "weekly", True),
        "cy@example.org": ("active", "weekly", True),
        "di@example.org": ("active", "at-once", False),
    }
    load(database, "email,frequency\ndi@example.org,daily\neve@example.org,1\n", is_confirmed=True)
    assert standing(database)["di@example.org"] == ("active", "at-once", False)
    assert standing(database)["eve@example.org"] == ("active", "daily", True)
    load(database, "email,frequency\ndi@example.org,daily\n", "europe", is_confirmed=True)
    assert standing(database, "europe") == {"di@example.org": ("active", "daily", True)}


@pytest.mark.parametrize("does", ["stops all mail", "joins"])
def test_somebody_changes_meanwhile(
    does: str, postgresql_url: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Who leaves or joins between the plan and its doing is planned anew, log and report too."""
    database = Database(postgresql_url)
    with database.transaction() as session:
        create_list(session, "press", "Press releases")
        europe = create_list(session, "europe", "Europe").id
    load(database, "email\nana@example.org\nbo@example.org\n", is_confirmed=True)
    plan, done = import_chunk.plan, []

    def plan_slowly(*arguments: Any) -> Any:
        planned = plan(*arguments)
        if not done:
            with database.transaction() as session:
                ana = session.scalar(
                    sa.select(Subscriber.id).where(Subscriber.address == "ana@example.org")
                )
                assert ana is not None
                if does == "joins":
                    save(session, ana, Wanted(on=frozenset({europe})), Via("a test"))
                else:
                    stop_all(session, ana, Via("a test"))
                done.append(ana)
        return planned

    monkeypatch.setattr(import_chunk, "plan", plan_slowly)
    text = "email\nana@example.org\nbo@example.org\n"
    totals, problems = load(database, text, "europe", is_confirmed=True)
    if does == "joins":
        assert (totals, problems) == (Totals(added=1, unchanged=1, last_line=3), [])
    else:
        assert totals == Totals(added=1, skipped=1, last_line=3)
        assert "stopped all mail" in problems[0].reason
    with database.reading() as session:
        entries = session.scalars(sa.select(Consent.what).order_by(Consent.id)).all()
    own = "preferences" if does == "joins" else "stop all"
    assert entries == ["import", "import", own, "import"]
    database.dispose()

"""What changes of subscriptions promise: exact, idempotent, undoable; no suppression is lifted."""

import datetime as dt
import threading
from collections.abc import Callable, Iterator
from dataclasses import replace

import pytest
import sqlalchemy as sa

from runtime.database import Database
from subscribers.changes import Change
from subscribers.commands import (
    TooLate,
    Wanted,
    save,
    stop_all,
    undo,
    unsubscribe,
)
from subscribers.consents import By, Via, record
from subscribers.models import PLAN_ANEW, Format, Subscriber, Subscription, Suppression
from subscribers.queries import copy, profile
from subscribers.record_models import Consent
from subscribers.subscription_rows import NotOffered
from tests.support.people import SINCE, add_list, add_list_set, add_person, suppress

VIA = Via("a test")


class World:
    """Four lists and Jo, who follows two public ones and a private one."""

    def __init__(self, database: Database) -> None:
        self.database = database
        with database.transaction() as session:
            self.press = add_list(session, "press", "Press releases").id
            self.europe = add_list(session, "europe", "Europe").id
            self.travel = add_list(session, "travel", "Travel warnings").id
            desk = add_list(session, "desk", "Accredited press", is_private=True)
            self.desk = desk.id
            self.secret = add_list(session, "secret", "Pool", is_private=True).id
            lists = {one.id: one for one in session.scalars(sa.select(type(desk)))}
            followed = [lists[self.press], lists[self.europe], desk]
            self.jo = add_person(session, "jo@example.com", followed).id
            self.pair = add_list_set(session, followed[:2]).id

    def open(self) -> dict[int, str]:
        """What of Jo's has not ended: the state by list."""
        with self.database.reading() as session:
            rows = session.execute(
                sa.select(Subscription.list_id, Subscription.state).where(
                    Subscription.subscriber_id == self.jo, Subscription.state != "ended"
                )
            )
            return {row.list_id: row.state for row in rows}

    def rows(self) -> list[Subscription]:
        """All of Jo's subscriptions, the oldest first."""
        with self.database.reading() as session:
            found = list(session.scalars(sa.select(Subscription).order_by(Subscription.id)))
            session.expunge_all()
        return found

    def person(self) -> Subscriber:
        with self.database.reading() as session:
            found = session.get_one(Subscriber, self.jo)
            session.expunge(found)
        return found

    def unsubscribe(self, *only: int) -> Change:
        with self.database.transaction() as session:
            chosen = only or None
            return unsubscribe(
                session, self.jo, self.pair, reason=By.ONE_CLICK, via=VIA, only=chosen
            )

    def save(self, **wanted: object) -> Change:
        with self.database.transaction() as session:
            return save(session, self.jo, Wanted(**wanted), VIA)  # type: ignore[arg-type]

    def stop_all(self) -> Change:
        with self.database.transaction() as session:
            return stop_all(session, self.jo, VIA)

    def undo(self, change: Change) -> Change | TooLate:
        with self.database.transaction() as session:
            return undo(session, change.undo, VIA)


@pytest.fixture
def world(database_url: str) -> Iterator[World]:
    database = Database(database_url)
    yield World(database)
    database.dispose()


def test_unsubscribing_ends_the_lists_of_the_copy_and_no_other(world: World) -> None:
    """Every list that the copy came through ends, with when and why; the others go on."""
    change = world.unsubscribe()
    assert change.left == (world.press, world.europe)
    assert world.open() == {world.desk: "active"}
    ended = [row for row in world.rows() if row.state == "ended"]
    assert {(row.end_reason, row.ended_at) for row in ended} == {("one-click", change.at)}


def test_unsubscribing_twice_is_as_once(world: World) -> None:
    """A second click changes nothing, long after too."""
    world.unsubscribe()
    before = [(row.id, row.ended_at) for row in world.rows()]
    assert world.unsubscribe().is_nothing
    assert [(row.id, row.ended_at) for row in world.rows()] == before


def test_unsubscribing_from_some_of_the_lists(world: World) -> None:
    """Only the chosen ones end, and a list that the copy did not come through never does."""
    assert world.unsubscribe(world.europe, world.desk).left == (world.europe,)
    assert world.open() == {world.press: "active", world.desk: "active"}


def test_unsubscribing_someone_who_is_gone(world: World) -> None:
    """A link of a subscriber who was erased, or of lists that never were, changes nothing."""
    with world.database.transaction() as session:
        assert unsubscribe(session, 10**9, world.pair, reason=By.ONE_CLICK, via=VIA).is_nothing
        assert unsubscribe(session, world.jo, 10**9, reason=By.ONE_CLICK, via=VIA).is_nothing
    assert len(world.open()) == 3


@pytest.mark.parametrize("state", ["pending", "suspended"])
def test_unsubscribing_what_rests(world: World, state: str) -> None:
    """A subscription that is pending or suspended ends like any other, and no undo starts it."""
    with world.database.transaction() as session:
        session.execute(
            sa.update(Subscription)
            .where(Subscription.list_id == world.europe)
            .values(state=state, began_at=None if state == "pending" else SINCE)
        )
    change = world.unsubscribe()
    assert change.left == (world.press, world.europe)
    world.undo(change)
    assert world.open() == {world.press: "active", world.desk: "active"}


def test_saving_turns_lists_on_and_off(world: World) -> None:
    """Lists named on begin now, lists named off end, lists not named stay."""
    change = world.save(on=frozenset([world.travel]), off=frozenset([world.europe]))
    assert (change.joined, change.left) == ((world.travel,), (world.europe,))
    assert set(world.open()) == {world.press, world.travel, world.desk}
    begun = next(row for row in world.rows() if row.list_id == world.travel)
    assert (begun.state, begun.began_at, begun.source) == ("active", change.at, "preferences")


def test_saving_twice_is_as_once(world: World) -> None:
    """The same choice again changes nothing and begins nothing anew."""
    on, off = frozenset([world.press, world.travel]), frozenset([world.europe])
    world.save(on=on, off=off)
    before = [row.id for row in world.rows()]
    assert world.save(on=on, off=off).is_nothing
    assert [row.id for row in world.rows()] == before


def test_private_lists_can_be_left_and_not_joined(world: World) -> None:
    """A page cannot be talked into a private list; a refusal leaves everything as it was."""
    with pytest.raises(NotOffered):
        world.save(on=frozenset([world.secret]), off=frozenset([world.press]))
    assert set(world.open()) == {world.press, world.europe, world.desk}
    assert world.save(off=frozenset([world.desk])).left == (world.desk,)
    with pytest.raises(NotOffered):
        world.save(on=frozenset([world.desk]))


def test_a_list_that_is_followed_may_be_named_on(world: World) -> None:
    """Naming a private list that one is on changes nothing and is no error."""
    assert world.save(on=frozenset([world.desk, world.press])).is_nothing


def test_pending_becomes_active_and_stays_when_not_chosen(world: World) -> None:
    """Who holds a link has had mail at the address: a pending public list begins when chosen."""
    with world.database.transaction() as session:
        session.add(
            Subscription(
                subscriber_id=world.jo, list_id=world.travel, state="pending", source="import"
            )
        )
    assert world.save(off=frozenset([world.travel])).is_nothing
    change = world.save(on=frozenset([world.travel]))
    assert change.joined == (world.travel,)
    assert world.open()[world.travel] == "active"
    world.undo(change)
    assert world.travel not in world.open()


def test_suspended_is_neither_revived_nor_renewed(world: World) -> None:
    """Saving a page on which a suspended list is ticked leaves it suspended."""
    with world.database.transaction() as session:
        session.execute(sa.update(Subscription).values(state="suspended"))
    assert world.save(on=frozenset([world.press, world.europe])).is_nothing
    assert set(world.open().values()) == {"suspended"}


def test_language_and_format(world: World) -> None:
    """Both change, are said, and can be undone; a regional tag is not flattened by saving."""
    assert world.save(language="en", format="html").is_nothing
    change = world.save(language="ar", format="text")
    assert (change.language, change.format) == ("ar", Format.TEXT)
    assert (world.person().language, world.person().format) == ("ar", "text")
    world.undo(change)
    assert (world.person().language, world.person().format) == ("en", "html")
    with world.database.transaction() as session:
        session.get_one(Subscriber, world.jo).language = "fr-CA"
    assert world.save(language="fr").is_nothing
    assert world.person().language == "fr-CA"


@pytest.mark.parametrize("wanted", [{"language": "tlh"}, {"format": "pdf"}])
def test_what_does_not_exist_is_refused(world: World, wanted: dict[str, str]) -> None:
    """A language or format that we do not have changes nothing."""
    with pytest.raises(NotOffered):
        world.save(off=frozenset([world.press]), **wanted)
    assert world.press in world.open()


def test_stopping_all(world: World) -> None:
    """Everything ends, private lists too, and undo brings back exactly that."""
    change = world.stop_all()
    assert change.left == (world.press, world.europe, world.desk)
    assert world.open() == {}
    assert world.stop_all().is_nothing
    undone = world.undo(change)
    assert isinstance(undone, Change)
    assert undone.joined == change.left
    assert set(world.open()) == set(change.left)


def test_an_undone_end_was_no_end(world: World) -> None:
    """The new row goes on since the same day as the old one, whose end stays on record."""
    world.undo(world.unsubscribe(world.europe))
    old, new = (row for row in world.rows() if row.list_id == world.europe)
    assert (old.state, new.state, new.source) == ("ended", "active", "undo")
    assert old.began_at == new.began_at == SINCE


def test_undo_twice_is_as_once(world: World) -> None:
    """A second press on Undo changes nothing."""
    change = world.save(on=frozenset([world.travel]), off=frozenset([world.press]))
    world.undo(change)
    before = [(row.id, row.state) for row in world.rows()]
    again = world.undo(change)
    assert isinstance(again, Change)
    assert again.is_nothing
    assert [(row.id, row.state) for row in world.rows()] == before
    assert set(world.open()) == {world.press, world.europe, world.desk}


def test_undo_yields_to_what_came_later(world: World) -> None:
    """Who stopped, undid and stopped again stays off, however often the first undo comes."""
    first = world.unsubscribe()
    world.undo(first)
    world.unsubscribe()
    world.undo(first)
    assert world.open() == {world.desk: "active"}


def test_undo_ends_after_a_week(world: World) -> None:
    """A mail that lay about for longer than a week undoes nothing."""
    change = world.unsubscribe()
    with world.database.transaction() as session:
        long_ago = change.at - dt.timedelta(days=7, seconds=1)
        entry_id = record(session, world.jo, By.ONE_CLICK, change.to_json(), VIA, long_ago)
    assert world.undo(replace(change, entry_id=entry_id)) == TooLate()
    assert world.open() == {world.desk: "active"}


def test_no_choice_lifts_a_suppression(world: World) -> None:
    """Whatever a suppressed person turns on, the suppression stays, and the page says so."""
    with world.database.transaction() as session:
        suppress(session, session.get_one(Subscriber, world.jo))
    change = world.save(on=frozenset([world.travel]))
    world.undo(change)
    world.undo(world.stop_all())
    with world.database.reading() as session:
        assert session.scalar(sa.select(sa.func.count()).select_from(Suppression)) == 1
        found = profile(session, world.jo)
    assert found is not None
    assert found.is_suppressed


def test_a_profile_offers_public_lists_and_own_private_ones(world: World) -> None:
    """All public lists by title, and no private list that the person is not on."""
    with world.database.reading() as session:
        found = profile(session, world.jo)
        assert profile(session, 10**9) is None
    assert found is not None
    assert [(choice.title, choice.is_on) for choice in found.choices] == [
        ("Accredited press", True),
        ("Europe", True),
        ("Press releases", True),
        ("Travel warnings", False),
    ]


def test_a_copy_names_its_lists_only(world: World) -> None:
    """An unsubscribe page learns the lists of its copy, and nothing of any other list."""
    world.unsubscribe(world.europe)
    with world.database.reading() as session:
        found = copy(session, world.jo, world.pair)
        gone = copy(session, 10**9, world.pair)
    assert [(choice.title, choice.is_on) for choice in found.choices] == [
        ("Europe", False),
        ("Press releases", True),
    ]
    assert gone.address is None
    assert [choice.is_on for choice in gone.choices] == [False, False]


def test_many_changes_of_one_person_at_once(world: World) -> None:
    """Clicks that come together end in one of their orders: each list open once or not at all."""
    changes: list[Callable[[], object]] = [
        lambda: world.save(on=frozenset([world.travel, world.press])),
        world.unsubscribe,
        world.stop_all,
        lambda: world.save(on=frozenset([world.travel]), off=frozenset([world.press])),
    ] * 3
    failures: list[BaseException] = []

    def run(change: Callable[[], object]) -> None:
        try:
            change()
        except BaseException as error:
            failures.append(error)

    threads = [threading.Thread(target=run, args=[change]) for change in changes]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert failures == []
    still_open = [row.list_id for row in world.rows() if row.state != "ended"]
    assert len(still_open) == len(set(still_open))


def test_frequencies_change_and_come_back(world: World) -> None:
    """How often a list comes is chosen list by list, remembered, and undone."""
    change = world.save(
        on=frozenset([world.travel]),
        frequencies={world.press: "daily", world.travel: "weekly", world.europe: "at-once"},
    )
    assert change.joined == (world.travel,)
    assert [(one.list_id, one.before, one.after) for one in change.paced] == [
        (world.press, "at-once", "daily")
    ]
    now = {row.list_id: row for row in world.rows() if row.state == "active"}
    assert (now[world.travel].frequency, now[world.press].frequency) == ("weekly", "daily")
    assert now[world.press].frequency_before == "at-once"
    assert now[world.press].frequency_changed_at == change.at
    assert world.person().next_digest_at == PLAN_ANEW
    undone = world.undo(change)
    assert isinstance(undone, Change)
    assert undone.left == (world.travel,)
    assert [(one.list_id, one.after) for one in undone.paced] == [(world.press, "at-once")]


def test_what_is_chosen_about_oneself_comes_back(world: World) -> None:
    """Name, outlet, zone, hour and pause are kept, and undone where nothing newer stands there."""
    until = dt.datetime(2031, 3, 1, tzinfo=dt.UTC)
    change = world.save(
        name="Jo", outlet="The Paper", timezone="Asia/Tokyo", digest_hour=7, paused_until=until
    )
    assert set(change.after) == {"name", "outlet", "timezone", "digest_hour", "paused_until"}
    world.save(outlet="Another")
    undone = world.undo(change)
    assert isinstance(undone, Change)
    person = world.person()
    assert (person.name, person.outlet, person.paused_until) == (None, "Another", None)
    assert (person.timezone, person.digest_hour) == (None, None)


@pytest.mark.parametrize(
    "wanted",
    [{"timezone": "Mars/Olympus"}, {"digest_hour": 24}, {"name": "x" * 201},
     {"frequencies": {1: "hourly"}}],
)  # fmt: skip
def test_what_no_page_offers_is_refused(world: World, wanted: dict[str, object]) -> None:
    """And changes nothing."""
    with pytest.raises(NotOffered):
        world.save(**wanted)


def test_the_consent_log_is_append_only(world: World) -> None:
    """No entry is changed or removed while its subscriber is there."""
    change = world.unsubscribe()
    assert change.entry_id is not None
    for statement in (
        "UPDATE consent SET page = 'another'",
        "DELETE FROM consent",
    ):
        with pytest.raises(sa.exc.DBAPIError, match="append-only"):  # noqa: SIM117
            with world.database.transaction() as session:
                session.execute(sa.text(statement))
    with world.database.reading() as session:
        entry = session.get_one(Consent, change.entry_id)
        assert (entry.what, entry.page) == ("one-click", "a test")
        assert entry.detail == {"left": [world.press, world.europe]}

"""Expansion: who gets a distribution, once each."""

import datetime as dt
import threading
import time

import pytest
import sqlalchemy as sa

from releases import commands
from releases.expansion import (
    BATCH_SIZE,
    FIRST_RANGE_SIZE,
    RANGE_GROWTH,
    RANGE_SIZE,
    CopiesMissing,
    expand_range,
)
from releases.models import Batch, Delivery, Distribution, Rendering
from releases.upkeep import finish_cancelled
from runtime.database import Database
from subscribers.models import ListSet, Subscriber, SubscriptionState
from tests.support.office import Office


@pytest.fixture
def office(database_url: str) -> Office:
    """An empty office on either database."""
    return Office(Database(database_url))


def deliveries(office: Office, distribution_id: int) -> dict[int, tuple[str, str | None]]:
    """State and reason by subscriber."""
    with office.database.reading() as session:
        rows = session.execute(
            sa.select(Delivery.subscriber_id, Delivery.state, Delivery.reason).where(
                Delivery.distribution_id == distribution_id
            )
        ).all()
    assert len(rows) == len({row[0] for row in rows})
    return {row[0]: (row[1], row[2]) for row in rows}


def test_who_is_on_two_lists_gets_one_copy(office: Office) -> None:
    """One person has one delivery, however many of the lists they are on."""
    lists = office.lists("press", "europe")
    people = office.people(50)
    office.subscribe(people[:30], lists["press"])
    office.subscribe(people[20:], lists["europe"])
    distribution = office.publish("press", "europe")
    assert office.expand(distribution) == 1
    assert set(deliveries(office, distribution)) == set(people)
    with office.database.reading() as session:
        sets = dict(
            session.execute(
                sa.select(ListSet.key, sa.func.count())
                .join(Delivery, Delivery.list_set_id == ListSet.id)
                .group_by(ListSet.key)
            ).all()
        )
        leads = session.scalars(sa.select(Rendering.lead_list_id).order_by(Rendering.lead_list_id))
        press, europe = lists["press"], lists["europe"]
        assert sets == {f"{press}": 20, f"{press},{europe}": 10, f"{europe}": 20}
        assert leads.all() == [press, europe]


def test_a_further_list_reaches_only_who_has_not_had_it(office: Office) -> None:
    """Publishing the same text to a second list leaves out who got it through the first."""
    lists = office.lists("press", "europe")
    people = office.people(50)
    office.subscribe(people[:30], lists["press"])
    office.subscribe(people[20:], lists["europe"])
    first = office.publish("press")
    office.expand(first)
    second = office.publish("europe")
    office.expand(second)
    assert set(deliveries(office, first)) == set(people[:30])
    assert set(deliveries(office, second)) == set(people[30:])
    again = office.publish("europe", is_again=True)
    office.expand(again)
    assert set(deliveries(office, again)) == set(people[20:])


def test_the_audience_is_whoever_was_subscribed_at_the_cut_off(office: Office) -> None:
    """Pending, later, ended and digest subscriptions are left out; suspended ones get a reason."""
    lists = office.lists("press")
    here, pending, later, ended, digest, suspended, left, barred = people = office.people(8)
    now = dt.datetime.now(dt.UTC)
    office.subscribe([here, left, barred], lists["press"])
    office.subscribe([pending], lists["press"], state=SubscriptionState.PENDING, began_at=None)
    office.subscribe([later], lists["press"], began_at=now + dt.timedelta(hours=1))
    office.subscribe([digest], lists["press"], frequency="daily")
    office.subscribe([suspended], lists["press"], state=SubscriptionState.SUSPENDED)
    office.subscribe(
        [ended],
        lists["press"],
        state=SubscriptionState.ENDED,
        ended_at=now - dt.timedelta(minutes=1),
    )
    office.suppress(barred)
    distribution = office.publish("press")
    office.leave(left, lists["press"])
    office.expand(distribution)
    assert len(people) == 8
    assert deliveries(office, distribution) == {
        here: ("queued", None),
        suspended: ("suppressed", "suspended"),
        left: ("suppressed", "left"),
        barred: ("suppressed", "hard bounce"),
    }


def test_who_has_paused_is_suppressed_until_the_pause_ends(office: Office) -> None:
    """A pause that reaches beyond the cut-off leaves out, with a reason; one that ended does not;
    who has left besides has left, and who must not be mailed is not for that reason."""
    lists = office.lists("press")
    paused, ended, left, barred, here = people = office.people(5)
    office.subscribe(people, lists["press"])
    now = dt.datetime.now(dt.UTC)
    office.pause(paused, now + dt.timedelta(minutes=5))
    office.pause(ended, now - dt.timedelta(minutes=5))
    for person in (left, barred):
        office.pause(person, now + dt.timedelta(days=90))
    office.suppress(barred)
    distribution = office.publish("press")
    office.leave(left, lists["press"])
    office.expand(distribution)
    assert deliveries(office, distribution) == {
        paused: ("suppressed", "paused"),
        ended: ("queued", None),
        left: ("suppressed", "left"),
        barred: ("suppressed", "hard bounce"),
        here: ("queued", None),
    }


def test_ranges_cover_everyone_once(office: Office) -> None:
    """Ranges grow, each makes batches, whose sizes add up to who is eligible."""
    lists = office.lists("press", "europe")
    count = FIRST_RANGE_SIZE * (1 + RANGE_GROWTH + RANGE_GROWTH**2) + RANGE_SIZE + 2507
    people = office.people(count)
    office.subscribe(people[::2], lists["press"])
    office.subscribe(people[1::2], lists["europe"])
    distribution = office.publish("press", "europe")
    assert office.expand(distribution) == 1 + 1 + 5 + 8 + 16
    assert set(deliveries(office, distribution)) == set(people)
    with office.database.reading() as session:
        row = session.get_one(Distribution, distribution)
        batches = session.scalars(sa.select(Batch).order_by(Batch.first_id)).all()
        assert (row.is_expanded, row.eligible) == (True, count)
        sizes = [batch.size for batch in batches]
        assert sizes == [FIRST_RANGE_SIZE, *[BATCH_SIZE] * 14, *[157] * 15, 152]
        # No id is in two of them, or between two.
        assert [batch.first_id for batch in batches[1:]] == [
            batch.last_id + 1 for batch in batches[:-1]
        ]


def test_renderings_are_made_once_per_language_and_format(office: Office) -> None:
    """A rendering is shared by all who read the same language and format."""
    lists = office.lists("press")
    people = office.people(5) + office.people(5, language="fr") + office.people(5, language="fr-CA")
    people += office.people(5, language="xx", form="text")
    office.subscribe(people, lists["press"])
    distribution = office.publish("press")
    office.expand(distribution)
    with office.database.reading() as session:
        made = session.execute(sa.select(Rendering.language, Rendering.format)).all()
        assert sorted(made) == [("en", "html"), ("en", "text"), ("fr", "html")]


def test_nothing_is_expanded_while_it_does_not_run(office: Office) -> None:
    """A paused distribution gets no rows; resumed, it gets all of them."""
    lists = office.lists("press")
    people = office.people(10)
    office.subscribe(people, lists["press"])
    distribution = office.publish("press")
    with office.database.transaction() as session:
        commands.pause(session, distribution)
    assert office.expand(distribution) == 0
    assert deliveries(office, distribution) == {}
    with office.database.transaction() as session:
        commands.resume(session, distribution)
    office.expand(distribution)
    assert set(deliveries(office, distribution)) == set(people)


def test_expanding_again_changes_nothing(office: Office) -> None:
    """A task that runs twice finds nothing to do the second time."""
    lists = office.lists("press")
    office.subscribe(office.people(10), lists["press"])
    distribution = office.publish("press")
    assert office.expand(distribution) == 1
    assert office.expand(distribution) == 0
    assert len(deliveries(office, distribution)) == 10


def test_two_expansions_at_once_serve_everyone_once(postgresql_url: str) -> None:
    """Two distributions of one version, expanded side by side, never share a person."""
    office = Office(Database(postgresql_url))
    lists = office.lists("press", "europe")
    people = office.people(3000)
    office.subscribe(people[:2000], lists["press"])
    office.subscribe(people[1000:], lists["europe"])
    both = [office.publish("press"), office.publish("europe")]
    threads = [threading.Thread(target=office.expand, args=(one,)) for one in both]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    first, second = (set(deliveries(office, one)) for one in both)
    assert first | second == set(people)
    assert not first & second


def test_who_finds_another_at_it_expands_nothing(postgresql_url: str) -> None:
    """A second task for one distribution ends at once, and does not queue for its locks."""
    office = Office(Database(postgresql_url))
    office.subscribe(office.people(5), office.lists("press")["press"])
    distribution = office.publish("press")
    with office.database.transaction() as session:
        assert isinstance(expand_range(session, distribution, {}, 10), CopiesMissing)
        before = time.monotonic()
        assert office.expand(distribution) == 0
        assert time.monotonic() - before < 1
        assert deliveries(office, distribution) == {}
    assert office.expand(distribution) == 1


def test_who_changes_their_language_meanwhile_is_not_missed(postgresql_url: str) -> None:
    """Whoever changes how they read while their range is expanded gets their copy all the same."""
    office = Office(Database(postgresql_url))
    people = office.people(20)
    office.subscribe(people, office.lists("press")["press"])
    distribution = office.publish("press")
    elsewhere = Database(postgresql_url)
    changed: list[str] = []

    def change(*event: object) -> None:
        if not changed and str(event[2]).startswith("INSERT INTO delivery "):
            changed.append("fr")
            with elsewhere.transaction() as session:
                session.get_one(Subscriber, people[7]).language = "fr"

    sa.event.listen(office.database.engine, "before_cursor_execute", change)
    office.expand(distribution)
    assert changed
    assert set(deliveries(office, distribution)) == set(people)


def test_an_expansion_waits_for_a_cancelled_one_to_be_decided(office: Office) -> None:
    """Who a cancelled distribution did not reach is reached by the next, which waits quietly."""
    lists = office.lists("press", "europe")
    people = office.people(10)
    office.subscribe(people[:9], lists["press"])
    office.subscribe(people[9:], lists["europe"])
    first = office.publish("press")
    office.expand(first)
    second = office.publish("press", "europe")
    with office.database.transaction() as session:
        commands.cancel(session, first)
    office.expand(second)  # ends at once: the sweep asks again
    assert deliveries(office, second) == {}
    finish_cancelled(office.database, first)
    office.expand(second)
    assert set(deliveries(office, second)) == set(people)


def test_what_is_urgent_is_sent_before_others_expand(office: Office) -> None:
    """While a more urgent distribution has batches that nobody took, the others do not grow."""
    people = office.people(20)
    office.subscribe(people, office.lists("press")["press"])
    urgent = office.publish("press", title="Urgent", is_urgent=True)
    assert office.expand(urgent) > 0
    other = office.publish("press")
    assert office.expand(other) == 0
    assert deliveries(office, other) == {}
    with office.database.transaction() as session:
        session.execute(sa.update(Batch).values(state="leased"))
    assert office.expand(other) > 0
    assert set(deliveries(office, other)) == set(people)

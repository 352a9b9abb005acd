"""The ledger on both databases: leasing, recording, settling."""

import datetime as dt

import sqlalchemy as sa

from releases.leasing import hold_lease
from releases.ledger import Report
from releases.models import Delivery
from releases.settling import Completed, NotYet
from runtime.database import read_clock
from tests.support.books import NEVER, NOT_NOW, OK, Books


def test_a_run_from_lease_to_complete(books: Books) -> None:
    """All accepted: the batch is done, the books agree, the distribution is complete."""
    distribution = books.publish()
    lease = books.lease()
    leased = books.next(lease)
    assert leased is not None
    assert [one.subscriber_id for one in leased.recipients] == books.people
    assert leased.recipients[0].address == "reader1@example.net"
    assert (leased.recipients[0].since.year, leased.recipients[0].since.month) == (2024, 3)
    assert isinstance(books.settle(distribution), NotYet)
    turn = books.report(lease, leased, [OK] * 10)
    assert turn.finished == {distribution}
    assert books.batch().state == "done"
    assert isinstance(books.settle(distribution), Completed)
    said = books.status(distribution)
    assert (said.state, said.accepted, said.repeats) == ("complete", 10, 0)
    assert said.balances
    with books.database.reading() as session:
        rows = session.execute(sa.select(Delivery.reply, Delivery.attempts).distinct()).all()
    assert rows == [('250 2.0.0 Ok: "queued" as \\4XyZ', 1)]


def test_a_turn_reckons_in_utc(postgresql_url: str) -> None:
    """Whatever the server's zone: a delay that is added on the night of a change is as long."""
    books = Books(f"{postgresql_url}?options=-ctimezone%3DEurope/Brussels")
    lease = books.lease()
    with books.database.transaction() as session:
        held_at = hold_lease(session, lease)
        assert held_at is not None
        assert held_at.tzinfo is dt.UTC
        assert abs(read_clock(session) - held_at) < dt.timedelta(minutes=1)
        assert hold_lease(session, lease + 1) is None
    books.database.dispose()


def test_a_batch_is_in_one_hand_only(books: Books) -> None:
    """Two leases never hold the same batch."""
    books.publish()
    first, second = books.lease(), books.lease()
    assert books.next(first) is not None
    assert books.next(second) is None


def test_what_is_urgent_is_leased_first_and_stops_the_others(books: Books) -> None:
    """An urgent one overtakes what was published before, and what is being sent makes way."""
    ordinary, waiting = books.publish(), books.publish(title="Another")
    lease = books.lease()
    leased = books.next(lease)
    assert leased is not None
    assert books.turn(lease, Report(leased.batch_id, ())).stopped == set()
    urgent = books.publish(title="Urgent", is_urgent=True)
    turn = books.turn(lease, Report(leased.batch_id, ()), wants_next=True)
    assert turn.stopped == {ordinary}
    assert turn.leased is not None
    assert turn.leased.distribution_id == urgent
    # It is in somebody's hands: the others may go on.
    assert books.turn(lease, Report(leased.batch_id, ())).stopped == set()
    other = books.next(books.lease())
    assert other is not None
    assert other.distribution_id == waiting


def test_what_is_urgent_overtakes_what_is_in_hand_and_not_reported_now(books: Books) -> None:
    """Who leases the urgent batch itself stops what it was about to go on with."""
    ordinary = books.publish()
    lease = books.lease()
    assert books.next(lease) is not None
    urgent = books.publish(title="Urgent", is_urgent=True)
    turn = books.turn(lease, wants_next=True, in_hand=[ordinary])
    assert turn.leased is not None
    assert (turn.leased.distribution_id, turn.stopped) == (urgent, {ordinary})


def test_what_is_deferred_goes_again_together_and_later(books: Books) -> None:
    """Deferred ones reopen their batch for a later round; the others stay decided."""
    distribution = books.publish()
    lease = books.lease()
    leased = books.next(lease)
    assert leased is not None
    books.report(lease, leased, [OK, NOT_NOW, NEVER, NOT_NOW, *[OK] * 6])
    said = books.status(distribution)
    assert (said.accepted, said.deferred, said.failed) == (7, 2, 1)
    assert books.next(lease) is None
    batch = books.batch()
    with books.database.reading() as session:
        wait = (batch.due_at - read_clock(session)).total_seconds()
    assert (batch.state, batch.round) == ("open", 1)
    assert 40 < wait < 80
    books.make_due()
    again = books.next(lease)
    assert again is not None
    assert [one.subscriber_id for one in again.recipients] == [books.people[1], books.people[3]]
    assert again.recipients[0].attempts == 1
    books.report(lease, again, [OK, OK])
    assert isinstance(books.settle(distribution), Completed)
    assert books.status(distribution).repeats == 0


def test_who_left_meanwhile_is_not_mailed(books: Books) -> None:
    """Between expansion and sending people leave, are suspended or suppressed: none is mailed."""
    distribution = books.publish()
    books.office.leave(books.people[0], books.list_id)
    books.office.suppress(books.people[1], "complaint")
    lease = books.lease()
    leased = books.next(lease)
    assert leased is not None
    assert leased.withheld == {books.people[0]: "left", books.people[1]: "complaint"}
    assert len(leased.recipients) == 8
    books.report(lease, leased, [OK] * 8)
    assert isinstance(books.settle(distribution), Completed)
    assert books.status(distribution).suppressed == 2


def test_who_paused_meanwhile_is_not_mailed(books: Books) -> None:
    """A pause begun after expansion withholds, also what was deferred; one that ended does not."""
    distribution = books.publish()
    now = dt.datetime.now(dt.UTC)
    books.office.pause(books.people[0], now + dt.timedelta(days=1))
    books.office.pause(books.people[1], now - dt.timedelta(seconds=5))
    lease = books.lease()
    leased = books.next(lease)
    assert leased is not None
    assert leased.withheld == {books.people[0]: "paused"}
    assert [one.subscriber_id for one in leased.recipients] == books.people[1:]
    books.report(lease, leased, [OK] * 7 + [NOT_NOW] * 2)
    books.office.pause(books.people[9], now + dt.timedelta(days=1))
    books.make_due()
    again = books.next(lease)
    assert again is not None
    assert again.withheld == {books.people[9]: "paused"}
    books.report(lease, again, [OK])
    assert isinstance(books.settle(distribution), Completed)
    said = books.status(distribution)
    assert (said.accepted, said.suppressed) == (8, 2)


def test_what_was_not_sent_goes_back(books: Books) -> None:
    """A batch given back half done is open at once for the rest."""
    distribution = books.publish()
    lease = books.lease()
    leased = books.next(lease)
    assert leased is not None
    books.report(lease, leased, [OK] * 4)
    assert (books.batch().state, books.batch().round) == ("open", 0)
    again = books.next(lease)
    assert again is not None
    assert [one.subscriber_id for one in again.recipients] == books.people[4:]
    books.report(lease, again, [OK] * 6)
    assert books.status(distribution).accepted == 10


def test_a_relay_that_is_down_is_said_and_waited_for(books: Books) -> None:
    """The note says why; the batch comes back later; the note goes when the relay answers."""
    distribution = books.publish()
    lease = books.lease()
    leased = books.next(lease)
    assert leased is not None
    assert not leased.has_note
    books.report(lease, leased, [], relay_trouble="relay:25: refused", retry_after_seconds=30)
    assert books.status(distribution).note == "relay:25: refused"
    assert books.next(lease) is None
    books.make_due()
    again = books.next(lease)
    assert again is not None
    assert again.has_note
    books.report(lease, again, [OK] * 10, clears_note=True)
    assert books.status(distribution).note is None


def test_a_relay_that_is_down_costs_the_deferred_no_round(books: Books) -> None:
    """What could not be tried is no further try: it goes as soon as the relay is back."""
    books.publish()
    lease = books.lease()
    leased = books.next(lease)
    assert leased is not None
    books.report(lease, leased, [OK] * 8 + [NOT_NOW] * 2)
    for _ in range(3):
        books.make_due()
        again = books.next(lease)
        assert again is not None
        books.report(lease, again, [], relay_trouble="relay:25: refused", retry_after_seconds=30)
        batch = books.batch()
        with books.database.reading() as session:
            wait = (batch.due_at - read_clock(session)).total_seconds()
        assert batch.round == 1
        assert 20 < wait <= 30


def test_urgent_goes_first_and_fresh_before_again(books: Books) -> None:
    """Lane, then round, then age decide what is leased next."""
    plain = books.publish()
    urgent = books.publish(title="Urgent", is_urgent=True)
    lease = books.lease()
    leased = books.next(lease)
    assert leased is not None
    assert leased.distribution_id == urgent
    second = books.next(lease)
    assert second is not None
    assert second.distribution_id == plain
    books.report(lease, second, [NOT_NOW] * 10)
    fresh = books.publish(title="Fresh")
    books.make_due()
    third = books.next(lease)
    assert third is not None
    assert third.distribution_id == fresh


def test_who_left_the_lists_of_their_copy_is_not_mailed(database_url: str) -> None:
    """Who left every list that their copy comes through is not mailed for a list joined since."""
    books = Books(database_url, people=3)
    europe = books.office.lists("europe")["europe"]
    distribution = books.office.publish("press", "europe")
    books.office.expand(distribution)
    person = books.people[1]
    books.office.leave(person, books.list_id)
    books.office.subscribe([person], europe, began_at=dt.datetime.now(dt.UTC))
    leased = books.next(books.lease())
    assert leased is not None
    assert {one.subscriber_id for one in leased.recipients} == {books.people[0], books.people[2]}
    assert leased.withheld == {person: "left"}

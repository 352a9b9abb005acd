"""The course of a distribution: started, paused, held, cancelled, at its end."""

import datetime as dt

import sqlalchemy as sa

from releases import commands
from releases.models import Delivery, Distribution
from releases.settling import Completed, Unbalanced
from releases.upkeep import (
    finish_cancelled,
    give_up_late,
    keep_pulse,
    pulse_is_fresh,
    start,
)
from runtime.database import read_clock
from runtime.facts import Fact
from tests.support.books import DOUBT, NEVER, NOT_NOW, OK, Books


def test_pause_is_seen_by_the_next_turn(books: Books) -> None:
    """A paused distribution's batch is stopped, nothing of it is leased, and it can go on."""
    distribution = books.publish()
    lease = books.lease()
    leased = books.next(lease)
    assert leased is not None
    with books.database.transaction() as session:
        commands.pause(session, distribution)
    turn = books.report(lease, leased, [OK] * 3)
    assert turn.stopped == {distribution}
    assert books.next(lease) is None
    with books.database.transaction() as session:
        commands.resume(session, distribution)
    again = books.next(lease)
    assert again is not None
    assert len(again.recipients) == 7


def test_cancelling_decides_what_is_open(books: Books) -> None:
    """Queued and deferred are cancelled, in doubt is uncertain, accepted stays; it balances."""
    distribution = books.publish()
    lease = books.lease()
    leased = books.next(lease)
    assert leased is not None
    with books.database.transaction() as session:
        commands.cancel(session, distribution)
    finish_cancelled(books.database, distribution)
    assert books.status(distribution).finished_at is None  # a worker still holds a batch
    books.report(lease, leased, [OK, DOUBT, NOT_NOW, NEVER])
    finish_cancelled(books.database, distribution)
    said = books.status(distribution)
    assert (said.accepted, said.uncertain, said.cancelled, said.failed) == (1, 1, 7, 1)
    assert said.is_finished
    assert said.balances


def test_after_cancelling_the_next_reaches_who_was_left(books: Books) -> None:
    """Publishing again after a cancel reaches exactly those who have not had it."""
    first = books.publish()
    lease = books.lease()
    leased = books.next(lease)
    assert leased is not None
    books.report(lease, leased, [OK] * 4)
    with books.database.transaction() as session:
        commands.cancel(session, first)
    finish_cancelled(books.database, first)
    second = books.publish()
    again = books.next(lease)
    assert again is not None
    assert again.distribution_id == second
    assert [one.subscriber_id for one in again.recipients] == books.people[4:]


def test_a_deadline_ends_the_trying(books: Books) -> None:
    """After it deferred and queued ones fail with the reason, those in doubt are uncertain."""
    distribution = books.publish()
    lease = books.lease()
    leased = books.next(lease)
    assert leased is not None
    books.report(lease, leased, [OK, DOUBT, NOT_NOW])
    with books.database.reading() as session:
        past = read_clock(session) - dt.timedelta(seconds=1)
    books.change(distribution, deadline_at=past)
    assert books.next(lease) is None
    give_up_late(books.database, distribution)
    assert isinstance(books.settle(distribution), Completed)
    said = books.status(distribution)
    assert (said.accepted, said.uncertain, said.failed) == (1, 1, 8)


def test_books_that_do_not_agree_are_held(books: Books) -> None:
    """A missing delivery is never hidden behind `complete`."""
    distribution = books.publish()
    lease = books.lease()
    leased = books.next(lease)
    assert leased is not None
    books.report(lease, leased, [OK] * 10)
    with books.database.transaction() as session:
        session.execute(sa.delete(Delivery).where(Delivery.subscriber_id == books.people[0]))
    assert isinstance(books.settle(distribution), Unbalanced)
    with books.database.reading() as session:
        row = session.get_one(Distribution, distribution)
        assert row.state == "held"
        assert "do not agree" in (row.note or "")


def test_an_empty_audience_completes(books: Books) -> None:
    """When everybody left before the distribution was expanded, it completes all the same."""
    distribution = books.office.publish("press")
    with books.database.reading() as session:
        cutoff = session.get_one(Distribution, distribution).due_at
    books.change(distribution, due_at=cutoff - dt.timedelta(days=3650))
    books.office.expand(distribution)
    assert isinstance(books.settle(distribution), Completed)
    assert books.status(distribution).eligible == 0


def test_after_an_outage_running_work_is_held(books: Books) -> None:
    """More than an hour without a worker: what ran before is held, what came since is not."""
    before, since = books.publish(), books.publish(title="Since")
    with books.database.transaction() as session:
        keep_pulse(session)
    with books.database.transaction() as session:
        moment = read_clock(session)
        session.execute(sa.update(Fact).values(known_at=moment - dt.timedelta(hours=3)))
    books.change(before, due_at=moment - dt.timedelta(hours=4))
    with books.database.reading() as session:
        assert not pulse_is_fresh(session)
    with books.database.transaction() as session:
        assert keep_pulse(session) == [before]
    with books.database.transaction() as session:
        assert pulse_is_fresh(session)
        assert keep_pulse(session) == []
    assert books.status(before).state == "held"
    assert "resume it" in (books.status(before).note or "")
    assert books.status(since).state == "running"
    with books.database.transaction() as session:
        commands.resume(session, before)
    assert books.status(before).state == "running"


def test_a_scheduled_distribution_starts_when_due_and_not_much_later(books: Books) -> None:
    """In time it runs; hours late it is held, unless people wait for an embargo to lift."""
    with books.database.reading() as session:
        moment = read_clock(session)
    soon = moment + dt.timedelta(hours=1)
    scheduled = books.office.publish("press", at=soon)
    lift = books.office.publish("press", title="Embargoed", at=soon, embargo=soon)
    with books.database.transaction() as session:
        assert not start(session, scheduled)
    late = moment - dt.timedelta(hours=3)
    books.change(scheduled, due_at=moment - dt.timedelta(minutes=5))
    with books.database.transaction() as session:
        assert start(session, scheduled)
    books.change(scheduled, state="scheduled", due_at=late)
    books.change(lift, due_at=late)
    with books.database.transaction() as session:
        session.execute(
            sa.text(
                "UPDATE release_version SET embargo_at = (SELECT due_at FROM "
                "distribution WHERE id = :id) WHERE embargo_at IS NOT NULL"
            ),
            {"id": lift},
        )
    with books.database.transaction() as session:
        assert not start(session, scheduled)
        assert start(session, lift)
    with books.database.reading() as session:
        deadline_at = session.get_one(Distribution, lift).deadline_at
        assert deadline_at - read_clock(session) > dt.timedelta(hours=47)
    assert books.status(scheduled).state == "held"

"""What the ledger makes of workers that are killed, stalled, or lost with their host."""

import sqlalchemy as sa

from releases.leasing import release_lease, renew_lease
from releases.models import Delivery
from releases.recording import Entry
from releases.recovery import adopt, other_leases
from releases.settling import Completed
from tests.support.books import DOUBT, NEVER, NOT_NOW, OK, Books


def test_a_journal_that_lost_its_end_leaves_the_rest_in_doubt(books: Books) -> None:
    """What it says counts; whoever it does not mention may have it."""
    distribution = books.publish()
    lease = books.lease()
    leased = books.next(lease)
    assert leased is not None
    journal = [Entry(books.people[0], 1, OK), Entry(books.people[1], 1, NOT_NOW)]
    with books.database.transaction() as session:
        adopt(session, lease, {leased.batch_id: journal}, is_whole=False, even_if_it_lives=True)
    assert books.status(distribution).accepted == 1
    with books.database.reading() as session:
        doubtful = session.scalars(
            sa.select(Delivery.subscriber_id).where(Delivery.is_in_doubt)
        ).all()
    assert sorted(doubtful) == books.people[2:]


def test_a_lost_worker_is_replaced_after_its_journal(books: Books) -> None:
    """What was accepted is not sent again; what was under way is, and counts as repeats."""
    distribution = books.publish()
    lease = books.lease()
    leased = books.next(lease)
    assert leased is not None
    journal = [Entry(person, 1, OK) for person in books.people[:5]]
    journal += [Entry(person, 1, DOUBT) for person in books.people[5:7]]
    with books.database.transaction() as session:
        assert adopt(session, lease, {leased.batch_id: journal}) is None  # it lives
    books.run_out(lease)
    with books.database.transaction() as session:
        assert adopt(session, lease, {leased.batch_id: journal}) == [leased.batch_id]
    other = books.lease()
    again = books.next(other)
    assert again is not None
    assert [one.subscriber_id for one in again.recipients] == books.people[5:]
    books.report(other, again, [OK] * 5)
    assert isinstance(books.settle(distribution), Completed)
    said = books.status(distribution)
    assert (said.accepted, said.repeats) == (10, 2)


def test_a_stalled_worker_only_brings_acceptances(books: Books) -> None:
    """Who has lost the lease changes nothing but what was accepted, and takes nothing new."""
    distribution = books.publish()
    lease = books.lease()
    leased = books.next(lease)
    assert leased is not None
    books.run_out(lease)
    with books.database.transaction() as session:
        adopt(session, lease, {leased.batch_id: [Entry(books.people[0], 1, DOUBT)]})
    with books.database.transaction() as session:
        assert not renew_lease(session, lease)
    turn = books.report(lease, leased, [OK, NEVER, NOT_NOW])
    assert (turn.is_lease_held, turn.lost) == (False, {leased.batch_id})
    assert books.turn(lease, wants_next=True).leased is None
    said = books.status(distribution)
    assert (said.accepted, said.queued, said.repeats) == (1, 9, 0)


def test_a_lost_host_leaves_everything_in_doubt(books: Books) -> None:
    """Without its journal nobody knows what was sent: all that is undecided may be a repeat."""
    distribution = books.publish()
    lease = books.lease(folder="elsewhere")
    leased = books.next(lease)
    assert leased is not None
    alive = books.lease(folder="elsewhere")
    books.run_out(lease)
    with books.database.reading() as session:
        seen = {one.id: one for one in other_leases(session)[1]}
    assert (seen[lease].is_expired, seen[lease].is_folder_alive) == (True, True)
    books.run_out(alive)
    with books.database.reading() as session:
        seen = {one.id: one for one in other_leases(session)[1]}
    assert not seen[lease].is_folder_alive
    with books.database.transaction() as session:
        adopt(session, lease, {}, is_whole=False)
    other = books.lease()
    again = books.next(other)
    assert again is not None
    books.report(other, again, [OK] * 10)
    assert isinstance(books.settle(distribution), Completed)
    assert books.status(distribution).repeats == 10


def test_a_batch_that_kills_its_workers_is_given_up(books: Books) -> None:
    """A batch whose worker dies again and again fails with the reason, and does not loop."""
    distribution = books.publish()
    for _ in range(25):
        lease = books.lease()
        assert books.next(lease) is not None
        books.run_out(lease)
        with books.database.transaction() as session:
            adopt(session, lease, {})
    assert books.next(books.lease()) is None
    assert isinstance(books.settle(distribution), Completed)
    assert books.status(distribution).failed == 10


def test_a_lease_given_back_frees_its_batches(books: Books) -> None:
    """What a worker did not begin is open again at once."""
    books.publish()
    lease = books.lease()
    assert books.next(lease) is not None
    with books.database.transaction() as session:
        release_lease(session, lease)
    assert books.next(books.lease()) is not None

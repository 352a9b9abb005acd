"""Resending: once more to who failed, and to nobody who has it, may have it, or has left."""

from collections.abc import Sequence

import pytest
import sqlalchemy as sa

from mail.replies import Outcome
from releases import commands
from releases.models import Batch, Delivery
from releases.publishing import NobodyLeft, PublishError
from releases.settling import Completed
from runtime.database import database_now
from tests.support.books import DOUBT, NEVER, OK, Books


def failed_and_resent(
    books: Books, outcomes: Sequence[Outcome], **order: object
) -> tuple[int, int]:
    """Publish, deliver with these outcomes, and resend; both distributions."""
    first = books.publish(**order)
    lease = books.lease()
    leased = books.next(lease)
    assert leased is not None
    books.report(lease, leased, outcomes)
    return first, books.resend(first)


def test_a_resend_goes_to_who_failed_and_to_nobody_else(books: Books) -> None:
    """Accepted, uncertain and suppressed people are not among them; nor is who failed and left."""
    books.office.suppress(books.people[9])
    outcomes = [OK, NEVER, NEVER, NEVER, DOUBT, OK, OK, OK, NEVER]
    first, again = failed_and_resent(books, outcomes)
    with books.database.transaction() as session:
        session.execute(
            sa.update(Delivery)
            .where(Delivery.distribution_id == first, Delivery.state == "deferred")
            .values(state="uncertain")
        )
    books.office.suppress(books.people[2])
    books.office.leave(books.people[3], books.list_id)
    # Left before the resend was due, so that not even its cut-off has them.
    books.change(again, due_at=database_now())
    books.office.expand(again)
    assert books.rows(again) == {
        books.people[1]: "queued",
        books.people[2]: "suppressed",
        books.people[8]: "queued",
    }
    said = books.status(again)
    assert (said.eligible, said.resends_id) == (3, first)


def test_resending_twice_sends_once(books: Books) -> None:
    """The second is refused while the first is to serve them, has, or another one has since."""
    first, again = failed_and_resent(books, [OK] * 8 + [NEVER, NEVER])
    with pytest.raises(NobodyLeft, match="about to get it"):
        books.resend(first)
    books.office.expand(again)
    with pytest.raises(NobodyLeft, match="about to get it"):
        books.resend(first)
    lease = books.lease()
    leased = books.next(lease)
    assert leased is not None
    assert [one.subscriber_id for one in leased.recipients] == books.people[8:]
    books.report(lease, leased, [OK, NEVER])
    assert isinstance(books.settle(again), Completed)
    last = books.resend(first)
    books.office.expand(last)
    assert books.rows(last) == {books.people[9]: "queued"}
    with pytest.raises(NobodyLeft):
        books.resend(again)


def test_two_resends_that_are_expanded_together_send_once(books: Books) -> None:
    """Whatever was looked up before, expansion leaves out who another is about to serve."""
    first, again = failed_and_resent(books, [OK] * 9 + [NEVER])
    books.change(again, state="held")
    other = books.resend(first)
    books.change(again, state="running")
    books.office.expand(again)
    books.office.expand(other)
    assert (books.rows(again), books.rows(other)) == ({books.people[9]: "queued"}, {})
    assert isinstance(books.settle(other), Completed)


def test_who_failed_anew_is_reached_though_they_had_it_before(books: Books) -> None:
    """What was sent --again and failed goes again; only who had it since is left out."""
    lease = books.lease()
    books.publish()
    leased = books.next(lease)
    assert leased is not None
    books.report(lease, leased, [OK] * 10)
    first, again = failed_and_resent(books, [NEVER, NEVER, *[OK] * 8], is_again=True)
    books.office.expand(again)
    assert set(books.rows(again)) == set(books.people[:2])
    books.report(lease, books.next(lease), [OK, NEVER])
    last = books.resend(first)
    books.office.expand(last)
    assert books.rows(last) == {books.people[1]: "queued"}


def test_nobody_failed(books: Books) -> None:
    """Then there is nobody to resend to, and an unknown number is said to be one."""
    first = books.publish()
    with pytest.raises(NobodyLeft, match=f"no delivery of distribution {first} failed"):
        books.resend(first)
    with pytest.raises(commands.NoSuchDistribution):
        books.resend(99)


def test_a_rehearsal_is_not_resent_to_the_world(books: Books) -> None:
    """Its audience was held back on purpose; a real one may be resent as a rehearsal."""
    first, _ = failed_and_resent(books, [NEVER] * 10)
    books.change(first, is_rehearsal=True)
    with pytest.raises(PublishError, match="was a rehearsal"):
        books.resend(first)
    assert books.resend(first, is_rehearsal=True)


def test_a_resend_of_a_large_distribution_is_found_in_one_range(books: Books) -> None:
    """Its ranges are of those who failed, not of everybody."""
    first, again = failed_and_resent(books, [NEVER, *[OK] * 8, NEVER])
    books.office.expand(again)
    with books.database.reading() as session:
        batch = session.scalars(sa.select(Batch).where(Batch.distribution_id == again)).one()
        assert (batch.first_id, batch.last_id, batch.size) == (1, books.people[9], 2)
    assert first < again


def test_who_failed_long_ago_is_not_known(books: Books) -> None:
    """What retention has dropped cannot be resent, and that is said."""
    first, _ = failed_and_resent(books, [NEVER] * 10)
    books.change(first, deliveries_dropped_at=database_now())
    with pytest.raises(PublishError, match="not kept any more"):
        books.resend(first)

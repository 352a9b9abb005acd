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
from tests.releases.test_ledger import DOUBT, NEVER, OK, Desk


@pytest.fixture
def desk(database_url: str) -> Desk:
    """Ten people on a list."""
    return Desk(database_url)


def failed_and_resent(desk: Desk, outcomes: Sequence[Outcome], **order: object) -> tuple[int, int]:
    """Publish, deliver with these outcomes, and resend; both distributions."""
    first = desk.publish(**order)
    lease = desk.lease()
    leased = desk.next(lease)
    assert leased is not None
    desk.report(lease, leased, outcomes)
    return first, desk.resend(first)


def test_a_resend_goes_to_who_failed_and_to_nobody_else(desk: Desk) -> None:
    """Accepted, uncertain and suppressed people are not among them; nor is who failed and left."""
    desk.office.suppress(desk.people[9])
    outcomes = [OK, NEVER, NEVER, NEVER, DOUBT, OK, OK, OK, NEVER]
    first, again = failed_and_resent(desk, outcomes)
    with desk.database.transaction() as session:
        session.execute(
            sa.update(Delivery)
            .where(Delivery.distribution_id == first, Delivery.state == "deferred")
            .values(state="uncertain")
        )
    desk.office.suppress(desk.people[2])
    desk.office.leave(desk.people[3], desk.list_id)
    # Left before the resend was due, so that not even its cut-off has them.
    desk.change(again, due_at=database_now())
    desk.expand(again)
    assert desk.rows(again) == {
        desk.people[1]: "queued",
        desk.people[2]: "suppressed",
        desk.people[8]: "queued",
    }
    said = desk.status(again)
    assert (said.eligible, said.resends_id) == (3, first)


def test_resending_twice_sends_once(desk: Desk) -> None:
    """The second is refused while the first is to serve them, has, or another one has since."""
    first, again = failed_and_resent(desk, [OK] * 8 + [NEVER, NEVER])
    with pytest.raises(NobodyLeft, match="about to get it"):
        desk.resend(first)
    desk.expand(again)
    with pytest.raises(NobodyLeft, match="about to get it"):
        desk.resend(first)
    lease = desk.lease()
    leased = desk.next(lease)
    assert leased is not None
    assert [one.subscriber_id for one in leased.recipients] == desk.people[8:]
    desk.report(lease, leased, [OK, NEVER])
    assert isinstance(desk.settle(again), Completed)
    last = desk.resend(first)
    desk.expand(last)
    assert desk.rows(last) == {desk.people[9]: "queued"}
    with pytest.raises(NobodyLeft):
        desk.resend(again)


def test_two_resends_that_are_expanded_together_send_once(desk: Desk) -> None:
    """Whatever was looked up before, expansion leaves out who another is about to serve."""
    first, again = failed_and_resent(desk, [OK] * 9 + [NEVER])
    desk.change(again, state="held")
    other = desk.resend(first)
    desk.change(again, state="running")
    desk.expand(again)
    desk.expand(other)
    assert (desk.rows(again), desk.rows(other)) == ({desk.people[9]: "queued"}, {})
    assert isinstance(desk.settle(other), Completed)


def test_who_failed_anew_is_reached_though_they_had_it_before(desk: Desk) -> None:
    """What was sent --again and failed goes again; only who had it since is left out."""
    lease = desk.lease()
    desk.publish()
    leased = desk.next(lease)
    assert leased is not None
    desk.report(lease, leased, [OK] * 10)
    first, again = failed_and_resent(desk, [NEVER, NEVER, *[OK] * 8], is_again=True)
    desk.expand(again)
    assert set(desk.rows(again)) == set(desk.people[:2])
    desk.report(lease, desk.next(lease), [OK, NEVER])
    last = desk.resend(first)
    desk.expand(last)
    assert desk.rows(last) == {desk.people[1]: "queued"}


def test_nobody_failed(desk: Desk) -> None:
    """Then there is nobody to resend to, and an unknown number is said to be one."""
    first = desk.publish()
    with pytest.raises(NobodyLeft, match=f"no delivery of distribution {first} failed"):
        desk.resend(first)
    with pytest.raises(commands.NoSuchDistribution):
        desk.resend(99)


def test_a_rehearsal_is_not_resent_to_the_world(desk: Desk) -> None:
    """Its audience was held back on purpose; a real one may be resent as a rehearsal."""
    first, _ = failed_and_resent(desk, [NEVER] * 10)
    desk.change(first, is_rehearsal=True)
    with pytest.raises(PublishError, match="was a rehearsal"):
        desk.resend(first)
    assert desk.resend(first, is_rehearsal=True)


def test_a_resend_of_a_large_distribution_is_found_in_one_range(desk: Desk) -> None:
    """Its ranges are of those who failed, not of everybody."""
    first, again = failed_and_resent(desk, [NEVER, *[OK] * 8, NEVER])
    desk.expand(again)
    with desk.database.reading() as session:
        batch = session.scalars(sa.select(Batch).where(Batch.distribution_id == again)).one()
        assert (batch.first_id, batch.last_id, batch.size) == (1, desk.people[9], 2)
    assert first < again


def test_who_failed_long_ago_is_not_known(desk: Desk) -> None:
    """What retention has dropped cannot be resent, and that is said."""
    first, _ = failed_and_resent(desk, [NEVER] * 10)
    desk.change(first, deliveries_dropped_at=database_now())
    with pytest.raises(PublishError, match="not kept any more"):
        desk.resend(first)

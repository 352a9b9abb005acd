"""The database's clock jumps: who lives keeps its batches, and who does not keeps none for long."""

import datetime as dt
from collections.abc import Iterator
from pathlib import Path

import pytest
import sqlalchemy as sa

from releases.leasing import take_lease
from releases.models import Batch, Delivery, Lease
from releases.upkeep import PULSE, batches_to_deliver, forget_waiting, keep_pulse
from runtime.database import Database, read_clock
from runtime.facts import Fact
from subscribers.models import Subscriber
from tests.support.office import Office
from worker.adoption import adopt_lost_leases
from worker.clock_watch import PATIENCE_SECONDS, ClockWatch
from worker.journal_folder import JournalFolder

NOON = dt.datetime(2024, 3, 5, 12, tzinfo=dt.UTC)


class Clocks:
    """The database's clock, and ours that only goes on."""

    def __init__(self) -> None:
        self.own_seconds = 0.0
        self.database = NOON

    def own(self) -> float:
        """What ours says."""
        return self.own_seconds

    def go_on(self, seconds: float, *, jump_seconds: float = 0.0) -> None:
        """Time passes; the database's may jump besides."""
        self.own_seconds += seconds
        self.database += dt.timedelta(seconds=seconds + jump_seconds)


@pytest.fixture
def database(database_url: str) -> Iterator[Database]:
    """On either."""
    made = Database(database_url)
    yield made
    made.dispose()


def _watching(clocks: Clocks) -> ClockWatch:
    """A watch that has looked for a while."""
    watch = ClockWatch(clocks.own)
    watch.trusts(lambda: clocks.database)
    clocks.go_on(PATIENCE_SECONDS)
    assert watch.trusts(lambda: clocks.database)
    return watch


def test_a_new_watch_waits_for_two_renewals() -> None:
    """The clock may have jumped just before its worker was started."""
    clocks = Clocks()
    watch = ClockWatch(clocks.own)
    assert not watch.trusts(lambda: clocks.database)
    clocks.go_on(PATIENCE_SECONDS - 0.5)
    assert not watch.trusts(lambda: clocks.database)
    clocks.go_on(0.5)
    assert watch.trusts(lambda: clocks.database)


def test_time_that_passes_is_no_jump() -> None:
    """A sweep that was stopped for a minute, or a clock a little fast, changes nothing."""
    clocks = Clocks()
    watch = _watching(clocks)
    for seconds in (0.0, 1.0, 60.0):
        clocks.go_on(seconds, jump_seconds=0.5)
        assert watch.trusts(lambda: clocks.database)


def test_a_jump_ahead_is_distrusted_until_whoever_lives_has_renewed() -> None:
    """For two renewals; then expiry counts again."""
    clocks = Clocks()
    watch = _watching(clocks)
    clocks.go_on(1.0, jump_seconds=1800.0)
    assert not watch.trusts(lambda: clocks.database)
    clocks.go_on(PATIENCE_SECONDS - 0.5)
    assert not watch.trusts(lambda: clocks.database)
    clocks.go_on(1.0)
    assert watch.trusts(lambda: clocks.database)


def test_a_jump_back_is_no_reason_for_distrust() -> None:
    """Leases last longer by it, not shorter."""
    clocks = Clocks()
    watch = _watching(clocks)
    clocks.go_on(1.0, jump_seconds=-1800.0)
    assert watch.trusts(lambda: clocks.database)
    assert watch.has_gone_back


def test_leases_that_run_out_by_a_jump_are_kept(database: Database, tmp_path: Path) -> None:
    """They are freed when, after that, nobody has renewed them."""
    folder = JournalFolder(tmp_path)
    clocks = Clocks()
    watch = ClockWatch(clocks.own)
    adopt_lost_leases(database, folder, watch)
    lease = _lease_ending_in(database, seconds=-5)
    clocks.own_seconds -= 1800.0  # as if the database's had gone ahead
    adopt_lost_leases(database, folder, watch)
    assert _ends_at(database, lease) is not None
    clocks.own_seconds += PATIENCE_SECONDS + 1800.0
    adopt_lost_leases(database, folder, watch)
    assert _ends_at(database, lease) is None


def test_a_lease_that_ends_after_a_jump_back_only_ends_soon(
    database: Database, tmp_path: Path
) -> None:
    """A host that was lost half an hour ahead of now is replaced in seconds all the same."""
    lease = _lease_ending_in(database, seconds=1800)
    adopt_lost_leases(database, JournalFolder(tmp_path), ClockWatch())
    ends_at = _ends_at(database, lease)
    with database.reading() as session:
        left = (ends_at - read_clock(session)).total_seconds() if ends_at is not None else 0.0
    assert 3 < left < 7


def test_what_is_dated_ahead_of_a_jump_back_does_not_wait(database: Database) -> None:
    """Batches that were due at once, and who was deferred, are due by the new reckoning too."""
    office = Office(database)
    office.subscribe(office.people(3), office.lists("press")["press"])
    distribution = office.publish("press")
    office.expand(distribution)
    ahead = dt.datetime.now(dt.UTC) + dt.timedelta(hours=1)
    with database.transaction() as session:
        session.execute(sa.update(Batch).values(due_at=ahead, queued=2, deferred=1))
        session.execute(
            sa.update(Delivery)
            .where(
                Delivery.subscriber_id == sa.select(sa.func.min(Subscriber.id)).scalar_subquery()
            )
            .values(state="deferred", due_at=ahead)
        )
        assert batches_to_deliver(session, 1) == 0
    with database.transaction() as session:
        forget_waiting(session)
    with database.reading() as session:
        assert batches_to_deliver(session, 1) == 1
        assert all(
            due is None or due < ahead for due in session.scalars(sa.select(Delivery.due_at))
        )


def test_a_pulse_from_before_a_jump_back_is_taken_anew(database: Database) -> None:
    """Or an outage after it would go unnoticed until the old time has come round again."""
    ahead = dt.datetime.now(dt.UTC) + dt.timedelta(hours=3)
    with database.transaction() as session:
        keep_pulse(session)
        session.execute(sa.update(Fact).where(Fact.name == PULSE).values(known_at=ahead))
    with database.transaction() as session:
        assert keep_pulse(session) == []
    with database.reading() as session:
        known = session.scalars(sa.select(Fact.known_at).where(Fact.name == PULSE)).one()
    assert known < ahead


def _lease_ending_in(database: Database, seconds: float) -> int:
    with database.transaction() as session:
        lease = take_lease(session, "far:1", "another folder", "1.journal")
        session.execute(
            sa.update(Lease)
            .where(Lease.id == lease)
            .values(expires_at=read_clock(session) + dt.timedelta(seconds=seconds))
        )
    return lease


def _ends_at(database: Database, lease: int) -> dt.datetime | None:
    with database.reading() as session:
        return session.scalar(sa.select(Lease.expires_at).where(Lease.id == lease))

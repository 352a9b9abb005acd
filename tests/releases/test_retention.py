"""Retention: who got what is forgotten in time, what it adds up to never, and nobody is mailed
twice because of it.
"""

import datetime as dt
import functools
import itertools
import threading

import psycopg
import pytest
import sqlalchemy as sa

from mail.replies import Accepted, Reply
from releases import partitions, retention
from releases.batches import recount, reopen_or_finish
from releases.models import Batch, Delivery, Distribution, Rendering
from releases.partitions import build_partitions, drop_partition, partition_name
from releases.publishing import PublishError
from releases.queries import Status, dropped_at, status
from releases.recording import Entry
from releases.recovery import apply_late
from releases.retention import drop_old
from releases.settling import Completed, settle
from runtime.database import Database, read_clock
from subscribers.models import ListSet
from tests.support.fleet import wait_until
from tests.support.office import Office

KEEP = dt.timedelta(days=400)
LONG = dt.timedelta(days=401)


@pytest.fixture
def office(database_url: str) -> Office:
    """An office on either database, with thirty people on a list."""
    return office_of(database_url)


def office_of(database_url: str) -> Office:
    office = Office(Database(database_url))
    office.subscribe(office.people(30), office.lists("press")["press"])
    return office


def sent(office: Office, *, ago: dt.timedelta = LONG, state: str = "accepted", **order: str) -> int:
    """A distribution that has gone through, so long ago."""
    distribution_id = office.publish("press", **order)
    office.expand(distribution_id)
    with office.database.transaction() as session:
        session.execute(
            sa.update(Delivery)
            .where(Delivery.distribution_id == distribution_id)
            .values(state=state, decided_at=read_clock(session))
        )
        for batch in session.scalars(
            sa.select(Batch).where(Batch.distribution_id == distribution_id)
        ):
            reopen_or_finish(batch, recount(session, batch), read_clock(session))
        session.flush()
        assert settle(session, distribution_id) == Completed()
    with office.database.transaction() as session:
        session.execute(
            sa.update(Distribution)
            .where(Distribution.id == distribution_id)
            .values(finished_at=read_clock(session) - ago, created_at=read_clock(session) - ago)
        )
    return distribution_id


def begin_next_partition(office: Office) -> None:
    """The next distribution is in another partition, and was made some days ago."""
    if office.database.is_postgresql:
        with office.database.transaction() as session:
            last = session.scalar(sa.text("SELECT last_value FROM distribution_id_seq"))
            assert last is not None
            session.execute(
                sa.select(sa.func.setval("distribution_id_seq", last - last % 100 + 100))
            )
        build_partitions(office.database, last - last % 100 + 101)
    sent(office, ago=dt.timedelta(days=3), title="The first of a new partition")


def stands(office: Office, distribution_id: int) -> Status | None:
    """How it stands."""
    with office.database.reading() as session:
        return status(session, distribution_id)


def count(office: Office, what: sa.Select[tuple[int]]) -> int:
    """A number from the database."""
    with office.database.reading() as session:
        return session.scalar(what) or 0


def deliveries(office: Office, distribution_id: int) -> int:
    """How many deliveries of it are kept."""
    return count(
        office,
        sa.select(sa.func.count()).where(Delivery.distribution_id == distribution_id),
    )


def has_table(office: Office, name: str) -> bool:
    """Whether there is such a table."""
    with office.database.engine.connect() as connection:
        return sa.inspect(connection).has_table(name)


def test_what_is_old_is_dropped_and_what_it_adds_up_to_stays(office: Office) -> None:
    """Deliveries and renderings go; the status and the list sets that links name do not."""
    old = sent(office)
    begin_next_partition(office)
    newest = old + 1 if not office.database.is_postgresql else 101
    before, sets = stands(office, old), count(office, sa.select(sa.func.count(ListSet.id)))
    assert before is not None
    assert before.accepted == before.eligible == 30
    assert drop_old(office.database, KEEP) == [old]
    assert deliveries(office, old) == 0
    assert stands(office, old) == before
    renderings = sa.select(sa.func.count()).where(Rendering.distribution_id == old)
    assert count(office, renderings) == 0
    assert count(office, sa.select(sa.func.count(ListSet.id))) == sets
    assert deliveries(office, newest) == 30
    with office.database.reading() as session:
        assert dropped_at(session, old) is not None
        assert dropped_at(session, newest) is None
    if office.database.is_postgresql:
        assert not has_table(office, partition_name(old))
        assert build_partitions(office.database) == []
    assert drop_old(office.database, KEEP) == []


@pytest.mark.parametrize("reason", ["it is young", "its version is to go out", "it runs"])
def test_what_is_needed_is_kept(office: Office, reason: str) -> None:
    """Young ones, unfinished ones, and who has what an unfinished distribution carries."""
    old = sent(office, ago=LONG if reason != "it is young" else dt.timedelta(days=399))
    if reason == "it runs":
        with office.database.transaction() as session:
            session.execute(sa.update(Distribution).values(state="running", finished_at=None))
    begin_next_partition(office)
    if reason == "its version is to go out":
        office.publish("press", at=dt.datetime.now(dt.UTC) + dt.timedelta(days=1))
    assert drop_old(office.database, KEEP) == []
    assert deliveries(office, old) == 30


def test_a_partition_waits_for_its_last(postgresql_url: str) -> None:
    """A partition goes whole: not before the youngest of it, nor while it may get another."""
    office = office_of(postgresql_url)
    old = sent(office)
    assert drop_old(office.database, KEEP) == []  # the next distribution would be in it
    sent(office, title="Another", ago=dt.timedelta(days=10))
    begin_next_partition(office)
    assert drop_old(office.database, KEEP) == []
    assert drop_old(office.database, dt.timedelta(days=9)) == [old, old + 1]


def test_a_version_whose_readers_are_forgotten_is_refused(office: Office) -> None:
    """It would reach people twice; --again says that this is meant, and other versions may go."""
    sent(office)
    begin_next_partition(office)
    drop_old(office.database, KEEP)
    in_a_week = dt.datetime.now(dt.UTC) + dt.timedelta(days=7)
    for order in ({}, {"at": in_a_week}):
        with pytest.raises(PublishError, match=r"went out on 20\d\d-\d\d-\d\d.* --again sends it"):
            office.publish("press", **order)
    again = office.publish("press", is_again=True)
    office.expand(again)
    assert deliveries(office, again) == 30
    office.publish("press", title="Something else")


def test_what_reached_nobody_may_go_out_after_all(office: Office) -> None:
    """Nobody can have it twice who has it from nowhere."""
    sent(office, state="failed")
    begin_next_partition(office)
    assert len(drop_old(office.database, KEEP)) == 1
    later = office.publish("press")
    office.expand(later)
    assert deliveries(office, later) == 30


def test_a_late_journal_changes_no_count(office: Office) -> None:
    """A host that comes back after a year speaks of deliveries that are not kept any more."""
    old = sent(office)
    begin_next_partition(office)
    drop_old(office.database, KEEP)
    before = stands(office, old)
    with office.database.transaction() as session:
        batch = session.scalars(sa.select(Batch).where(Batch.distribution_id == old)).one()
        late = Entry(batch.first_id, 1, Accepted(Reply(250, None, "Ok")))
        apply_late(session, 1, batch.id, [late])
    assert stands(office, old) == before


def test_sqlite_deletes_in_portions(sqlite_url: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """No transaction is long, and what is interrupted goes on later."""
    monkeypatch.setattr(retention, "PORTION_ROWS", 8)
    office = office_of(sqlite_url)
    old = sent(office)
    turns = itertools.chain([True, True, True], itertools.repeat(False))
    assert drop_old(office.database, KEEP, lambda: next(turns)) == [old]
    assert deliveries(office, old) == 30 - 2 * 8
    assert drop_old(office.database, KEEP) == []
    assert deliveries(office, old) == 0


def test_dropping_holds_nobody_up(postgresql_url: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """While somebody is long in the middle of deliveries it waits, and a fan-out goes on."""
    monkeypatch.setattr(partitions, "_LOCK_TIMEOUT_MILLISECONDS", 60_000)
    office = office_of(postgresql_url)
    old = sent(office)
    begin_next_partition(office)
    running = office.publish("press", title="Running")
    with psycopg.connect(postgresql_url.replace("+psycopg", "")) as reader:
        # As a long list of who failed, or an expansion that takes its time.
        reader.execute("SELECT count(*) FROM delivery WHERE distribution_id = %s", [old])
        dropping = threading.Thread(target=functools.partial(drop_old, office.database, KEEP))
        dropping.start()
        wait_until(lambda: is_pending(office, partition_name(old)), 30)
        office.expand(running)
        with office.database.transaction() as session:
            session.execute(
                sa.update(Delivery)
                .where(Delivery.distribution_id == running)
                .values(attempts=Delivery.attempts + 1)
            )
        assert dropping.is_alive()
    dropping.join(30)
    assert not has_table(office, partition_name(old))
    assert deliveries(office, running) == 30


def test_what_is_in_use_is_dropped_later(
    postgresql_url: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """It does not wait for ever, and what it leaves half done is finished the next time."""
    monkeypatch.setattr(partitions, "_LOCK_TIMEOUT_MILLISECONDS", 100)
    office = office_of(postgresql_url)
    old = sent(office)
    begin_next_partition(office)
    with psycopg.connect(postgresql_url.replace("+psycopg", "")) as reader:
        reader.execute("SELECT count(*) FROM delivery WHERE distribution_id = %s", [old])
        drop_old(office.database, KEEP)
        assert is_pending(office, partition_name(old))
    drop_old(office.database, KEEP)
    assert not has_table(office, partition_name(old))


def is_pending(office: Office, name: str) -> bool:
    """Whether it is being cut off."""
    with office.database.engine.connect() as connection:
        query = "SELECT inhdetachpending FROM pg_inherits WHERE inhrelid = to_regclass(:name)"
        return bool(connection.scalar(sa.text(query), {"name": name}))


def test_a_crash_between_cutting_off_and_dropping(postgresql_url: str) -> None:
    """What was cut off and not dropped is found again."""
    office = office_of(postgresql_url)
    old = sent(office)
    begin_next_partition(office)
    with office.database.transaction() as session:
        session.execute(
            sa.update(Distribution)
            .where(Distribution.id == old)
            .values(deliveries_dropped_at=read_clock(session))
        )
        session.execute(sa.text(f"ALTER TABLE delivery DETACH PARTITION {partition_name(old)}"))
    drop_old(office.database, KEEP)
    assert not has_table(office, partition_name(old))
    assert drop_partition(office.database, partition_name(old))  # of what is gone already

"""Two lanes reach for the same notice: it is one lane's, and nobody counts a loss."""

import threading

import sqlalchemy as sa

from mail.replies import Deferred, Reply
from releases.leasing import take_lease
from runtime.database import Database
from subscribers.notices import NoticeKind
from subscribers.record_models import Notice
from tests.support.fleet import wait_until
from tests.worker.relaying import Relaying
from worker.notice_ledger import Held, settle, take_next

WAITING = sa.text(
    "SELECT count(*) FROM pg_stat_activity "
    "WHERE datname = current_database() AND wait_event = 'advisory'"
)
GATE = 7_318


def test_a_lane_that_was_quicker_is_not_lost(postgresql_url: str) -> None:
    """Between one lane's look and its lock another takes a lease and the notice: it is not seen
    as lost, nor taken as well.
    """
    database = Database(postgresql_url)
    relaying = Relaying(database)
    with database.transaction() as session:
        late_lease = take_lease(session, "late", "a folder", "")
        # The late lane's look waits at a gate while it has its snapshot, before it locks the row.
        session.execute(
            sa.text(
                "CREATE FUNCTION wait_at_gate() RETURNS boolean LANGUAGE plpgsql VOLATILE "
                f"COST 0.0001 AS $$ BEGIN PERFORM pg_advisory_lock_shared({GATE}), "
                f"pg_advisory_unlock_shared({GATE}); RETURN true; END $$"
            )
        )
    one = relaying.queue("a@example.com")
    taken: list[Held | None] = []

    def take_late() -> None:
        with database.transaction() as session:
            sa.event.listen(
                session.connection(), "before_cursor_execute", through_gate, retval=True
            )
            taken.append(take_next(session, late_lease))

    late = threading.Thread(target=take_late)
    with database.engine.connect() as connection:
        gate = connection.execution_options(isolation_level="AUTOCOMMIT")
        gate.execute(sa.text(f"SELECT pg_advisory_lock({GATE})"))
        late.start()
        wait_until(lambda: bool(gate.scalar(WAITING)), 10)
        with database.transaction() as session:
            quick_lease = take_lease(session, "quick", "another folder", "")
        with database.transaction() as session:
            held = take_next(session, quick_lease)
        assert held is not None
        gate.execute(sa.text(f"SELECT pg_advisory_unlock({GATE})"))
        late.join(10)
    assert taken == [None]
    stands = relaying.notice(one)
    assert (stands.lease_id, stands.losses, stands.is_in_doubt) == (quick_lease, 0, False)
    with database.transaction() as session:
        session.execute(sa.update(Notice).values(lease_id=None))
    database.dispose()


def through_gate(
    _connection: object, _cursor: object, statement: str, parameters: object, *_: object
) -> tuple[str, object]:
    """The statement that looks for a notice, which waits at the gate for each that it finds."""
    return statement.replace("WHERE notice.due_at", "WHERE wait_at_gate() AND notice.due_at"), (
        parameters
    )


def test_word_of_changes_comes_in_their_order(database_url: str) -> None:
    """A change's notice waits for the one before, deferred or in other hands; others do not."""
    database = Database(database_url)
    relaying = Relaying(database)
    jo, ali = 1, 2
    first = relaying.queue("jo@example.com", NoticeKind.CHANGED, subscriber_id=jo)
    second = relaying.queue("jo@example.com", NoticeKind.CHANGED, subscriber_id=jo)
    link = relaying.queue("jo@example.com", NoticeKind.PRIVATE_LINK, subscriber_id=jo)
    other = relaying.queue("ali@example.com", NoticeKind.CHANGED, subscriber_id=ali)
    with database.transaction() as session:
        lease = take_lease(session, "one", "a folder", "")

    def take() -> Held | None:
        with database.transaction() as session:
            return take_next(session, lease)

    held = [take() for _ in range(4)]
    assert [one.id if one else None for one in held] == [first, link, other, None]
    assert held[0] is not None
    with database.transaction() as session:
        settle(session, held[0], Deferred(Reply(451, None, "later"), "later"))
    assert take() is None
    with database.transaction() as session:
        session.execute(sa.update(Notice).where(Notice.id == first).values(due_at=None))
    then = take()
    assert then is not None
    assert then.id == second
    database.dispose()

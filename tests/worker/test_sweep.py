"""The sweep: finds what is left to do, needs only the database, and hurts nobody."""

import datetime as dt
import itertools
import re
import signal
import threading
import time
from collections.abc import Iterator
from pathlib import Path

import pytest
import sqlalchemy as sa
from celery import Celery

from releases.leasing import take_lease
from releases.models import Batch, Distribution, Lease
from releases.upkeep import finish_cancelled
from runtime.database import Database
from runtime.settings import Settings
from subscribers.models import MailingList
from subscribers.notices import NoticeKind, queue
from subscribers.record_models import Notice
from tests.releases.test_retention import begin_next_partition, deliveries, sent
from tests.support.fleet import fleet, settings_of, status_of, wait_until
from tests.support.office import HASH_KEY, Office
from tests.support.services import RedisServer
from tests.support.smtp_server import SmtpServer
from tests.worker.test_doorbell import messages
from worker import sweep as sweep_module
from worker.adoption import adopt_lost_leases
from worker.clock_watch import ClockWatch
from worker.context import Context, Stopping
from worker.doorbell import make_ringer
from worker.sweep import Sweep


class Ground:
    """An office, and sweeps that ring through Redis."""

    def __init__(self, database_url: str, redis_url: str, state: Path) -> None:
        self.redis_url = redis_url
        self.settings = Settings(
            database_url=database_url, broker_url=redis_url, state_dir=state, hash_key=HASH_KEY
        )
        self.app: Celery = make_ringer(redis_url)
        self.office = Office(Database(database_url))
        self.list_id = self.office.lists("press")["press"]
        self.sweeps: list[Sweep] = []

    def sweep(self, watch: ClockWatch | None = None) -> Sweep:
        """A sweep; not started."""
        context = Context(self.settings, ("smtp://127.0.0.1:1",), self.app, Stopping())
        made = Sweep(context, lambda: 2, watch)
        self.sweeps.append(made)
        return made

    def rings(self, sweep: Sweep, queue: str = "prepare") -> list[tuple[object, object]]:
        """What was rung so far: task and arguments."""
        sweep._context.doorbell.flush(5)
        found = messages(self.redis_url, f"medianote.{queue}")
        return [(one["task"], one["arguments"]) for one in found]


@pytest.fixture
def ground(database_url: str, redis_url: str, tmp_path: Path) -> Iterator[Ground]:
    """On either database."""
    made = Ground(database_url, redis_url, tmp_path / "ground")
    yield made
    for sweep in made.sweeps:
        sweep.stop()
    made.office.database.dispose()


def test_a_lost_doorbell_is_rung_again(ground: Ground) -> None:
    """A running distribution that nobody prepares is rung for."""
    ground.office.subscribe(ground.office.people(3), ground.list_id)
    distribution = ground.office.publish("press")
    sweep = ground.sweep()
    sweep.round()
    assert ("medianote.prepare", [distribution]) in ground.rings(sweep)


def test_what_is_scheduled_starts_by_itself(ground: Ground) -> None:
    """When its time has come a distribution runs, and is rung for."""
    ground.office.subscribe(ground.office.people(3), ground.list_id)
    soon = dt.datetime.now(dt.UTC) + dt.timedelta(seconds=4)
    distribution = ground.office.publish("press", at=soon)
    sweep = ground.sweep()
    sweep.round()
    assert ground.rings(sweep) == []
    time.sleep(max(0.0, (soon - dt.datetime.now(dt.UTC)).total_seconds()) + 0.1)
    sweep.round()
    assert status_of(ground.office, distribution).state == "running"
    assert ("medianote.prepare", [distribution]) in ground.rings(sweep)


def test_what_is_scheduled_starts_on_time(ground: Ground) -> None:
    """A sweep that runs wakes at the moment, and not when its second is over."""
    ground.office.subscribe(ground.office.people(3), ground.list_id)
    sweep = ground.sweep()
    sweep.start()
    time.sleep(0.7)  # its rounds are out of step with what follows
    due_at = dt.datetime.now(dt.UTC) + dt.timedelta(seconds=1.5)
    distribution = ground.office.publish("press", at=due_at)
    wait_until(lambda: status_of(ground.office, distribution).state == "running", 5)
    assert dt.datetime.now(dt.UTC) - due_at < dt.timedelta(seconds=1)


def test_one_failing_duty_does_not_stop_the_others(
    ground: Ground, capsys: pytest.CaptureFixture[str]
) -> None:
    """Without its lease table the sweep still starts what is due; it complains once."""
    ground.office.subscribe(ground.office.people(3), ground.list_id)
    distribution = ground.office.publish("press")
    with ground.office.database.transaction() as session:
        session.execute(sa.text("ALTER TABLE lease RENAME TO away"))
    sweep = ground.sweep()
    for _ in range(3):
        sweep.round()
    assert ("medianote.prepare", [distribution]) in ground.rings(sweep)
    said = "".join(capsys.readouterr())
    assert len(re.findall(r"duty\W*=\W*pulse", said)) == 1
    with ground.office.database.transaction() as session:
        session.execute(sa.text("ALTER TABLE away RENAME TO lease"))


def test_what_nobody_comes_to_expand_the_sweep_expands(ground: Ground) -> None:
    """All may be busy with slow mail servers: an urgent release does not wait for them."""
    ground.office.subscribe(ground.office.people(3), ground.list_id)
    distribution = ground.office.publish("press", is_urgent=True)
    later = ground.office.publish("press", title="Not urgent")
    sweep = ground.sweep()
    sweep.round()
    stands = status_of(ground.office, distribution)
    assert (stands.eligible, stands.queued) == (3, 3)
    assert status_of(ground.office, later).eligible is None
    with ground.office.database.transaction() as session:
        session.execute(sa.update(Batch).values(state="leased"))  # else it makes way
    for _ in range(3):
        sweep.round()
    assert status_of(ground.office, later).eligible == 3


def test_old_deliveries_are_dropped(ground: Ground, monkeypatch: pytest.MonkeyPatch) -> None:
    """Now and then the sweep looks for what need not be kept any more."""
    monkeypatch.setattr(sweep_module, "RETENTION_ROUND", 1)
    ground.office.subscribe(ground.office.people(3), ground.list_id)
    old = sent(ground.office)
    begin_next_partition(ground.office)
    sweep = ground.sweep()
    sweep.round()
    assert deliveries(ground.office, old) == 3
    sweep.round()
    wait_until(lambda: deliveries(ground.office, old) == 0, 10)


def test_old_notices_are_removed_by_a_sweep(
    ground: Ground, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A month after it was queued nothing tells to whom a notice went; what waits stays."""
    monkeypatch.setattr(sweep_module, "RETENTION_ROUND", 1)
    old = dt.datetime.now(dt.UTC) - dt.timedelta(days=31)
    later = dt.datetime.now(dt.UTC) + dt.timedelta(hours=1)
    with ground.office.database.transaction() as session:
        for name in ("sent", "waiting", "young"):
            queue(session, NoticeKind.NOT_BY_FORM, address=f"{name}@example.com", language="en")
        for notice in session.scalars(sa.select(Notice)):
            notice.due_at = later if notice.address.startswith("waiting") else None
            if not notice.address.startswith("young"):
                notice.created_at = old

    def left() -> list[str]:
        with ground.office.database.reading() as session:
            return list(session.scalars(sa.select(Notice.address).order_by(Notice.id)))

    sweep = ground.sweep()
    sweep.round()
    assert len(left()) == 3
    sweep.round()
    wait_until(lambda: left() == ["waiting@example.com", "young@example.com"], 10)


def test_a_release_that_cannot_be_rendered_is_held(ground: Ground) -> None:
    """Somebody has to look at it, and is told what is wrong."""
    ground.office.subscribe(ground.office.people(3), ground.list_id)
    with ground.office.database.transaction() as session:
        session.execute(sa.update(MailingList).values(sender="Büro <büro@example.org>"))
    distribution = ground.office.publish("press")
    sweep = ground.sweep()
    for _ in range(4):
        sweep.round()
    stands = status_of(ground.office, distribution)
    assert stands.state == "held"
    assert (stands.note or "").startswith("it cannot be rendered: ")


def test_one_journal_that_cannot_be_read_stops_no_recovery(ground: Ground, tmp_path: Path) -> None:
    """The others are taken over, and what is wrong is said."""
    sweep = ground.sweep()
    folder = sweep._context.folder
    (folder.path / "0.journal").mkdir()  # what nobody can open as a file
    with ground.office.database.transaction() as session:
        lost = take_lease(session, "gone:1", folder.id, "1.journal")
    with pytest.raises(IsADirectoryError):
        adopt_lost_leases(ground.office.database, folder)
    with ground.office.database.reading() as session:
        assert session.get(Lease, lost) is None


def test_a_large_cancel_does_not_keep_the_sweep(ground: Ground) -> None:
    """It is decided in shares; between them the sweep does its other duties."""
    ground.office.subscribe(ground.office.people(30), ground.list_id)
    distribution = ground.office.publish("press")
    with ground.office.database.transaction() as session:
        session.execute(sa.update(Distribution).values(state="cancelled", is_expanded=True))
        session.add_all(
            Batch(
                distribution_id=distribution, first_id=number, last_id=number, state="open",
                due_at=dt.datetime(2020, 1, 1, tzinfo=dt.UTC), size=0,
            )
            for number in range(20)
        )  # fmt: skip
    finish_cancelled(ground.office.database, distribution, lambda: False)
    with ground.office.database.reading() as session:
        left = session.scalar(sa.select(sa.func.count()).where(Batch.state == "open"))
        assert left == 15
    finish_cancelled(ground.office.database, distribution)
    assert status_of(ground.office, distribution).is_finished


def test_an_idle_sweep_is_cheap(ground: Ground) -> None:
    """With nothing to do a round is a handful of statements."""
    sweep = ground.sweep()
    sweep.round()
    statements: list[str] = []
    engine = sweep._context.database.engine
    sa.event.listen(
        engine, "before_cursor_execute", lambda *args: statements.append(args[2]), named=False
    )
    sweep.round()
    assert 0 < len(statements) <= 14, statements


def test_many_sweeps_at_once_do_what_one_does(ground: Ground) -> None:
    """Leaderless: four sweeps side by side free a lost lease once and raise nothing."""
    ground.office.subscribe(ground.office.people(3), ground.list_id)
    distribution = ground.office.publish("press")
    with ground.office.database.transaction() as session:
        lost = take_lease(session, "gone:1", "elsewhere", "gone.journal")
        session.execute(sa.update(Lease).values(expires_at=dt.datetime(2020, 1, 1, tzinfo=dt.UTC)))
        session.execute(sa.update(Distribution).values(state="cancelled"))
    # Each has watched the clock for a while: a minute passes between two looks at it.
    sweeps = [ground.sweep(ClockWatch(itertools.count(step=60).__next__)) for _ in range(4)]
    for sweep in sweeps:
        sweep._watch.trusts(lambda: dt.datetime.now(dt.UTC))
    threads = [threading.Thread(target=sweep.round) for sweep in sweeps]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    with ground.office.database.reading() as session:
        assert session.get(Lease, lost) is None
        assert session.get_one(Distribution, distribution).finished_at is not None
    assert [sweep._troubles for sweep in sweeps] == [{}] * 4


def test_work_is_done_while_every_doorbell_is_lost(
    postgresql_url: str, breakable_redis: RedisServer, tmp_path: Path
) -> None:
    """A broker that is stopped, killed and emptied in mid-run delays, and loses nothing."""
    with SmtpServer(reply_delay_seconds=0.004) as server:
        url = f"smtp://127.0.0.1:{server.port}"
        environment = settings_of(postgresql_url, breakable_redis.url, url, tmp_path / "state")
        with fleet(environment, tmp_path) as workers:
            office = Office(Database(postgresql_url))
            people = 5000
            office.subscribe(office.people(people), office.lists("press")["press"])
            [worker] = workers.start(1, concurrency=2, is_measured=True)
            distribution = office.publish("press")
            wait_until(lambda: len(server.taken) > 300, 30)
            breakable_redis.send(signal.SIGSTOP)
            time.sleep(3)
            breakable_redis.send(signal.SIGCONT)
            wait_until(lambda: len(server.taken) > 1000, 30, workers.logs)
            breakable_redis.kill()
            time.sleep(3)
            breakable_redis.start()
            wait_until(lambda: status_of(office, distribution).is_finished, 40, workers.logs)
            said = status_of(office, distribution)
            assert (said.state, said.accepted, said.repeats) == ("complete", people, 0)
            assert len(server.taken) == len(set(server.recipients)) == people
            worker.end()
            office.database.dispose()


def test_a_worker_starts_without_its_broker(
    postgresql_url: str, breakable_redis: RedisServer, tmp_path: Path
) -> None:
    """A broker that is away when the worker starts is waited for; then the work is done."""
    breakable_redis.kill()
    with SmtpServer() as server:
        url = f"smtp://127.0.0.1:{server.port}"
        environment = settings_of(postgresql_url, breakable_redis.url, url, tmp_path / "state")
        with fleet(environment, tmp_path) as workers:
            office = Office(Database(postgresql_url))
            office.subscribe(office.people(30), office.lists("press")["press"])
            distribution = office.publish("press")
            [worker] = workers.start(1, is_measured=True)
            time.sleep(4)
            assert server.taken == []
            breakable_redis.start()
            wait_until(lambda: status_of(office, distribution).is_finished, 20, workers.logs)
            assert len(server.taken) == 30
            worker.end()
            office.database.dispose()


def test_many_distributions_take_turns(ground: Ground, monkeypatch: pytest.MonkeyPatch) -> None:
    """A round has its time; the next one goes on, and what is urgent is in each."""
    monkeypatch.setattr(sweep_module, "ROUND_SECONDS", 0.0)
    ground.office.subscribe(ground.office.people(3), ground.list_id)
    plain = [ground.office.publish("press", title=f"Headline {number}") for number in range(3)]
    urgent = ground.office.publish("press", title="Urgent", is_urgent=True)
    sweep = ground.sweep()
    seen = []
    for _ in range(4):
        before = len(ground.rings(sweep))
        sweep.round()
        seen.append({arguments[0] for _, arguments in ground.rings(sweep)[: -before or None]})  # type: ignore[index]
    assert all(urgent in one for one in seen[:1])
    assert set.union(*seen) == {*plain, urgent}
    assert len(seen[0]) == 2

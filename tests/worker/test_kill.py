"""Workers that are killed or stopped in the middle of their work: nothing lost, repeats counted."""

import os
import signal
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from runtime.database import Database
from tests.support.fleet import Fleet, fleet, message_ids, settings_of, status_of, wait_until
from tests.support.office import Office
from tests.support.smtp_server import SmtpServer

PEOPLE = 3000
IN_FLIGHT_MAX = 2 * 8 * 2
"""Two messages on each of eight connections, of a worker or of two that were hit."""
REPLY_DELAY_SECONDS = 0.004


class Scene:
    """An office, a relay, and workers."""

    def __init__(self, office: Office, server: SmtpServer, workers: Fleet) -> None:
        self.office = office
        self.server = server
        self.workers = workers
        self.list_id = office.lists("press")["press"]
        self.people = office.people(PEOPLE)
        office.subscribe(self.people, self.list_id)

    def wait_for_mail(self, count: int) -> None:
        """Until the relay has taken so many."""
        wait_until(lambda: len(self.server.taken) >= count, 60, f"{count} mails")

    def wait_for_end(self, distribution: int, seconds: float) -> float:
        """Until it is complete; the seconds it took."""
        return wait_until(
            lambda: status_of(self.office, distribution).is_finished,
            seconds,
            lambda: f"{status_of(self.office, distribution)}\n{self.workers.logs()}",
        )

    def check(self, distribution: int, *, repeats_max: int) -> None:
        """Everyone has it; repeats are few, counted, and bear the same Message-ID."""
        got = message_ids(self.server)
        assert len(got) == PEOPLE
        assert all(len(ids) == 1 for ids in got.values())
        repeated = sum(sum(ids.values()) - 1 for ids in got.values())
        said = status_of(self.office, distribution)
        assert said.state == "complete"
        assert said.balances
        assert said.accepted == PEOPLE
        assert repeated <= said.repeats <= repeats_max


@pytest.fixture
def scene(postgresql_url: str, redis_url: str, tmp_path: Path) -> Iterator[Scene]:
    """Workers on PostgreSQL and Redis; none runs yet."""
    with SmtpServer(reply_delay_seconds=REPLY_DELAY_SECONDS) as server:
        smtp_url = f"smtp://127.0.0.1:{server.port}"
        environment = settings_of(postgresql_url, redis_url, smtp_url, tmp_path / "state")
        with fleet(environment, tmp_path) as workers:
            office = Office(Database(postgresql_url))
            yield Scene(office, server, workers)
            office.database.dispose()


def test_a_killed_worker_is_replaced_within_ten_seconds(scene: Scene) -> None:
    """kill -9 of one of two workers in mid-run: all have it in time, repeats are counted."""
    first, _second = scene.workers.start(2)
    distribution = scene.office.publish("press")
    scene.wait_for_mail(PEOPLE // 3)
    rate_began, taken = time.monotonic(), len(scene.server.taken)
    first.kill()
    scene.wait_for_end(distribution, 10 + 30)
    rest_seconds = (PEOPLE - taken) / 300
    assert time.monotonic() - rate_began < 10 + rest_seconds
    scene.check(distribution, repeats_max=IN_FLIGHT_MAX)


def test_a_killed_child_is_replaced_by_its_own_worker(scene: Scene) -> None:
    """kill -9 of a child process alone: its parent applies the journal and goes on."""
    (worker,) = scene.workers.start(1)
    distribution = scene.office.publish("press")
    scene.wait_for_mail(PEOPLE // 3)
    for child in worker.children():
        os.kill(child, signal.SIGKILL)
    scene.wait_for_end(distribution, 30)
    scene.check(distribution, repeats_max=IN_FLIGHT_MAX)


def test_a_worker_stopped_past_its_lease_repeats_nothing_when_it_goes_on(scene: Scene) -> None:
    """SIGSTOP for longer than the lease: the other takes over, the first then begins nothing."""
    first, _second = scene.workers.start(2)
    distribution = scene.office.publish("press")
    scene.wait_for_mail(PEOPLE // 4)
    first.send(signal.SIGSTOP)
    scene.wait_for_end(distribution, 30)
    first.send(signal.SIGCONT)
    time.sleep(3)
    scene.check(distribution, repeats_max=IN_FLIGHT_MAX)


def test_a_host_lost_with_its_journals_is_replaced(scene: Scene, tmp_path: Path) -> None:
    """Another host takes over without the journal: at most two batches may go twice."""
    (far,) = scene.workers.start(1, MEDIANOTE_STATE_DIR=str(tmp_path / "far"))
    distribution = scene.office.publish("press")
    scene.wait_for_mail(PEOPLE // 3)
    scene.workers.start(1)
    far.kill()
    scene.wait_for_end(distribution, 40)
    scene.check(distribution, repeats_max=2 * 1000)


def test_sigterm_ends_cleanly_and_repeats_nothing(scene: Scene) -> None:
    """A worker that is asked to end does so in ten seconds; the next goes on without repeats."""
    (worker,) = scene.workers.start(1, concurrency=2, is_measured=True)
    distribution = scene.office.publish("press")
    scene.wait_for_mail(PEOPLE // 4)
    assert worker.end() < 10
    assert (
        list(
            (Path(scene.workers.environment["MEDIANOTE_STATE_DIR"]) / "journals").glob("*.journal")
        )
        == []
    )
    scene.workers.start(1)
    scene.wait_for_end(distribution, 40)
    scene.check(distribution, repeats_max=0)

"""The embedded worker: the same tasks, in this process, on SQLite."""

import subprocess
import sys
import threading
import time
from collections import Counter
from pathlib import Path

import pytest

from releases.models import DistributionState
from runtime.database import Database
from runtime.migrations import migrate
from runtime.settings import Settings
from tests.support.fleet import ROOT, fleet, settings_of, status_of, wait_until
from tests.support.office import HASH_KEY, Office
from tests.support.smtp_server import SmtpServer
from worker.doorbell import ring_prepare
from worker.embedded import running_worker


@pytest.fixture
def settings(tmp_path: Path) -> Settings:
    """An installation without any setting but its folder."""
    made = Settings(state_dir=tmp_path / "state", hash_key=HASH_KEY)
    migrate(made.database)
    return made


def filled(settings: Settings, people: int) -> Office:
    """An office with people on the list `press`."""
    office = Office(Database(settings.database))
    office.subscribe(office.people(people), office.lists("press")["press"])
    return office


def test_a_release_arrives_in_the_local_outbox(settings: Settings) -> None:
    """Without any server, everyone has one mail in the Maildir, and the worker ends at once."""
    office = filled(settings, 40)
    with running_worker(settings):
        distribution = office.publish("press")
        wait_until(lambda: ring_prepare(settings, distribution), 10)
        wait_until(lambda: status_of(office, distribution).is_finished, 20)
        began = time.monotonic()
    assert time.monotonic() - began < 5
    said = status_of(office, distribution)
    assert (said.state, said.accepted, said.balances) == ("complete", 40, True)
    assert len(list((settings.state_folder / "outbox" / "new").iterdir())) == 40
    assert not ring_prepare(settings, distribution)


def test_workers_can_follow_each_other_in_a_process(settings: Settings) -> None:
    """Nothing of one worker is in the way of the next."""
    office = filled(settings, 5)
    for number in range(3):
        with running_worker(settings):
            distribution = office.publish("press", title=f"Headline {number}")
            ring_prepare(settings, distribution)
            wait_until(lambda one=distribution: status_of(office, one).is_finished, 20)
    names = [thread.name for thread in threading.enumerate()]
    assert not [name for name in names if name in {"medianote-sweep", "medianote-worker"}]


def test_what_another_process_publishes_is_found(settings: Settings, tmp_path: Path) -> None:
    """A distribution that nobody rang for is on its way within seconds."""
    office = filled(settings, 5)
    with running_worker(settings):
        code = (
            "import sys\n"
            "from runtime.database import Database\n"
            "from tests.support.office import Office\n"
            "print(Office(Database(sys.argv[1])).publish('press'))\n"
        )
        done = subprocess.run(
            [sys.executable, "-c", code, settings.database],
            cwd=ROOT,
            capture_output=True,
            text=True,
            check=True,
        )
        distribution = int(done.stdout)
        wait_until(lambda: status_of(office, distribution).is_finished, 10)
    assert status_of(office, distribution).state == DistributionState.COMPLETE


def test_two_processes_share_one_sqlite_file(sqlite_url: str, tmp_path: Path) -> None:
    """Two embedded workers on one file, one of them killed: everyone has it, once but for that."""
    office = Office(Database(sqlite_url))
    people = 1500
    office.subscribe(office.people(people), office.lists("press")["press"])
    with SmtpServer(reply_delay_seconds=0.004) as server:
        url = f"smtp://127.0.0.1:{server.port}"
        environment = settings_of(sqlite_url, None, url, tmp_path / "state")
        with fleet(environment, tmp_path) as workers:
            first, second = workers.start(2, is_measured=True)
            distribution = office.publish("press")
            wait_until(lambda: len(server.taken) > people // 3, 30, workers.logs)
            first.kill()
            wait_until(lambda: status_of(office, distribution).is_finished, 40, workers.logs)
            assert second.end() < 10
    said = status_of(office, distribution)
    assert (said.state, said.accepted) == ("complete", people)
    got = Counter(server.recipients)
    assert len(got) == people
    repeated = sum(got.values()) - people
    assert repeated <= said.repeats <= 32

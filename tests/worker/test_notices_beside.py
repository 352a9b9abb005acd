"""Real workers that send a big distribution, and notices beside it: within seconds, in limits."""

import statistics
import threading
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
import sqlalchemy as sa

from mail.addresses import parse_address
from runtime.database import Database
from subscribers.consents import Via
from subscribers.models import Frequency
from subscribers.record_models import Notice
from subscribers.sign_ups import Answer, Asked, ask
from tests.support.fleet import Fleet, message_ids, settings_of, status_of, wait_until
from tests.support.office import HASH_KEY, Office
from tests.support.smtp_model import SmtpModel
from tests.support.smtp_server import SmtpServer
from tests.worker.limits.shops import Notes, NotingServer

REPLY_DELAY_SECONDS = 0.01
NOTICES = 12


class Scene:
    """An office with readers, a relay, and workers (none runs yet)."""

    def __init__(self, database_url: str, server: SmtpServer, workers: Fleet, people: int) -> None:
        self.office = Office(Database(database_url))
        self.server = server
        self.workers = workers
        self.people = people
        self.list_id = self.office.lists("press")["press"]
        self.office.subscribe(self.office.people(people), self.list_id)

    def publish(self, after: int) -> int:
        """A distribution, of which so many have gone out."""
        distribution = self.office.publish("press")
        wait_until(
            lambda: len(self.server.taken) >= after, 60, lambda: f"mail\n{self.workers.logs()}"
        )
        return distribution

    def sign_up(self, name: str) -> None:
        """Somebody fills in the form: a confirmation is queued."""
        asked = Asked(
            parse_address(f"{name}@example.org"), {self.list_id: Frequency.AT_ONCE}, "en", "html"
        )
        with self.office.database.transaction() as session:
            assert ask(session, asked, Via("a test"), hash_key=HASH_KEY) is Answer.TAKEN

    def delays(self) -> list[float]:
        """How many seconds it took each notice to be taken; fails while one waits."""
        with self.office.database.reading() as session:
            rows = session.execute(
                sa.select(Notice.state, Notice.created_at, Notice.decided_at)
            ).all()
        assert {state for state, _, _ in rows} == {"accepted"}
        return [(decided - created).total_seconds() for _, created, decided in rows]

    def are_all_taken(self) -> bool:
        """Whether no notice waits any more."""
        with self.office.database.reading() as session:
            waiting = sa.select(Notice.id).where(Notice.due_at.is_not(None)).limit(1)
            return session.scalar(waiting) is None

    def wait_for_notices(self, seconds: float) -> None:
        """Until none waits."""
        wait_until(self.are_all_taken, seconds, lambda: f"notices\n{self.workers.logs()}")


@pytest.fixture
def open_scene(tmp_path: Path) -> Iterator[Callable[..., Scene]]:
    """Opens a scene; its workers and its relay are gone in the end."""
    scenes: list[Scene] = []

    def make(
        database_url: str, broker_url: str | None, server: SmtpServer, people: int, query: str = ""
    ) -> Scene:
        smtp_url = f"smtp://127.0.0.1:{server.port}{query}"
        environment = settings_of(database_url, broker_url, smtp_url, tmp_path / "state")
        server.__enter__()
        scenes.append(Scene(database_url, server, Fleet(environment, tmp_path), people))
        return scenes[-1]

    yield make
    for scene in scenes:
        for worker in scene.workers.workers:
            worker.close()
        scene.server.__exit__()
        scene.office.database.dispose()


@pytest.mark.unmeasured
def test_notices_go_out_beside_a_big_distribution(
    postgresql_url: str, redis_url: str, open_scene: Callable[..., Scene]
) -> None:
    """Two workers are busy with thousands of mails; each confirmation goes out in seconds, once."""
    server = SmtpServer(lambda _: SmtpModel(), reply_delay_seconds=REPLY_DELAY_SECONDS)
    scene = open_scene(postgresql_url, redis_url, server, 12_000)
    scene.workers.start(2)
    distribution = scene.publish(after=500)
    for number in range(NOTICES):
        scene.sign_up(f"new{number}")
        time.sleep(0.3)
    scene.wait_for_notices(20)
    under_way = status_of(scene.office, distribution)
    assert under_way.state == "running"
    assert under_way.accepted < scene.people, "the distribution was over too soon to be beside"
    delays = scene.delays()
    assert len(delays) == NOTICES
    assert statistics.median(delays) < 2.5
    assert max(delays) < 6
    new = [one for one in server.recipients if one.endswith("@example.org")]
    assert sorted(new) == sorted(f"new{number}@example.org" for number in range(NOTICES))
    wait_until(lambda: status_of(scene.office, distribution).is_finished, 60)
    said = status_of(scene.office, distribution)
    assert (said.accepted, said.repeats) == (scene.people, 0)


def test_a_killed_worker_leaves_its_notice_to_another(
    postgresql_url: str, redis_url: str, open_scene: Callable[..., Scene]
) -> None:
    """kill -9 while the server thinks: it comes again in ten seconds, under one Message-ID."""
    is_answered = threading.Event()

    def script(verb: str, argument: str, count: int) -> None:
        if verb == "CONTENT" and not server.taken:
            is_answered.wait(40)

    server = SmtpServer(lambda number: SmtpModel(script=script) if number == 0 else SmtpModel())
    scene = open_scene(postgresql_url, redis_url, server, 1)
    (first,) = scene.workers.start(1)
    wait_until(lambda: first.is_ready, 30)
    scene.sign_up("new")
    wait_until(lambda: any(b"Message-ID" in model.wire for model in server.models), 20)
    (second,) = scene.workers.start(1)
    wait_until(lambda: second.is_ready, 30)
    time.sleep(9)  # longer than a lease lasts that is not renewed
    assert server.taken == []
    first.kill()
    scene.wait_for_notices(12)
    is_answered.set()
    wait_until(lambda: len(server.taken) == 2, 5)
    (ids,) = message_ids(server).values()
    assert list(ids.values()) == [2]
    with scene.office.database.reading() as session:
        said = session.scalars(sa.select(Notice)).one()
        assert (said.state, said.is_in_doubt, said.losses) == ("accepted", True, 1)


@pytest.mark.parametrize("connections", [1, 3])
@pytest.mark.parametrize("has_redis", [True, False])
def test_notices_count_in_a_relays_limits(
    request: pytest.FixtureRequest,
    open_scene: Callable[..., Scene],
    *,
    has_redis: bool,
    connections: int,
) -> None:
    """Never more connections than the relay is given, and notices still go in seconds."""
    notes = Notes()
    server = NotingServer(notes, reply_delay_seconds=REPLY_DELAY_SECONDS)
    database_url = request.getfixturevalue("postgresql_url" if has_redis else "sqlite_url")
    broker_url = request.getfixturevalue("redis_url") if has_redis else None
    scene = open_scene(database_url, broker_url, server, 3000, f"?connections={connections}")
    scene.workers.start(2 if has_redis else 1)
    distribution = scene.publish(after=100)
    for number in range(4):
        scene.sign_up(f"new{number}")
        time.sleep(1.5)
    scene.wait_for_notices(20)
    assert status_of(scene.office, distribution).state == "running"
    assert max(scene.delays()) < 12
    assert notes.most_open <= connections
    # And the distribution goes on.
    taken = len(server.taken)
    wait_until(lambda: len(server.taken) > taken + 50, 20, scene.workers.logs)
    assert notes.most_open <= connections

"""An officer's hand on a running distribution: real workers, and a relay that takes its time."""

import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from releases import commands
from runtime.database import Database
from tests.support.fleet import Fleet, fleet, settings_of, status_of, wait_until
from tests.support.office import Office
from tests.support.smtp_model import ESMTP, SmtpModel
from tests.support.smtp_server import SmtpServer

PEOPLE = 4000
EFFECT_SECONDS = 1.0
URGENT_SECONDS = 2.0
STARVED_SECONDS = 1.0
"""More than promised, for tests share their processors."""


class Begun:
    """When the relay was given the envelope of each message."""

    def __init__(self) -> None:
        self.moments: list[tuple[float, str]] = []

    def script(self, verb: str, argument: str, _count: int) -> None:
        if verb == "RCPT":
            self.moments.append((time.monotonic(), argument))

    def since(self, moment: float) -> list[str]:
        """To whom a message was begun from then on."""
        return [argument for began, argument in list(self.moments) if began > moment]


class Scene:
    """An office, a slow relay, and workers."""

    def __init__(self, office: Office, begun: Begun, server: SmtpServer, workers: Fleet) -> None:
        self.office, self.begun, self.server, self.workers = office, begun, server, workers
        self.list_id = office.lists("press")["press"]
        office.subscribe(office.people(PEOPLE), self.list_id)

    def state(self, distribution: int) -> str:
        """Its state."""
        return status_of(self.office, distribution).state

    def wait_for_mail(self, count: int) -> None:
        """Until the relay has taken so many."""
        wait_until(lambda: len(self.server.taken) >= count, 60, self.workers.logs)


@pytest.fixture(params=[0.1])
def scene(
    request: pytest.FixtureRequest, postgresql_url: str, redis_url: str, tmp_path: Path
) -> Iterator[Scene]:
    """Two processes on PostgreSQL and Redis; none runs yet."""
    begun = Begun()
    with SmtpServer(
        lambda _number: SmtpModel(script=begun.script, capabilities=(*ESMTP, "CHUNKING")),
        reply_delay_seconds=request.param,
    ) as server:
        smtp_url = f"smtp://127.0.0.1:{server.port}"
        environment = settings_of(postgresql_url, redis_url, smtp_url, tmp_path / "state")
        with fleet(environment, tmp_path) as workers:
            office = Office(Database(postgresql_url))
            yield Scene(office, begun, server, workers)
            office.database.dispose()


def test_pause_resume_and_cancel_take_effect_within_a_second(scene: Scene) -> None:
    """A second after the command nothing more is begun; resumed, it goes on as soon."""
    scene.workers.start(1, concurrency=2)
    distribution = scene.office.publish("press")
    scene.wait_for_mail(50)
    with scene.office.database.transaction() as session:
        commands.pause(session, distribution)
    paused_at = time.monotonic()
    time.sleep(EFFECT_SECONDS + 1)
    assert scene.begun.since(paused_at + EFFECT_SECONDS) == []

    with scene.office.database.transaction() as session:
        commands.resume(session, distribution)
    resumed_at = time.monotonic()
    seconds = wait_until(lambda: bool(scene.begun.since(resumed_at)), 10, scene.workers.logs)
    assert seconds <= EFFECT_SECONDS + STARVED_SECONDS

    with scene.office.database.transaction() as session:
        commands.cancel(session, distribution)
    cancelled_at = time.monotonic()
    wait_until(lambda: status_of(scene.office, distribution).is_finished, 15, scene.workers.logs)
    time.sleep(EFFECT_SECONDS)
    assert scene.begun.since(cancelled_at + EFFECT_SECONDS) == []
    said = status_of(scene.office, distribution)
    assert said.accepted == len(scene.server.taken)
    assert said.queued == said.deferred == said.repeats == 0


def test_an_urgent_one_overtakes_what_is_being_sent(scene: Scene) -> None:
    """Its first mail is taken within two seconds, though all processes are busy with another."""
    scene.workers.start(1, concurrency=2)
    scene.office.publish("press", title="Ordinary")
    scene.wait_for_mail(30)
    lists = scene.office.lists("urgent")
    scene.office.subscribe(scene.office.people(5, domain="urgent.example"), lists["urgent"])
    published_at = time.monotonic()
    scene.office.publish("urgent", title="Urgent", is_urgent=True)
    wait_until(
        lambda: any("urgent.example" in one for one in scene.begun.since(published_at)),
        30,
        scene.workers.logs,
    )
    assert time.monotonic() - published_at <= URGENT_SECONDS + STARVED_SECONDS

"""What operators are promised: plain answers, on a port of their own, without the database too."""

import asyncio
import datetime as dt
import socket
import time
from pathlib import Path

import httpx
import pytest
import sqlalchemy as sa
from prometheus_client.parser import text_string_to_metric_families

from runtime.database import Database, read_clock
from runtime.migrations import migrate
from runtime.settings import Settings, SettingsError
from subscribers.notices import NoticeKind, queue
from subscribers.record_models import Notice
from tests.support.samples import NOTE
from tests.web.world import World
from web.attendant import Attendant
from web.operations import Metrics
from web.pages import make_site
from web.server import serving


def free_port() -> int:
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        return int(taken.getsockname()[1])


def test_alive_and_ready(either: World) -> None:
    """A process with a migrated database is both."""
    with either.client() as client:
        assert client.get("/healthz").text == "alive\n"
        ready = client.get("/readyz")
    assert (ready.status_code, ready.text) == (200, "ready\n")


def test_a_database_that_was_not_migrated(empty_database_url: str) -> None:
    """It says what to run, and is ready as soon as that has been done."""
    database = Database(empty_database_url)
    with serving(Settings(), database) as url:
        before = httpx.get(f"{url}/readyz", trust_env=False)
        assert before.status_code == 503
        assert before.text == (
            "not ready: the database has not been migrated yet: run `medianote migrate`\n"
        )
        assert httpx.get(f"{url}/healthz", trust_env=False).status_code == 200
        migrate(empty_database_url)
        assert httpx.get(f"{url}/readyz", trust_env=False).status_code == 200
    database.dispose()


def test_a_database_that_is_older(site: World, client: httpx.Client) -> None:
    """An older schema is named, and what to do."""
    with site.database.transaction() as session:
        session.execute(sa.text("UPDATE alembic_version SET version_num = '0000'"))
    answer = client.get("/readyz")
    assert answer.status_code == 503
    assert "medianote migrate" in answer.text


def test_a_database_that_cannot_be_reached(tmp_path: Path) -> None:
    """An unreachable database is said in one line that names neither host nor user."""
    url = f"postgresql+psycopg://who:secret@127.0.0.1:{free_port()}/nothing"
    database = Database(url)
    with serving(Settings(), database) as address:
        answer = httpx.get(f"{address}/readyz", trust_env=False, timeout=20)
    assert answer.status_code == 503
    assert answer.text == "not ready: the database cannot be used\n"


def metrics(port: int) -> dict[tuple[str, frozenset[tuple[str, str]]], float]:
    text = httpx.get(f"http://127.0.0.1:{port}/metrics", trust_env=False).text
    return {
        (sample.name, frozenset(sample.labels.items())): sample.value
        for family in text_string_to_metric_families(text)
        for sample in family.samples
    }


def test_a_connection_that_was_cut(postgresql_url: str) -> None:
    """A page whose transaction PostgreSQL has cut may be well the next time: 503, not a fault."""
    database = Database(postgresql_url)

    async def stalls(*_: object) -> None:
        with database.transaction() as session:
            session.execute(sa.text("SET LOCAL idle_in_transaction_session_timeout = 20"))
            time.sleep(0.2)
            session.execute(sa.text("SELECT 1"))

    page = Attendant(stalls, site=make_site(Settings(), database), metrics=Metrics(database))

    async def ask() -> httpx.Response:
        transport = httpx.ASGITransport(page)
        async with httpx.AsyncClient(transport=transport, base_url="http://localhost") as client:
            return await client.get("/")

    answer = asyncio.run(ask())
    assert (answer.status_code, answer.headers["retry-after"]) == (503, "30")
    database.dispose()


def test_metrics(either: World, monkeypatch: pytest.MonkeyPatch) -> None:
    """The queue's depth, deliveries by state, and requests by route template, on their own port."""
    made = either.publish(NOTE)
    either.add_batch(made.distribution_id, queued=7, accepted=20, deferred=3, failed=1)
    over = either.publish(NOTE, is_again=True)
    either.add_batch(over.distribution_id, accepted=1000)
    with either.database.transaction() as session:
        session.execute(
            sa.text("UPDATE distribution SET state='complete', finished_at=due_at WHERE id=:id"),
            {"id": over.distribution_id},
        )
    port = free_port()
    monkeypatch.setenv("MEDIANOTE_METRICS_PORT", str(port))
    with serving(Settings(), either.database) as url:
        httpx.get(f"{url}/u/some-token", trust_env=False)
        assert httpx.get(f"{url}/metrics", trust_env=False).status_code == 404
        found = metrics(port)
    assert found["medianote_queue_depth", frozenset()] == 10
    assert found["medianote_deliveries", frozenset({("state", "accepted")})] == 20
    assert found["medianote_distributions", frozenset({("state", "running")})] == 1
    assert found["medianote_database_up", frozenset()] == 1
    labels = frozenset({("method", "GET"), ("route", "/u/{token}"), ("status", "404")})
    assert found["medianote_http_requests_total", labels] == 1
    with pytest.raises(httpx.ConnectError):
        metrics(port)


def test_metrics_of_notices(either: World) -> None:
    """How many wait or were given up of late, and for how long the oldest has waited."""
    said = {
        "a": {"due_at": 50, "created_at": 100},
        "b": {"state": "deferred", "due_at": -600, "created_at": 4000},
        "c": {"state": "failed", "due_at": None, "decided_at": 90},
        "d": {"state": "uncertain", "due_at": None, "decided_at": 90},
        "e": {"state": "failed", "due_at": None, "decided_at": 90_000},
        "f": {"state": "accepted", "due_at": None, "decided_at": 90},
    }
    with either.database.transaction() as session:
        now = read_clock(session)
        for name, values in said.items():
            made = queue(
                session, NoticeKind.NOT_BY_FORM, address=f"{name}@example.com", language="en"
            )
            for column, value in values.items():
                moment = isinstance(value, int)
                setattr(
                    session.get_one(Notice, made),
                    column,
                    now - dt.timedelta(seconds=value) if moment else value,
                )
    found = {
        (sample.name, sample.labels.get("state")): sample.value
        for family in Metrics(either.database).registry.collect()
        for sample in family.samples
    }
    states = ("queued", "deferred", "failed", "uncertain")
    assert [found["medianote_notices", state] for state in states] == [1, 1, 1, 1]
    assert 4000 <= found["medianote_notices_oldest_seconds", None] < 4060
    assert 50 <= found["medianote_notices_overdue_seconds", None] < 110


def test_metrics_without_a_database(monkeypatch: pytest.MonkeyPatch) -> None:
    """A scrape answers while the database is away, and says that it is."""
    port = free_port()
    monkeypatch.setenv("MEDIANOTE_METRICS_PORT", str(port))
    database = Database(f"postgresql+psycopg://nobody@127.0.0.1:{free_port()}/nothing")
    with serving(Settings(), database):
        assert metrics(port)["medianote_database_up", frozenset()] == 0


def test_a_port_that_is_taken(sqlite_url: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """The error names the address, or the setting, that cannot be had."""
    database = Database(sqlite_url)
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        taken.listen()
        port = taken.getsockname()[1]
        with (
            pytest.raises(OSError, match="in use") as refused,
            serving(Settings(), database, port=port),
        ):
            pass
        assert refused.value.filename == f"127.0.0.1:{port}"
        monkeypatch.setenv("MEDIANOTE_METRICS_PORT", str(port))
        said = f"MEDIANOTE_METRICS_PORT: 127.0.0.1:{port} is in use already"
        with pytest.raises(SettingsError, match=said), serving(Settings(), database):
            pass
    database.dispose()


def test_answers_do_not_wait_for_acknowledgements(client: httpx.Client) -> None:
    """A kept connection is answered at once, not after the 40 ms of a delayed acknowledgement."""
    quickest = min(client.get("/healthz").elapsed.total_seconds() for _ in range(30))
    assert quickest < 0.035

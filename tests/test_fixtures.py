"""What tests stand on: fresh servers, a browser and a second mail reader that are really there."""

import os
import signal
from pathlib import Path

import psycopg
import pytest
import redis
import sqlalchemy as sa
from hypothesis import given
from hypothesis import strategies as st
from playwright.sync_api import Page

from runtime.database import Database, make_engine
from runtime.migrations import migrate
from runtime.schema import read_schema
from tests.support.mailparser import Mailparser
from tests.support.programs import MissingProgramError, find_program
from tests.support.services import PostgresqlServer, RedisServer


def _is_current(url: str) -> bool:
    database = Database(url)
    try:
        return read_schema(database).is_newest
    finally:
        database.dispose()


@pytest.mark.parametrize("turn", [1, 2])
def test_each_test_has_a_fresh_migrated_database(turn: int, database_url: str) -> None:
    """What one test writes, the next does not find."""
    assert _is_current(database_url)
    engine = make_engine(database_url)
    with engine.begin() as connection:
        connection.execute(sa.text("CREATE TABLE left_over (turn integer)"))
    engine.dispose()


def test_an_empty_database_can_be_migrated(empty_database_url: str) -> None:
    """Migrations have a database to begin from."""
    assert not _is_current(empty_database_url)
    migrate(empty_database_url)
    assert _is_current(empty_database_url)


@pytest.mark.parametrize("turn", [1, 2])
def test_each_test_has_a_fresh_redis(turn: int, redis_url: str) -> None:
    """What one test leaves in Redis, the next does not find."""
    with redis.Redis.from_url(redis_url) as client:
        assert client.dbsize() == 0
        client.set("left over", turn)


def test_redis_can_be_killed_and_started_again(breakable_redis: RedisServer) -> None:
    """A test can have its broker die, hang, and come back at the same address."""
    with redis.Redis.from_url(breakable_redis.url, socket_timeout=0.2) as client:
        breakable_redis.send(signal.SIGSTOP)
        with pytest.raises(redis.TimeoutError):
            client.ping()
        breakable_redis.send(signal.SIGCONT)
        breakable_redis.kill()
        with pytest.raises(redis.ConnectionError):
            client.ping()
        breakable_redis.start()
        assert client.ping()


def test_postgresql_does_not_run_as_root(postgresql_server: PostgresqlServer) -> None:
    """The cluster belongs to a user who may own one, and its socket is in its own folder."""
    status = Path(f"/proc/{postgresql_server.pid}/status").read_text()
    assert "Uid:\t0\t" not in status
    with psycopg.connect(
        host=str(postgresql_server.folder), port=postgresql_server.port, user="medianote",
        dbname="postgres",
    ) as connection:  # fmt: skip
        assert connection.info.server_version >= 13_00_00


def test_nothing_of_the_caller_reaches_a_test(state_dir: Path) -> None:
    """Settings, folder and umask are the test's own."""
    ours = {name for name in os.environ if name.startswith("MEDIANOTE_")}
    assert ours == {"MEDIANOTE_STATE_DIR"}
    assert os.environ["MEDIANOTE_STATE_DIR"] == str(state_dir)
    assert Path.cwd() == state_dir.parent
    umask = os.umask(0o022)
    assert umask == 0o022


@given(st.text())
def test_properties_can_be_stated(text: str) -> None:
    """Hypothesis and our own fixtures get on with each other."""
    assert text == text.encode("utf-8", "surrogatepass").decode("utf-8", "surrogatepass")


def test_a_missing_program_is_said_with_its_remedy() -> None:
    """Whoever lacks a program is told what installs it."""
    with pytest.raises(MissingProgramError, match="no-such-thing is not installed; `make test`"):
        find_program("no-such-thing")


@pytest.mark.browser
def test_the_browser_shows_a_page(page: Page) -> None:
    """Chromium renders HTML without any network."""
    page.set_content("<h1>Media Note</h1>")
    assert page.inner_text("h1") == "Media Note"


def test_mailparser_reads_a_message(mailparser: Mailparser) -> None:
    """A second mail library says what it reads in our messages."""
    message = (
        b"From: =?utf-8?q?J=C3=B6rg?= <press@example.org>\r\nSubject: =?utf-8?q?caf=C3=A9?=\r\n"
        b"List-Unsubscribe: <https://example.org/u/abc>\r\n\r\nHello\r\n"
    )
    [read] = mailparser.read(message)
    assert read["subject"] == "café"
    assert read["from"] == [{"address": "press@example.org", "name": "Jörg"}]
    assert read["text"] == "Hello\n"
    assert read["list"]["unsubscribe"] == {"url": "https://example.org/u/abc"}

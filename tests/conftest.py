"""Fixtures: real servers of our own, fresh state for every test, nothing of the caller's.

Each test process (pytest-xdist) starts its own servers, and only those that its tests ask for.
A service that is not installed fails the test: `make test` installs it.
"""

import os
import shutil
import sqlite3
import sys
import tempfile
import time
from collections.abc import Generator, Iterator
from contextlib import closing
from pathlib import Path

import pytest
from hypothesis import HealthCheck, settings
from playwright.sync_api import Browser, Page

from runtime.migrations import migrate
from tests.support.browser import chromium
from tests.support.mailparser import Mailparser
from tests.support.services import PostgresqlServer, RedisServer

IS_CI = bool(os.environ.get("CI"))
# Several times what a run has been seen to need.
MEMORY_BYTES = 4 << 30
# Whole programs run there, and are waited for.
LONG_FOLDERS = {"journeys", "chaos", "worker", "limits", "cli", "benchmarks", "flows"}
COVERAGE_OF_COMMANDS = "COVERAGE_PROCESS_CONFIG"
settings.register_profile(
    "medianote",
    deadline=None,  # a busy machine is no bug
    suppress_health_check=[HealthCheck.too_slow],
    derandomize=IS_CI,
    print_blob=True,
)
settings.load_profile("medianote")


def pytest_configure() -> None:
    """Make every run alike, whoever starts it: no settings, no umask, no zone of the caller."""
    for name in list(os.environ):
        if name.startswith(("MEDIANOTE_", "PG")):
            del os.environ[name]
    # Commands that tests run need not compile the same modules again and again.
    os.environ.pop("PYTHONDONTWRITEBYTECODE", None)
    # A zone that no code of ours may lean on.
    os.environ["TZ"] = "Pacific/Chatham"
    time.tzset()
    os.environ["NO_PROXY"] = os.environ["no_proxy"] = "127.0.0.1,localhost,::1"
    os.umask(0o022)
    _keep_files_in_memory()


def _keep_files_in_memory() -> None:
    """Temporary files live in memory where there is room: a database is copied for most tests."""
    memory = Path("/dev/shm")
    if "TMPDIR" in os.environ or not os.access(memory, os.W_OK | os.X_OK):
        return
    storage = os.statvfs(memory)
    # Programs are installed there, too.
    may_run_programs = not storage.f_flag & os.ST_NOEXEC
    if may_run_programs and storage.f_bavail * storage.f_frsize >= MEMORY_BYTES:
        os.environ["TMPDIR"] = str(memory)
        tempfile.tempdir = None


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Each test process begins with modules that take long, so that all end at about one time.

    The processes get a share each of the order made here, and take from each other's ends.
    """
    processes = int(os.environ.get("PYTEST_XDIST_WORKER_COUNT", "1"))
    modules: dict[Path, list[pytest.Item]] = {}
    for item in items:
        modules.setdefault(item.path, []).append(item)
    in_order = sorted(modules, key=lambda path: path.parent.name not in LONG_FOLDERS)
    items[:] = [
        item
        for first in range(processes)
        for path in in_order[first::processes]
        for item in modules[path]
    ]


@pytest.hookimpl(wrapper=True)
def pytest_runtest_call(item: pytest.Item) -> Generator[None, object, object]:
    """Coverage looks away from what is marked `unmeasured`, the commands that it starts included.

    From browsers too: what they ask for is served by another thread, which is measured.
    """
    if not any(item.get_closest_marker(name) for name in ("unmeasured", "browser")):
        return (yield)
    tracer, for_commands = sys.gettrace(), os.environ.pop(COVERAGE_OF_COMMANDS, None)
    sys.settrace(None)
    try:
        return (yield)
    finally:
        sys.settrace(tracer)
        if for_commands is not None:
            os.environ[COVERAGE_OF_COMMANDS] = for_commands


@pytest.fixture(autouse=True)
def state_dir(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """The state folder of this test, which also runs in a folder of its own (without `.env`)."""
    state = tmp_path / "state"
    monkeypatch.setenv("MEDIANOTE_STATE_DIR", str(state))
    monkeypatch.chdir(tmp_path)
    return state


@pytest.fixture(scope="session")
def postgresql_server() -> Iterator[PostgresqlServer]:
    """The PostgreSQL cluster of this test process."""
    server = PostgresqlServer()
    try:
        server.start()
        yield server
    finally:
        server.close()


@pytest.fixture
def empty_postgresql_url(postgresql_server: PostgresqlServer) -> Iterator[str]:
    """A PostgreSQL database without any table."""
    database = postgresql_server.create_empty()
    yield postgresql_server.url(database)
    postgresql_server.drop(database)


@pytest.fixture
def postgresql_url(postgresql_server: PostgresqlServer) -> Iterator[str]:
    """A PostgreSQL database of this test's own, migrated and without any row."""
    database = postgresql_server.create_migrated()
    yield postgresql_server.url(database)
    postgresql_server.drop(database)


@pytest.fixture
def empty_sqlite_url(tmp_path: Path) -> str:
    """The URL of a SQLite file that does not exist yet."""
    return f"sqlite:///{tmp_path / 'empty.sqlite'}"


@pytest.fixture(scope="session")
def migrated_sqlite_file(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A SQLite file with the newest schema, to be copied and not to be used."""
    file = tmp_path_factory.mktemp("sqlite") / "template.sqlite"
    migrate(f"sqlite:///{file}")
    with closing(sqlite3.connect(file)) as connection:
        connection.execute("PRAGMA wal_checkpoint(TRUNCATE)")
    return file


@pytest.fixture
def sqlite_url(tmp_path: Path, migrated_sqlite_file: Path) -> str:
    """A SQLite database of this test's own, migrated and without any row."""
    file = tmp_path / "medianote.sqlite"
    shutil.copy(migrated_sqlite_file, file)
    return f"sqlite:///{file}"


@pytest.fixture(params=["sqlite", "postgresql"])
def database_url(request: pytest.FixtureRequest) -> str:
    """A migrated, empty database; the test runs once on SQLite and once on PostgreSQL."""
    url: str = request.getfixturevalue(f"{request.param}_url")
    return url


@pytest.fixture(params=["sqlite", "postgresql"])
def empty_database_url(request: pytest.FixtureRequest) -> str:
    """A database without any table; the test runs once on SQLite and once on PostgreSQL."""
    url: str = request.getfixturevalue(f"empty_{request.param}_url")
    return url


@pytest.fixture(scope="session")
def redis_server() -> Iterator[RedisServer]:
    """The Redis of this test process; to break one, ask for `breakable_redis`."""
    server = RedisServer()
    try:
        server.start()
        yield server
    finally:
        server.close()


@pytest.fixture
def redis_url(redis_server: RedisServer) -> str:
    """A Redis without any key."""
    redis_server.clear()
    return redis_server.url


@pytest.fixture
def breakable_redis() -> Iterator[RedisServer]:
    """A Redis of this test's own, running, to be killed, stopped and started again."""
    server = RedisServer()
    try:
        server.start()
        yield server
    finally:
        server.close()


@pytest.fixture(scope="module")
def browser() -> Iterator[Browser]:
    """Headless Chromium, for one module: while it runs, no other event loop can in this thread."""
    with chromium() as browser:
        yield browser


@pytest.fixture
def page(browser: Browser) -> Iterator[Page]:
    """A page in a browser context of its own, without cookies."""
    context = browser.new_context()
    yield context.new_page()
    context.close()


@pytest.fixture(scope="session")
def mailparser() -> Mailparser:
    """Node's mailparser."""
    return Mailparser()

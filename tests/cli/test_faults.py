"""What is said when something around the command is broken: one plain line each, no traceback."""

import resource
import socket
import sqlite3
import subprocess
import time
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path

import pytest

from cli.demo import SAMPLES
from runtime.schema import newest_revision
from tests.cli.conftest import PRODUCTION
from tests.cli.running import COMMAND, InProcess, run

NOTE = str(SAMPLES / "media-note.txt")


@pytest.fixture
def silent_port() -> Iterator[int]:
    """A port that accepts connections, and never answers."""
    with socket.create_server(("127.0.0.1", 0), backlog=64) as listener:
        yield listener.getsockname()[1]


def test_a_database_that_was_never_migrated(
    empty_database_url: str, medianote: InProcess, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A configured database is migrated by `migrate` alone; every other command says so."""
    monkeypatch.setenv("MEDIANOTE_DATABASE_URL", empty_database_url)
    for name, value in PRODUCTION.items():
        monkeypatch.setenv(name, value)
    Path("people.csv").write_text("email\na@example.org\n")
    for arguments in (
        ["lists", "create", "press", "--title", "Press"],
        ["lists", "show"],
        ["subscribers", "import", "people.csv", "--list", "press"],
        ["subscribers", "export"],
        ["subscribers", "link", "a@example.org"],
        ["publish", NOTE, "--list", "press"],
        ["status", "1"],
        ["pause", "1"],
        ["worker"],
        ["web", "--port", "0"],
    ):
        ended = medianote(*arguments)
        assert (ended.status, ended.out) == (1, ""), arguments
        assert ended.errors == [
            "the database has not been migrated yet: run `medianote migrate`"
        ], arguments
    assert f"empty → {newest_revision()}" in medianote("migrate").out
    assert "already" in medianote("migrate").out
    assert medianote("lists", "show").status == 0


def test_migrating_needs_the_database_alone(
    empty_postgresql_url: str, medianote: InProcess, monkeypatch: pytest.MonkeyPatch
) -> None:
    """`migrate` asks for no other setting of production."""
    monkeypatch.setenv("MEDIANOTE_DATABASE_URL", empty_postgresql_url)
    assert medianote("migrate").status == 0
    assert medianote("lists", "show").status == 2


def test_a_database_that_is_not_there(
    medianote: InProcess, monkeypatch: pytest.MonkeyPatch, silent_port: int
) -> None:
    """A server that is down, a host that is not there and a folder that is not there are said."""
    for name, value in PRODUCTION.items():
        monkeypatch.setenv(name, value)
    for url in (
        "postgresql+psycopg://medianote:secret@127.0.0.1:1/medianote",
        f"postgresql+psycopg://medianote:secret@127.0.0.1:{silent_port}/medianote",
        "sqlite:////nowhere/at/all.sqlite",
    ):
        monkeypatch.setenv("MEDIANOTE_DATABASE_URL", url)
        for command in (["lists", "show"], ["migrate"]):
            ended = medianote(*command)
            assert (ended.status, ended.out, len(ended.errors)) == (1, "", 1)
            assert "database" in ended.errors[0]
            assert "secret" not in ended.errors[0]


def test_a_locked_database_file(state_dir: Path) -> None:
    """A writer waits for a while for another program's lock, and then says what is the matter."""
    run("lists", "create", "press", "--title", "Press")
    with closing(sqlite3.connect(state_dir / "medianote.sqlite3")) as other:
        other.execute("BEGIN IMMEDIATE")
        assert run("lists", "show").status == 0
        ended = run("lists", "create", "europe", "--title", "Europe")
    assert (ended.status, ended.out) == (1, "")
    assert ended.errors == [
        "the database file is locked by another program: close it, then try again"
    ]


def test_a_full_disk(state_dir: Path, tmp_path: Path) -> None:
    """What went in stays, the rest is not half there, and running it again does the rest."""
    run("lists", "create", "press", "--title", "Press")
    file = tmp_path / "people.csv"
    rows = (f"person{number}@example.org,{'x' * 100}\n" for number in range(20_000))
    file.write_text("email,name\n" + "".join(rows))
    arguments = [str(COMMAND), "subscribers", "import", str(file), "--list", "press"]
    limit = 3_000_000
    done = subprocess.run(
        arguments,
        preexec_fn=lambda: resource.setrlimit(resource.RLIMIT_FSIZE, (limit, limit)),
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 1
    [line] = done.stderr.splitlines()
    assert line.startswith("medianote: the disk is full: free some space, then try again")
    again = run("subscribers", "import", str(file), "--list", "press", "--json")
    assert again.status == 0
    assert again.json["added"] + again.json["unchanged"] == 20_000


def test_a_state_folder_that_cannot_be_had(
    medianote: InProcess, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A state folder that cannot be made is a setting that cannot work."""
    Path("file").write_text("")
    monkeypatch.setenv("MEDIANOTE_STATE_DIR", "file/state")
    ended = medianote("lists", "show")
    assert (ended.status, len(ended.errors)) == (2, 1)
    assert "MEDIANOTE_STATE_DIR" in ended.errors[0]


def test_a_broker_that_never_answers(sqlite_url: str, silent_port: int, state_dir: Path) -> None:
    """It costs publishing a line and a moment; the distribution is there for the sweep."""
    settings = {
        "MEDIANOTE_DATABASE_URL": sqlite_url,
        "MEDIANOTE_BROKER_URL": f"redis://127.0.0.1:{silent_port}/0",
    }
    run("lists", "create", "press", "--title", "Press", **settings)
    people = "email\na@example.org\n"
    run("subscribers", "import", "-", "--list", "press", "--confirmed", stdin=people, **settings)
    quick = run("status", "1", **settings)
    assert quick.status == 2
    begun_at = time.monotonic()
    done = run("publish", NOTE, "--list", "press", **settings)
    assert time.monotonic() - begun_at < 30
    assert (done.status, done.out) == (0, "1\n")
    assert done.errors == [
        "the broker does not answer; running workers find it in the database, in seconds",
        "“Ministers of the Lantern Sea to Sign a Common Plan for Safer Ferries” to press: 1 person",
        "no worker runs now: it is sent when one does (`medianote worker`)",
    ]


def test_a_port_in_use(medianote: InProcess, silent_port: int) -> None:
    """A port that another program has is said, and what to do."""
    ended = medianote("web", "--port", str(silent_port))
    assert ended.status == 1
    assert ended.err.endswith(
        f"medianote: 127.0.0.1:{silent_port} is in use already: choose another one with --port\n"
    )

"""What `status` without an ID promises."""

import datetime as dt
from pathlib import Path

import sqlalchemy as sa

from releases.models import Distribution
from runtime.database import Database
from runtime.settings import load_settings
from tests.cli.running import InProcess
from tests.cli.test_publish import NOTE, SOON, STATUS_KEYS, peopled

__all__ = ["peopled"]


def test_an_empty_table(configured: InProcess) -> None:
    """It says what to do."""
    assert configured("status").out == "there are no distributions yet: `medianote publish FILE`\n"
    assert configured("status", "--json").json == []
    assert configured("status", "--digests").out == "there are no digests yet\n"


def test_what_there_is(peopled: InProcess) -> None:
    """What waits for its time first, then the newest; no more than asked for."""
    for options in ((), ("--again", "--at", SOON), ("--again",)):
        assert peopled("publish", NOTE, "--list", "press", "--list", "desk", *options).status == 0
    head, *rows = peopled("status").out.splitlines()
    assert head.split()[:6] == ["id", "kind", "title", "lists", "state", "when"]
    assert [row.split()[0] for row in rows] == ["2", "3", "1"]
    due = dt.datetime.fromisoformat(SOON).strftime("%Y-%m-%d %H:%M UTC")
    assert f"Ministers of the Lantern Sea to Sign a…  press, desk  scheduled  {due}" in rows[0]
    assert rows[0].split()[-3:] == ["0", "0", "0"]
    assert len(peopled("status", "--limit", "2").out.splitlines()) == 3
    first, *_ = peopled("status", "--json").json
    assert first.keys() == STATUS_KEYS | {"title", "lists"}
    assert (first["id"], first["lists"]) == (2, ["press", "desk"])


def test_digests_are_summed_up(peopled: InProcess) -> None:
    """They would hide the releases; asked for they are shown."""
    for options in ((), ("--again",)):
        peopled("publish", NOTE, "--list", "press", *options)
    database = Database(load_settings().database)
    with database.transaction() as session:
        session.execute(sa.update(Distribution).where(Distribution.id == 2).values(kind="digest"))
    database.dispose()
    lines = peopled("status").out.splitlines()
    assert [line.split()[0] for line in lines] == ["id", "1", "and"]
    assert lines[2] == "and 1 digest, 1 of them not over: `medianote status --digests`"
    lines = peopled("status", "--digests").out.splitlines()
    assert [line.split()[0] for line in lines] == ["id", "2"]


def test_options_that_need_an_id(configured: InProcess) -> None:
    """And those that go without one are wrong use, in one line."""
    for options in (("--failed",), ("--watch",), ("--manifest", "x.csv"), ("1", "--digests")):
        ended = configured("status", *options)
        assert (ended.status, ended.out, len(ended.errors)) == (2, "", 1)
    assert not Path("x.csv").exists()

"""Doorbells: never waited for, never piling up, naming no batch."""

import base64
import json
import os
import socket
import subprocess
import sys
import time
from collections.abc import Iterator

import pytest
import redis

from runtime.settings import Settings
from tests.support.fleet import ROOT
from tests.support.programs import free_port
from worker.doorbell import DELIVER, PREPARE, Doorbell, make_ringer, ring_prepare


@pytest.fixture
def silent_url() -> Iterator[str]:
    """A broker that accepts connections and never answers."""
    with socket.create_server(("127.0.0.1", 0), backlog=50) as listener:
        yield f"redis://127.0.0.1:{listener.getsockname()[1]}/0"


def messages(url: str, queue: str) -> list[dict[str, object]]:
    """What waits in a queue: its headers and arguments."""
    waiting = redis.Redis.from_url(url).lrange(queue, 0, -1)
    assert isinstance(waiting, list)
    read = [json.loads(message) for message in waiting]
    return [
        {**message["headers"], "arguments": json.loads(base64.b64decode(message["body"]))[0]}
        for message in read
    ]


def test_a_ring_is_short_lived_and_names_no_batch(redis_url: str) -> None:
    """What waits at the broker is a task's name and at most a distribution, for ten seconds."""
    bell = Doorbell(make_ringer(redis_url))
    bell.prepare(7)
    bell.deliver()
    assert bell.flush()
    (prepare,) = messages(redis_url, "medianote.prepare")
    (deliver,) = messages(redis_url, "medianote.deliver")
    assert (prepare["task"], prepare["arguments"]) == (PREPARE, [7])
    assert (deliver["task"], deliver["arguments"]) == (DELIVER, [])
    assert prepare["expires"]
    assert deliver["expires"]


def test_equal_rings_become_one(redis_url: str) -> None:
    """Ringing a thousand times does not make a thousand messages."""
    bell = Doorbell(make_ringer(redis_url))
    for _ in range(1000):
        bell.deliver()
        bell.prepare(1)
    assert bell.flush(5)
    assert len(messages(redis_url, "medianote.deliver")) < 200
    assert len(messages(redis_url, "medianote.prepare")) < 200


def test_a_broker_that_is_down_costs_a_log_line(capsys: pytest.CaptureFixture[str]) -> None:
    """Ringing where nobody listens returns soon, says so once, and raises nothing."""
    settings = Settings(broker_url=f"redis://127.0.0.1:{free_port()}/0")
    began = time.monotonic()
    for distribution in range(3):
        ring_prepare(settings, distribution)
    assert time.monotonic() - began < 3.5
    assert capsys.readouterr().err.count("does not take a doorbell") <= 1


def test_a_broker_that_never_answers_costs_a_second(silent_url: str) -> None:
    """A broker that accepts and says nothing delays a publish by a second at most."""
    began = time.monotonic()
    assert not ring_prepare(Settings(broker_url=silent_url), 1)
    assert time.monotonic() - began < 1.3


def test_a_process_that_rang_in_vain_can_end(silent_url: str) -> None:
    """The ringing thread does not keep `publish` from ending."""
    code = (
        "from runtime.settings import Settings\n"
        "from worker.doorbell import ring_prepare\n"
        "import time\n"
        "began = time.monotonic()\n"
        f"ring_prepare(Settings(broker_url={silent_url!r}), 1)\n"
        "print(time.monotonic() - began)\n"
    )
    began = time.monotonic()
    done = subprocess.run(
        [sys.executable, "-c", code],
        cwd=ROOT,
        capture_output=True,
        text=True,
        timeout=30,
        check=True,
    )
    total = time.monotonic() - began
    assert float(done.stdout) < 2
    assert total < 8


def test_without_a_broker_there_is_nobody_to_ring_for() -> None:
    """A plain `publish` on an embedded installation leaves the rest to the sweep."""
    assert not ring_prepare(Settings(), 1)


def test_a_doorbell_works_after_a_fork(redis_url: str) -> None:
    """A child rings by a thread and a connection of its own."""
    bell = Doorbell(make_ringer(redis_url))
    bell.prepare(1)
    assert bell.flush()
    child = os.fork()
    if child == 0:
        bell.prepare(2)
        os._exit(0 if bell.flush(3) else 1)
    _, result = os.waitpid(child, 0)
    assert result == 0
    assert [one["arguments"] for one in messages(redis_url, "medianote.prepare")] == [[2], [1]]

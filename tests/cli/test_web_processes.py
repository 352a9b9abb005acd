"""`medianote web --workers`: several processes on one port, which end and are replaced."""

import contextlib
import os
import re
import signal
import socket
import subprocess
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import httpx
import pytest

from benchmarks.processes import family
from tests.cli.running import COMMAND

SECONDS = 30.0
REQUESTS = 40


class Serving:
    """A running `medianote web --workers 2`, on the embedded database, with metrics."""

    def __init__(self, folder: Path) -> None:
        with socket.create_server(("127.0.0.1", 0)) as free:
            self.metrics_port = free.getsockname()[1]
        self.log = folder / "log"
        with self.log.open("wb") as out:
            self.process = subprocess.Popen(
                [str(COMMAND), "web", "--port", "0", "--workers", "2"],
                env=os.environ | {"MEDIANOTE_METRICS_PORT": str(self.metrics_port)},
                stderr=out,
            )
        wait_for(lambda: "listening on" in self.log.read_text())
        found = re.search(r"listening on (\S+),", self.log.read_text())
        assert found is not None
        self.url = found.group(1)

    @property
    def serving(self) -> set[int]:
        """The processes that serve."""
        return {
            pid
            for pid in family(self.process.pid)[1:]
            if b"web.processes" in Path(f"/proc/{pid}/cmdline").read_bytes()
        }

    def get(self, path: str) -> httpx.Response:
        """Ask on a connection of its own, so that any of them may answer."""
        return httpx.get(f"{self.url}{path}", trust_env=False, timeout=SECONDS)

    def counted(self) -> int:
        """How many sign-up pages `/metrics` counts."""
        said = httpx.get(f"http://127.0.0.1:{self.metrics_port}/metrics", trust_env=False).text
        found = re.search(r'_requests_total\{.*route="/subscribe".*\} (\S+)', said)
        return int(float(found.group(1))) if found else 0


def wait_for(is_so: Callable[[], bool]) -> None:
    """Wait until something is so."""
    deadline = time.monotonic() + SECONDS
    while not is_so():
        assert time.monotonic() < deadline
        time.sleep(0.05)


@pytest.fixture
def two(tmp_path: Path) -> Iterator[Serving]:
    """Two of them, which answer."""
    serving = Serving(tmp_path)
    try:
        wait_for(lambda: len(serving.serving) == 2)
        assert serving.get("/healthz").status_code == 200
        yield serving
    finally:
        with contextlib.suppress(ProcessLookupError):
            serving.process.kill()
        serving.process.wait()


def test_they_answer_and_count_together(two: Serving) -> None:
    """Whoever answers, `/metrics` counts all; SIGTERM ends them all, as what was wanted."""
    for _ in range(REQUESTS):
        assert two.get("/subscribe").status_code == 200
    assert two.counted() == REQUESTS
    serving = two.serving
    two.process.send_signal(signal.SIGTERM)
    assert two.process.wait(SECONDS) == 0
    wait_for(lambda: not any(Path(f"/proc/{pid}").exists() for pid in serving))
    assert "Traceback" not in two.log.read_text()


def test_one_that_dies_is_replaced(two: Serving) -> None:
    """The other goes on answering, and what was counted stays counted."""
    for _ in range(REQUESTS):
        two.get("/subscribe")
    killed = min(two.serving)
    os.kill(killed, signal.SIGKILL)
    for _ in range(REQUESTS):
        assert two.get("/subscribe").status_code == 200
    wait_for(lambda: len(two.serving - {killed}) == 2)
    assert "web_process_ended" in two.log.read_text()
    assert two.counted() == 2 * REQUESTS


def test_none_outlives_its_parent(two: Serving) -> None:
    """They end also where the process that started them had no time to say so."""
    serving = two.serving
    two.process.kill()
    wait_for(lambda: not any(Path(f"/proc/{pid}").exists() for pid in serving))

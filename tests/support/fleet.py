"""Real workers in processes of their own, to be killed, stopped and ended."""

import contextlib
import os
import re
import signal
import subprocess
import sys
import time
from collections import Counter
from collections.abc import Callable, Iterator
from pathlib import Path

from releases.queries import Status, status
from tests.support.office import HASH_KEY, Office
from tests.support.programs import as_user, unmeasured_environment
from tests.support.smtp_server import SmtpServer

ROOT = Path(__file__).parents[2]
WORKER = """
import sys
from runtime.logging import configure_logging
from runtime.settings import load_settings
from worker.prefork import run_worker
configure_logging()
sys.exit(run_worker(load_settings(), int(sys.argv[1])))
"""
WITH_US = as_user(None, "--pdeathsig=KILL")
_MESSAGE_ID = re.compile(rb"^Message-ID: (<[^>]+>)", re.MULTILINE | re.IGNORECASE)


def settings_of(
    database_url: str, broker_url: str | None, smtp_url: str, state: Path
) -> dict[str, str]:
    """The environment of a worker."""
    environment = {
        "MEDIANOTE_DATABASE_URL": database_url,
        "MEDIANOTE_SMTP_URL": smtp_url,
        "MEDIANOTE_STATE_DIR": str(state),
        "MEDIANOTE_HASH_KEY": HASH_KEY,
        "MEDIANOTE_SECRET_KEYS": "s" * 32,
        "MEDIANOTE_BASE_URL": "https://press.example.org",
        "MEDIANOTE_FROM": "Press <press@newsroom.example.org>",
        "MEDIANOTE_POSTAL_ADDRESS": "1 Example Street",
    }
    if broker_url is not None:
        environment["MEDIANOTE_BROKER_URL"] = broker_url
    return environment


class Worker:
    """One `medianote worker` with its children, in a process group of its own."""

    def __init__(
        self,
        environment: dict[str, str],
        log: Path,
        concurrency: int = 1,
        *,
        is_measured: bool = False,
    ) -> None:
        self.log = log
        # Whoever is killed, as most are, cannot tell what was covered.
        ours = os.environ if is_measured else unmeasured_environment()
        with log.open("ab") as output:
            self.process = subprocess.Popen(
                # Should we be killed, the kernel ends it for us.
                [*WITH_US, sys.executable, "-c", WORKER, str(concurrency)],
                cwd=ROOT,
                env={**ours, **environment},
                stdout=output,
                stderr=output,
                start_new_session=True,
            )

    def send(self, number: int) -> None:
        """A signal for the worker and its children alike."""
        with contextlib.suppress(ProcessLookupError):
            os.killpg(self.process.pid, number)

    @property
    def is_ready(self) -> bool:
        """Whether it has said that it takes tasks."""
        return "ready" in self.log.read_text()

    def kill(self) -> None:
        """kill -9, all of it."""
        self.send(signal.SIGKILL)
        self.process.wait(10)

    def children(self) -> list[int]:
        """The ids of its child processes."""
        listed = Path(f"/proc/{self.process.pid}/task/{self.process.pid}/children")
        return [int(child) for child in listed.read_text().split()]

    def end(self) -> float:
        """SIGTERM; the seconds it took to end with status 0."""
        began = time.monotonic()
        self.process.terminate()
        assert self.process.wait(20) == 0, self.log.read_text()
        return time.monotonic() - began

    def close(self) -> None:
        """Make sure that nothing of it is left."""
        self.send(signal.SIGCONT)
        self.kill()


class Fleet:
    """Workers of one installation."""

    def __init__(self, environment: dict[str, str], folder: Path) -> None:
        self.environment = environment
        self.folder = folder
        self.workers: list[Worker] = []

    def start(
        self, count: int = 1, *, concurrency: int = 1, is_measured: bool = False, **environment: str
    ) -> list[Worker]:
        """Start workers; the coverage of those that will end by themselves can be measured."""
        new = []
        for _ in range(count):
            log = self.folder / f"worker-{len(self.workers)}.log"
            worker = Worker(
                self.environment | environment, log, concurrency, is_measured=is_measured
            )
            self.workers.append(worker)
            new.append(worker)
        return new

    def logs(self) -> str:
        """What all of them have said."""
        return "\n".join(worker.log.read_text() for worker in self.workers)


@contextlib.contextmanager
def fleet(environment: dict[str, str], folder: Path) -> Iterator[Fleet]:
    """Workers that are gone after the block."""
    made = Fleet(environment, folder)
    try:
        yield made
    finally:
        for worker in made.workers:
            worker.close()


def wait_until(
    is_so: Callable[[], bool], timeout_seconds: float, what: str | Callable[[], str] = ""
) -> float:
    """Wait for it; the seconds it took. Fails, with what is known then, when it takes too long."""
    began = time.monotonic()
    while not is_so():
        waited = time.monotonic() - began
        if waited > timeout_seconds:
            told = what if isinstance(what, str) else what()
            raise AssertionError(f"not within {timeout_seconds} s: {told}")
        time.sleep(0.02)
    return time.monotonic() - began


def status_of(office: Office, distribution: int) -> Status:
    """How a distribution stands."""
    with office.database.reading() as session:
        found = status(session, distribution)
    assert found is not None
    return found


def message_ids(server: SmtpServer) -> dict[str, Counter[bytes]]:
    """Which Message-IDs each recipient got, and how often."""
    got: dict[str, Counter[bytes]] = {}
    for envelope in list(server.taken):
        found = _MESSAGE_ID.search(envelope.data)
        assert found is not None
        (recipient,) = envelope.rcpt_to
        got.setdefault(recipient.strip("<>"), Counter())[found[1]] += 1
    return got

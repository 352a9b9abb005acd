"""How long the pages take to answer, at 500 requests a second beside a large list.

`medianote web` as it is, a process for each processor, on PostgreSQL. Requests come at their
times whether or not those before them were answered, over kept connections as a proxy has them,
and each is timed from the moment at which it should have been sent to the first octet of its
answer: what waits in a queue counts. Who asks is somebody of the list, by chance.
"""

import asyncio
import contextlib
import os
import random
import statistics
import subprocess
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Final
from urllib.parse import urlencode, urlsplit

import psycopg

from benchmarks.asking import ask
from benchmarks.bench import Bench
from benchmarks.figures import Finding
from benchmarks.notes import BASE_URL, SECRET_KEY
from benchmarks.people import plain_url
from benchmarks.plant import MEDIANOTE, Plant
from benchmarks.processes import cpu_seconds
from mail.tokens import Keyring
from subscribers.links import Links
from web.forms import Seals

RATE: Final = 500
NO_RELAY: Final = 1
PROCESSES: Final = os.cpu_count() or 1
SECONDS: Final = 20
WARM_UP_SECONDS: Final = 4
START_SECONDS: Final = 30.0
LIST: Final = "press"
FORM: Final = "Content-Type: application/x-www-form-urlencoded\r\n"
MIX: Final = (
    # Of twenty requests, so many; what it is; how it is made.
    (7, "GET /u"),
    (6, "GET /p"),
    (3, "GET /subscribe"),
    (2, "POST /u, one-click"),
    (2, "POST /p, saving"),
)


@dataclass(frozen=True, slots=True)
class Run:
    """What a run saw: seconds from when each was due to its first octet, sorted."""

    waited: list[float]
    cpu_seconds: float
    """Processor time of the web process for all of them."""
    seconds: float
    """How long it was till the last was answered."""

    def percentile(self, share: float) -> float:
        """So many were answered within this time, in milliseconds."""
        place = min(int(len(self.waited) * share), len(self.waited) - 1)
        return self.waited[place] * 1_000

    @property
    def cpu_milliseconds(self) -> float:
        """Processor time of the web process a request."""
        return self.cpu_seconds / len(self.waited) * 1_000

    @property
    def rate(self) -> float:
        """Answers a second."""
        return len(self.waited) / self.seconds


def pages(bench: Bench) -> Finding:
    """Milliseconds within which 99 of 100 first octets came, run by run."""
    # No relay is asked: what the pages queue waits.
    with bench.plant(bench.folder / "pages", NO_RELAY) as running:
        running.load(LIST, bench.scale)
        asking = Asking(running, bench.scale)
        with served(running) as (port, web):
            asyncio.run(ask(port, asking.requests(RATE * WARM_UP_SECONDS), RATE))
            runs = []
            for number in range(1, bench.pairs + 1):
                runs.append(measured(port, web.pid, asking))
                print(f"  {number}: {told(runs[-1])}", flush=True)
        left, saved = asking.done()
    return Finding(
        tuple(run.percentile(0.99) for run in runs),
        {
            "people": bench.scale,
            "requests/s": RATE,
            "median, ms": statistics.median(run.percentile(0.5) for run in runs),
            "slowest, ms": statistics.median(run.percentile(1) for run in runs),
            "answers/s": statistics.median(run.rate for run in runs),
            "who left": left,
            "who saved": saved,
            "ms of CPU a request": statistics.median(run.cpu_milliseconds for run in runs),
        },
    )


def told(run: Run) -> str:
    """A run in one line."""
    return (
        f"{len(run.waited):,} answers, first octet within {run.percentile(0.5):.1f} ms (half), "
        f"{run.percentile(0.99):.1f} ms (99 of 100), {run.percentile(1):.1f} ms (all); "
        f"{run.rate:,.0f} answers/s, {run.cpu_milliseconds:.1f} ms of CPU each"
    )


def measured(port: int, pid: int, asking: "Asking") -> Run:
    """One run at the full rate."""
    requests = asking.requests(RATE * SECONDS)
    spent, begun = cpu_seconds(pid), time.monotonic()
    waited = asyncio.run(ask(port, requests, RATE))
    return Run(sorted(waited), cpu_seconds(pid) - spent, time.monotonic() - begun)


@contextlib.contextmanager
def served(running: Plant) -> Iterator[tuple[int, subprocess.Popen[bytes]]]:
    """`medianote web` on a free port: the port and the process, which is ended after."""
    log = running.folder / "web.log"
    with log.open("wb") as out:
        web = subprocess.Popen(
            [MEDIANOTE, "web", "--port", "0", "--workers", str(PROCESSES)],
            env=running.environment,
            stdin=subprocess.DEVNULL,
            stdout=out,
            stderr=out,
            cwd=running.folder,
        )
    try:
        deadline = time.monotonic() + START_SECONDS
        while "listening on " not in (said := log.read_text("utf-8")):
            if web.poll() is not None or time.monotonic() > deadline:
                raise RuntimeError(f"the pages are not served: {said[-2_000:]}")
            time.sleep(0.05)
        address = said.partition("listening on ")[2].partition(",")[0]
        yield urlsplit(address).port or 0, web
    finally:
        web.terminate()
        try:
            web.wait(20)
        except subprocess.TimeoutExpired:
            web.kill()
            web.wait()


class Asking:
    """Makes requests in the mix, of people by chance, alike in each run of this program."""

    def __init__(self, running: Plant, people: int) -> None:
        self._chance = random.Random(1)
        self._links = Links(BASE_URL, Keyring([SECRET_KEY]))
        self._seals = Seals([SECRET_KEY])
        self._database = plain_url(running.database)
        with psycopg.connect(self._database) as connection:
            found = connection.execute(
                "SELECT min(s.subscriber_id), max(s.subscriber_id), l.id FROM subscription s "
                "JOIN mailing_list l ON l.id = s.list_id WHERE l.slug = %s GROUP BY l.id",
                (LIST,),
            ).fetchone()
            assert found is not None
            self._first, self._last, list_id = found
            list_set = connection.execute(
                "INSERT INTO list_set (key) VALUES (%s) RETURNING id", (str(list_id),)
            ).fetchone()
            assert list_set is not None
            self._list_set: int = list_set[0]
            connection.execute(
                "INSERT INTO list_set_member (list_set_id, list_id) VALUES (%s, %s)",
                (self._list_set, list_id),
            )
        if self._last - self._first + 1 != people:
            raise RuntimeError(f"the list's ids are not in a row: {found}")

    def requests(self, count: int) -> list[bytes]:
        """So many requests, ready to be sent."""
        makers: dict[str, Callable[[int], bytes]] = {
            "GET /u": lambda who: _get(self._unsubscribe(who)),
            "GET /p": lambda who: _get(self._preferences(who)),
            "GET /subscribe": lambda _: _get("/subscribe"),
            "POST /u, one-click": lambda who: _post(
                self._unsubscribe(who), {"List-Unsubscribe": "One-Click"}
            ),
            "POST /p, saving": self._saving,
        }
        kinds = [kind for share, kind in MIX for _ in range(share)]
        return [
            makers[self._chance.choice(kinds)](self._chance.randint(self._first, self._last))
            for _ in range(count)
        ]

    def done(self) -> tuple[int, int]:
        """How many people have left by one-click, and how many have saved another format."""
        with psycopg.connect(self._database) as connection:
            row = connection.execute(
                "SELECT (SELECT count(*) FROM subscription WHERE end_reason = 'one-click'), "
                "(SELECT count(*) FROM subscriber WHERE format = 'text')"
            ).fetchone()
            assert row is not None
            return row[0], row[1]

    def _unsubscribe(self, who: int) -> str:
        return f"/u/{self._links.unsubscribe_token(who, self._list_set)}"

    def _preferences(self, who: int) -> str:
        return f"/p/{self._links.preferences_token(who)}"

    def _saving(self, who: int) -> bytes:
        path = self._preferences(who)
        form = {
            "seal": self._seals.seal(path),
            "do": "save",
            "shown": LIST,
            "list": LIST,
            "format": self._chance.choice(("html", "text")),
            "language": "en",
        }
        return _post(path, form)


HOST: Final = urlsplit(BASE_URL).netloc


def _get(path: str) -> bytes:
    return f"GET {path} HTTP/1.1\r\nHost: {HOST}\r\n\r\n".encode()


def _post(path: str, form: dict[str, str]) -> bytes:
    body = urlencode(form)
    head = f"POST {path} HTTP/1.1\r\nHost: {HOST}\r\n{FORM}Content-Length: {len(body)}\r\n\r\n"
    return (head + body).encode()

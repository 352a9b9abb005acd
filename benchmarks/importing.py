"""Import from CSV against a bare COPY of the same rows into equal tables, in one run.

Ours is the whole command, `medianote subscribers import --confirmed`, on an empty database; the
other is `COPY` of the very rows that came of it, ids included (subscribers, subscriptions, the
consent log), by one client in one transaction, into another database with the same schema: the
same indexes, constraints and foreign keys. Pairs are interleaved, and the median of their ratios
counts. Then the same file is imported again, which changes nothing.
"""

import contextlib
import csv
import os
import statistics
import subprocess
import time
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Final

import psycopg

from benchmarks.bench import Bench
from benchmarks.figures import Finding
from benchmarks.plant import MEDIANOTE
from tests.support.services import PostgresqlServer

TABLES: Final = ("mailing_list", "subscriber", "subscription", "consent")
BLOCK_OCTETS: Final = 1 << 18
OUTLETS: Final = ("", "Daily Example", "The Example Times", "Radio Example", "Example News Agency")


@dataclass(frozen=True)
class Cost:
    """One run: seconds by the clock, and processor seconds of the client and of PostgreSQL."""

    seconds: float
    client: float
    server: float


@dataclass(frozen=True)
class Pair:
    """One run of each, and the import's largest resident memory in MB."""

    ours: Cost
    bare: Cost
    again: Cost
    peak_mb: float

    @property
    def ratio(self) -> float:
        """Ours in units of the bare COPY."""
        return self.ours.seconds / self.bare.seconds


def importing(bench: Bench) -> Finding:
    """The import's seconds in units of the bare COPY's."""
    folder = bench.folder / "importing"
    folder.mkdir()
    pairs = measure(folder, people=bench.scale, pairs=bench.pairs)
    return Finding(
        tuple(pair.ratio for pair in pairs),
        {
            "people": bench.scale,
            "rows/s": bench.scale / statistics.median(pair.ours.seconds for pair in pairs),
            "once more, against the COPY": statistics.median(
                pair.again.seconds / pair.bare.seconds for pair in pairs
            ),
            "MB at most": max(pair.peak_mb for pair in pairs),
        },
    )


def measure(folder: Path, *, people: int, pairs: int) -> list[Pair]:
    """Interleaved pairs on a PostgreSQL of our own, with fsync on."""
    postgresql = PostgresqlServer(is_durable=True)
    try:
        postgresql.start()
        file = folder / "people.csv"
        write_table(file, people)
        results = []
        for _ in range(pairs):
            results.append(_pair(postgresql, folder, file, people))
            pair = results[-1]
            print(
                f"  import {_shown(pair.ours, people)}   bare COPY {_shown(pair.bare, people)}   "
                f"ratio {pair.ratio:.2f}   again {_shown(pair.again, people)}   "
                f"{pair.peak_mb:.0f} MB",
                flush=True,
            )
        return results
    finally:
        postgresql.close()


def _shown(cost: Cost, people: int) -> str:
    """In seconds, and in microseconds of processor time for a row: the client's, the server's."""
    client, server = (round(part * 1e6 / people) for part in (cost.client, cost.server))
    return f"{cost.seconds:6.2f} s ({client} + {server} µs)"


def write_table(file: Path, people: int) -> None:
    """A table of this many people, in an order that no index has."""
    with file.open("w", newline="", encoding="utf-8") as out:
        writer = csv.writer(out)
        writer.writerow(["email", "name", "language", "format", "outlet"])
        for number in range(people):
            mixed = number * 2654435761 % 2**32
            writer.writerow(
                [
                    f"Reader.{mixed:x}@news{number % 5000}.example.net",
                    f"Reader {number}",
                    "en" if number % 3 else "fr",
                    "html" if number % 7 else "text",
                    OUTLETS[number % len(OUTLETS)],
                ]
            )


def _pair(postgresql: PostgresqlServer, folder: Path, file: Path, people: int) -> Pair:
    mine, equal = postgresql.create_migrated(), postgresql.create_migrated()
    try:
        environment = _environment(postgresql.url(mine), folder)
        _medianote(postgresql, environment, "lists", "create", "press", "--title", "Press")
        order = ("subscribers", "import", str(file), "--list", "press", "--confirmed")
        _settle(postgresql, mine)
        ours, peak_mb = _medianote(postgresql, environment, *order)
        rows = {table: folder / f"{table}.copy" for table in TABLES}
        with _connected(postgresql, mine) as connection:
            for table, place in rows.items():
                with (
                    place.open("wb") as out,
                    connection.cursor().copy(f"COPY {table} TO STDOUT") as copy,
                ):
                    for block in copy:
                        out.write(block)
        _settle(postgresql, equal)
        bare = _copy(postgresql, equal, rows)
        for database in (mine, equal):
            _check(postgresql, database, people)
        again, _ = _medianote(postgresql, environment, *order)
        _check(postgresql, mine, people)
        return Pair(ours, bare, again, peak_mb)
    finally:
        postgresql.drop(mine)
        postgresql.drop(equal)


def _copy(postgresql: PostgresqlServer, database: str, rows: Mapping[str, Path]) -> Cost:
    server, client, begun = _cpu_of(postgresql), time.process_time(), time.monotonic()
    with _connected(postgresql, database) as connection:
        for table, place in rows.items():
            with (
                place.open("rb") as given,
                connection.cursor().copy(f"COPY {table} FROM STDIN") as copy,
            ):
                while block := given.read(BLOCK_OCTETS):
                    copy.write(block)
    return Cost(
        time.monotonic() - begun, time.process_time() - client, _cpu_of(postgresql) - server
    )


def _settle(postgresql: PostgresqlServer, database: str) -> None:
    """Both begin with nothing left to write from what was before."""
    with _connected(postgresql, database) as connection:
        connection.execute("CHECKPOINT")


def _check(postgresql: PostgresqlServer, database: str, people: int) -> None:
    with _connected(postgresql, database) as connection:
        for table in ("subscriber", "subscription", "consent"):
            row = connection.execute(f"SELECT count(*) FROM {table}").fetchone()
            if row != (people,):
                raise RuntimeError(f"{table} has {row} rows, and not {people}")


def _connected(
    postgresql: PostgresqlServer, database: str
) -> "psycopg.Connection[tuple[object, ...]]":
    return psycopg.connect(postgresql.url(database).replace("+psycopg", ""))


def _environment(database: str, folder: Path) -> dict[str, str]:
    given = {name: value for name, value in os.environ.items() if not name.startswith("MEDIANOTE_")}
    return given | {
        "MEDIANOTE_DATABASE_URL": database,
        "MEDIANOTE_BROKER_URL": "redis://127.0.0.1:1/0",
        "MEDIANOTE_SMTP_URL": "smtp://127.0.0.1:1",
        "MEDIANOTE_BASE_URL": "https://press.example.org",
        "MEDIANOTE_FROM": "Press Office <press@example.org>",
        "MEDIANOTE_SECRET_KEYS": "a-key-for-measuring-only-0123456789",
        "MEDIANOTE_HASH_KEY": "a-hash-key-for-measuring-only-0123456789",
        "MEDIANOTE_POSTAL_ADDRESS": "1 Example Street, Exampleville",
        "MEDIANOTE_STATE_DIR": str(folder / "state"),
    }


def _medianote(
    postgresql: PostgresqlServer, environment: Mapping[str, str], *arguments: str
) -> tuple[Cost, float]:
    """What one command costs, and its largest resident memory in MB."""
    server, begun = _cpu_of(postgresql), time.monotonic()
    running = subprocess.Popen([MEDIANOTE, *arguments], env=environment, stdout=subprocess.DEVNULL)
    _, status, used = os.wait4(running.pid, 0)
    seconds = time.monotonic() - begun
    running.returncode = os.waitstatus_to_exitcode(status)
    if running.returncode:
        raise RuntimeError(f"medianote {arguments} ended with status {running.returncode}")
    client = used.ru_utime + used.ru_stime
    return Cost(seconds, client, _cpu_of(postgresql) - server), used.ru_maxrss / 1024


def _cpu_of(postgresql: PostgresqlServer) -> float:
    """Processor seconds of the server so far, those of ended connections included."""
    task = Path(f"/proc/{postgresql.pid}")
    children = (task / "task" / str(postgresql.pid) / "children").read_text().split()
    ticks = sum(_ticks(task)[:4])
    for child in children:
        with contextlib.suppress(FileNotFoundError, ProcessLookupError):
            ticks += sum(_ticks(Path(f"/proc/{child}"))[:2])
    return ticks / os.sysconf("SC_CLK_TCK")


def _ticks(process: Path) -> list[int]:
    """Its own user and system time, and that of its ended children (proc(5), from field 14)."""
    fields = (process / "stat").read_text().rpartition(")")[2].split()
    return [int(field) for field in fields[11:15]]

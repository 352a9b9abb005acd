"""A new distribution after a year of releases, against the same on an empty database, in one run.

Two databases on one PostgreSQL, each with its worker: one empty, one whose tables are filled as
by a year of releases, each with its versions, batches and deliveries. The same text goes to the
same people from either in turn; the median of the ratios counts. What the filled one's old
partitions were read for is counted by PostgreSQL itself. At the end all of the year is old, and
retention drops a partition of it (a tenth) while another distribution goes out.
"""

import dataclasses
import datetime as dt
import statistics
import threading
import time
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Final, LiteralString

import psycopg

from benchmarks.bench import Bench
from benchmarks.figures import Finding
from benchmarks.notes import body_for
from benchmarks.plant import Plant, plant
from benchmarks.sinks import smtp_sink
from releases.partitions import DISTRIBUTIONS_PER_PARTITION, build_partitions
from releases.retention import drop_old
from runtime.database import Database
from runtime.migrations import migrate

RELEASES: Final = 1_000
FIRST_ID: Final = DISTRIBUTIONS_PER_PARTITION
LAST_ID: Final = FIRST_ID + RELEASES - 1
BODY: Final = body_for(16_000)
STATISTICS_SECONDS: Final = 1.5
"""PostgreSQL tells what was read a second after it was."""


@dataclass(frozen=True)
class Year:
    """What was seen; times in seconds."""

    deliveries: int
    pairs: list[tuple[float, float]]
    """On the empty database, and after the year."""
    wal_octets: float
    """Written to PostgreSQL's log for one mail, on the empty database."""
    kept_octets: float
    """What one delivery of the year takes on disk, its share of batches and all else included."""
    scans: int
    """How often an old partition was read for the new distributions."""
    partitions: int
    dropping: float
    """How long dropping a partition took."""
    meanwhile: float
    """The distribution that went out at the same time."""


def year(bench: Bench) -> Finding:
    """A distribution's seconds after the year in units of those before."""
    seen = measure(
        bench.folder / "year", deliveries=bench.deliveries, people=bench.people, pairs=bench.pairs
    )
    return Finding(
        tuple(full / empty for empty, full in seen.pairs),
        {
            "deliveries of the year": seen.deliveries,
            "reads of its partitions": seen.scans,
            "octets a delivery on disk": seen.kept_octets,
            "octets of PostgreSQL's log a mail": seen.wal_octets,
            "s to drop a partition": seen.dropping,
            "s for a distribution meanwhile": seen.meanwhile,
        },
    )


def measure(folder: Path, *, deliveries: int, people: int, pairs: int) -> Year:
    """Fill, distribute, and drop."""
    with smtp_sink() as sink, plant(folder, f"smtp://127.0.0.1:{sink.port}") as empty:
        full = _another(empty, folder / "full")
        for side in (empty, full):
            side.load("press", people)
        begun = time.monotonic()
        partitions = fill(full.database, deliveries)
        size = _octets(full.database) - _octets(empty.database)
        print(
            f"  {deliveries:,} deliveries in {len(partitions)} partitions, "
            f"{size / 1e9:.1f} GB, in {time.monotonic() - begun:.0f} s",
            flush=True,
        )
        for side in (empty, full):
            side.start_worker(1)
            side.warm_up(BODY)
        try:
            before = _scans(full.database, partitions)
            seen: list[tuple[float, float]] = []
            logged = []
            for _ in range(pairs):
                position = _wal(empty.database)
                first = empty.distribute("press", BODY)
                logged.append((_wal(empty.database) - position) / people)
                second = full.distribute("press", BODY)
                seen.append((first, second))
                print(f"  empty {first:6.2f} s   after a year {second:6.2f} s", flush=True)
            scans = _scans(full.database, partitions) - before
            dropping, meanwhile = _drop(full)
        finally:
            full.stop_workers()
    return Year(
        deliveries,
        seen,
        statistics.median(logged),
        size / deliveries,
        scans,
        len(partitions),
        dropping,
        meanwhile,
    )


def fill(database: str, deliveries: int) -> list[str]:
    """A year of complete distributions; the names of the partitions that hold them."""
    build_partitions(Database(database), LAST_ID + DISTRIBUTIONS_PER_PARTITION)
    bounds = {"first": FIRST_ID, "last": LAST_ID, "people": max(1, deliveries // RELEASES)}
    with _connected(database) as connection:
        connection.execute("SET synchronous_commit = off")
        for statement in _FILLING:
            connection.execute(statement, bounds)
        connection.commit()
        for distribution_id in range(FIRST_ID, LAST_ID + 1):
            connection.execute(_DELIVERIES, {**bounds, "distribution_id": distribution_id})
            connection.commit()
        connection.autocommit = True
        # As autovacuum has done by the end of a year.
        connection.execute("VACUUM ANALYZE")
        connection.execute("CHECKPOINT")
    return [
        f"delivery_p{first}" for first in range(FIRST_ID, LAST_ID + 1, DISTRIBUTIONS_PER_PARTITION)
    ]


_FILLING: Final = (
    """
    CREATE TEMPORARY TABLE old AS
    SELECT id, now() - interval '1 year' * (%(last)s + 1 - id) / (%(last)s + 1 - %(first)s) AS at
    FROM generate_series(%(first)s::bigint, %(last)s::bigint) id
    """,
    "INSERT INTO release (id, slug, created_at) SELECT id, 'old-' || id, at FROM old",
    """
    INSERT INTO release_version (id, release_id, number, content_digest, content, title, created_at)
    SELECT id, id, 1, sha256(id::text::bytea), '{}', 'An old release', at FROM old
    """,
    """
    INSERT INTO distribution (id, state, salt, created_at, due_at, deadline_at, expanded_to,
        is_expanded, eligible, finished_at)
    SELECT id, 'complete', sha256(id::text::bytea), at, at, at + interval '2 days', %(people)s,
        true, %(people)s, at + interval '1 minute'
    FROM old
    """,
    """
    INSERT INTO distribution_release (distribution_id, version_id, position)
    SELECT id, id, 0 FROM old
    """,
    """
    INSERT INTO distribution_list (distribution_id, list_id, position)
    SELECT old.id, list.id, 0 FROM old, mailing_list list WHERE slug = 'press'
    """,
    """
    INSERT INTO batch (distribution_id, first_id, last_id, state, due_at, size, accepted)
    SELECT id, one, one + size - 1, 'done', at, size, size
    FROM old, generate_series(1, %(people)s::bigint, 1000) one,
        LATERAL (SELECT least(1000, %(people)s - one + 1) AS size) its
    """,
    # The next of each is in a partition of its own.
    "SELECT setval(name, %(last)s) FROM unnest(ARRAY['distribution_id_seq', 'release_id_seq', "
    "'release_version_id_seq']) name",
)
_DELIVERIES: Final = """
    INSERT INTO delivery (distribution_id, subscriber_id, rendering_id, list_set_id, state, reply,
        attempts, lease_id, decided_at)
    SELECT %(distribution_id)s, id, %(distribution_id)s, 1, 'accepted',
        '250 2.0.0 Ok: queued as 4XyZ1234abcd (127.0.0.1:25)', 1, 1, now() - interval '1 year'
    FROM generate_series(1, %(people)s::bigint) id
"""


def _another(running: Plant, folder: Path) -> Plant:
    """The same servers with another database, doorbell and state folder."""
    folder.mkdir()
    database = f"{running.database.rpartition('/')[0]}/year"
    with _connected(running.database) as connection:
        connection.autocommit = True
        connection.execute("CREATE DATABASE year")
    broker = f"{running.environment['MEDIANOTE_BROKER_URL'].rpartition('/')[0]}/1"
    environment = running.environment | {
        "MEDIANOTE_DATABASE_URL": database,
        "MEDIANOTE_BROKER_URL": broker,
        "MEDIANOTE_STATE_DIR": str(folder / "state"),
    }
    migrate(database)
    return dataclasses.replace(
        running,
        folder=folder,
        database=database,
        environment=environment,
        reading=Database(database),
        workers=[],
    )


def _drop(full: Plant) -> tuple[float, float]:
    """Seconds that retention takes for a partition, and a distribution at the same time."""
    with _connected(full.database) as connection:
        # Nothing new can come into the last partition once what follows it is some days old.
        connection.execute(
            "UPDATE distribution SET created_at = created_at - interval '2 days' WHERE id > %s",
            [LAST_ID],
        )
    took: list[float] = []

    def drop() -> None:
        begun = time.monotonic()
        keep = dt.timedelta()
        marked = drop_old(Database(full.database), keep)
        took.append(time.monotonic() - begun)
        if len(marked) < RELEASES:
            raise RuntimeError(f"{len(marked)} distributions of {RELEASES} were dropped")

    dropping = threading.Thread(target=drop)
    dropping.start()
    meanwhile = full.distribute("press", BODY)
    dropping.join()
    print(
        f"  a partition dropped in {took[0]:.1f} s; a distribution meanwhile: {meanwhile:.2f} s",
        flush=True,
    )
    return took[0], meanwhile


def _scans(database: str, partitions: Sequence[str]) -> int:
    """How often these tables have been read, by index or whole."""
    time.sleep(STATISTICS_SECONDS)
    return _number(
        database,
        "SELECT coalesce(sum(seq_scan + coalesce(idx_scan, 0)), 0) FROM pg_stat_user_tables "
        "WHERE relname = ANY(%s)",
        list(partitions),
    )


def _octets(database: str) -> int:
    """How large a database is on disk."""
    return _number(database, "SELECT pg_database_size(current_database())")


def _wal(database: str) -> int:
    """How much has ever been written to the server's log, in octets."""
    return _number(database, "SELECT pg_wal_lsn_diff(pg_current_wal_lsn(), '0/0')::bigint")


def _number(database: str, query: LiteralString, *given: object) -> int:
    with _connected(database) as connection:
        row = connection.execute(query, given).fetchone()
    assert row is not None
    return int(str(row[0]))


def _connected(database: str) -> "psycopg.Connection[tuple[object, ...]]":
    return psycopg.connect(database.replace("+psycopg", ""))

"""Planning the digests of a morning: everyone on a large list is due, thirty releases are out.

The people read one list, a third of them also a second one, so that there are two sets. What is
timed is the turn alone, on PostgreSQL: who lacks what, and the rows of the digests. Everyone has
had ten releases a day by digests for two weeks, and a digest a day for the year before. Sending
them is a distribution like another.
"""

import datetime as dt
import time
from pathlib import Path
from typing import Final
from zoneinfo import ZoneInfo

import psycopg

from benchmarks import people
from benchmarks.bench import Bench
from benchmarks.figures import Finding
from benchmarks.plant import Plant, plant
from releases.digests.turn import Turn
from runtime.database import Database

RELEASES: Final = 30
DAYS: Final = 365
PER_DAY: Final = 10
RECENT_DAYS: Final = 13
"""Of so many days all releases may still be asked for."""
FIRST_VERSION: Final = 1_000
FIRST_DIGEST: Final = 10_000
LAST_ID: Final = 20_000


def digests(bench: Bench) -> Finding:
    """Seconds for the whole list."""
    return bench.once("digests", lambda folder: _measure(folder, bench.scale))


def _measure(folder: Path, count: int) -> Finding:
    # Nothing is sent: no relay need be there.
    with plant(folder, "smtp://127.0.0.1:9") as running:
        _fill(running, count)
        turn = Turn(Database(running.database), ZoneInfo("UTC"))
        begun, seen = time.monotonic(), 0
        while some := turn.plan_some():
            seen += some
        seconds = time.monotonic() - begun
        with psycopg.connect(running.database.replace("+psycopg", "")) as connection:
            row = connection.execute(
                "SELECT count(*), count(DISTINCT distribution_id) FROM digest_member "
                "WHERE distribution_id > %s",
                [LAST_ID],
            ).fetchone()
        assert row is not None
        if (seen, row[0]) != (count, count):
            raise RuntimeError(f"{seen:,} were due, {row[0]:,} are planned for, of {count:,}")
        return Finding((seconds,), {"people": count, "releases": RELEASES, "distributions": row[1]})


def _fill(running: Plant, count: int) -> None:
    people.load(running.database, "press", count)
    people.load(running.database, "arts", 1)
    since = dt.datetime.now(dt.UTC) - dt.timedelta(hours=1)
    with psycopg.connect(running.database.replace("+psycopg", "")) as connection:
        for statement in _STATEMENTS:
            connection.execute(
                statement,
                {
                    "at": since,
                    "releases": RELEASES,
                    "first": FIRST_DIGEST,
                    "days": DAYS,
                    "recent": RECENT_DAYS,
                    "per_day": PER_DAY,
                    "first_version": FIRST_VERSION,
                    "last": LAST_ID,
                },
            )
    with psycopg.connect(running.database.replace("+psycopg", ""), autocommit=True) as connection:
        connection.execute("VACUUM ANALYZE")


_STATEMENTS: Final = (
    """
    INSERT INTO subscription (subscriber_id, list_id, state, frequency, began_at, source,
        created_at)
    SELECT s.subscriber_id, arts.id, 'active', 'daily', s.began_at, 'benchmark', now()
    FROM subscription s JOIN mailing_list press ON press.id = s.list_id AND press.slug = 'press',
        mailing_list arts
    WHERE arts.slug = 'arts' AND s.subscriber_id %% 3 = 0
    ON CONFLICT DO NOTHING
    """,
    "UPDATE subscription SET frequency = 'daily', began_at = %(at)s - interval '1 year'",
    "UPDATE subscriber SET next_digest_at = now() - interval '1 minute' WHERE id IN "
    "(SELECT subscriber_id FROM subscription s JOIN mailing_list m ON m.id = s.list_id "
    "WHERE slug = 'press')",
    "INSERT INTO release (id, slug, created_at) "
    "SELECT n, 'r' || n, now() FROM generate_series(1, %(releases)s) n",
    """
    INSERT INTO release_version (id, release_id, number, content_digest, content, title,
        created_at)
    SELECT n, n, 1, sha256(n::text::bytea), '{"kind": "press-release"}', 'A release', now()
    FROM generate_series(1, %(releases)s) n
    """,
    """
    INSERT INTO distribution (id, state, salt, created_at, due_at, deadline_at, is_expanded,
        eligible)
    SELECT n, 'complete', sha256(n::text::bytea), %(at)s, %(at)s, %(at)s, true, 0
    FROM generate_series(1, %(releases)s) n
    """,
    """
    INSERT INTO distribution_release (distribution_id, version_id, position)
    SELECT n, n, 0 FROM generate_series(1, %(releases)s) n
    """,
    """
    INSERT INTO distribution_list (distribution_id, list_id, position)
    SELECT n, m.id, 0 FROM generate_series(1, %(releases)s) n, mailing_list m
    WHERE slug = CASE WHEN n %% 5 = 0 THEN 'arts' ELSE 'press' END
    """,
    # Ten releases a day for two weeks, each brought out by a distribution …
    """
    INSERT INTO release (id, slug, created_at)
    SELECT %(first_version)s + n, 'old' || n, now()
    FROM generate_series(1, %(recent)s * %(per_day)s) n
    """,
    """
    INSERT INTO release_version (id, release_id, number, content_digest, content, title,
        created_at)
    SELECT %(first_version)s + n, %(first_version)s + n, 1, sha256(('old' || n)::bytea),
        '{"kind": "press-release"}', 'A release', now()
    FROM generate_series(1, %(recent)s * %(per_day)s) n
    """,
    """
    INSERT INTO distribution (id, state, salt, created_at, due_at, deadline_at, is_expanded,
        eligible)
    SELECT %(first_version)s + n, 'complete', sha256(n::text::bytea), at, at, at, true, 0
    FROM generate_series(1, %(recent)s * %(per_day)s) n,
        LATERAL (SELECT %(at)s - (1 + (n - 1) / %(per_day)s) * interval '1 day' AS at) its
    """,
    """
    INSERT INTO distribution_release (distribution_id, version_id, position)
    SELECT %(first_version)s + n, %(first_version)s + n, 0
    FROM generate_series(1, %(recent)s * %(per_day)s) n
    """,
    """
    INSERT INTO distribution_list (distribution_id, list_id, position)
    SELECT %(first_version)s + n, id, 0
    FROM generate_series(1, %(recent)s * %(per_day)s) n, mailing_list WHERE slug = 'press'
    """,
    # … and in the digest of the day, as every day of the year had one.
    """
    INSERT INTO distribution (id, kind, state, salt, created_at, due_at, deadline_at, is_expanded,
        eligible, finished_at)
    SELECT %(first)s + %(days)s - n, 'digest', 'complete', sha256(n::text::bytea), at, at, at, true,
        0, at
    FROM generate_series(0, %(days)s - 1) n,
        LATERAL (SELECT %(at)s - (n + 0.5) * interval '1 day' AS at) its
    """,
    """
    INSERT INTO distribution_release (distribution_id, version_id, position)
    SELECT %(first)s + %(days)s - (n - 1) / %(per_day)s, %(first_version)s + n, n %% %(per_day)s
    FROM generate_series(1, %(recent)s * %(per_day)s) n
    """,
    """
    INSERT INTO digest_member (distribution_id, subscriber_id, mask)
    SELECT %(first)s + n, subscriber_id, 1
    FROM generate_series(1, %(days)s) n, subscription s JOIN mailing_list m ON m.id = s.list_id
    WHERE slug = 'press'
    """,
    "SELECT setval('distribution_id_seq', %(last)s)",
)

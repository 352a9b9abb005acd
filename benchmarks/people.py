"""Lists of made-up people, written by SQL: a million in half a minute.

What an import would do to each row is not measured here (that is `import`). Nobody of them is
suppressed, so any hash that is unique will do.
"""

import psycopg
from psycopg import sql

_LIST = "INSERT INTO mailing_list (slug, title, created_at) VALUES (%s, %s, now()) RETURNING id"
_SUBSCRIBERS = """
INSERT INTO subscriber (address, address_key, address_hash, name, language, format, created_at)
SELECT address, address, sha256(address::bytea), 'Reader ' || number, 'en', {format}, now()
FROM generate_series(0, {people} - 1) AS number,
    LATERAL (SELECT 'reader' || number || {domain}) AS made (address)
"""
_SUBSCRIPTIONS = """
INSERT INTO subscription (subscriber_id, list_id, state, began_at, source, created_at)
SELECT id, {list_id}, 'active', now(), 'benchmark', now()
FROM subscriber WHERE address LIKE {pattern} ORDER BY id
"""


def load(database_url: str, slug: str, people: int, *, format: str = "html") -> None:  # noqa: A002
    """A list of this many people with names, all active, each at `SLUG.example.net`.

    `database_url` is SQLAlchemy's. The tables are left as autovacuum leaves them in time.
    """
    domain = f"@{slug}.example.net"
    with psycopg.connect(plain_url(database_url), autocommit=True) as connection:
        with connection.transaction():
            row = connection.execute(_LIST, (slug, slug.capitalize())).fetchone()
            assert row is not None
            values = {
                "format": format,
                "people": people,
                "domain": domain,
                "list_id": row[0],
                "pattern": f"%{domain}",
            }
            literals = {name: sql.Literal(value) for name, value in values.items()}
            for statement in (_SUBSCRIBERS, _SUBSCRIPTIONS):
                connection.execute(sql.SQL(statement).format(**literals))
        connection.execute("VACUUM ANALYZE subscriber, subscription")


def plain_url(database_url: str) -> str:
    """SQLAlchemy's URL as libpq reads it."""
    return database_url.replace("+psycopg", "")

"""Connections to PostgreSQL that have rested in the pool: is the server still there?

Asking it each time (SQLAlchemy's `pool_pre_ping`) is a round trip for every page and every
transaction. A server that ends a connection says so on its socket, so a look at that is enough
while the connection was used a moment ago; what has rested for longer is asked.
"""

import select
import time
from typing import Any, Final

import sqlalchemy as sa
from sqlalchemy import event
from sqlalchemy.engine import Engine

RESTED_SECONDS: Final = 5.0
_SINCE: Final = "medianote_rests_since"


def look_before_use(engine: Engine) -> None:
    """Have every connection looked at when it is taken out of the engine's pool."""
    dialect = engine.dialect

    def rests(_connection: Any, record: Any) -> None:
        record.info[_SINCE] = time.monotonic()

    def look(connection: Any, record: Any, _proxy: Any) -> None:
        since = record.info.get(_SINCE)
        if since is None or (time.monotonic() - since < RESTED_SECONDS and _is_quiet(connection)):
            return
        try:
            dialect.do_ping(connection)
        except dialect.loaded_dbapi.Error as error:
            # The others are no younger: the pool replaces them all, this one now.
            raise sa.exc.InvalidatePoolError from error

    event.listen(engine, "checkin", rests)
    event.listen(engine, "checkout", look)


def _is_quiet(connection: Any) -> bool:
    """Whether a socket has nothing to be read, as it is while nothing has been asked."""
    if connection.closed:
        return False
    watched = select.poll()
    watched.register(connection.fileno(), select.POLLIN | select.POLLPRI)
    return not watched.poll(0)

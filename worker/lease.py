"""A process's lease on its batches, kept by a thread of its own.

The lease lasts 8 s by the database's clock and is renewed every 2 s. Nothing new may be sent
once the last renewal is 6 s old by a clock that goes on while the process is stopped: nobody
sends under a lease that another worker may have taken over.
"""

import os
import socket
import threading
import time
from collections.abc import Callable
from functools import partial
from typing import Final

import sqlalchemy as sa

from releases.leasing import release_lease, renew_lease, take_lease
from runtime.database import Database, plain_reason
from runtime.logging import get_logger

RENEW_EVERY_SECONDS: Final = 2.0
FRESH_SECONDS: Final = 6.0
JOIN_SECONDS: Final = 2.0
"""A renewal that waits for a database that is silent is left behind; it may come, or not."""

log = get_logger("worker")


def worker_name() -> str:
    """host:pid, for people."""
    return f"{socket.gethostname()}:{os.getpid()}"


clock_that_never_stops: Final = partial(time.clock_gettime, time.CLOCK_BOOTTIME)
"""Seconds that go on while the machine is suspended, as the database's clock does."""


class LeaseKeeper:
    """Takes a lease, renews it until it is given back, and says whether it is fresh."""

    def __init__(
        self,
        database: Database,
        folder_id: str,
        journal: str,
        clock: Callable[[], float] = clock_that_never_stops,
        worker: str | None = None,
    ) -> None:
        """Take it. `worker` is its holder's name; this process's if there is none."""
        self._database = database
        self._folder_id = folder_id
        self._journal = journal
        self._clock = clock
        self._ended = threading.Event()
        self._is_lost = False
        self._renewed_at = clock()
        with database.transaction() as session:
            self.lease_id = take_lease(session, worker or worker_name(), folder_id, journal)
        self._thread = threading.Thread(target=self._renew_on, name="medianote-lease", daemon=True)
        self._thread.start()

    @property
    def is_fresh(self) -> bool:
        """Whether messages may be begun under it."""
        return not self._is_lost and self._clock() - self._renewed_at < FRESH_SECONDS

    def lose(self) -> None:
        """Somebody else has seen that the lease's row is gone."""
        self._is_lost = True

    def give_back(self) -> None:
        """End it; what it still holds is open again. The database may be gone by now."""
        self._ended.set()
        self._thread.join(JOIN_SECONDS)
        try:
            with self._database.transaction() as session:
                release_lease(session, self.lease_id)
        except sa.exc.SQLAlchemyError as error:
            log.warning("a lease could not be given back; it runs out", reason=plain_reason(error))

    def abandon(self) -> None:
        """Stop renewing it: it runs out, and its journal is applied by a sweep."""
        self._ended.set()
        self._thread.join(JOIN_SECONDS)

    def _renew_on(self) -> None:
        while not self._ended.wait(RENEW_EVERY_SECONDS) and not self._is_lost:
            began_at = self._clock()
            try:
                with self._database.transaction() as session:
                    is_held = renew_lease(session, self.lease_id)
            except sa.exc.SQLAlchemyError as error:
                log.warning("a lease could not be renewed", reason=plain_reason(error))
                continue
            if is_held:
                # As of before the question: the answer may have been long under way.
                self._renewed_at = began_at
            else:
                self._is_lost = True

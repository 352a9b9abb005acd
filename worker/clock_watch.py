"""Notices when the database's clock jumps.

Leases are dated by the database's wall clock. When it is set forward, all of them seem to have
run out at once, though their workers live and go on sending: to take their batches over would
send what is under way twice. Whoever lives renews its lease within two seconds, so for that
long no lease is taken for run out; nor in a watch's own first seconds, since it cannot know
what was before. When it is set back, what is due would wait.
"""

import datetime as dt
from collections.abc import Callable
from typing import Final

from worker.lease import RENEW_EVERY_SECONDS, clock_that_never_stops

JUMP_SECONDS: Final = 1.0
"""Less than the 2 s by which a lease outlives its worker's belief in it."""
PATIENCE_SECONDS: Final = 2 * RENEW_EVERY_SECONDS


class ClockWatch:
    """Compares the database's clock with one that only goes on; for one thread."""

    def __init__(self, clock: Callable[[], float] = clock_that_never_stops) -> None:
        self.has_gone_back = False
        """Whether the database's clock went back, and nobody has done yet what follows from it."""
        self._clock = clock
        self._last: tuple[dt.datetime, float] | None = None
        self._distrusts_until = float("-inf")

    def trusts(self, read: Callable[[], dt.datetime]) -> bool:
        """Whether leases that seem to have run out have; `read` asks the database for its time."""
        before = self._clock()
        moment = read()
        after = self._clock()
        if self._last is None:
            self._distrusts_until = after + PATIENCE_SECONDS
        else:
            last_moment, last_before = self._last
            went_on = (moment - last_moment).total_seconds()
            self.has_gone_back |= went_on < -JUMP_SECONDS
            if went_on > after - last_before + JUMP_SECONDS:
                self._distrusts_until = after + PATIENCE_SECONDS
        self._last = moment, before
        return after >= self._distrusts_until

"""Waiting for a distribution: progress for who watches, and what keeps it, said once."""

import time
from typing import Final

from cli.distributions import read_status
from cli.errors import say
from cli.interrupts import heeding_interrupts
from cli.progress import Progress
from cli.shell import Shell
from releases.models import DistributionState
from releases.queries import Status
from runtime.database import DATABASE_IS_AWAY, plain_reason
from worker.presence import worker_is_running

POLL_SECONDS: Final = 0.1
SLOWEST_POLL_SECONDS: Final = 1.0
WORKER_GRACE_SECONDS: Final = 10.0
"""A worker that is being started gets so long before its absence is mentioned."""


def wait_for(shell: Shell, distribution_id: int) -> Status:
    """Return when the distribution is finished, whatever keeps it meanwhile."""
    told = Told(distribution_id)
    pause_seconds = POLL_SECONDS
    with heeding_interrupts() as heed, Progress(f"distribution {distribution_id}") as progress:
        try:
            while True:
                heed()
                found = look(shell, distribution_id, told)
                if found is not None:
                    if found.is_finished:
                        return found
                    progress.show(found.settled, found.eligible, _note(found))
                    told.tell(hindrance(found))
                time.sleep(pause_seconds)
                pause_seconds = min(pause_seconds * 1.2, SLOWEST_POLL_SECONDS)
        except KeyboardInterrupt:
            say(f"distribution {distribution_id} is not finished; it goes on when a worker runs")
            raise


class Told:
    """Says each thing once, until it is another one."""

    def __init__(self, distribution_id: int) -> None:
        self._distribution_id = distribution_id
        self._last: str | None = None
        self.begun_at = time.monotonic()
        self.has_missed_workers = False

    def tell(self, what: str | None) -> None:
        """Say it on standard error; None: there is nothing to say any more."""
        if what is not None and what != self._last:
            say(f"distribution {self._distribution_id}: {what}")
        self._last = what


def look(shell: Shell, distribution_id: int, told: Told) -> Status | None:
    """How it stands; None while the database does not answer."""
    try:
        found = read_status(shell, distribution_id)
        is_time = time.monotonic() - told.begun_at > WORKER_GRACE_SECONDS
        if is_time and not told.has_missed_workers:
            told.has_missed_workers = True
            with shell.database.reading() as session:
                if not worker_is_running(session):
                    say("no worker runs: start one with `medianote worker`")
    except DATABASE_IS_AWAY as error:
        told.tell(f"{plain_reason(error)}; waiting")
        return None
    return found


def _note(found: Status) -> str | None:
    return found.state if found.state != DistributionState.RUNNING else None


def hindrance(found: Status) -> str | None:
    """Why it does not go on, in one plain line; None while it does."""
    match found.state:
        case DistributionState.PAUSED:
            return f"paused; waiting for `medianote resume {found.id}`"
        case DistributionState.HELD:
            return f"held: {found.note}; waiting for `medianote resume {found.id}`"
        case DistributionState.SCHEDULED:
            return f"waiting for its time, {found.started_at.isoformat(timespec='seconds')}"
        case _:
            return found.note

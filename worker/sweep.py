"""The sweep: a thread in every worker that finds, each second, what is left to do.

It needs only the database, leads nobody and follows nobody: any number of sweeps may run at
once. Each duty is on its own; one that fails is logged, and the others go on.
"""

import datetime as dt
import functools
import threading
import time
from collections.abc import Callable
from typing import Final

import sqlalchemy as sa

from releases.batches import has_open_batch
from releases.digests.turn import Turn, is_anybody_due
from releases.leasing import release_lease, renew_lease, take_lease
from releases.models import URGENT_LANE, DistributionState
from releases.partitions import build_partitions
from releases.retention import drop_old
from releases.upkeep import (
    Unfinished,
    batches_to_deliver,
    finish_cancelled,
    forget_waiting,
    give_up_late,
    keep_pulse,
    start,
    unfinished,
)
from runtime.database import plain_reason
from runtime.logging import get_logger
from subscribers.address_changes import forget_old_address_changes
from subscribers.sign_ups import forget_old_sign_ups
from worker.adoption import adopt_lost_leases
from worker.clock_watch import ClockWatch
from worker.context import Context
from worker.lease import worker_name
from worker.notice_ledger import forget_old_notices, is_any_due

EVERY_SECONDS: Final = 1.0
DELIVERS_MAX: Final = 64
ROUND_SECONDS: Final = 2.0
"""How long all distributions may keep the sweep from its other duties."""
SHARE_SECONDS: Final = 1.0
"""How long one distribution may keep the sweep from its other duties."""
PATIENCE_ROUNDS: Final = 2
"""So many rounds a ring may go unanswered before the sweep does the work itself."""
SHORTEST_PAUSE_SECONDS: Final = 0.02
STOP_SECONDS: Final = 5.0
PARTITIONS_EVERY_ROUNDS: Final = 60
RETENTION_EVERY_ROUNDS: Final = 600
RETENTION_ROUND: Final = 30
"""Not the first ones: a worker that comes up has more urgent things to do."""
RETENTION_PAUSE_SECONDS: Final = 0.05
"""Between two pieces, so that SQLite's one writer can be somebody else."""

log = get_logger("worker")


class Sweep:
    """`free_slots` says how many tasks this worker could take now."""

    def __init__(
        self, context: Context, free_slots: Callable[[], int], watch: ClockWatch | None = None
    ) -> None:
        self._context = context
        self._free_slots = free_slots
        self._lease_id: int | None = None
        self._ended = threading.Event()
        self._troubles: dict[str, str] = {}
        self._rounds = 0
        self._watch = watch or ClockWatch()
        self._pause_seconds = EVERY_SECONDS
        # How far the expanding distributions were in the last round, and since how many rounds.
        self._standstills: dict[int, tuple[int, int]] = {}
        # What takes longer than a round may has a thread of its own; one for each duty.
        self._beside: dict[str, threading.Thread] = {}
        # The distribution that a round came to, when it left others to the next.
        self._attended_to: int | None = None
        self._is_rehearsal = context.settings.is_rehearsal
        self._thread = threading.Thread(target=self._run, name="medianote-sweep", daemon=True)

    def start(self) -> None:
        """Sweep once, so that stale work is held before any is done; then every second."""
        self.round()
        self._thread.start()

    def stop(self) -> None:
        """End it."""
        self._ended.set()
        if self._thread.ident is not None:
            self._thread.join(STOP_SECONDS)
        for thread in self._beside.values():
            thread.join(STOP_SECONDS)
        self._do("leases", self._give_back_lease)
        self._context.close()

    def round(self) -> None:
        """All duties, once."""
        database = self._context.database
        self._do("pulse", self._keep_pulse)
        if self._rounds % PARTITIONS_EVERY_ROUNDS == 0:
            self._do("partitions", lambda: build_partitions(database))
        if self._rounds % RETENTION_EVERY_ROUNDS == RETENTION_ROUND:
            self._do_beside("retention", self._drop_old)
        self._rounds += 1
        self._do("leases", self._adopt)
        self._do("notices", self._see_to_notices)
        self._do("digests", self._see_to_digests)
        left: list[Unfinished] = []

        def find() -> None:
            with database.reading() as session:
                left.extend(unfinished(session))

        self._do("distributions", find)
        self._standstills = {
            one.id: self._standstills[one.id] for one in left if one.id in self._standstills
        }
        self._attend_to(left)
        if any(one.state == DistributionState.RUNNING for one in left):
            self._do("deliveries", self._ring_deliver)
        if self._attended_to is not None:
            self._pause_seconds = SHORTEST_PAUSE_SECONDS  # the others are waiting
        else:
            self._pause_seconds = _until_next(left)

    def _run(self) -> None:
        while not self._ended.wait(self._pause_seconds):
            self.round()

    def _do(self, duty: str, perform: Callable[[], object]) -> None:
        try:
            perform()
        except sa.exc.SQLAlchemyError as error:
            self._tell(duty, plain_reason(error))
        except Exception as error:  # the other duties go on
            if self._tell(duty, str(error)):
                log.exception("the sweep has failed in a duty", duty=duty)
        else:
            self._troubles.pop(duty, None)

    def _tell(self, duty: str, reason: str) -> bool:
        """Log a trouble once, not every second."""
        if self._troubles.get(duty) == reason:
            return False
        self._troubles[duty] = reason
        log.warning("the sweep cannot do a duty; it tries again", duty=duty, reason=reason)
        return True

    def _do_beside(self, duty: str, perform: Callable[[], object]) -> None:
        """In a thread of its own, unless the duty is being done."""
        thread = self._beside.get(duty)
        if thread is not None and thread.is_alive():
            return
        thread = self._beside[duty] = threading.Thread(
            target=self._do, args=(duty, perform), name=f"medianote-{duty}", daemon=True
        )
        thread.start()

    def _drop_old(self) -> None:
        """To remove gigabytes takes seconds that the other duties do not have."""
        keep = dt.timedelta(days=self._context.settings.keep_deliveries_days)
        database = self._context.database
        drop_old(database, keep, self._may_go_on)
        forget_old_notices(database)
        forget_old_sign_ups(database)
        forget_old_address_changes(database)

    def _see_to_notices(self) -> None:
        """Mail servers take their time, and the other duties do not wait for them."""
        with self._context.database.reading() as session:
            if not is_any_due(session):
                return
        self._do_beside("sending-notices", self._context.notice_lane.send_due)

    def _see_to_digests(self) -> None:
        """At eight in the morning many people are due at once."""
        if self._is_rehearsal:
            return
        with self._context.database.reading() as session:
            if not is_anybody_due(session):
                return
        turn = Turn(self._context.database, self._context.settings.zone)

        def plan() -> None:
            while turn.plan_some() and not self._ended.is_set():
                pass
            if turn.begun:
                log.info("digests go out", distributions=turn.begun)

        self._do_beside("planning-digests", plan)

    def _may_go_on(self) -> bool:
        return not self._ended.wait(RETENTION_PAUSE_SECONDS)

    def _keep_pulse(self) -> None:
        """Say that this worker runs, and that its journal folder has somebody to look after it."""
        with self._context.database.transaction() as session:
            if self._lease_id is None or not renew_lease(session, self._lease_id):
                self._lease_id = take_lease(session, worker_name(), self._context.folder.id, "")
            held = keep_pulse(session)
        if held:
            log.warning("held after an outage; `medianote resume` sends them", distributions=held)

    def _adopt(self) -> None:
        adopt_lost_leases(self._context.database, self._context.folder, self._watch)
        if self._watch.has_gone_back:
            with self._context.database.transaction() as session:
                forget_waiting(session)
            self._watch.has_gone_back = False

    def _give_back_lease(self) -> None:
        if self._lease_id is not None:
            with self._context.database.transaction() as session:
                release_lease(session, self._lease_id)

    def _attend_to(self, left: list[Unfinished]) -> None:
        """For so long as a round may take; the next one goes on after the last. Urgent ones and
        what is to begin are first in each round: there may be hundreds of digests.
        """
        ends_at = time.monotonic() + ROUND_SECONDS
        last = self._attended_to
        self._attended_to = None
        first = [one for one in left if one.is_first]
        others = [one for one in left if not one.is_first]
        waiting = [one for one in others if last is None or one.id > last]
        for one in first:
            self._do(f"distribution {one.id}", functools.partial(self._attend, one))
        for one in [*waiting, *(one for one in others if one not in waiting)]:
            if self._attended_to is not None and time.monotonic() > ends_at:
                return
            self._do(f"distribution {one.id}", functools.partial(self._attend, one))
            self._attended_to = one.id
        self._attended_to = None

    def _attend(self, one: Unfinished) -> None:
        database, doorbell = self._context.database, self._context.doorbell
        match one.state:
            case DistributionState.SCHEDULED if one.is_digest and self._is_rehearsal:
                pass  # whoever is not to be mailed now would have had theirs
            case DistributionState.SCHEDULED if one.is_due:
                with database.transaction() as session:
                    is_started = start(session, one.id)
                if is_started:
                    doorbell.prepare(one.id)
            case DistributionState.CANCELLED:
                finish_cancelled(database, one.id, _a_share())
            case DistributionState.RUNNING if not one.is_expanded:
                self._see_it_expand(one)
            case DistributionState.RUNNING:
                if one.is_too_late:
                    give_up_late(database, one.id, _a_share())
                with database.reading() as session:
                    is_open = has_open_batch(session, one.id)
                if not is_open:
                    self._context.settle(one.id)
            case _:
                pass

    def _see_it_expand(self, one: Unfinished) -> None:
        """Ring where nobody is at it; where nobody comes, as all are busy, expand it here."""
        seen_at, rounds = self._standstills.pop(one.id, (None, 0))
        if seen_at is not None and seen_at != one.expanded_to:
            self._standstills[one.id] = one.expanded_to, 0  # somebody is at it
            return
        self._standstills[one.id] = one.expanded_to, rounds + 1
        self._context.doorbell.prepare(one.id)
        if rounds >= _patience_rounds(one):
            self._context.expand(one.id, SHARE_SECONDS)

    def _ring_deliver(self) -> None:
        free = self._free_slots()
        if free <= 0:
            return
        with self._context.database.reading() as session:
            count = batches_to_deliver(session, min(free, DELIVERS_MAX))
        if count:
            self._context.doorbell.deliver(count)


def _until_next(left: list[Unfinished]) -> float:
    """The pause to the next round: shorter when something is due before it would be over."""
    waits = (
        one.due_in_seconds
        for one in left
        if one.state == DistributionState.SCHEDULED and not one.is_due
    )
    return max(SHORTEST_PAUSE_SECONDS, min((EVERY_SECONDS, *waits)))


def _patience_rounds(one: Unfinished) -> int:
    """An urgent distribution that nobody has begun waits for nobody."""
    if one.lane == URGENT_LANE:
        return 0 if one.expanded_to == 0 else 1
    return PATIENCE_ROUNDS


def _a_share() -> Callable[[], bool]:
    ends_at = time.monotonic() + SHARE_SECONDS
    return lambda: time.monotonic() < ends_at

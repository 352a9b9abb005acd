"""The engine: one per process; leases batches and streams them to the relays.

The sending thread fills stencils and talks SMTP; the ledger's thread writes and leases ahead
of it; a third renews the lease. No transaction is open while a mail server is waited for.
"""

import threading
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Final

from releases.leasing import Leased
from releases.slowness import note_limits
from releases.upkeep import batches_to_deliver, pulse_is_fresh
from runtime.database import DATABASE_IS_AWAY, Database, plain_reason
from runtime.logging import get_logger
from worker.filling import Filling
from worker.hand import Hand
from worker.journal import Journal
from worker.journal_folder import JournalFolder
from worker.lease import LeaseKeeper, clock_that_never_stops
from worker.ledger import LedgerThread
from worker.limits.gate import Gate
from worker.slices import Slice
from worker.smtp import Postman, RunState
from worker.waiting_room import WaitingRoom

CLOSE_SECONDS: Final = 20.0
STOPPING_CLOSE_SECONDS: Final = 4.0
KEPT_SECONDS: Final = 0.3
"""After this long without a further delivery task a shift ends: others may have its batches."""
NO_PLACE_SECONDS: Final = 1.0
"""After this long another try for a connection that a limit did not let us have."""
UNUSED_SECONDS: Final = 1.0
"""Connections that are limited, and have been idle for so long, are left to other workers."""

log = get_logger("worker")


@dataclass(frozen=True, slots=True)
class Delivered:
    """What a slice of delivering leaves to do."""

    is_more_left: bool = False
    to_settle: frozenset[int] = field(default=frozenset())


@dataclass(frozen=True, slots=True)
class Shift:
    """What delivering needs, from one delivery task to the next while they follow each other:
    to write all, give the lease back and begin anew would cost a twentieth of the time.
    """

    journal: Journal
    keeper: LeaseKeeper
    room: WaitingRoom | None
    ledger: LedgerThread
    slice_: Slice


class Engine:
    """Delivers; for one thread at a time, a second one finds it busy."""

    def __init__(
        self,
        database: Database,
        filling: Filling,
        postman: Postman,
        folder: JournalFolder,
        *,
        why_withheld: Callable[[str, bool], str | None],
        is_stopping: Callable[[], bool],
        clock: Callable[[], float] = clock_that_never_stops,
        gate: Gate | None = None,
        on_given_back: Callable[[], None] = lambda: None,
    ) -> None:
        """`on_given_back` is called when a batch is open again of which no task says so."""
        self._on_given_back = on_given_back
        self._database = database
        self._gate = gate
        self._idle_since = clock()
        self._filling = filling
        self._postman = postman
        self._folder = folder
        self._why_withheld = why_withheld
        self._is_stopping = is_stopping
        self._clock = clock
        self._busy = threading.Lock()
        self._journal: Journal | None = None
        self._relay_back_at = 0.0
        self._shift: Shift | None = None
        self._kept = threading.Timer(KEPT_SECONDS, self._end_kept)

    @property
    def is_busy(self) -> bool:
        """Whether it delivers now."""
        return self._busy.locked()

    def deliver(self) -> Delivered:
        """Deliver the most urgent batches for two seconds, or until there are none."""
        if self._is_stopping() or not self._busy.acquire(blocking=False):
            return Delivered()
        self._kept.cancel()
        try:
            if self._clock() < self._relay_back_at or not self._has_work():
                return Delivered()
            return self._deliver()
        finally:
            self._idle_since = self._clock()
            if self._shift is not None:
                self._keep()
            self._busy.release()

    def let_go_of_connections(self) -> None:
        """Close limited connections that nobody has used for a while: others may need them."""
        if self._shift is not None or self._clock() - self._idle_since < UNUSED_SECONDS:
            return
        if self._busy.acquire(blocking=False):
            try:
                self._postman.close(limited_only=True)
            finally:
                self._busy.release()

    def close(self) -> None:
        """Take leave of the relays; the journal stays if SQL does not know all of it.

        Whoever still waits for a mail server's answer is left at it: the journal knows.
        """
        if not self._busy.acquire(timeout=STOPPING_CLOSE_SECONDS):
            log.warning("a mail server keeps us waiting; the journal is applied later")
            return
        try:
            self._kept.cancel()
            if self._shift is not None:
                self._end(self._shift)
        finally:
            self._postman.close()
            if self._journal is not None:
                self._journal.close()
                self._journal = None
            self._busy.release()

    def _has_work(self) -> bool:
        with self._database.reading() as session:
            is_any_left = self._shift is not None or batches_to_deliver(session, 1) > 0
            return is_any_left and pulse_is_fresh(session)

    def _deliver(self) -> Delivered:
        shift = self._shift = self._shift or self._begin()
        slice_, ledger = shift.slice_, shift.ledger
        slice_.begin()
        try:
            self._send(slice_)
        except BaseException:
            self._leave(shift)
            raise
        is_more_left = self._gate is None and slice_.can_go_on
        if not is_more_left:
            self._end(shift)
            is_more_left = not (slice_.is_without_relay or slice_.has_no_place) and (
                ledger.has_given_back or (ledger.has_leased and not ledger.is_dry)
            )
        self._tell_of_limits()
        return Delivered(is_more_left, ledger.take_finished())

    def _begin(self) -> Shift:
        journal = self._journal = self._journal or self._folder.new_journal()
        keeper = LeaseKeeper(self._database, self._folder.id, journal.name, self._clock)
        gate = self._gate
        room = WaitingRoom(gate) if gate is not None and gate.has_domains else None

        def make_hand(leased: Leased) -> Hand:
            slot = journal.open_slot(keeper.lease_id, leased.batch_id)
            return Hand(leased, slot, self._filling.for_batch(leased), room)

        ledger = LedgerThread(self._database, keeper, make_hand, self._why_withheld)
        slice_ = Slice(ledger, keeper, self._is_stopping, self._clock, room)
        return Shift(journal, keeper, room, ledger, slice_)

    def _keep(self) -> None:
        """The batch in hand waits for the next delivery task, but not for long."""
        self._kept = threading.Timer(KEPT_SECONDS, self._end_kept)
        self._kept.daemon = True
        self._kept.start()

    def _end_kept(self) -> None:
        if not self._busy.acquire(blocking=False):
            return  # the next delivery task has come
        shift = self._shift
        try:
            if shift is not None:
                self._end(shift)
        except DATABASE_IS_AWAY as error:
            log.warning("batches could not be given back", reason=plain_reason(error))
        finally:
            self._busy.release()
        if shift is not None and shift.ledger.has_given_back:
            self._on_given_back()

    def _end(self, shift: Shift) -> None:
        """Write all that came back, and give back the rest."""
        shift.slice_.end()
        patience = STOPPING_CLOSE_SECONDS if self._is_stopping() else CLOSE_SECONDS
        try:
            is_written = shift.ledger.close(patience)
        except BaseException:
            self._leave(shift)
            raise
        if not is_written:
            self._leave(shift)
            return
        self._shift = None
        shift.keeper.give_back()

    def _leave(self, shift: Shift) -> None:
        """The journal knows; whoever finds it applies it when the lease has run out."""
        log.warning("the ledger is behind; its journal is left to the sweep")
        self._shift = None
        if shift.room is not None:
            shift.room.close()  # also when the run has failed: its limits outlive it
        shift.ledger.abandon()
        shift.keeper.abandon()
        self._journal = None
        shift.journal.close(is_known=False)

    def _tell_of_limits(self) -> None:
        """Say in the database which limits slow us: whoever looks on shall not wonder."""
        met = [] if self._gate is None else self._gate.in_the_way()
        if met:
            with self._database.transaction() as session:
                note_limits(session, met)

    def _send(self, slice_: Slice) -> None:
        while True:
            end = self._postman.run(
                slice_.source,
                slice_.on_begin,
                slice_.on_outcome,
                slice_.may_start,
                on_slow=slice_.go_on,
                pace=slice_ if self._gate is not None else None,
            )
            if end.state is RunState.NO_RELAY:
                log.warning("no relay can take mail now", reason=end.why)
                assert end.why is not None
                self._relay_back_at = self._clock() + end.retry_after_seconds
                slice_.lose_relay(end.why, end.retry_after_seconds)
                return
            if end.state is RunState.NO_PLACE:
                self._relay_back_at = self._clock() + NO_PLACE_SECONDS
                slice_.has_no_place = True
            if end.state in {RunState.STOPPED, RunState.NO_PLACE} or slice_.is_over:
                return

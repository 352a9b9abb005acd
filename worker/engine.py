"""The engine: one per process; leases batches and streams them to the relays.

The sending thread fills stencils and talks SMTP; the ledger's thread writes and leases ahead
of it; a third renews the lease. No transaction is open while a mail server is waited for.
"""

import threading
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from typing import Final

from mail.replies import Outcome
from mail.smtp_items import Item
from releases.leasing import Leased
from releases.slowness import note_limits
from releases.upkeep import batches_to_deliver, pulse_is_fresh
from runtime.database import Database
from runtime.logging import get_logger
from worker.filling import Filling
from worker.hand import Hand
from worker.journal import Journal
from worker.journal_folder import JournalFolder
from worker.lease import LeaseKeeper, clock_that_never_stops
from worker.ledger import LedgerThread
from worker.limits.gate import Gate
from worker.smtp import Postman, RunState
from worker.waiting_room import WaitingRoom

SLICE_SECONDS: Final = 2.0
"""After this long a delivery task ends, so that other tasks get their turn."""
LEDGER_PATIENCE_SECONDS: Final = 0.25
CLOSE_SECONDS: Final = 20.0
STOPPING_CLOSE_SECONDS: Final = 4.0
LOOK_AGAIN_SECONDS: Final = 0.5
"""While only people wait whose domains are slow, something else may have come."""
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
    ) -> None:
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

    @property
    def is_busy(self) -> bool:
        """Whether it delivers now."""
        return self._busy.locked()

    def deliver(self) -> Delivered:
        """Deliver the most urgent batches for two seconds, or until there are none."""
        if self._is_stopping() or not self._busy.acquire(blocking=False):
            return Delivered()
        try:
            if self._clock() < self._relay_back_at or not self._has_work():
                return Delivered()
            return self._deliver()
        finally:
            self._idle_since = self._clock()
            self._busy.release()

    def let_go_of_connections(self) -> None:
        """Close limited connections that nobody has used for a while: others may need them."""
        if self._clock() - self._idle_since < UNUSED_SECONDS:
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
            self._postman.close()
            if self._journal is not None:
                self._journal.close()
                self._journal = None
        finally:
            self._busy.release()

    def _has_work(self) -> bool:
        with self._database.reading() as session:
            return batches_to_deliver(session, 1) > 0 and pulse_is_fresh(session)

    def _deliver(self) -> Delivered:
        journal = self._journal = self._journal or self._folder.new_journal()
        keeper = LeaseKeeper(self._database, self._folder.id, journal.name, self._clock)
        gate = self._gate
        room = WaitingRoom(gate) if gate is not None and gate.has_domains else None

        def make_hand(leased: Leased) -> Hand:
            slot = journal.open_slot(keeper.lease_id, leased.batch_id)
            return Hand(leased, slot, self._filling.for_batch(leased), room)

        ledger = LedgerThread(self._database, keeper, make_hand, self._why_withheld)
        slice_ = Slice(ledger, keeper, self._is_stopping, self._clock, room)
        is_written = False
        try:
            self._send(slice_)
            patience = STOPPING_CLOSE_SECONDS if self._is_stopping() else CLOSE_SECONDS
            is_written = ledger.close(patience)
        finally:
            if room is not None:
                room.close()  # also when the run has failed: its limits outlive it
            if is_written:
                keeper.give_back()
            else:
                # The journal knows; whoever finds it applies it when the lease has run out.
                log.warning("the ledger is behind; its journal is left to the sweep")
                ledger.abandon()
                keeper.abandon()
                self._journal = None
                journal.close(is_known=False)
        self._tell_of_limits()
        is_more_left = not (slice_.is_without_relay or slice_.has_no_place) and (
            ledger.has_given_back or (ledger.has_leased and not ledger.is_dry)
        )
        return Delivered(is_more_left, frozenset(ledger.finished))

    def _tell_of_limits(self) -> None:
        """Say in the database which limits slow us: whoever looks on shall not wonder."""
        met = [] if self._gate is None else self._gate.in_the_way()
        if met:
            with self._database.transaction() as session:
                note_limits(session, met)

    def _send(self, slice_: "Slice") -> None:
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
                self._relay_back_at = self._clock() + end.retry_after_seconds
                slice_.end(end.why, end.retry_after_seconds)
                return
            if end.state is RunState.NO_PLACE:
                self._relay_back_at = self._clock() + NO_PLACE_SECONDS
                slice_.has_no_place = True
            if end.state in {RunState.STOPPED, RunState.NO_PLACE} or slice_.is_over:
                slice_.end()
                return


class Slice:
    """What one delivery task gives to the postman, and what it hears from him."""

    def __init__(
        self,
        ledger: LedgerThread,
        keeper: LeaseKeeper,
        is_stopping: Callable[[], bool],
        clock: Callable[[], float],
        room: WaitingRoom | None = None,
    ) -> None:
        self.is_without_relay = False
        self.has_no_place = False
        """No limit let us have a connection."""
        self._room = room
        self._look_at = clock() + LOOK_AGAIN_SECONDS
        self._ledger = ledger
        self._keeper = keeper
        self._is_stopping = is_stopping
        self._clock = clock
        self._ends_at = clock() + SLICE_SECONDS
        self._current: Hand | None = None

    @property
    def is_over(self) -> bool:
        """Whether nothing more is to be drawn."""
        return self._clock() >= self._ends_at or self._ledger.is_dry or not self.may_start()

    def may_start(self) -> bool:
        """Whether a message may be begun now."""
        return self._keeper.is_fresh and not self._is_stopping()

    def go_on(self) -> None:
        """Answers are slow to come: the other connections need not wait for them."""
        self._ends_at = self._clock() + SLICE_SECONDS
        self._ledger.look_again()

    def source(self) -> Item | None:
        """The next copy of the batch in hand, or of the next batch."""
        room = self._room
        if room is not None:
            self._let_go(room.tidy_now_and_then())
            item = room.next() if self._clock() < self._ends_at else None
            if item is not None:
                return item
        while self._clock() < self._ends_at:
            if self._current is not None:
                item = self._current.draw()
                if item is not None:
                    return item
                if self._current.is_done:
                    self._ledger.wake()
                elif room is not None and self._current.held:
                    self._let_go(room.keep(self._current))
                self._current = None
            self._current = self._ledger.next_hand(LEDGER_PATIENCE_SECONDS)
            if self._current is None:
                return None
        return None

    def lets(self, item: Item) -> bool:
        """Whether an item may be sent now; if not, we have it back."""
        hand, recipient = item.key
        if hand.is_stopped:
            if self._room is not None:
                self._room.leave(recipient)
            hand.put_back()
            if hand.is_done:
                self._ledger.wake()
            return False
        return self._room is None or self._room.lets(item)

    def has_more(self) -> bool:
        """Whether the source, which gave nothing, is worth asking again soon."""
        room, now = self._room, self._clock()
        if room is None or now >= self._ends_at or not self.may_start():
            return False
        self._let_go(room.tidy_now_and_then())
        if room.is_empty:
            return False
        if now >= self._look_at:
            self._look_at = now + LOOK_AGAIN_SECONDS
            self._ledger.look_again()
        return True

    @property
    def has_ended(self) -> bool:
        """Whether its time is up."""
        return self._clock() >= self._ends_at

    def on_begin(self, item: Item) -> None:
        """Just before the message can become complete at the server: in the journal first."""
        hand, recipient = item.key
        hand.slot.begun(recipient.subscriber_id, recipient.attempts + 1)

    def on_outcome(self, item: Item, outcome: Outcome) -> None:
        """The journal first, then the ledger."""
        hand, recipient = item.key
        if self._room is not None:
            self._room.settled(recipient, outcome)
        hand.settle(recipient, outcome)
        if hand.is_done:
            self._ledger.wake()

    def end(self, relay_trouble: str | None = None, retry_after_seconds: float = 0.0) -> None:
        """Nothing more is drawn; what is left goes back."""
        self.is_without_relay = relay_trouble is not None
        if self._room is not None:
            self._room.close()
        for hand in self._ledger.hands():
            hand.relay_trouble = relay_trouble
            if relay_trouble is not None:
                hand.retry_after_seconds = retry_after_seconds
            hand.stop()
        self._current = None

    def _let_go(self, hands: Sequence[Hand]) -> None:
        if hands:
            self._ledger.wake()

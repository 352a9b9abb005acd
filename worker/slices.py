"""What a delivery task gives to the postman, and what it hears from him."""

from collections.abc import Callable, Sequence
from typing import Final

from mail.replies import Outcome
from mail.smtp_items import Item
from worker.hand import Hand
from worker.lease import LeaseKeeper
from worker.ledger import LedgerThread
from worker.waiting_room import WaitingRoom

SLICE_SECONDS: Final = 2.0
"""After this long a delivery task ends, so that other tasks get their turn."""
SHIFT_SECONDS: Final = 6.0
"""After this long what is in hand goes back all the same: whoever has left since it was leased is
found when it is leased anew."""
LEDGER_PATIENCE_SECONDS: Final = 0.25
LOOK_AGAIN_SECONDS: Final = 0.5
"""While only people wait whose domains are slow, something else may have come."""


class Slice:
    """One delivery task's time; for the next one's it can begin again, with the batch in hand."""

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
        self._ledger = ledger
        self._keeper = keeper
        self._is_stopping = is_stopping
        self._clock = clock
        self._current: Hand | None = None
        self._grows_old_at = clock() + SHIFT_SECONDS
        self.begin()

    def begin(self) -> None:
        """From now on."""
        self._look_at = self._clock() + LOOK_AGAIN_SECONDS
        self._ends_at = self._clock() + SLICE_SECONDS

    @property
    def can_go_on(self) -> bool:
        """Whether only its time is up: there is more to draw, and nothing stands in the way."""
        has_trouble = self.is_without_relay or self.has_no_place
        is_old = self._clock() >= self._grows_old_at
        return not (has_trouble or is_old or self._ledger.is_dry) and self.may_start()

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
            if self._current is None or not self.may_start():  # that may have taken a while
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

    def lose_relay(self, why: str, retry_after_seconds: float) -> None:
        """No relay can take mail now: what is in hand is due again in so many seconds."""
        self.is_without_relay = True
        for hand in self._ledger.hands():
            hand.relay_trouble = why
            hand.retry_after_seconds = retry_after_seconds

    def end(self) -> None:
        """Nothing more is drawn; what is left goes back."""
        if self._room is not None:
            self._room.close()
        for hand in self._ledger.hands():
            hand.stop()
        self._current = None

    def _let_go(self, hands: Sequence[Hand]) -> None:
        if hands:
            self._ledger.wake()

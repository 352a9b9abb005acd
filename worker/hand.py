"""A batch in this process's hands: who is to be drawn, what is out, what came back."""

from collections import deque
from collections.abc import Callable, Iterator, Sequence
from functools import partial
from typing import TYPE_CHECKING, Final

from mail.replies import Failed, Outcome, Unsent
from mail.smtp_items import Item
from releases.leasing import Leased, Recipient
from releases.recording import Entry
from runtime.logging import get_logger
from worker.journal import Slot

if TYPE_CHECKING:
    from worker.waiting_room import WaitingRoom

FEW: Final = 500
"""People left in a batch when the next is leased: for half a second at full speed."""

_entry: Final = partial(tuple.__new__, Entry)
"""As `releases.leasing` makes recipients: for each mail there is one."""

log = get_logger("worker")


class Hand:
    """One batch. The sending thread draws and reports; the ledger's thread takes the entries."""

    def __init__(
        self,
        leased: Leased,
        slot: Slot,
        make: Callable[[Recipient], tuple[str, str, bytes]],
        room: "WaitingRoom | None" = None,
    ) -> None:
        self.leased = leased
        self.slot = slot
        self.is_stopped = False
        """The distribution does not run any more, or the batch is somebody else's."""
        self.is_drawn = False
        """Nothing more will be drawn. Said by the sending thread alone, which might be drawing."""
        self.relay_trouble: str | None = None
        self.retry_after_seconds = 0.0
        self.has_answered = False
        self.is_held_back = False
        """Some of its people were not tried, as a limit did not let them."""
        self.held = 0
        """How many of them wait in the waiting room."""
        self.is_at_end = False
        """Everybody was drawn, or waits there."""
        self._room = room
        self.on_nearly_drawn: Callable[[], None] = _do_nothing
        """Told when few are left: time to have the next batch."""
        self._make = make
        self._left = self._recipients(leased.recipients)
        self._out = 0
        # Appended to by one thread, taken from by the other.
        self._entries: deque[Entry] = deque()

    @property
    def is_done(self) -> bool:
        """Whether nothing of it is in our hands any more."""
        return self.is_drawn and self._out == 0

    def draw(self) -> Item | None:
        """The next person's copy; None when there is nobody left, or nobody may follow."""
        room = self._room
        while not self.is_stopped and self.slot.has_room:
            recipient = next(self._left, None)
            if recipient is None:
                break
            if room is not None and room.holds(self, recipient):
                continue
            item = self._copy(recipient)
            if item is not None:
                return item
        self.is_at_end = True
        if not self.held:
            self.is_drawn = True
        return None

    def draw_held(self, recipient: Recipient) -> Item | None:
        """The copy of somebody who waited; None when nobody may follow."""
        self.held -= 1
        item = None
        if not self.is_stopped and self.slot.has_room:
            item = self._copy(recipient)
        else:
            self.is_held_back = True
        if self.is_at_end and not self.held:
            self.is_drawn = True
        return item

    def put_back(self) -> None:
        """A person who was drawn is not sent to after all."""
        self._out -= 1

    def hold_again(self) -> None:
        """A person who was drawn waits after all."""
        self.is_drawn = False  # first: the ledger's thread must not see it done in between
        self.held += 1
        self._out -= 1

    def let_go(self, seconds: float) -> None:
        """Those who wait are not tried now; the batch comes back in so many seconds."""
        self.is_held_back = True
        self.retry_after_seconds = seconds
        self.held = 0
        self.is_at_end = True
        self.is_drawn = True

    def stop(self) -> None:
        """Draw nothing more."""
        self.is_stopped = True
        self.is_drawn = True

    def settle(self, recipient: Recipient, outcome: Outcome) -> None:
        """Note what came of it: in the journal first."""
        if type(outcome) is not Unsent:
            self._note(recipient, outcome)
        self._out -= 1

    def take_entries(self) -> list[Entry]:
        """What came back since the last time."""
        entries = self._entries
        return [entries.popleft() for _ in range(len(entries))]

    def _copy(self, recipient: Recipient) -> Item | None:
        try:
            mail_from, rcpt_to, data = self._make(recipient)
            item = Item(
                (self, recipient),
                mail_from,
                rcpt_to,
                data,
                has_leading_dots=False,  # a stencil has none
                is_7bit=rcpt_to.isascii(),  # nor another value that is not ASCII
                goes_alone=recipient.is_in_doubt,
            )
        except Exception as error:  # a bug or a bad value concerns this person alone
            self._fail(recipient, error)
            return None
        self._out += 1
        return item

    def _recipients(self, all_of_them: Sequence[Recipient]) -> Iterator[Recipient]:
        yield from all_of_them[:-FEW]
        self.on_nearly_drawn()
        yield from all_of_them[-FEW:]

    def _fail(self, recipient: Recipient, error: Exception) -> None:
        log.warning(
            "a copy could not be made",
            distribution=self.leased.distribution_id,
            subscriber=recipient.subscriber_id,
            reason=str(error),
            exc_info=not isinstance(error, ValueError),
        )
        reason = f"the copy could not be made: {error or type(error).__name__}"
        self._note(recipient, Failed(None, reason))

    def _note(self, recipient: Recipient, outcome: Outcome) -> None:
        self.has_answered = True
        attempt = recipient.attempts + 1
        self.slot.outcome(recipient.subscriber_id, attempt, outcome)
        self._entries.append(_entry((recipient.subscriber_id, attempt, outcome)))


def _do_nothing() -> None:
    """Nobody is told."""

"""The items of one run: drawn from the source, given out to connections, come back, reported."""

from collections import deque
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field

from mail.replies import Deferred, Failed, Outcome, Unsent
from mail.smtp_items import Item
from mail.smtp_transactions import Settled
from runtime.relays import Relay

# How long items may be out, when the source has no more, before it is asked again.
_SLOW_SECONDS = 0.5
# So many items at most wait for a relay that can take them, while others work.
_MOST_WAITING = 1000
# An item at which connections end this often, to a relay that works, is put off for later.
_MOST_TIMES_CULPRIT = 3


@dataclass(slots=True)
class _Record:
    """What is known of an item that came back."""

    unfit_for: dict[Relay, str] = field(default_factory=dict)
    times_culprit: int = 0


class Postbag:
    """Every item drawn from ``source`` is reported to ``on_outcome`` exactly once.

    ``waiting`` holds items that no connection has; ``is_exhausted`` that the source has no
    more, ``is_stopped`` that ``may_start`` said no.
    """

    def __init__(
        self,
        source: Callable[[], Item | None],
        on_outcome: Callable[[Item, Outcome], None],
        may_start: Callable[[], bool],
        relay_count: int,
    ) -> None:
        """Begin with nothing drawn."""
        self.waiting: deque[Item] = deque()
        self.is_exhausted = False
        self.is_stopped = False
        self._source = source
        self._on_outcome = on_outcome
        self._may_start = may_start
        self._relay_count = relay_count
        self._later: deque[Item] = deque()  # culprits: after everyone else
        self._open_items = 0  # drawn and not yet reported
        self._records: dict[int, _Record] = {}  # by id() of the item, which is alive
        self._ending_since: float | None = None

    @property
    def has_items_out(self) -> bool:
        """Tell whether a connection holds an item."""
        return self._open_items > len(self.waiting) + len(self._later)

    @property
    def has_waiting(self) -> bool:
        """Tell whether an item drawn waits for a connection."""
        return bool(self.waiting or self._later)

    @property
    def is_empty(self) -> bool:
        """Tell whether there is nothing left to give out."""
        return self.is_stopped or (self.is_exhausted and not self.waiting and not self._later)

    @property
    def may_draw(self) -> bool:
        """Tell whether there may be more, and room for it."""
        return not (self.is_exhausted or self.is_stopped) and len(self.waiting) < _MOST_WAITING

    def is_slow_to_end(self, now: float) -> bool:
        """Tell whether the source has had no more for a while, and items are still out."""
        if not self.is_exhausted or self.is_stopped or not self.has_items_out:
            self._ending_since = None
            return False
        if self._ending_since is None:
            self._ending_since = now
        return now - self._ending_since >= _SLOW_SECONDS

    def ask_again(self) -> None:
        """The source may have more by now."""
        self.is_exhausted = False
        self._ending_since = None

    def put_back(self, item: Item) -> None:
        """Take back an item that its connection cannot take yet; it goes first."""
        self.waiting.appendleft(item)

    def let_go(self, item: Item) -> None:
        """An item that was given out is with the source again."""
        self._open_items -= 1
        if self._records:
            self._records.pop(id(item), None)

    def end(self) -> None:
        """The source's time is up."""
        self.is_exhausted = True

    def may_start(self) -> bool:
        """Ask whether anything may still be sent; once refused, it stays so."""
        if not self.is_stopped and not self._may_start():
            self.is_stopped = True
        return not self.is_stopped

    def next_for(self, relay: Relay) -> Item | None:
        """Return an item that this relay may be able to take."""
        if self.is_stopped:
            return None
        if self.waiting:
            return self._next_waiting(relay)
        item = self._draw()
        if item is None and self._later and not self.is_stopped:
            self.waiting, self._later = self._later, self.waiting
            return self._next_waiting(relay)
        return item

    def fetch(self, count: int, relays: Sequence[Relay]) -> None:
        """Draw items ahead until ``count`` wait that one of these relays may be able to take.

        So that it is known who is needed.
        """
        fit = sum(any(self._is_fit(item, relay) for relay in relays) for item in self.waiting)
        for _ in range(count - fit):
            item = self._draw() if self.may_draw else None
            if item is None:
                self.waiting += self._later
                self._later.clear()
                return
            self.waiting.append(item)

    def count_waiting_for(self, relay: Relay) -> int:
        """Say how many of the waiting items this relay may be able to take."""
        if not self._records:
            return len(self.waiting)
        return sum(self._is_fit(item, relay) for item in self.waiting)

    def report(self, item: Item, outcome: Outcome) -> None:
        """Report an item's outcome."""
        self._open_items -= 1
        if self._records:
            self._records.pop(id(item), None)
        self._on_outcome(item, outcome)

    def take_back(self, settled: Settled, *, relay_works: bool) -> None:
        """Take back an item that was not sent; it goes out again by another connection."""
        item = settled.item
        if not settled.is_culprit:
            self.waiting.append(item)
            return
        record = self._records.setdefault(id(item), _Record())
        record.times_culprit += 1
        if relay_works and record.times_culprit >= _MOST_TIMES_CULPRIT:
            assert isinstance(settled.outcome, Unsent)
            self.report(item, Deferred(None, settled.outcome.why))
        else:
            self._later.append(item)

    def take_back_unfit(self, item: Item, relay: Relay, why: str) -> None:
        """Take back an item that this relay can never take; failed when none can."""
        record = self._records.setdefault(id(item), _Record())
        record.unfit_for[relay] = why
        if len(record.unfit_for) >= self._relay_count:
            self.report(item, Failed(None, why))
        else:
            self.waiting.append(item)

    def give_up(self, why: str) -> int:
        """Report what waits as unsent, and return how many that were.

        What a relay that works could not take waits for another one, and that alone: it is put
        off for later, and does not make it look as if there were no relay.
        """
        left = [*self.waiting, *self._later]
        self.waiting.clear()
        self._later.clear()
        unsent = 0
        for item in left:
            record = self._records.get(id(item))
            if record is not None and record.unfit_for and not self.is_stopped:
                unfit = "; ".join(record.unfit_for.values())
                self.report(item, Deferred(None, f"{unfit}; {why}"))
            else:
                self.report(item, Unsent(why))
                unsent += 1
        return unsent

    def _draw(self) -> Item | None:
        if self.is_exhausted or self.is_stopped:
            return None
        item = self._source()
        if item is None:
            self.is_exhausted = True
            self.may_start()  # it may have taken its time
        else:
            self._open_items += 1
        return item

    def _next_waiting(self, relay: Relay) -> Item | None:
        if not self._records:
            return self.waiting.popleft()
        for position, item in enumerate(self.waiting):
            if self._is_fit(item, relay):
                del self.waiting[position]
                return item
        # What waits is for other relays; there may be more for this one.
        return self._draw()

    def _is_fit(self, item: Item, relay: Relay) -> bool:
        record = self._records.get(id(item))
        return record is None or relay not in record.unfit_for

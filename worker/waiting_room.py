"""The waiting room of a slice: people whose domain may not be mailed now, each domain in a row.

Nobody else waits for them: the batch in hand goes on, and then the next. What is left of a batch
in the end is its people in here. One such batch is kept, for whom there is room soon; the others
are let go, to come back when their domains may have room again.
"""

from collections import deque
from typing import Final

from mail.replies import Outcome, Unsent
from mail.smtp_items import Item
from releases.leasing import Recipient
from worker.hand import Hand
from worker.limits.gate import Gate
from worker.limits.lanes import DomainLane

KEPT_HANDS: Final = 1
"""So many batches are kept for those who wait: a process has room for four in all."""
AWAY_SECONDS: Final = 1.0
LONGEST_AWAY_SECONDS: Final = 300.0
_TIDY_SECONDS: Final = 0.1


class WaitingRoom:
    """Used by the sending thread alone."""

    def __init__(self, gate: Gate) -> None:
        """Begin empty."""
        self._gate = gate
        self._queues: dict[DomainLane, deque[tuple[Hand, Recipient]]] = {}
        self._hands: dict[Hand, None] = {}  # drawn to their end but for who waits here, in order
        self._under_way: dict[int, DomainLane] = {}  # by id() of the recipient, who is alive
        self._tidy_at = 0.0

    @property
    def is_empty(self) -> bool:
        """Tell whether nobody waits."""
        return not self._queues

    def holds(self, hand: Hand, recipient: Recipient) -> bool:
        """Keep a person whose domain may not be mailed now; False when they may go on."""
        lane = self._gate.lane_of(recipient.address)
        if lane is None:
            return False
        queue = self._queues.get(lane)
        if queue is None:
            if lane.has_room(self._gate.clock()):
                return False
            queue = self._queues[lane] = deque()
        queue.append((hand, recipient))
        lane.waiting += 1
        hand.held += 1
        return True

    def keep(self, hand: Hand) -> list[Hand]:
        """Note that only those who wait here are left of a batch; the batches let go for it."""
        self._hands[hand] = None
        return self.tidy(self._gate.clock())

    def next(self) -> Item | None:
        """Return the copy of somebody whose domain may be mailed now."""
        freed = self._gate.freed
        if not freed:
            return None
        now = self._gate.clock()
        while freed:
            lane = freed[0]
            while lane in self._queues and lane.has_room(now):
                hand, recipient = self._pop(lane)
                item = hand.draw_held(recipient)
                self._forget_if_done(hand)
                if item is not None:
                    return item
            freed.popleft()
        return None

    def lets(self, item: Item) -> bool:
        """Let a person go who is about to be sent; False: they wait here again."""
        hand, recipient = item.key
        lane = self._gate.lane_of(recipient.address)
        if lane is None:
            return True
        self.leave(recipient)  # a connection was lost before: it is another message
        if lane.enter(self._gate.clock()):
            self._under_way[id(recipient)] = lane
            return True
        self._queues.setdefault(lane, deque()).appendleft((hand, recipient))
        lane.waiting += 1
        hand.hold_again()
        if hand.is_at_end:
            self._hands[hand] = None
        return False

    def settled(self, recipient: Recipient, outcome: Outcome) -> None:
        """Note what came of somebody."""
        lane = self._under_way.pop(id(recipient), None)
        if lane is not None:
            self._gate.settled(lane, outcome)

    def tidy(self, now: float) -> list[Hand]:
        """Let go of batches for which there is no use to wait here, and of those too many."""
        self._tidy_at = now + _TIDY_SECONDS
        let_go = []
        for number, hand in enumerate(list(self._hands)):
            lanes = self._lanes_of(hand)
            if hand.is_stopped:
                hand.let_go(0.0)
            elif number >= KEPT_HANDS or all(lane.rests_until(now) > now for lane in lanes):
                away = min((lane.book(people, now) for lane, people in lanes.items()), default=0.0)
                hand.let_go(min(LONGEST_AWAY_SECONDS, max(AWAY_SECONDS, away)))
            else:
                continue
            self._forget(hand)
            let_go.append(hand)
        return let_go

    def tidy_now_and_then(self) -> list[Hand]:
        """The same, ten times a second at most."""
        now = self._gate.clock()
        return self.tidy(now) if self._hands and now >= self._tidy_at else []

    def close(self) -> None:
        """Let go of all; those with whom it can go on at once come back at once."""
        now = self._gate.clock()
        for lane in self._queues:
            lane.waiting -= len(self._queues[lane])
        held = {hand for queue in self._queues.values() for hand, _ in queue}
        for hand in held:
            if hand.is_at_end:
                rest = min(lane.rests_until(now) - now for lane in self._lanes_of(hand))
                hand.let_go(rest)
            else:
                hand.let_go(0.0)
        self._queues.clear()
        self._hands.clear()
        for recipient_lane in self._under_way.values():
            self._gate.settled(recipient_lane, Unsent("the slice has ended"))
        self._under_way.clear()

    def leave(self, recipient: Recipient) -> None:
        """Somebody who was let go was not sent to."""
        lane = self._under_way.pop(id(recipient), None)
        if lane is not None:
            self._gate.settled(lane, Unsent("it goes out again"))

    def _pop(self, lane: DomainLane) -> tuple[Hand, Recipient]:
        queue = self._queues[lane]
        hand, recipient = queue.popleft()
        lane.waiting -= 1
        if not queue:
            del self._queues[lane]
        return hand, recipient

    def _forget_if_done(self, hand: Hand) -> None:
        if not hand.held:
            self._hands.pop(hand, None)

    def _lanes_of(self, hand: Hand) -> dict[DomainLane, int]:
        found: dict[DomainLane, int] = {}
        for lane, queue in self._queues.items():
            count = sum(1 for held_by, _ in queue if held_by is hand)
            if count:
                found[lane] = count
        return found

    def _forget(self, hand: Hand) -> None:
        self._hands.pop(hand, None)
        for lane in list(self._queues):
            kept = deque(entry for entry in self._queues[lane] if entry[0] is not hand)
            lane.waiting -= len(self._queues[lane]) - len(kept)
            if kept:
                self._queues[lane] = kept
            else:
                del self._queues[lane]

"""The ledger's thread: writes what came back and leases the next batch, beside the sending.

In one transaction it writes a finished batch, leases the next and reads its recipients, when
few are left of the one in hand. What there is of an unfinished batch is written twice a second.
"""

import itertools
import random
import threading
import time
from collections.abc import Callable
from typing import Final

from releases.leasing import Leased
from releases.ledger import Report, Turn, take_turn
from runtime.database import DATABASE_IS_AWAY, Database, plain_reason
from runtime.logging import get_logger
from worker.hand import Hand
from worker.journal import SLOTS
from worker.lease import LeaseKeeper

WRITE_EVERY_SECONDS: Final = 0.5
TOGETHER_SECONDS: Final = 0.2
"""How long a batch's end and the next one's lease wait for each other, to be one transaction."""
RETRY_SECONDS: Final = (0.05, 0.2, 0.5, 1.0)

log = get_logger("worker")


class LedgerThread:
    """Runs from its making to `close`."""

    def __init__(
        self,
        database: Database,
        keeper: LeaseKeeper,
        make_hand: Callable[[Leased], Hand],
        why_withheld: Callable[[str, bool], str | None],
    ) -> None:
        self.has_leased = False
        self.has_given_back = False
        """Whether a batch came back before all of it was tried."""
        self._database = database
        self._keeper = keeper
        self._make_hand = make_hand
        self._why_withheld = why_withheld
        self._jitter = random.Random()  # noqa: S311 (spreads retries, no secret)
        self._changed = threading.Condition()
        self._finished: set[int] = set()
        self._hands: list[Hand] = []
        self._written_at: dict[Hand, float] = {}
        self._ready: Hand | None = None
        self._wants_next = True
        self._is_awaited = False
        self._is_dry = False
        self._is_closing = False
        self._is_abandoned = False
        self._error: BaseException | None = None
        self._thread = threading.Thread(target=self._run, name="medianote-ledger", daemon=True)
        self._thread.start()

    def next_hand(self, timeout_seconds: float) -> Hand | None:
        """The next batch; None when there is none, or the database takes too long."""
        with self._changed:
            if self._ready is None:
                self._wants_next = not self._is_dry
                self._is_awaited = True
                self._changed.notify_all()
            self._changed.wait_for(
                lambda: self._ready is not None or self._is_dry or self._error is not None,
                timeout_seconds,
            )
            self._is_awaited = False
            hand, self._ready = self._ready, None
            return hand

    def _want_next(self) -> None:
        with self._changed:
            if self._ready is None and not self._is_dry and not self._is_closing:
                self._wants_next = True
                self._changed.notify_all()

    def look_again(self) -> None:
        """There may be something to lease by now, though there was not."""
        with self._changed:
            if self._is_dry and not self._is_closing:
                self._is_dry = False
                self._wants_next = True
                self._changed.notify_all()

    @property
    def is_dry(self) -> bool:
        """Whether there was nothing more to lease."""
        return self._is_dry or self._error is not None

    def hands(self) -> list[Hand]:
        """All batches that are in our hands."""
        with self._changed:
            return list(self._hands)

    def take_finished(self) -> frozenset[int]:
        """Distributions that had a batch finished since the last time."""
        with self._changed:
            finished, self._finished = self._finished, set()
            return frozenset(finished)

    def wake(self) -> None:
        """A batch is done."""
        with self._changed:
            self._changed.notify_all()

    def close(self, timeout_seconds: float) -> bool:
        """Write everything and end; False when the database did not take it in time."""
        with self._changed:
            self._is_closing = True
            self._wants_next = False
            if self._ready is not None:
                self._ready.stop()
                self._ready = None
            self._changed.notify_all()
        self._thread.join(timeout_seconds)
        if self._error is not None:
            raise self._error
        return not self._thread.is_alive()

    def abandon(self) -> None:
        """Write nothing more: the journal knows."""
        with self._changed:
            self._is_closing = self._is_abandoned = True
            self._changed.notify_all()

    def _run(self) -> None:
        try:
            while True:
                with self._changed:
                    self._changed.wait_for(self._has_work, self._seconds_to_next_write())
                    self._changed.wait_for(self._has_all_for_now, TOGETHER_SECONDS)
                    if self._is_abandoned or (self._is_closing and not self._hands):
                        return
                    hands = [hand for hand in self._hands if self._is_due(hand)]
                    wants_next = self._may_lease()
                if hands or wants_next:
                    self._turn(hands, wants_next=wants_next)
        except BaseException as error:  # whoever waits for this thread raises it
            with self._changed:
                self._error = error
                self._changed.notify_all()

    def _has_work(self) -> bool:
        return self._may_lease() or self._has_ended()

    def _may_lease(self) -> bool:
        return self._wants_next and len(self._hands) < SLOTS

    def _has_ended(self) -> bool:
        return self._is_closing or any(hand.is_done for hand in self._hands)

    def _has_all_for_now(self) -> bool:
        """Whether a batch's end and the next one's lease have met, or have nobody to meet."""
        if self._is_closing:
            return True
        if self._may_lease():
            # Who waits for a batch reads no answers meanwhile: no other one would end.
            is_end_near = any(hand.is_drawn for hand in self._hands) and not self._is_awaited
            return self._has_ended() or not is_end_near
        is_lease_near = self._ready is None and not self._is_dry and len(self._hands) > 1
        return not (self._has_ended() and is_lease_near)

    def _is_due(self, hand: Hand) -> bool:
        """Whether to write what there is of it now; each write counts the whole batch anew."""
        waits_until = self._written_at[hand] + WRITE_EVERY_SECONDS
        return self._is_closing or hand.is_done or time.monotonic() >= waits_until

    def _seconds_to_next_write(self) -> float:
        written_at = min(self._written_at.values(), default=time.monotonic())
        return max(0.0, written_at + WRITE_EVERY_SECONDS - time.monotonic())

    def _turn(self, hands: list[Hand], *, wants_next: bool) -> None:
        reports = [(hand, _report(hand)) for hand in hands]
        turn = self._write([report for _, report in reports], wants_next=wants_next)
        for hand, report in reports:
            if report.batch_id in turn.lost:
                hand.is_stopped = True
            if report.is_done:
                hand.slot.close()
        new = self._make_hand(turn.leased) if turn.leased is not None else None
        if not turn.is_lease_held:
            self._keeper.lose()
        with self._changed:
            for hand in self._hands:
                if hand.leased.distribution_id in turn.stopped:
                    hand.is_stopped = True
            for hand, report in reports:
                self._written_at[hand] = time.monotonic()
                if report.is_done:
                    self._hands.remove(hand)
                    del self._written_at[hand]
            self._finished |= turn.finished
            self.has_given_back |= turn.is_some_given_back
            if new is not None:
                self.has_leased = True
                self._hands.append(new)
                self._written_at[new] = time.monotonic()
                new.on_nearly_drawn = self._want_next
                if self._is_closing:
                    new.stop()
                else:
                    self._ready = new
            if wants_next:
                self._wants_next = False
                self._is_dry = new is None
            self._changed.notify_all()

    def _write(self, reports: list[Report], *, wants_next: bool) -> Turn:
        """The transaction; again and again while the database is away, for it can be repeated."""
        for times in itertools.count():
            try:
                with self._database.transaction() as session:
                    return take_turn(
                        session,
                        self._keeper.lease_id,
                        reports,
                        wants_next=wants_next,
                        jitter=self._jitter,
                        why_withheld=self._why_withheld,
                        in_hand=[hand.leased.distribution_id for hand in self._hands],
                    )
            except DATABASE_IS_AWAY as error:
                if self._is_abandoned:
                    raise
                log.warning("the ledger could not be written", reason=plain_reason(error))
                wants_next = wants_next and not self._is_closing
                time.sleep(RETRY_SECONDS[min(times, len(RETRY_SECONDS) - 1)])
        raise AssertionError("counting ends never")


def _report(hand: Hand) -> Report:
    # Asked before the entries are taken: what comes in between is reported by the next turn.
    is_done = hand.is_done
    return Report(
        batch_id=hand.leased.batch_id,
        entries=hand.take_entries(),
        is_done=is_done,
        relay_trouble=hand.relay_trouble,
        retry_after_seconds=hand.retry_after_seconds,
        clears_note=hand.leased.has_note and hand.has_answered,
        is_held_back=hand.is_held_back,
    )

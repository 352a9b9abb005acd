"""The notices' lane: a thread of its own in each worker that sends what is due.

It holds what it sends under a lease of its own, which it renews while a mail server takes its
time: no other lane sends that meanwhile. Notices are taken one by one, when a connection has room
for them, and none is rendered or sent inside a transaction that writes.
"""

import time
from collections.abc import Callable
from typing import Final

from sqlalchemy.orm import Session

from mail.replies import Outcome, Unsent
from mail.smtp import Window
from mail.smtp_items import Item
from releases.outcomes import GivenUp
from runtime.database import DATABASE_IS_AWAY, Database, plain_reason
from runtime.logging import get_logger
from worker.lease import LeaseKeeper, clock_that_never_stops
from worker.notice_ledger import Held, give_up, is_any_due, settle, take_next
from worker.notice_making import NoticeMaker
from worker.presence import lane_name
from worker.smtp import Postman, RunState

CONNECTIONS: Final = 2
"""To each relay at most: one answer that is slow to come does not keep the others."""
WINDOW: Final = Window(messages=2)
"""Where flights are proved, too: what a lost worker has in its hands goes twice."""
AGAIN_SECONDS: Final = 0.5
"""After this long another try to write down what a mail server has said."""

log = get_logger("worker")


class NoticeLane:
    """Sends what is due; for one thread at a time, other workers may do the same."""

    def __init__(
        self,
        database: Database,
        postman: Postman,
        maker: NoticeMaker,
        folder_id: str,
        *,
        is_stopping: Callable[[], bool],
        is_limited: bool = False,
        clock: Callable[[], float] = clock_that_never_stops,
    ) -> None:
        """`folder_id` is the journal folder's; `is_limited`: the postman has a gate."""
        self._database = database
        self._postman = postman
        self._maker = maker
        self._folder_id = folder_id
        self._is_stopping = is_stopping
        self._pace = _Pace(is_stopping) if is_limited else None
        self._clock = clock
        self._relay_back_at = 0.0

    def send_due(self) -> int:
        """Send all that is due now; how many were tried."""
        if self._is_stopping() or self._clock() < self._relay_back_at:
            return 0
        keeper = LeaseKeeper(self._database, self._folder_id, "", self._clock, lane_name())
        hands = _Hands(self._database, self._maker, keeper, self._is_stopping)
        try:
            self._send(hands)
        finally:
            self._postman.close()
            keeper.give_back()
        return hands.tried

    def _send(self, hands: "_Hands") -> None:
        while hands.may_start():
            tried = hands.tried
            end = self._postman.run(
                hands.source,
                lambda _item: None,
                hands.settle,
                hands.may_start,
                on_slow=lambda: None,
                pace=self._pace,
            )
            if end.state is RunState.NO_RELAY:
                log.warning("no relay can take notices now", reason=end.why)
                self._relay_back_at = self._clock() + end.retry_after_seconds
                return
            # What waited for the notice before it may go now.
            goes_on = end.state is RunState.NO_PLACE or hands.tried > tried
            if not goes_on or not self._is_any_due():
                return

    def _is_any_due(self) -> bool:
        with self._database.reading() as session:
            return is_any_due(session)


class _Hands:
    """What a lane gives to the postman, and what it hears from him."""

    def __init__(
        self,
        database: Database,
        maker: NoticeMaker,
        keeper: LeaseKeeper,
        is_stopping: Callable[[], bool],
    ) -> None:
        self.tried = 0
        self._database = database
        self._maker = maker
        self._keeper = keeper
        self._is_stopping = is_stopping

    def may_start(self) -> bool:
        """Whether a message may be begun now."""
        return self._keeper.is_fresh and not self._is_stopping()

    def source(self) -> Item | None:
        """The next notice as a mail; None when nothing is due, or the database is away."""
        if not self.may_start():
            return None
        try:
            return self._next()
        except DATABASE_IS_AWAY as error:
            # What is in flight is not to be lost by it.
            log.warning("notices wait for the database", reason=plain_reason(error))
            return None

    def settle(self, item: Item, outcome: Outcome) -> None:
        """Write what came of a notice."""
        held: Held = item.key
        self._write(held, lambda session: settle(session, held, outcome))

    def _next(self) -> Item | None:
        while True:
            with self._database.transaction() as session:
                held = take_next(session, self._keeper.lease_id)
            if held is None:
                return None
            self.tried += 1
            item = self._made(held)
            if item is not None:
                return item

    def _made(self, held: Held) -> Item | None:
        """Its mail, unless it was decided that there is none."""
        try:
            made = self._maker.make(held)
        except DATABASE_IS_AWAY:
            unsent = Unsent("the database was away")
            self._write(held, lambda session: settle(session, held, unsent))
            raise
        if isinstance(made, GivenUp):
            decision = made
            self._write(held, lambda session: give_up(session, held, decision))
            return None
        return made

    def _write(self, held: Held, write: Callable[[Session], None]) -> None:
        """In a transaction; again and again while the database is away, for nobody else knows."""
        is_told = False
        while True:
            try:
                with self._database.transaction() as session:
                    write(session)
            except DATABASE_IS_AWAY as error:
                if self._is_stopping():
                    log.warning("what came of a notice is not known", notice=held.id)
                    return
                if not is_told:
                    is_told = True
                    reason = plain_reason(error)
                    log.warning("what came of a notice waits to be written", reason=reason)
                time.sleep(AGAIN_SECONDS)
            else:
                return


class _Pace:
    """What the postman asks where limits hold: everything may go as soon as they let it."""

    def __init__(self, is_stopping: Callable[[], bool]) -> None:
        self._is_stopping = is_stopping

    def has_more(self) -> bool:
        """Nothing is held back here."""
        return False

    @property
    def has_ended(self) -> bool:
        """Whether nothing more is to be drawn."""
        return self._is_stopping()

    def lets(self, item: Item) -> bool:  # noqa: ARG002 (the protocol's signature)
        """Limits of domains do not hold for notices."""
        return True

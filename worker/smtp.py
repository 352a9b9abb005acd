"""The socket side of the SMTP client: one epoll loop, several connections, several relays."""

import random
import selectors
import ssl
import time
from collections.abc import Callable, Sequence
from typing import TypeAlias

from mail.replies import InDoubt, Outcome, Unsent
from mail.smtp import Closed, Event, Window
from mail.smtp_items import Item
from mail.smtp_transactions import Settled
from runtime.relays import Relay, RelayError, Security
from worker.connections import Connection, ConnectionOptions, Timeouts
from worker.limits.gate import Gate
from worker.postbag import Postbag
from worker.relay_desk import FIRST_WAIT_SECONDS, RelayDesk
from worker.resolving import own_name
from worker.runs import Pace, RunEnd, RunState

__all__ = ["Item", "Postman", "Relay", "RelayError", "RunEnd", "RunState", "Security"]

_READ, _WRITE = selectors.EVENT_READ, selectors.EVENT_WRITE
_LONGEST_SLEEP_SECONDS = 0.5
_LOOKUP_SLEEP_SECONDS = 0.005
_CHECK_SECONDS = 0.1
_LIMITED_SLEEP_SECONDS = 0.02
_PLACE_PATIENCE_SECONDS = 0.5

OnBegin: TypeAlias = Callable[[Item], None]


class Postman:
    """Hands mail to relays; owns the connections, which outlive a run. For one thread at a time.

    ``troubles`` names, by relay, what is wrong now, in one plain line each.
    """

    def __init__(
        self,
        relays: Sequence[Relay],
        *,
        connections_per_relay: int = 8,
        window: Window | None = None,
        timeouts: Timeouts | None = None,
        ehlo_name: str | None = None,
        tls_context: ssl.SSLContext | None = None,
        clock: Callable[[], float] = time.monotonic,
        jitter: random.Random | None = None,
        gate: Gate | None = None,
    ) -> None:
        """Make it ready; nothing is connected before the first item."""
        if not relays:
            raise ValueError("a postman needs a relay")
        self._relays = frozenset(relays)
        self._gate = gate
        self._clock = clock if gate is None else gate.clock
        self._pace: Pace | None = None
        self._timeouts = timeouts or Timeouts()
        self._tls_context = tls_context
        options = ConnectionOptions(
            ehlo_name=ehlo_name or own_name(),
            timeouts=self._timeouts,
            tls_context=self._context,
            window=window or Window(),
        )
        jitter = jitter or random.SystemRandom()
        self._desks = [
            RelayDesk(
                relay,
                options,
                connections_per_relay,
                jitter,
                gate.relay_lane(relay) if gate is not None else None,
            )
            for relay in relays
        ]
        self._desk_of: dict[Connection, RelayDesk] = {}
        self._next_check = 0.0
        self._is_catching_up = False
        self._selector = selectors.DefaultSelector()

    @property
    def troubles(self) -> dict[str, str]:
        """Return what is wrong now, in one plain line by relay."""
        return {desk.relay.name: desk.trouble for desk in self._desks if desk.trouble is not None}

    def run(
        self,
        source: Callable[[], Item | None],
        on_begin: Callable[[Item], None],
        on_outcome: Callable[[Item, Outcome], None],
        may_start: Callable[[], bool],
        on_slow: Callable[[], None] | None = None,
        pace: Pace | None = None,
    ) -> RunEnd:
        """Send what ``source`` gives until it gives None, or ``may_start`` turns false.

        ``may_start`` is asked before a connection is given items; a ``source`` that has taken its
        time asks itself. ``on_begin`` is called just before the octets leave that could complete a
        message; ``on_outcome`` exactly once for every item that ``source`` gave, before the end.
        An item is reported :class:`Unsent` only when no relay can take it now. Where the last
        answers are slow to come, ``on_slow`` is told, and ``source`` asked again. ``pace`` speaks
        for a source where limits hold. What a callback raises ends the run and all connections.
        """
        bag = Postbag(source, on_outcome, may_start, len(self._relays))
        self._pace = pace
        began_at = self._clock()
        try:
            self._drop_stale_connections(bag, on_begin)
            self._offer(bag, on_begin, self._clock())
            while True:
                now = self._clock()
                bag.may_start()
                if on_slow is not None and bag.is_slow_to_end(now):
                    on_slow()
                    bag.ask_again()
                    self._offer(bag, on_begin, now)
                elif bag.has_waiting:
                    self._offer(bag, on_begin, now)
                if pace is not None:
                    self._keep_pace(bag, pace, on_begin, now)
                    if now - began_at > _PLACE_PATIENCE_SECONDS and self._has_no_place(now):
                        bag.give_up("a limit lets us have no connection")
                        return RunEnd(RunState.NO_PLACE)
                self._open_connections(bag, now)
                if not bag.has_items_out and self._is_over(bag, now):
                    return self._conclude(bag, now)
                self._serve(bag, on_begin, self._sleep_seconds(bag))
        except BaseException:
            self._drop_all()
            raise

    def close(self, *, limited_only: bool = False) -> None:
        """Take leave of the relays, or of those whose connections are limited: others need them."""
        self._is_catching_up = True
        for connection, desk in list(self._desk_of.items()):
            if not limited_only or (desk.lane is not None and desk.lane.slots is not None):
                connection.take_leave()
                self._forget(connection, "we closed the connection", self._clock())

    def _serve(self, bag: Postbag, on_begin: OnBegin, sleep_seconds: float) -> None:
        """Wait until something happens on a connection, and act on it."""
        ready = self._selector.select(sleep_seconds)
        now = self._clock()
        for key, mask in ready:
            connection: Connection = key.data
            if mask & _READ and not connection.is_connecting:
                self._act(bag, connection, connection.on_readable(now), now)
            if mask & _WRITE and not connection.is_closed:
                self._act(bag, connection, connection.on_writable(now), now)
            if not connection.is_closed:
                self._fill(bag, connection, on_begin, now)
        if now >= self._next_check:
            self._next_check = now + _CHECK_SECONDS
            for connection in list(self._desk_of):
                if connection.deadline <= now:
                    self._act(bag, connection, connection.expire(), now)
            if self._gate is not None:
                self._give_up_surplus(now)

    def _fill(self, bag: Postbag, connection: Connection, on_begin: OnBegin, now: float) -> None:
        """Give a connection all that it has room for, and send."""
        session, allowance, pace = connection.session, connection.allowance, self._pace
        bag.may_start()
        # What lies in front of a full socket would be begun when nobody may begin any more.
        while session.has_room and not connection.wants_write:
            if allowance is not None and not allowance.lets(now):
                break
            item = bag.next_for(connection.relay)
            if item is None:
                break
            if item.goes_alone and session.begins_at_once and not session.is_idle:
                bag.put_back(item)
                break
            why = session.unfit(item)
            if why is None:
                if pace is not None and not pace.lets(item):
                    bag.let_go(item)
                    continue
                session.submit(item)
                if allowance is not None:
                    allowance.use(now)
            else:
                bag.take_back_unfit(item, connection.relay, f"{connection.relay.name}: {why}")
        events = connection.flush(now, on_begin, bag.may_start)
        if events:
            self._act(bag, connection, events, now)
        if not connection.is_closed:
            mask = _READ | _WRITE if connection.wants_write else _READ
            if mask != connection.watched_mask:
                connection.watched_mask = mask
                self._selector.modify(connection.socket, mask, connection)

    def _act(
        self, bag: Postbag, connection: Connection, events: Sequence[Event], now: float
    ) -> None:
        """Report what was settled; take leave of what has ended."""
        for event in events:
            if type(event) is Settled:
                outcome = event.outcome
                if type(outcome) is Unsent:
                    connection.has_lost_items = not bag.is_stopped
                    works = self._desk_of[connection].has_worked
                    bag.take_back(event, relay_works=works)
                    continue
                if type(outcome) is InDoubt:
                    connection.has_lost_items = True
                else:
                    desk = self._desk_of[connection]
                    connection.has_progressed = True
                    if desk.is_doubted:
                        desk.works()
                bag.report(event.item, outcome)
            elif type(event) is Closed:
                self._forget(connection, event.why, now)

    def _offer(self, bag: Postbag, on_begin: OnBegin, now: float) -> None:
        """Let connections that have room take what waits, or what the source may give."""
        for connection in list(self._desk_of):
            if connection.session.has_room:
                self._fill(bag, connection, on_begin, now)

    def _open_connections(self, bag: Postbag, now: float) -> None:
        """Open as many connections as there is work for, the relays in turn."""
        if bag.is_empty:
            return
        places = {desk: desk.free_places(now) for desk in self._desks}
        free = sum(places.values())
        if not free:
            return
        opening = sum(not connection.session.was_open for connection in self._desk_of)
        bag.fetch(opening + free, [desk.relay for desk in self._desks if places[desk]])
        wanted = len(bag.waiting) - opening
        while wanted > 0 and any(places.values()):
            desk = min(
                (desk for desk in self._desks if places[desk]),
                key=lambda desk: len(desk.connections),
            )
            places[desk] -= 1
            if not bag.count_waiting_for(desk.relay):
                places[desk] = 0
                continue
            connection = desk.open(now)
            if connection is None:
                places[desk] = 0
                continue
            self._desk_of[connection] = desk
            connection.watched_mask = _READ | _WRITE
            self._selector.register(connection.socket, _READ | _WRITE, connection)
            wanted -= 1

    def _keep_pace(self, bag: Postbag, pace: Pace, on_begin: OnBegin, now: float) -> None:
        """Offer again what waited for a limit; end in time where nothing could be drawn."""
        assert self._gate is not None
        if pace.has_ended:
            bag.end()
        elif bag.is_exhausted and pace.has_more():
            bag.ask_again()
        self._offer(bag, on_begin, now)
        self._gate.on_want()

    def _give_up_surplus(self, now: float) -> None:
        for desk in self._desks:
            for connection in desk.give_up_surplus(now):
                connection.take_leave()
                self._forget(connection, "we closed the connection", now)

    def _has_no_place(self, now: float) -> bool:
        """Tell whether limits alone keep us from having any connection."""
        return not self._desk_of and all(desk.is_at_limit(now) for desk in self._desks)

    def _is_over(self, bag: Postbag, now: float) -> bool:
        """Tell whether nothing more can be sent in this run."""
        if self._pace is not None and not bag.is_stopped and self._pace.has_more():
            return False
        if self._is_held_back_at_end():
            return True
        return bag.is_empty or not self._has_way_on(bag, now)

    def _is_held_back_at_end(self) -> bool:
        """Tell whether the time is up, and only limits have kept what waits from being sent."""
        return self._pace is not None and self._pace.has_ended and not self.troubles

    def _has_way_on(self, bag: Postbag, now: float) -> bool:
        """Tell whether anything that waits can still be sent in this run."""
        for desk in self._desks:
            if not (bag.may_draw or bag.count_waiting_for(desk.relay)):
                continue
            if desk.is_at_limit(now):
                return True
            if desk.is_looking_up or desk.free_places(now):
                return True
            if any(not connection.session.was_open for connection in desk.connections):
                return True
        return False

    def _sleep_seconds(self, bag: Postbag) -> float:
        if self._pace is not None and not bag.is_stopped:
            return _LIMITED_SLEEP_SECONDS
        is_looking_up = any(desk.is_looking_up for desk in self._desks)
        return _LOOKUP_SLEEP_SECONDS if is_looking_up else _LONGEST_SLEEP_SECONDS

    def _conclude(self, bag: Postbag, now: float) -> RunEnd:
        why = "; ".join(self.troubles.values()) or "no relay can take it now"
        if bag.is_stopped:
            bag.give_up("stopped before it was sent")
            return RunEnd(RunState.STOPPED)
        if self._is_held_back_at_end():
            bag.give_up("a limit did not let it go in time")
            return RunEnd(RunState.EXHAUSTED)
        if not bag.give_up(why) and bag.is_exhausted:
            return RunEnd(RunState.EXHAUSTED)
        retry_at = min(desk.retry_at for desk in self._desks)
        return RunEnd(RunState.NO_RELAY, why, max(FIRST_WAIT_SECONDS, retry_at - now))

    def _drop_stale_connections(self, bag: Postbag, on_begin: OnBegin) -> None:
        """Relays close what is idle for long, and nobody looked since the last run.

        That is no trouble, whatever the connection ended with.
        """
        self._is_catching_up = True
        now = self._clock()
        for connection in list(self._desk_of):
            if now - connection.goes_on_since > self._timeouts.idle:
                connection.take_leave()
                self._forget(connection, "idle", now)
        self._next_check = now
        self._serve(bag, on_begin, 0.0)
        self._is_catching_up = False

    def _drop_all(self) -> None:
        self._is_catching_up = True
        for connection in list(self._desk_of):
            self._forget(connection, "dropped", self._clock())

    def _forget(self, connection: Connection, why: str, now: float) -> None:
        self._selector.unregister(connection.socket)
        connection.socket.close()
        desk = self._desk_of.pop(connection)
        desk.connections.remove(connection)
        desk.note_count()
        if not self._is_catching_up:
            desk.note_end(connection, why, now)

    def _context(self) -> ssl.SSLContext:
        if self._tls_context is None:
            self._tls_context = ssl.create_default_context()
        return self._tls_context

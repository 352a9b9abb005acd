"""The gate of a process: what may go now. The sending thread asks it, without any waiting.

What it may let through was drawn in bulk by the limits' thread (`worker.limits.keeper`). Tokens
are added by that thread and taken by the sending one; slots are numbers that one thread writes
and the other reads.
"""

import random
import threading
from collections import deque
from collections.abc import Callable, Iterable
from typing import Final

from mail.replies import Outcome
from runtime.limits import DomainLimits
from runtime.relays import Relay
from worker.limits.asks import SLOT_SECONDS, Asks, Grants, RateAsk, RestNews, SlotAsk
from worker.limits.buckets import TOKEN_SECONDS
from worker.limits.lanes import DomainLane, RelayLane, Slots, Tokens
from worker.limits.rests import Rest

_ALL: Final = 1_000_000
_LANES_MAX: Final = 20_000
_MET_SECONDS: Final = 3.0
"""What was in somebody's way so lately is in the way."""
_ASKS_MAX: Final = 500
"""Domains asked for in one turn; the others come in the next."""


class Gate:
    """All limits of this process. None of its methods waits."""

    def __init__(
        self,
        relays: Iterable[Relay],
        domains: DomainLimits,
        *,
        clock: Callable[[], float],
        jitter: random.Random | None = None,
        on_want: Callable[[], None] = lambda: None,
    ) -> None:
        """Begin with nothing granted. ``on_want``: somebody waits for the limits' thread."""
        self.clock = clock
        self.has_domains = bool(domains)
        self.freed: deque[DomainLane] = deque()
        """Lanes that may have got room for who waits."""
        self.on_want = on_want
        self._domains = domains
        self._jitter = jitter or random.SystemRandom()
        self._relay_lanes = {relay: RelayLane(relay) for relay in relays if relay.limits}
        self._lanes: dict[str, DomainLane | None] = {}
        self._by_name: dict[str, DomainLane] = {}
        self._news: deque[RestNews] = deque()
        self._making = threading.Lock()  # two threads ask for lanes
        self._met: dict[str, float] = {}

    def relay_lane(self, relay: Relay) -> RelayLane | None:
        """Return a relay's limits; None when it has none."""
        return self._relay_lanes.get(relay)

    def lane_of(self, address: str) -> DomainLane | None:
        """Return the limits of an address's domain; None when it has none."""
        domain = address.rpartition("@")[2]
        try:
            return self._lanes[domain]
        except KeyError:
            with self._making:
                return self._make_lane(domain)

    def has_place(self, now: float) -> bool:
        """Tell whether any relay may have a connection of ours."""
        lanes = self._relay_lanes.values()
        return not lanes or any(
            lane.connections_allowed(1, now) or lane.open_connections for lane in lanes
        )

    def settled(self, lane: DomainLane, outcome: Outcome) -> None:
        """Note what came of one of a domain's people."""
        now = self.clock()
        lane.under_way -= 1
        lane.done(now)
        if lane.waiting:
            self.freed.append(lane)
        if lane.temper.hear(outcome, now, self._jitter.random()):
            rest = lane.temper.rest
            if rest is None:
                self._news.append(RestNews(lane.name, None))
            else:
                self._news.append(RestNews(lane.name, rest.level, rest.until - now))
            self.on_want()

    def in_the_way(self) -> list[str]:
        """Name the limits that have kept somebody waiting of late, each with what it lets."""
        now = self.clock()
        return sorted(
            text for text, met_at in list(self._met.items()) if now - met_at < _MET_SECONDS
        )

    def asks(self) -> Asks:
        """Say what is wanted; for the limits' thread."""
        now = self.clock()
        self._note_what_is_met(now)
        rates: list[RateAsk] = []
        slots: list[SlotAsk] = []
        for relay_lane in self._relay_lanes.values():
            tokens = relay_lane.tokens
            if tokens is not None and (want := _want_of_a_relay(tokens)):
                rates.append(RateAsk(tokens.name, tokens.rate, want))
            if relay_lane.slots is not None:
                held, want = relay_lane.open_connections, relay_lane.wanted(now)
                _ask_for_slots(slots, relay_lane.slots, relay_lane.slots.held(held, now), want)
        for lane in list(self._by_name.values()):
            waiting, under_way = lane.waiting, lane.under_way
            if len(rates) + len(slots) < _ASKS_MAX:
                if lane.tokens is not None and waiting:
                    want = max(0, waiting - lane.tokens.left(now))
                    rates.append(RateAsk(lane.tokens.name, lane.tokens.rate, want))
                if lane.slots is not None:
                    held = lane.slots.held(under_way, now)
                    _ask_for_slots(slots, lane.slots, held, under_way + waiting)
        news = [self._news.popleft() for _ in range(len(self._news))]
        return Asks(rates, slots, news)

    def take(self, asks: Asks, grants: Grants, asked_at: float, *, is_share: bool = False) -> None:
        """Take in what was given; for the limits' thread."""
        tokens, slots = self._by_ask()
        for rate_ask, count in zip(asks.rates, grants.rates, strict=True):
            if (granted := tokens.get(rate_ask.name)) is not None:  # it was not forgotten
                granted.add(count, asked_at + TOKEN_SECONDS)
        for slot_ask, count in zip(asks.slots, grants.slots, strict=True):
            slot = slots.get(slot_ask.name)
            if slot is None:
                continue
            slot.granted = count
            slot.is_share = is_share
            slot.is_noted = count > 0 or slot_ask.held > 0
            slot.good_until = asked_at + SLOT_SECONDS
        if grants.knows_rests:
            self._take_rests(grants.rests, asked_at)
        if len(self.freed) > _LANES_MAX:
            self.freed.clear()  # nobody looks
        self.freed.extend(lane for lane in list(self._by_name.values()) if lane.waiting)

    def put_back(self, asks: Asks) -> None:
        """The news did not get through."""
        self._news.extendleft(reversed(asks.rests))

    def tell_again(self) -> None:
        """Others may have forgotten: all that rests here is news again."""
        now = self.clock()
        for lane in list(self._by_name.values()):
            rest = lane.temper.rest
            if rest is not None:
                self._news.append(RestNews(lane.name, rest.level, max(0.0, rest.until - now)))

    def _note_what_is_met(self, now: float) -> None:
        lanes: list[RelayLane | DomainLane] = [
            *self._relay_lanes.values(),
            *(lane for lane in list(self._by_name.values()) if lane.waiting),
        ]
        for text in [text for lane in lanes for text in lane.in_the_way(now)]:
            self._met[text] = now
        if len(self._met) > _ASKS_MAX:
            self._met = {text: at for text, at in self._met.items() if now - at < _MET_SECONDS}

    def _take_rests(self, rests: Iterable[RestNews], asked_at: float) -> None:
        unsent = {news.name for news in list(self._news)}
        named = {news.name: news for news in rests}
        for name, news in named.items():
            lane = self._by_name.get(name) or self.lane_of(f"@{name}")
            if lane is not None and name not in unsent and news.level is not None:
                lane.temper.rest = Rest(asked_at + news.seconds, news.level)
        for lane in list(self._by_name.values()):
            if lane.temper.rest is not None and lane.name not in named and lane.name not in unsent:
                lane.temper.rest = None  # it answered somebody else

    def _by_ask(self) -> tuple[dict[str, Tokens], dict[str, Slots]]:
        lanes: list[RelayLane | DomainLane] = [*self._relay_lanes.values(), *self._by_name.values()]
        tokens = {lane.tokens.name: lane.tokens for lane in lanes if lane.tokens is not None}
        slots = {lane.slots.name: lane.slots for lane in lanes if lane.slots is not None}
        return tokens, slots

    def _make_lane(self, domain: str) -> DomainLane | None:
        if domain in self._lanes:
            return self._lanes[domain]
        if len(self._lanes) >= _LANES_MAX:
            self._forget_idle_lanes()
        limit = self._domains.of(domain.lower())
        if limit is None:
            self._lanes[domain] = None
            return None
        lane = self._by_name.get(limit.name)
        if lane is None:
            lane = self._by_name[limit.name] = DomainLane(limit)
        self._lanes[domain] = lane
        return lane

    def _forget_idle_lanes(self) -> None:
        kept = {
            name: lane
            for name, lane in self._by_name.items()
            if lane.under_way
            or lane.waiting
            or lane.temper.rest is not None
            or (lane.slots is not None and lane.slots.is_noted)
        }
        self._by_name = kept
        self._lanes = {
            domain: lane
            for domain, lane in self._lanes.items()
            if lane is not None and lane.name in kept
        }


def _want_of_a_relay(tokens: Tokens) -> int:
    """All there are where somebody waited; otherwise what went of late, and a little more."""
    used, was_refused = tokens.used, tokens.was_refused
    tokens.used, tokens.was_refused = 0, False
    if was_refused:
        return _ALL
    return 2 * used + 4 if used else 0


def _ask_for_slots(asks: list[SlotAsk], slots: Slots, held: int, want: int) -> None:
    if held or want or slots.is_noted:
        asks.append(SlotAsk(slots.name, slots.most, held, min(want, slots.most)))

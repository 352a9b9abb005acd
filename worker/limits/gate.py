"""The gate of a process: what may go now. The sending thread asks it, without any waiting.

What it may let through was drawn in bulk by the limits' thread (`worker.limits.keeper`). Tokens
are added by that thread and taken by the sending one; slots are numbers that one thread writes
and the other reads.
"""

import random
from collections import deque
from collections.abc import Callable, Iterable
from typing import Final

from mail.replies import Outcome
from runtime.limits import DomainLimit, DomainLimits, Rate
from runtime.relays import Relay
from worker.limits.asks import SLOT_SECONDS, Asks, Grants, RateAsk, RestNews, SlotAsk
from worker.limits.buckets import TOKEN_SECONDS
from worker.limits.rests import Rest, Temper

_ALL: Final = 1_000_000
_LANES_MAX: Final = 20_000
_ASKS_MAX: Final = 500
"""Domains asked for in one turn; the others come in the next."""
_WANTED_SECONDS: Final = 1.0
_SLOWEST: Final = 1.0
_MEASURED_SECONDS: Final = 10.0


class Tokens:
    """Messages that may go under a rate, each for a moment only."""

    def __init__(self, name: str, rate: Rate) -> None:
        """Begin with none."""
        self.name = name
        self.rate = rate
        self.was_refused = False
        self.used = 0
        self._grants: deque[list[float]] = deque()  # [good until, how many]

    def has(self, now: float) -> bool:
        """Tell whether a message may go."""
        grants = self._grants
        while grants:
            if grants[0][0] > now and grants[0][1] >= 1:
                return True
            grants.popleft()
        self.was_refused = True
        return False

    def take(self, now: float) -> bool:
        """Let a message go, if one may."""
        if not self.has(now):
            return False
        self._grants[0][1] -= 1
        self.used += 1
        return True

    def add(self, count: int, good_until: float) -> None:
        """Put in what was drawn."""
        if count:
            self._grants.append([good_until, count])

    def left(self, now: float) -> int:
        """Say about how many may go."""
        return int(sum(count for until, count in list(self._grants) if until > now))


class Slots:
    """How many of something may be open or under way."""

    def __init__(self, name: str, most: int) -> None:
        """Begin with none."""
        self.name = name
        self.most = most
        self.granted = 0
        self.good_until = 0.0
        self.is_noted = False
        """Others know of some that are ours."""
        self.is_share = False
        """They were not granted where others ask, but are our share."""

    def allowed(self, now: float) -> int:
        """Say how many: none where nothing was heard for long."""
        return self.granted if now < self.good_until else 0

    def held(self, in_use: int, now: float) -> int:
        """Say how many others have to know of: in use, or free for us without their knowing."""
        return max(in_use, self.allowed(now)) if self.is_share else in_use


class RelayLane:
    """One relay's limits."""

    def __init__(self, relay: Relay) -> None:
        """Begin with nothing open."""
        limits = relay.limits
        self.per_connection = limits.per_connection
        self.tokens = Tokens(f"relay {relay.name}", limits.rate) if limits.rate else None
        most = limits.connections
        self.slots = Slots(f"relay {relay.name}", most) if most is not None else None
        self.open_connections = 0
        self._wanted = 0
        self._wanted_at = float("-inf")

    def connections_allowed(self, want: int, now: float) -> int:
        """Say how many connections there may be, where ``want`` would be of use."""
        if self.slots is None:
            return want
        self._wanted, self._wanted_at = want, now
        return min(want, self.slots.allowed(now))

    def wanted(self, now: float) -> int:
        """Say how many connections are of use."""
        if now - self._wanted_at < _WANTED_SECONDS:
            return max(self._wanted, self.open_connections)
        return self.open_connections


class DomainLane:
    """The limits of one entry's domains, and how they are disposed."""

    def __init__(self, limit: DomainLimit) -> None:
        """Begin with nobody under way."""
        self.name = limit.name
        self.tokens = Tokens(f"domain {limit.name}", limit.rate) if limit.rate else None
        at_once = limit.at_once
        self.slots = Slots(f"domain {limit.name}", at_once) if at_once is not None else None
        self.temper = Temper()
        self.under_way = 0
        self.waiting = 0
        """How many are held back in the waiting room."""
        self._rate = limit.rate
        self._booked_to = 0.0
        self._done = 0
        self._done_since = 0.0

    def has_room(self, now: float) -> bool:
        """Tell whether one of its people may go now."""
        return (
            self.temper.may_try(now, self.under_way)
            and (self.slots is None or self.under_way < self.slots.allowed(now))
            and (self.tokens is None or self.tokens.has(now))
        )

    def enter(self, now: float) -> bool:
        """Let one of its people go, if one may."""
        if not self.has_room(now):
            return False
        if self.tokens is not None:
            self.tokens.take(now)
        self.under_way += 1
        return True

    def rests_until(self, now: float) -> float:
        """Say until when nobody may go; ``now`` when it does not rest."""
        rest = self.temper.rest
        return now if rest is None else max(now, rest.until)

    def done(self, now: float) -> None:
        """Count one that came back: how fast it goes here."""
        if now - self._done_since > _MEASURED_SECONDS:
            self._done, self._done_since = 0, now - 1.0
        self._done += 1

    def book(self, people: int, now: float) -> float:
        """Say in how many seconds so many more may come, after all for whom that was said before.

        So batches of a slow domain come back one after another, and not all again and again.
        """
        begin = max(self.rests_until(now), self._booked_to)
        if self._rate is not None:
            speed = self._rate.count / self._rate.seconds
        else:
            speed = max(_SLOWEST, self._done / max(1.0, now - self._done_since))
        self._booked_to = begin + people / speed
        return begin - now


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

    def relay_lane(self, relay: Relay) -> RelayLane | None:
        """Return a relay's limits; None when it has none."""
        return self._relay_lanes.get(relay)

    def lane_of(self, address: str) -> DomainLane | None:
        """Return the limits of an address's domain; None when it has none."""
        domain = address.rpartition("@")[2]
        try:
            return self._lanes[domain]
        except KeyError:
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

    def asks(self) -> Asks:
        """Say what is wanted; for the limits' thread."""
        now = self.clock()
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
            tokens[rate_ask.name].add(count, asked_at + TOKEN_SECONDS)
        for slot_ask, count in zip(asks.slots, grants.slots, strict=True):
            slot = slots[slot_ask.name]
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

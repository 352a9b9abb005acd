"""Lanes: the limits of one relay, or of one entry's domains, and what is left of them.

Tokens are added by the limits' thread and taken by the sending one; slots are numbers that one
thread writes and the other reads.
"""

from collections import deque
from typing import Final

from runtime.limits import DomainLimit, Rate
from runtime.relays import Relay
from worker.limits.rests import Temper

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

    def in_the_way(self, now: float) -> list[str]:
        """Name what keeps messages waiting now."""
        met = []
        if self.tokens is not None and self.tokens.was_refused:
            met.append(f"{self.tokens.name}: {self.tokens.rate}")
        if self.slots is not None and self.wanted(now) > self.slots.allowed(now):
            most = self.slots.most
            met.append(f"{self.slots.name}: {most} connection{'' if most == 1 else 's'}")
        return met


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

    def in_the_way(self, now: float) -> list[str]:
        """Name what keeps its people waiting now."""
        if not self.waiting:
            return []
        if self.rests_until(now) > now:
            return [f"domain {self.name}: rests, as it puts mail off"]
        met = []
        if self.tokens is not None and self.tokens.was_refused:
            met.append(f"{self.tokens.name}: {self.tokens.rate}")
        if self.slots is not None and self.under_way >= self.slots.allowed(now):
            met.append(f"{self.slots.name}: {self.slots.most} at once")
        return met

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

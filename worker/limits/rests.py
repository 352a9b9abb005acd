"""When a domain rests: it defers several people in a row, so the others are not tried; pure."""

from dataclasses import dataclass
from typing import Final

from mail.replies import Accepted, Deferred, Outcome, Reply

STRIKES: Final = 3
"""So many people in a row are deferred before their domain rests."""
FIRST_REST_SECONDS: Final = 30.0
LONGEST_REST_SECONDS: Final = 1800.0
_JITTER: Final = 0.25
# RFC 3463 section 3: the address (1) and the mailbox (2) are one person's.
_OF_ONE_PERSON: Final = frozenset({1, 2})


@dataclass(frozen=True, slots=True)
class Rest:
    """Until when nobody there is mailed, by the clock of whoever holds it; the level grows."""

    until: float
    level: int = 0


def rest_seconds(level: int, jitter: float) -> float:
    """Say how long the rest of this level is (from 0); ``jitter`` is random, from 0 to 1."""
    seconds = min(LONGEST_REST_SECONDS, FIRST_REST_SECONDS * 2.0 ** min(level, 10))
    return seconds * (1 + _JITTER * jitter)


def speaks_for_the_domain(reply: Reply | None) -> bool:
    """Tell whether a deferral may concern everyone there, and not this mailbox alone."""
    if reply is None or not 400 <= reply.code < 500:
        return False
    return reply.enhanced is None or reply.enhanced[1] not in _OF_ONE_PERSON


class Temper:
    """One domain's: what its answers say about when it may be mailed again."""

    def __init__(self) -> None:
        """Begin well-disposed."""
        self.rest: Rest | None = None
        self._strikes = 0

    def may_try(self, now: float, under_way: int) -> bool:
        """Tell whether somebody may be tried: after a rest, one at a time, until one is taken."""
        rest = self.rest
        return rest is None or (now >= rest.until and under_way == 0)

    def hear(self, outcome: Outcome, now: float, jitter: float) -> bool:
        """Note an outcome; tell whether a rest began or ended by it."""
        if type(outcome) is Accepted:
            self._strikes = 0
            if self.rest is not None and now >= self.rest.until:
                self.rest = None
                return True
        elif type(outcome) is Deferred and speaks_for_the_domain(outcome.reply):
            return self._strike(now, jitter)
        return False

    def _strike(self, now: float, jitter: float) -> bool:
        rest = self.rest
        if rest is not None:
            if now < rest.until:
                return False  # it was under way when the rest began
            level = rest.level + 1
        else:
            self._strikes += 1
            if self._strikes < STRIKES:
                return False
            level = 0
        self._strikes = 0
        self.rest = Rest(now + rest_seconds(level, jitter), level)
        return True

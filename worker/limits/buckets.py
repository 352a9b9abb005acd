"""A rate as a bucket of tokens, one per message; pure.

A bucket that holds at most ``capacity`` and is filled by ``per_second`` gives no more than
``capacity + per_second × w`` in any w seconds. A token is used within ``TOKEN_SECONDS`` of being
given, so what is sent in a rate's period was given in that and ``TOKEN_SECONDS`` before it. Both
numbers are chosen so that the rate holds in *any* such period, not only on average. That costs a
part of a rate per second (some 15 %), and next to nothing of one per minute.
"""

from dataclasses import dataclass
from typing import Final

from runtime.limits import Rate

TOKEN_SECONDS: Final = 0.1
"""What is drawn is good for so long."""
_DEPTH_SECONDS: Final = 0.08
"""A bucket holds what comes in so long, and one token: draws are a little further apart at most."""
_BELOW: Final = 0.999


@dataclass(frozen=True, slots=True)
class Pace:
    """How a rate is kept: by a bucket of this capacity, filled so fast."""

    capacity: float
    per_second: float


def pace_of(rate: Rate) -> Pace:
    """Return the fastest pace at which no window of the rate's seconds sees more than its count."""
    # Tokens are whole: capacity + per_second * (the period and a token's life) stays below the
    # count and one.
    per_second = _BELOW * rate.count / (rate.seconds + TOKEN_SECONDS + _DEPTH_SECONDS)
    return Pace(1.0 + per_second * _DEPTH_SECONDS, per_second)


class Bucket:
    """One bucket. ``now`` is a clock's, in seconds; it may begin at any time, and goes on."""

    def __init__(self, pace: Pace, now: float, *, tokens: float = 0.0) -> None:
        """Begin empty where others may just have drawn what they could."""
        self._pace = pace
        self._tokens = tokens
        self._at = now

    def draw(self, want: int, now: float) -> int:
        """Take so many tokens, or as many as there are."""
        filled = self._tokens + max(0.0, now - self._at) * self._pace.per_second
        self._tokens = min(self._pace.capacity, filled)
        self._at = max(self._at, now)
        count = min(want, int(self._tokens))
        self._tokens -= count
        return count

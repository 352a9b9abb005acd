"""When a deferred delivery is tried again, and when a relay that is down."""

from typing import Final

_MINUTES: Final = (1, 5, 15, 30, 60)
_JITTER: Final = 0.2


def retry_delay_seconds(round_: int, jitter: float) -> float:
    """How long to wait after this round (from 0); `jitter` is random, from 0 to 1."""
    minutes = _MINUTES[min(round_, len(_MINUTES) - 1)]
    return minutes * 60 * (1 + _JITTER * (2 * jitter - 1))

"""How fast a distribution goes, and how long it will still take: from looks at its counts."""

from collections import deque
from typing import Final

from releases.models import DistributionState
from releases.queries import Status

OVER_SECONDS: Final = 10.0
"""The rate is that of so many last seconds."""
_LEAST_SECONDS: Final = 0.5


class Pace:
    """Takes looks (a moment of any steady clock in seconds, and the status then)."""

    def __init__(self) -> None:
        self._looks: deque[tuple[float, int]] = deque()

    def look(self, moment: float, found: Status) -> None:
        """Take one; those that are older than the last seconds are forgotten."""
        if found.state != DistributionState.RUNNING:
            # What stands still is not slow, and begins anew when it goes on.
            self._looks.clear()
            return
        self._looks.append((moment, found.answered))
        while len(self._looks) > 2 and self._looks[1][0] <= moment - OVER_SECONDS:
            self._looks.popleft()

    @property
    def mails_per_second(self) -> float | None:
        """Mails answered a second; None while too little was seen."""
        if len(self._looks) < 2:
            return None
        (began, before), (ended, after) = self._looks[0], self._looks[-1]
        if ended - began < _LEAST_SECONDS:
            return None
        return max(0, after - before) / (ended - began)

    def seconds_left(self, found: Status) -> float | None:
        """Until what is queued is sent at this rate; None while that cannot be told.

        What was put off waits for its time, whatever the rate: it does not count.
        """
        rate = self.mails_per_second
        if not rate or found.eligible is None or not found.queued:
            return None
        return found.queued / rate


def pace_text(pace: Pace, found: Status) -> str | None:
    """“1,250 mails a second, about 3 min left”; None while there is nothing to tell."""
    rate = pace.mails_per_second
    if rate is None:
        return None
    shown = f"{rate:,.0f}" if rate >= 10 or rate == 0 else f"{rate:.1f}"
    told = f"{shown} mails a second"
    left = pace.seconds_left(found)
    return told if left is None else f"{told}, about {duration_text(left)} left"


def duration_text(seconds: float) -> str:
    """“8 s”, “3 min”, “2 h 5 min”: as exact as anyone needs."""
    if seconds < 99.5:
        return f"{max(1, round(seconds))} s"
    minutes = round(seconds / 60)
    if minutes < 100:
        return f"{minutes} min"
    return f"{minutes // 60} h {minutes % 60} min"


def progress_line(found: Status, pace: Pace) -> str:
    """How far it is, on one line: for logs and pipes."""
    of = "" if found.eligible is None else f" of {found.eligible:,}"
    parts = [f"{found.state}: {found.settled:,}{of} done"]
    parts += (
        f"{count:,} {what}"
        for count, what in (
            (found.accepted, "accepted"),
            (found.deferred, "deferred"),
            (found.failed, "failed"),
            (found.uncertain, "uncertain"),
            (found.suppressed, "suppressed"),
            (found.cancelled, "cancelled"),
        )
        if count
    )
    told = pace_text(pace, found)
    return ", ".join(parts) if told is None else f"{', '.join(parts)}; {told}"

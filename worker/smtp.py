"""The socket side of the SMTP client: one epoll loop, several connections, several relays."""

import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from enum import StrEnum

from mail.replies import Outcome
from mail.smtp_items import Item
from worker.relays import Relay, RelayError, Security

__all__ = ["Item", "Postman", "Relay", "RelayError", "RunEnd", "RunState", "Security"]


class RunState(StrEnum):
    """Why a run ended."""

    EXHAUSTED = "exhausted"  # the source had no more
    STOPPED = "stopped"  # may_start() said no
    NO_RELAY = "no_relay"  # no relay can take mail now


@dataclass(frozen=True, slots=True)
class RunEnd:
    """How a run ended; with no relay, the plain reason and when to try again."""

    state: RunState
    why: str | None = None
    retry_after_seconds: float = 0.0


class Postman:
    """Hands mail to relays; owns the connections, which outlive a run. For one thread at a time."""

    def __init__(
        self,
        relays: Sequence[Relay],
        *,
        connections_per_relay: int = 8,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        """Make it ready; nothing is connected before the first item."""
        self.relays = tuple(relays)
        self.connections_per_relay = connections_per_relay
        self.clock = clock

    def run(
        self,
        source: Callable[[], Item | None],
        on_begin: Callable[[Item], None],
        on_outcome: Callable[[Item, Outcome], None],
        may_start: Callable[[], bool],
    ) -> RunEnd:
        """Send what ``source`` gives until it gives None, or ``may_start`` turns false."""
        raise NotImplementedError

    def close(self) -> None:
        """Take leave of the relays."""

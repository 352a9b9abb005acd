"""A run of the postman: why it ended, and what a source says to it where limits hold."""

from dataclasses import dataclass
from enum import StrEnum
from typing import Protocol

from mail.smtp_items import Item


class RunState(StrEnum):
    """Why a run ended."""

    EXHAUSTED = "exhausted"  # the source had no more
    STOPPED = "stopped"  # may_start() said no
    NO_RELAY = "no_relay"  # no relay can take mail now
    NO_PLACE = "no_place"  # limits let us have no connection now


@dataclass(frozen=True, slots=True)
class RunEnd:
    """How a run ended; with no relay, the plain reason and when to try again."""

    state: RunState
    why: str | None = None
    retry_after_seconds: float = 0.0


class Pace(Protocol):
    """What a source that is limited says beside its items."""

    def has_more(self) -> bool:
        """Whether the source, which gave nothing, is worth asking again soon."""

    @property
    def has_ended(self) -> bool:
        """Whether nothing more is to be drawn, though a limit kept us from drawing."""

    def lets(self, item: Item) -> bool:
        """Whether an item may be sent now; if not, the source has it back."""

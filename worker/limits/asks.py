"""What a process asks of the limits that it shares with others, and what it is given."""

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Final

from runtime.limits import Rate

SLOT_SECONDS: Final = 2.5
"""A slot that was given is good for so long; each turn gives it anew."""


@dataclass(frozen=True, slots=True)
class RateAsk:
    """So many messages under a rate."""

    name: str
    rate: Rate
    want: int


@dataclass(frozen=True, slots=True)
class SlotAsk:
    """So many slots of a limit on what is open or under way; ``held`` ones are in use now."""

    name: str
    most: int
    held: int
    want: int


@dataclass(frozen=True, slots=True)
class RestNews:
    """A domain rests for so long from now; with level None it answers again."""

    name: str
    level: int | None
    seconds: float = 0.0


@dataclass(frozen=True, slots=True)
class Asks:
    """What a process asks in one turn, and the news it has."""

    rates: Sequence[RateAsk] = ()
    slots: Sequence[SlotAsk] = ()
    rests: Sequence[RestNews] = ()


@dataclass(frozen=True, slots=True)
class Grants:
    """What it is given: a number for each ask, in their order; and which domains rest."""

    rates: Sequence[int] = ()
    slots: Sequence[int] = ()
    rests: Sequence[RestNews] = field(default=())
    knows_rests: bool = False
    """The rests are all there are; otherwise each process knows its own alone."""

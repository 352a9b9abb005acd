"""Rehearsal (MEDIANOTE_ONLY_TO): only some addresses are mailed, everybody else is held back."""

from collections.abc import Collection
from typing import Final

WITHHELD: Final = "rehearsal"


class Rehearsal:
    """Decides who is mailed; without addresses and domains, everybody is."""

    def __init__(self, only_to: Collection[str]) -> None:
        named = [name.strip().lower() for name in only_to]
        self._addresses = frozenset(name for name in named if "@" in name.lstrip("@"))
        self._domains = frozenset(name.lstrip("@") for name in named) - self._addresses

    def why_withheld(self, address: str, is_rehearsal: bool) -> str | None:
        """Why this address is not mailed; None when it is.

        `is_rehearsal` says that the distribution was published in a rehearsal. Where nobody
        rehearses it reaches nobody at all: whom it was meant for is not known there.
        """
        if not self._addresses and not self._domains:
            return WITHHELD if is_rehearsal else None
        lowered = address.lower()
        if lowered in self._addresses or lowered.rpartition("@")[2] in self._domains:
            return None
        return WITHHELD

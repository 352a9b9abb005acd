"""What an "Undo" button carries: an entry of the consent log, which says what was before."""

from dataclasses import dataclass
from typing import Final

UNDO_DAYS: Final = 7
"""Mail that tells of a change may wait over a long weekend."""


@dataclass(frozen=True, slots=True)
class Undo:
    """A change to be undone: an entry of the log, and whose it is."""

    subscriber_id: int
    entry_id: int

"""What slows the sending at the moment: told by workers, shown by `status`. For people only."""

import datetime as dt
from collections.abc import Sequence
from typing import Final

from sqlalchemy.orm import Session

from runtime.database import read_clock
from runtime.facts import read_fact, remember_fact

FRESH: Final = dt.timedelta(seconds=6)
"""Workers tell it every two seconds."""
_NAME: Final = "limits in the way"


def note_limits(session: Session, limits: Sequence[str]) -> None:
    """Limits that keep mail waiting now."""
    remember_fact(session, _NAME, list(limits))


def limits_in_the_way(session: Session) -> tuple[str, ...]:
    """What a worker has told within the last seconds; empty when nothing is slowed."""
    fact = read_fact(session, _NAME)
    if fact is None or read_clock(session) - fact.known_at > FRESH:
        return ()
    return tuple(fact.value)

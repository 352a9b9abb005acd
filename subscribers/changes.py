"""What became different for a subscriber, as a value: it is logged, told, and can be undone."""

import datetime as dt
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, Final

from subscribers.models import Format, Frequency
from subscribers.undo import Undo

FIELDS: Final = (
    "language",
    "format",
    "name",
    "outlet",
    "timezone",
    "digest_hour",
    "paused_until",
)
"""What of a subscriber's row they may change."""


@dataclass(frozen=True, slots=True)
class Paced:
    """How often a list comes, before and after."""

    list_id: int
    before: Frequency
    after: Frequency


@dataclass(frozen=True, slots=True)
class Change:
    """What became different; list ids in rising order."""

    subscriber_id: int
    at: dt.datetime
    joined: tuple[int, ...] = ()
    left: tuple[int, ...] = ()
    paced: tuple[Paced, ...] = ()
    before: Mapping[str, Any] = field(default_factory=dict)
    """Of those `FIELDS` that changed: what they were, and what they are now."""
    after: Mapping[str, Any] = field(default_factory=dict)
    entry_id: int | None = None
    """Its entry in the consent log; None where nothing changed."""

    @property
    def is_nothing(self) -> bool:
        """Whether all is as it was."""
        return not (self.joined or self.left or self.paced or self.after)

    @property
    def language(self) -> str | None:
        """The new language, if it changed."""
        return self.after.get("language")

    @property
    def format(self) -> Format | None:
        """The new format, if it changed."""
        found = self.after.get("format")
        return Format(found) if found else None

    @property
    def undo(self) -> Undo:
        """What takes it back; for a change that is something."""
        assert self.entry_id is not None
        return Undo(self.subscriber_id, self.entry_id)

    def to_json(self) -> dict[str, Any]:
        """As the consent log keeps it."""
        said: dict[str, Any] = {}
        if self.joined:
            said["joined"] = list(self.joined)
        if self.left:
            said["left"] = list(self.left)
        if self.paced:
            said["paced"] = [[one.list_id, one.before, one.after] for one in self.paced]
        if self.after:
            said["before"] = {name: _to_json(value) for name, value in self.before.items()}
            said["after"] = {name: _to_json(value) for name, value in self.after.items()}
        return said


def fields_from_json(said: Mapping[str, Any]) -> dict[str, Any]:
    """Reads `before` or `after` of what `Change.to_json` made."""
    return {
        name: dt.datetime.fromisoformat(value) if name == "paused_until" and value else value
        for name, value in said.items()
    }


def paced_from_json(said: list[list[Any]]) -> tuple[Paced, ...]:
    """Reads `paced` of what `Change.to_json` made."""
    return tuple(Paced(one, Frequency(before), Frequency(after)) for one, before, after in said)


def _to_json(value: Any) -> Any:
    return value.isoformat() if isinstance(value, dt.datetime) else value

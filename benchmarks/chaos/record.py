"""The relay's own record: one line for each message that came to it, written before its answer."""

from collections import Counter
from dataclasses import dataclass, field
from pathlib import Path
from typing import Final

ACCEPTED: Final = "accepted"
"""Taken, and 250 was said."""
VANISHED: Final = "vanished"
"""Taken, and nothing was said."""
UNHEARD: Final = "unheard"
"""250 was said, but the client's side of the connection was gone by then."""
TAKEN: Final = (ACCEPTED, VANISHED)


@dataclass(frozen=True, slots=True)
class Line:
    """A message: when (seconds since 1970), what became of it, whose, and its Message-ID."""

    at: float
    fate: str
    recipient: str
    message_id: str

    def __str__(self) -> str:
        return f"{self.at:.6f} {self.fate} {self.recipient} {self.message_id}\n"


@dataclass
class Record:
    """The record as far as it has been read; `read_on` reads what came since."""

    file: Path
    times: list[float] = field(default_factory=list)
    """When messages were accepted, in the order in which they were."""
    taken: dict[str, list[str]] = field(default_factory=dict)
    """The Message-IDs that each recipient got, repeats included."""
    fates: Counter[str] = field(default_factory=Counter)
    _offset: int = 0

    def read_on(self) -> "Record":
        """Read what is new."""
        if not self.file.exists():
            return self
        with self.file.open("rb") as stream:
            stream.seek(self._offset)
            octets = stream.read()
        whole = octets[: octets.rfind(b"\n") + 1]
        self._offset += len(whole)
        for text in whole.decode().splitlines():
            at, fate, recipient, message_id = text.split(" ")
            self.fates[fate] += 1
            if fate in TAKEN:
                self.taken.setdefault(recipient, []).append(message_id)
            if fate == ACCEPTED:
                self.times.append(float(at))
        return self

    @property
    def repeated(self) -> int:
        """Copies beyond each recipient's first."""
        return sum(len(ids) - 1 for ids in self.taken.values())

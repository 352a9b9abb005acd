"""Which fault a relay shows to whom: a function of the seed, so that a run can be repeated."""

import hashlib
import json
from dataclasses import asdict, dataclass, field
from typing import Any, Final

REFUSE: Final = "refuse"
"""550 at RCPT, each time."""
REFUSE_CONTENT: Final = "refuse-content"
"""554 after the content, each time."""
DEFER: Final = "defer"
"""450 at RCPT, the first time."""
DEFER_CONTENT: Final = "defer-content"
"""451 after the content, the first time."""
VANISH: Final = "vanish"
"""Takes the message and closes the connection without an answer, the first time."""
CUT: Final = "cut"
"""Closes the connection in mid-data, the first time; the message is not taken."""
HANG: Final = "hang"
"""Takes the content and says nothing for `hang_seconds`, then closes; it is not taken."""
FAREWELL_RCPT: Final = "421-rcpt"
FAREWELL_CONTENT: Final = "421-content"
"""421 instead of the answer to RCPT, or to the content; the connection is closed."""

FAREWELL_GREETING: Final = "421-greeting"
FAREWELL_EHLO: Final = "421-ehlo"
FAREWELL_MAIL: Final = "421-mail"
BYTE_BY_BYTE: Final = "byte-by-byte"

FOR_GOOD: Final = (REFUSE, REFUSE_CONTENT)
OF_MESSAGES: Final = (
    *FOR_GOOD,
    DEFER,
    DEFER_CONTENT,
    VANISH,
    CUT,
    HANG,
    FAREWELL_RCPT,
    FAREWELL_CONTENT,
)
OF_CONNECTIONS: Final = (FAREWELL_GREETING, FAREWELL_EHLO, FAREWELL_MAIL, BYTE_BY_BYTE)


@dataclass(frozen=True)
class Plan:
    """How a relay behaves. `shares`: of messages, or of connections, that meet a fault."""

    seed: int
    shares: dict[str, float] = field(default_factory=dict)
    hang_seconds: float = 3.0
    messages_per_second: float = 0.0
    """At most; 0: as fast as it can."""
    has_chunking: bool = False

    def of_message(self, recipient: str, tries: int) -> str | None:
        """The fault that this recipient's message meets when it was tried so often before."""
        fault = self._choose(recipient, OF_MESSAGES)
        return fault if tries == 0 or fault in FOR_GOOD else None

    def of_connection(self, number: int) -> str | None:
        """The fault of the `number`-th connection, from 0."""
        return self._choose(f"connection {number}", OF_CONNECTIONS)

    def refuses(self, recipient: str) -> bool:
        """Whether this recipient is refused for good."""
        return self.of_message(recipient, 1) is not None

    def to_json(self) -> str:
        """As `from_json` reads it."""
        return json.dumps(asdict(self))

    @classmethod
    def from_json(cls, text: str) -> "Plan":
        """The plan that `to_json` wrote."""
        values: dict[str, Any] = json.loads(text)
        return cls(**values)

    def _choose(self, who: str, among: tuple[str, ...]) -> str | None:
        digest = hashlib.blake2b(f"{self.seed} {who}".encode(), digest_size=8).digest()
        place = int.from_bytes(digest, "big") / 2**64
        for fault in among:
            place -= self.shares.get(fault, 0.0)
            if place < 0:
                return fault
        return None

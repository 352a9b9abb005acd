"""One message for one recipient, as the SMTP client takes it (RFC 5321 section 4.1.1.2 and .3)."""

import re
from dataclasses import dataclass
from typing import Any

# No command can be smuggled through an address: controls, blanks and brackets are refused.
_UNSAFE = re.compile(r"[\x00-\x20\x7f<>\x80-\x9f\u2028\u2029\ud800-\udfff]").search
_LONGEST_PATH = 320


@dataclass(slots=True)
class Item:
    """What is to be sent, and a ``key`` by which the caller knows it again.

    ``data`` is the complete message with CRLF line ends, not dot-stuffed; without
    ``has_leading_dots`` the caller knows that no line of it begins with a dot, and with ``is_7bit``
    whether all of it is ASCII, which saves looking. ``mail_from`` may be empty (the null
    reverse-path). Raises :class:`ValueError` for an address that holds line breaks, controls,
    blanks or angle brackets: it cannot be put into a command.
    """

    key: Any
    mail_from: str
    rcpt_to: str
    data: bytes
    has_leading_dots: bool = True
    is_7bit: bool | None = None
    goes_alone: bool = False
    """No other shares its flight: a relay hung up at it before, or at one that flew with it."""

    def __post_init__(self) -> None:
        """Refuse what could become another command."""
        if _UNSAFE(self.mail_from) or len(self.mail_from) > _LONGEST_PATH:
            raise ValueError(f"not usable as a sender in SMTP: {self.mail_from!r}")
        if _UNSAFE(self.rcpt_to) or not 0 < len(self.rcpt_to) <= _LONGEST_PATH:
            raise ValueError(f"not usable as a recipient in SMTP: {self.rcpt_to!r}")

    @property
    def needs_8bitmime(self) -> bool:
        """Tell whether only a relay with 8BITMIME (RFC 6152) can take it."""
        return not (self.data.isascii() if self.is_7bit is None else self.is_7bit)

    @property
    def needs_smtputf8(self) -> bool:
        """Tell whether only a relay with SMTPUTF8 (RFC 6531) can take it."""
        return not (self.rcpt_to.isascii() and self.mail_from.isascii())

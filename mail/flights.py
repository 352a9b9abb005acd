"""Proving flights: several whole messages sent before any of them is answered (RFC 3030).

That goes beyond the RFC, which wants MAIL and RCPT answered first, so it is tried before it is
used: good messages, with refused recipients between them, in one piece.
"""

import re
from collections.abc import Sequence
from dataclasses import dataclass

from mail.replies import Reply
from mail.smtp_items import Item

# A recipient parameter that nobody knows: refused with 555 (RFC 5321 section 4.1.1.11).
UNKNOWN_PARAMETER = "X-MEDIANOTE-REFUSE-ME=1"
_CHANGING = re.compile(
    r"(?:\w{3},? )?\d{1,2} \w{3} \d{4} \d{2}:\d{2}:\d{2}(?: [-+]\d{4})?(?: \([^)]*\))?"
    r"|\d{4}-\d{2}-\d{2}[T ]\d{2}:\d{2}\S*"
    r"|[0-9a-zA-Z]{16,}"
)


@dataclass(frozen=True, slots=True)
class FlightProof:
    """Whether a relay that greets like this takes flights, and how that was seen."""

    is_safe: bool
    why: str
    greeting: str


def greeting_identity(greeting: str) -> str:
    """Return what a relay's greetings have in common: without dates and session ids."""
    return _CHANGING.sub("*", greeting)


def flight(items: Sequence[Item], refused: frozenset[int]) -> bytes:
    """Write the items as one flight; those at the positions in ``refused`` have a bad RCPT."""
    pieces = []
    for position, item in enumerate(items):
        parameter = f" {UNKNOWN_PARAMETER}" if position in refused else ""
        pieces += [
            f"RSET\r\nMAIL FROM:<{item.mail_from}>\r\nRCPT TO:<{item.rcpt_to}>{parameter}\r\n"
            f"BDAT {len(item.data)} LAST\r\n".encode(),
            item.data,
        ]
    return b"".join(pieces)


REPLIES_PER_MESSAGE = 4


def judge_flight(
    replies: Sequence[Reply], messages: int, refused: frozenset[int]
) -> tuple[bool, str]:
    """Say whether every message of the flight was answered for itself, and what was seen."""
    if len(replies) != messages * REPLIES_PER_MESSAGE:
        return False, f"{messages * REPLIES_PER_MESSAGE} answers expected, {len(replies)} came"
    for position in range(messages):
        answers = replies[position * REPLIES_PER_MESSAGE :][:REPLIES_PER_MESSAGE]
        rset, mail, rcpt, content = (reply.code // 100 for reply in answers)
        if rset != 2 or mail != 2:
            return False, f"message {position + 1} could not begin: {answers[rset == 2]}"
        if position in refused:
            if rcpt == 2:
                return False, "the relay refused nobody, so nothing is proved"
            if content == 2:
                return False, f"it took message {position + 1}, which was for nobody: {answers[3]}"
        elif rcpt != 2 or content != 2:
            return False, f"message {position + 1} was refused: {answers[2 if rcpt != 2 else 3]}"
    return True, f"{messages - len(refused)} taken and {len(refused)} refused, each for itself"

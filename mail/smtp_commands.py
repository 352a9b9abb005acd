"""The commands of a mail transaction: which go out together, and how they are written.

RFC 5321 section 4.1.4 (order of commands), RFC 2920 (PIPELINING), RFC 3030 (CHUNKING).
"""

from enum import Enum
from typing import TypeAlias

from mail.smtp_capabilities import Capabilities
from mail.smtp_items import Item


class Command(Enum):
    """What a reply answers; START is the handing over of an item, and has none."""

    START = "start"
    RSET = "RSET"
    MAIL = "MAIL"
    RCPT = "RCPT"
    DATA = "DATA"
    CONTENT = "content"  # after DATA, or as BDAT … LAST

    __hash__ = object.__hash__  # Enum's own hashes the name, in Python, at every look-up


class Flow(Enum):
    """How much may be under way at once."""

    DIALOGUE = "one command at a time"
    AHEAD = "the next envelope travels with the end of this message"
    FLIGHT = "several whole messages"


START, RSET, MAIL, RCPT, DATA, CONTENT = Command

Plan: TypeAlias = dict[Command, tuple[Command, ...]]

# After this command's good reply, these are sent together. DATA ends a group (RFC 2920 section
# 3.1). In a flight every message begins with RSET: whatever became of the one before, its
# recipient cannot get into this one's envelope.
PLANS: dict[tuple[Flow, bool], Plan] = {
    (Flow.DIALOGUE, False): {
        START: (MAIL,),
        RSET: (MAIL,),
        MAIL: (RCPT,),
        RCPT: (DATA,),
        DATA: (CONTENT,),
    },
    (Flow.DIALOGUE, True): {
        START: (MAIL,),
        RSET: (MAIL,),
        MAIL: (RCPT,),
        RCPT: (CONTENT,),
    },
    (Flow.AHEAD, False): {START: (MAIL, RCPT, DATA), DATA: (CONTENT,)},
    (Flow.AHEAD, True): {START: (MAIL, RCPT), RCPT: (CONTENT,)},
    (Flow.FLIGHT, True): {START: (RSET, MAIL, RCPT, CONTENT)},
}
# What goes wrong at these may be this message's fault, rather than the relay's or ours.
OF_THE_MESSAGE = frozenset({RCPT, DATA, CONTENT})
EXPECTED = {RSET: 2, MAIL: 2, RCPT: 2, DATA: 3, CONTENT: 2}


_ALONE = {command: f"{command.value}\r\n" for command in (RSET, DATA)}


def write_commands(group: tuple[Command, ...], item: Item, can: Capabilities) -> bytes:
    """Write what goes out together, up to the content."""
    text = ""
    for command in group:
        if command is MAIL:
            text += f"MAIL FROM:<{item.mail_from}>{_mail_parameters(item, can)}\r\n"
        elif command is RCPT:
            text += f"RCPT TO:<{item.rcpt_to}>\r\n"
        elif command is not CONTENT:
            text += _ALONE[command]
    return text.encode()


def frame_content(item: Item, *, uses_bdat: bool) -> tuple[bytes, bytes, bytes]:
    """Return what goes before the content, the content as it travels, and what goes after."""
    data = item.data
    if uses_bdat:
        return b"BDAT %d LAST\r\n" % len(data), data, b""
    before = b""
    if item.has_leading_dots:
        # RFC 5321 section 4.5.2; a line feed alone is no line end.
        data = data.replace(b"\r\n.", b"\r\n..")
        if data.startswith(b"."):
            before = b"."
    return before, data, b".\r\n" if data.endswith(b"\r\n") or not data else b"\r\n.\r\n"


def _mail_parameters(item: Item, can: Capabilities) -> str:
    """RFC 1870 (SIZE), RFC 6152 (8BITMIME), RFC 6531 (SMTPUTF8): only for who needs them."""
    parameters = f" SIZE={len(item.data)}" if can.announces_size else ""
    if can.has_8bitmime and item.needs_8bitmime:
        parameters += " BODY=8BITMIME"
    if item.needs_smtputf8:
        parameters += " SMTPUTF8"
    return parameters

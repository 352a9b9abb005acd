"""The holes of a stencil: the values that differ from person to person.

`marker(hole)` is the text that stands for a hole in templates and headers until the stencil
is compiled. The `encode_…` functions are the only makers of values: each knows what is safe
where its hole may stand, and refuses or cleans everything else.
"""

import re
from collections.abc import Sequence
from typing import Final, NewType

from mail import quoted_printable
from mail.addresses import AddressError, Mailbox, format_mailbox, format_person
from mail.text import clean_body
from mail.tokens import TOKEN_MAX_CHARACTERS

TO: Final = "to"
MESSAGE_ID: Final = "message_id"
UNSUBSCRIBE: Final = "unsubscribe"
PREFERENCES: Final = "preferences"
WHY_TEXT: Final = "why_text"
WHY_HTML: Final = "why_html"

HOLES: Final = (TO, MESSAGE_ID, UNSUBSCRIBE, PREFERENCES, WHY_TEXT, WHY_HTML)
"""The order is stored in stencils: append, never reorder."""

# Header, and body of which type, a hole may stand in. Tokens may stand anywhere.
WHOLE_HEADERS: Final = {TO: "To", MESSAGE_ID: "Message-ID"}
FRAGMENTS: Final = {WHY_TEXT: "plain", WHY_HTML: "html"}
TOKENS: Final = frozenset({UNSUBSCRIBE, PREFERENCES})

_MARKER_START = "mnhole"
_MARKER_END = "q7x3k9w2z5v8"
_BY_MARKER = {f"{_MARKER_START}{hole.replace('_', '')}{_MARKER_END}": hole for hole in HOLES}
_MARKERS = {hole: text for text, hole in _BY_MARKER.items()}
_ANY_MARKER = re.compile(f"({'|'.join(_BY_MARKER)})")

Value = NewType("Value", bytes)
"""Octets that are safe in their hole; made by the functions below and by nothing else."""

_TOKEN = re.compile(rf"[a-z2-7]{{1,{TOKEN_MAX_CHARACTERS}}}")
_MESSAGE_ID = re.compile(
    r"<[A-Za-z0-9!#$%&'*+/=?^_`{|}~.-]{1,250}@[A-Za-z0-9!#$%&'*+/=?^_`{|}~.-]{1,253}>"
)


class ValueRefusedError(ValueError):
    """This cannot stand in this hole, whatever the encoding; `hole` names it."""

    def __init__(self, hole: str, reason: str) -> None:
        super().__init__(f"the value for “{hole}” {reason}")
        self.hole = hole


def marker(hole: str) -> str:
    """The text that stands for a hole: letters and digits, so that nothing rewrites it.

    Raises KeyError for a name that is not in HOLES.
    """
    return _MARKERS[hole]


def has_marker(text: str) -> bool:
    """Whether text from outside contains a marker, and so must not be rendered."""
    return _ANY_MARKER.search(text) is not None


def split_at_markers(text: str) -> list[str]:
    """Text, hole, text, hole, … text: always an odd number, texts possibly empty."""
    parts = _ANY_MARKER.split(text)
    parts[1::2] = [_BY_MARKER[part] for part in parts[1::2]]
    return parts


def encode_to(mailbox: Mailbox) -> Value:
    """The To header's value, folded; ASCII but for a local part that needs SMTPUTF8."""
    try:
        return Value(format_mailbox(mailbox))
    except AddressError as error:
        raise ValueRefusedError(TO, f"is no mailbox: {error.reason}") from error


def encode_to_person(address: str, name: str) -> Value:
    """`encode_to` for the loop over many: an address that `parse_address` has written."""
    try:
        return Value(format_person(address, name))
    except AddressError as error:
        raise ValueRefusedError(TO, f"is no mailbox: {error.reason}") from error


def encode_message_id(message_id: str) -> Value:
    """A msg-id (RFC 5322 section 3.6.4) with its angle brackets."""
    return encode_message_ids([message_id])[0]


def encode_message_ids(message_ids: Sequence[str]) -> list[Value]:
    """`encode_message_id` for many."""
    if not all(map(_MESSAGE_ID.fullmatch, message_ids)):
        raise ValueRefusedError(MESSAGE_ID, "is no Message-ID of the form <left@right>")
    return [Value(message_id.encode()) for message_id in message_ids]


def encode_token(token: str) -> Value:
    """A token of `mail.tokens`: the same octets in headers and in bodies."""
    return encode_tokens([token])[0]


def encode_tokens(tokens: Sequence[str]) -> list[Value]:
    """`encode_token` for many."""
    if not all(map(_TOKEN.fullmatch, tokens)):
        raise ValueRefusedError("token", f"is not 1 to {TOKEN_MAX_CHARACTERS} of a-z and 2-7")
    return [Value(token.encode()) for token in tokens]


def encode_text(text: str) -> Value:
    """Plain text, already wrapped, for the text part; any line ends, no control characters."""
    return _encode_fragment(text)


def encode_html(fragment: str) -> Value:
    """An HTML fragment for the HTML part, whose data its maker has already escaped."""
    return _encode_fragment(fragment)


def _encode_fragment(text: str) -> Value:
    """Quoted-printable from column 0 to column 0, whatever stands around the hole."""
    written, column = quoted_printable.encode(clean_body(text))
    return Value((written + "=\r\n" if column else written).encode())

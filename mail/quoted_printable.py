"""Quoted-printable (RFC 2045 section 6.7), written so that a text can be cut into pieces.

A stencil's body is static text with holes in it, and a filled value must not break a rule:
no line over 76 octets, no white space at a line's end. So the encoder works on pieces, knows
the column at which a piece begins, and leaves room for a soft line break at its end.

Two things are encoded that need not be: a dot at the start of a line, and "From " there, for
relays that get dot-stuffing wrong and mailboxes that write ">From " (RFC 2049 section 3).
"""

LINE_MAX = 76
_BEFORE_SOFT_BREAK = LINE_MAX - 1

_AS_IT_IS = frozenset(b"\t") | frozenset(range(32, 127)) - frozenset(b"=")
_TABLE = [chr(octet) if octet in _AS_IT_IS else f"={octet:02X}" for octet in range(256)]
_CONTINUATION = ("=8", "=9", "=A", "=B")


def encode(text: str, column: int = 0, *, is_last: bool = False) -> tuple[str, int]:
    """Encodes a piece of text that begins at `column`; returns it and the column it ends at.

    Line feeds become CRLF. The piece ends at column 75 at most, with room for the "=" of a
    """
    lines = text.split("\n")
    written: list[str] = []
    for line in lines[:-1]:
        column = _encode_line(line, column, written, is_complete=True)
        written.append("\r\n")
        column = 0
    column = _encode_line(lines[-1], column, written, is_complete=is_last)
    return "".join(written), column


def _encode_line(line: str, column: int, written: list[str], *, is_complete: bool) -> int:
    encoded = "".join([_TABLE[octet] for octet in line.encode()])
    if is_complete and encoded[-1:] in (" ", "\t"):
        encoded = encoded[:-1] + _escape(encoded[-1])
    position, end = 0, len(encoded)
    while position < end:
        if column == 0 and (encoded[position] == "." or encoded.startswith("From ", position)):
            written.append(_escape(encoded[position]))
            position, column = position + 1, 3
        cut = _cut(encoded, position, position + _BEFORE_SOFT_BREAK - column)
        written.append(encoded[position:cut])
        column += cut - position
        position = cut
        if position < end:
            written.append("=\r\n")
            column = 0
    return column


def _cut(encoded: str, position: int, limit: int) -> int:
    """The last place up to `limit` that is in the middle of no escape and no character."""
    if limit >= len(encoded):
        return len(encoded)
    if limit - 1 >= position and encoded[limit - 1] == "=":
        limit -= 1
    elif limit - 2 >= position and encoded[limit - 2] == "=":
        limit -= 2
    while limit > position and encoded.startswith(_CONTINUATION, limit):
        limit -= 3
    return max(limit, position)


def _escape(character: str) -> str:
    return f"={ord(character):02X}"

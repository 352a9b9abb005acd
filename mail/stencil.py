"""The stencil: a serialised message with holes, filled per person by a join of octets.

Everything costly (templates, inlining, MIME) has run once when a stencil is compiled. The
static pieces are encoded so that no value can break a rule: around a hole in a body there is
room, or there are soft line breaks, and every value is encoded for its place before it comes
here (`mail.holes`). Lines end in CRLF, and none begins with a dot: there is nothing to stuff
(RFC 5321 section 4.5.2).
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from email.message import EmailMessage, MIMEPart
from operator import itemgetter
from typing import cast

from mail import quoted_printable
from mail.holes import (
    FRAGMENTS,
    HOLES,
    TOKENS,
    WHOLE_HEADERS,
    Value,
    ValueRefusedError,
    encode_html,
    encode_message_id,
    encode_text,
    encode_to,
    encode_token,
    has_marker,
    marker,
    split_at_markers,
)
from mail.tokens import TOKEN_MAX_CHARACTERS

__all__ = [
    "HOLES",
    "Stencil",
    "StencilError",
    "Value",
    "ValueRefusedError",
    "compile_stencil",
    "encode_html",
    "encode_message_id",
    "encode_text",
    "encode_to",
    "encode_token",
    "has_marker",
    "marker",
]

LINE_MAX_OCTETS = 998
"""RFC 5322 section 2.1.1, without the CRLF."""

_MAGIC = b"mnst"
_VERSION = 1


class StencilError(ValueError):
    """This message cannot become a stencil, or these octets are none we can read."""


class Stencil:
    """Static pieces and holes in turn: `pieces` has one more member than `holes`."""

    __slots__ = ("_holes", "_pieces")

    def __init__(self, pieces: Sequence[bytes], holes: Sequence[str]) -> None:
        if len(pieces) != len(holes) + 1:
            raise StencilError("a stencil has a piece before, between and after its holes")
        self._pieces = tuple(pieces)
        self._holes = tuple(holes)

    @property
    def holes(self) -> frozenset[str]:
        """The values that `fill` needs; it does not look at others."""
        return frozenset(self._holes)

    @property
    def static_size_bytes(self) -> int:
        """The size of every copy, less its values."""
        return sum(map(len, self._pieces))

    def fill(self, values: Mapping[str, Value]) -> bytes:
        """The message for one person. Raises KeyError if a value is missing."""
        parts: list[bytes] = [self._pieces[0]]
        for hole, piece in zip(self._holes, self._pieces[1:], strict=True):
            parts.append(values[hole])
            parts.append(piece)
        return b"".join(parts)

    def filler(self, names: Sequence[str] = HOLES) -> Callable[[tuple[Value, ...]], bytes]:
        """`fill` for the hot loop: takes the values as a tuple in the order of `names`.

        Values of holes that this stencil does not have are not looked at. Raises KeyError if
        `names` lacks a hole that it has.
        """
        place = {name: index for index, name in enumerate(names)}
        order: list[int] = []
        for index, hole in enumerate(self._holes):
            order += (len(names) + index, place[hole])
        order.append(len(names) + len(self._holes))
        pieces, join = self._pieces, b"".join
        if len(order) == 1:
            return lambda _values: pieces[0]
        pick = cast("Callable[[tuple[bytes, ...]], tuple[bytes, ...]]", itemgetter(*order))
        return lambda values: join(pick(values + pieces))

    def to_bytes(self) -> bytes:
        """The stencil as it is stored: a version, the holes by number, the pieces by length."""
        head = [_MAGIC, bytes([_VERSION]), len(self._holes).to_bytes(2, "big")]
        head.append(bytes(HOLES.index(hole) for hole in self._holes))
        head += (len(piece).to_bytes(4, "big") for piece in self._pieces)
        return b"".join((*head, *self._pieces))

    @classmethod
    def from_bytes(cls, data: bytes) -> Stencil:
        """Reads `to_bytes`. Raises StencilError for another version or damaged octets."""
        if data[:4] != _MAGIC:
            raise StencilError("these octets are no stencil")
        if data[4:5] != bytes([_VERSION]):
            raise StencilError("this stencil is of another version: render it again")
        count = int.from_bytes(data[5:7], "big")
        sizes_at = 7 + count
        position = sizes_at + 4 * (count + 1)
        numbers = data[7:sizes_at]
        pieces: list[bytes] = []
        for index in range(sizes_at, position, 4):
            size = int.from_bytes(data[index : index + 4], "big")
            pieces.append(data[position : position + size])
            position += size
        if position != len(data) or max(numbers, default=0) >= len(HOLES):
            raise StencilError("this stencil is damaged: render it again")
        return cls(pieces, [HOLES[number] for number in numbers])

    def __eq__(self, other: object) -> bool:
        if not isinstance(other, Stencil):
            return NotImplemented
        return (self._pieces, self._holes) == (other._pieces, other._holes)

    def __hash__(self) -> int:
        return hash((self._pieces, self._holes))

    def __repr__(self) -> str:
        return f"<Stencil of {self.static_size_bytes} octets, {len(self._holes)} holes>"


def compile_stencil(message: EmailMessage) -> Stencil:
    """Turns a message made by `mail.message.build_message` into a stencil.

    Raises StencilError for a hole where its value cannot stand, a header that hides one in an
    encoded word, 8-bit octets, a line over 998 octets, or a part that is not
    quoted-printable UTF-8 text.
    """
    parts = [part for segment in _serialise(message) for part in segment]
    # Neighbouring texts are joined: parts is text and hole in turn after this.
    pieces, holes = [""], []
    for part in parts:
        if isinstance(part, _Hole):
            holes.append(part.name)
            pieces.append("")
        else:
            pieces[-1] += part
    return Stencil([piece.encode("ascii") for piece in pieces], holes)


class _Hole:
    __slots__ = ("name",)

    def __init__(self, name: str) -> None:
        self.name = name


_Part = str | _Hole


def _serialise(message: MIMEPart) -> Iterator[list[_Part]]:
    yield _headers(message)
    if not message.is_multipart():
        yield _body(message)
        return
    boundary = message.get_boundary() or ""
    # Quoted-printable writes neither, so no body and no value can hold such a boundary.
    if "=_" not in boundary and "==" not in boundary:
        raise StencilError("the boundary could occur in a body: it needs “=_” in it")
    for part in message.iter_parts():
        assert isinstance(part, MIMEPart)
        yield [f"--{boundary}\r\n"]
        yield from _serialise(part)
        yield ["\r\n"]
    yield [f"--{boundary}--\r\n"]


def _headers(message: MIMEPart) -> list[_Part]:
    octets = message.as_bytes(policy=message.policy.clone(linesep="\r\n"))
    block, _, _ = octets.partition(b"\r\n\r\n")
    if not block.isascii():
        raise StencilError("a header has 8-bit octets in it")
    text = block.decode("ascii")
    decoded = "\n".join(f"{name}: {value}" for name, value in message.items())
    parts = split_at_markers(text)
    if sorted(parts[1::2]) != sorted(split_at_markers(decoded)[1::2]):
        raise StencilError("a header hides a hole: it was folded into an encoded word")
    for line in text.split("\r\n"):
        _check_header_line(line)
    return [_Hole(part) if index % 2 else part for index, part in enumerate(parts)] + ["\r\n\r\n"]


def _check_header_line(line: str) -> None:
    holes = split_at_markers(line)[1::2]
    for hole in holes:
        if hole in FRAGMENTS:
            raise StencilError(f"the hole “{hole}” cannot stand in a header")
        if hole in WHOLE_HEADERS and line != f"{WHOLE_HEADERS[hole]}: {marker(hole)}":
            raise StencilError(f"the hole “{hole}” must be all of {WHOLE_HEADERS[hole]}")
    if len(line) + TOKEN_MAX_CHARACTERS * len(holes) > LINE_MAX_OCTETS:
        raise StencilError(f"a header line is longer than {LINE_MAX_OCTETS} octets")


def _body(message: MIMEPart) -> list[_Part]:
    if (
        message.get_content_maintype() != "text"
        or str(message["Content-Transfer-Encoding"]).lower() != "quoted-printable"
        or message.get_content_charset() != "utf-8"
    ):
        raise StencilError("a part of this message is not quoted-printable UTF-8 text")
    subtype = message.get_content_subtype()
    text = cast("str", message.get_content()).replace("\r\n", "\n")
    split = split_at_markers(text)
    parts: list[_Part] = []
    column = 0
    for index, part in enumerate(split):
        if index % 2 == 0:
            is_last = index == len(split) - 1
            encoded, column = quoted_printable.encode(part, column, is_last=is_last)
            parts.append(encoded)
        else:
            column = _open_hole(part, subtype, column, parts)
    return parts


def _open_hole(hole: str, subtype: str, column: int, parts: list[_Part]) -> int:
    """Makes room for a value; returns the column behind it, at its longest."""
    if hole in TOKENS:
        room = quoted_printable.LINE_MAX - 1 - column
    elif FRAGMENTS.get(hole) == subtype:
        # A fragment is encoded from column 0 to column 0.
        room = 0 if column else quoted_printable.LINE_MAX
    else:
        raise StencilError(f"the hole “{hole}” cannot stand in a text/{subtype} part")
    if room < TOKEN_MAX_CHARACTERS:
        parts.append("=\r\n")
        column = 0
    parts.append(_Hole(hole))
    return column + TOKEN_MAX_CHARACTERS if hole in TOKENS else 0

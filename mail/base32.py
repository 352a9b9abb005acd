"""Lower-case base32 without padding (RFC 4648 section 6), for tokens and Message-IDs.

It survives what mail does to local parts and headers: one letter case is enough, and no
letter needs quoting anywhere. There are several for every mail, and `base64.b32encode` is pure
Python in CPython 3.11: here a number's bits are spread, five to an octet, by halving it again
and again, and the octets become letters through a table.
"""

from collections.abc import Sequence
from typing import Final, NamedTuple

ALPHABET: Final = "abcdefghijklmnopqrstuvwxyz234567"
MAX_OCTETS: Final = 64
_FEW: Final = 10

_LETTERS: Final = bytes.maketrans(bytes(range(32)), ALPHABET.encode())
_DIGITS: Final = {letter: value for value, letter in enumerate(ALPHABET)}
_TO_INT_DIGITS: Final = str.maketrans(ALPHABET, "0123456789abcdefghijklmnopqrstuv")


class _Layout(NamedTuple):
    """How so many octets are spread."""

    letters: int
    filling_bits: int
    halvings: tuple[tuple[int, int, int], ...]
    """Which bits stay, which move, and how far to the left."""


def _layout(size: int) -> _Layout:
    letters = -(-8 * size // 5)
    groups = 1  # of five bits, in one run
    while groups < letters:
        groups *= 2
    runs, halvings = 1, []
    while groups > 1:
        half = groups // 2
        run = (1 << 5 * half) - 1
        stay = sum(run << 8 * groups * number for number in range(runs))
        halvings.append((stay, stay << 5 * half, 3 * half))
        runs, groups = 2 * runs, half
    return _Layout(letters, 5 * letters - 8 * size, tuple(halvings))


_LAYOUTS: Final = tuple(_layout(size) for size in range(MAX_OCTETS + 1))


def encode(data: bytes) -> str:
    """At most 64 octets, in ceil(len * 8 / 5) letters; bits that fill the last one are zero."""
    letters, filling_bits, halvings = _LAYOUTS[len(data)]
    number = int.from_bytes(data, "big") << filling_bits
    for stay, move, distance in halvings:
        number = number & stay | (number & move) << distance
    return number.to_bytes(letters, "big").translate(_LETTERS).decode()


def encode_all(values: Sequence[bytes]) -> list[str]:
    """Each of them as `encode` writes it, of any lengths; a thousand of one length take a
    fourth of the time.

    Eight letters are spread in eight octets of their own, all such groups in one number.
    """
    if len(values) < _FEW or len(set(map(len, values))) > 1:
        return [encode(value) for value in values]
    size = len(values[0])
    groups = -(-size // 5)
    padding = bytes(5 * groups - size)
    octets = padding.join([*values, b""])
    count = groups * len(values)
    spread = bytearray(8 * count)
    for place in range(5):
        spread[3 + place :: 8] = octets[place::5]
    number = int.from_bytes(spread, "big")
    for stay, move, distance in _LAYOUTS[5].halvings:
        kept = number & int.from_bytes(stay.to_bytes(8, "big") * count, "big")
        number = (
            kept | (number & int.from_bytes(move.to_bytes(8, "big") * count, "big")) << distance
        )
    text = number.to_bytes(8 * count, "big").translate(_LETTERS).decode()
    letters = _LAYOUTS[size].letters
    return [text[start : start + letters] for start in range(0, len(text), 8 * groups)]


def decode(text: str) -> bytes:
    """The octets behind `text`, in either letter case.

    Raises ValueError for another character, a length no octets encode to, or filling bits
    that are not zero: so no two texts of one letter case decode to the same octets.
    """
    bits = 5 * len(text)
    size, spare = divmod(bits, 8)
    lower = text.lower() if text.isascii() else text
    if spare >= 5 or not _DIGITS.keys() >= set(lower):
        raise ValueError("this is not base32")
    number = int(lower.translate(_TO_INT_DIGITS) or "0", 32)
    if number & ((1 << spare) - 1):
        raise ValueError("this is not base32: bits beyond its end")
    return (number >> spare).to_bytes(size, "big")

"""Lower-case base32 without padding (RFC 4648 section 6), for tokens and Message-IDs.

It survives what mail does to local parts and headers: one letter case is enough, and no
letter needs quoting anywhere. Table driven, fifteen bits at a time, since there are several
for every mail: `base64.b32encode` is pure Python in CPython 3.11 and costs twice as much.
"""

ALPHABET = "abcdefghijklmnopqrstuvwxyz234567"

_TRIPLES = [a + b + c for a in ALPHABET for b in ALPHABET for c in ALPHABET]
_DIGITS = {letter: value for value, letter in enumerate(ALPHABET)}
_TO_INT_DIGITS = str.maketrans(ALPHABET, "0123456789abcdefghijklmnopqrstuv")


def _layout(size: int) -> tuple[int, int, tuple[int, ...]]:
    """For so many octets: letters, filling bits, and where each group of 15 bits begins."""
    letters = -(-8 * size // 5)
    bits = -(-letters // 3) * 15
    return letters, bits - 8 * size, tuple(range(bits - 15, -1, -15))


_LAYOUTS = [_layout(size) for size in range(65)]


def encode(data: bytes) -> str:
    """At most 64 octets, in ceil(len * 8 / 5) letters; bits that fill the last one are zero."""
    letters, filling, places = _LAYOUTS[len(data)]
    number = int.from_bytes(data, "big") << filling
    triples = _TRIPLES
    return "".join([triples[number >> place & 32767] for place in places])[:letters]


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

"""Lower-case base32 without padding (RFC 4648 section 6), for tokens and Message-IDs.

It survives what mail does to local parts and headers: one letter case is enough, and no
letter needs quoting anywhere. Table driven, ten bits at a time: `base64.b32encode` is pure
Python in CPython 3.11 and costs three times as much.
"""

ALPHABET = "abcdefghijklmnopqrstuvwxyz234567"

_PAIRS = [first + second for first in ALPHABET for second in ALPHABET]
_DIGITS = {letter: value for value, letter in enumerate(ALPHABET)}
_TO_INT_DIGITS = str.maketrans(ALPHABET, "0123456789abcdefghijklmnopqrstuv")


def encode(data: bytes) -> str:
    """`data` in ceil(len * 8 / 5) letters; bits that fill up the last one are zero."""
    bits = 8 * len(data)
    letters = -(-bits // 5)
    # An even number of letters, so that the table of pairs covers them all.
    shift = 5 * (letters + (letters & 1))
    number = int.from_bytes(data, "big") << (shift - bits)
    pairs = _PAIRS
    text = "".join([pairs[number >> low & 1023] for low in range(shift - 10, -1, -10)])
    return text[:letters]


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

"""Text in headers: encoded words (RFC 2047), phrases (RFC 5322 section 3.2.5), folding.

The standard library's folder is not used: with a long line limit it writes encoded words
longer than the 75 characters RFC 2047 section 2 allows, and with a short one it turns a
List-Unsubscribe into encoded words, which breaks one-click.
"""

import re
from base64 import b64encode
from collections.abc import Iterator, Sequence

LINE_MAX = 76
"""RFC 2047 section 2: no line of a header with an encoded word is longer."""
_WORD_MAX = 75
_AROUND = len("=?utf-8?q??=")

_ATOMS = re.compile(r"[A-Za-z0-9!#$%&'*+/=?^_`{|}~-]+(?: [A-Za-z0-9!#$%&'*+/=?^_`{|}~-]+)*")
_LONGEST_QUOTED = 64
# RFC 2047 section 5 (3): all that a Q word may show as itself inside a phrase.
_Q_PLAIN = b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789!*+-/"
_Q = [chr(octet) if octet in _Q_PLAIN else f"={octet:02X}" for octet in range(256)]
_Q[ord(" ")] = "_"


def encoded_words(text: str, first_room: int = _WORD_MAX) -> list[str]:
    """Splits text into UTF-8 encoded words of at most 75 characters, never inside a character.

    The first one has at most `first_room` characters (30 at least), so that it fits behind
    the header's name. Q encoding where half of it stays readable, B where it is shorter.
    """
    octets = text.encode()
    is_q = 2 * sum(len(_Q[octet]) == 3 for octet in octets) <= len(octets)
    return list(_split(text, max(first_room, 30), is_q=is_q))


def _split(text: str, room: int, *, is_q: bool) -> Iterator[str]:
    chunk: list[str] = []
    size = 0
    limit = _payload_limit(room, is_q=is_q)
    for character in text:
        octets = character.encode()
        written = "".join(_Q[octet] for octet in octets) if is_q else character
        cost = len(written) if is_q else len(octets)
        if size + cost > limit:
            yield _word(chunk, is_q=is_q)
            chunk, size, limit = [], 0, _payload_limit(_WORD_MAX, is_q=is_q)
        chunk.append(written)
        size += cost
    if chunk:
        yield _word(chunk, is_q=is_q)


def _payload_limit(room: int, *, is_q: bool) -> int:
    """What fits into a word: characters for Q, octets before encoding for B."""
    return room - _AROUND if is_q else (room - _AROUND) // 4 * 3


def _word(chunk: Sequence[str], *, is_q: bool) -> str:
    joined = "".join(chunk)
    if is_q:
        return f"=?utf-8?q?{joined}?="
    return f"=?utf-8?b?{b64encode(joined.encode()).decode()}?="


def phrase_words(name: str, first_room: int = _WORD_MAX) -> list[str]:
    """The words of a phrase (a display name): atoms, or one quoted string, or encoded words.

    `name` is clean (`mail.text.clean_name`). A name that holds "=?" is encoded even in
    ASCII: readers decode what looks like an encoded word, inside quotes too.
    """
    if not name:
        return []
    if "=?" not in name and name.isascii():
        if len(name) <= _LONGEST_QUOTED and _ATOMS.fullmatch(name):
            return name.split(" ")
        quoted = '"' + name.replace("\\", "\\\\").replace('"', '\\"') + '"'
        if len(quoted) <= _LONGEST_QUOTED:
            return [quoted]
    return encoded_words(name, first_room)


def text_words(text: str, first_room: int = _WORD_MAX) -> list[str]:
    """The words of unstructured text (a subject; RFC 5322 section 3.2.5).

    `text` is clean (`mail.text.clean_line`). Only the stretch from the first to the last word
    that needs it is encoded, so that the rest stays readable in the source.
    """
    words = text.split(" ") if text else []
    needing = [
        index
        for index, word in enumerate(words)
        if not word.isascii() or "=?" in word or len(word) > _LONGEST_QUOTED
    ]
    if not needing:
        return words
    first, last = needing[0], needing[-1] + 1
    room = first_room if first == 0 else _WORD_MAX
    middle = encoded_words(" ".join(words[first:last]), room)
    return words[:first] + middle + words[last:]


def fold(words: Sequence[str], used: int) -> str:
    """Joins words by spaces, and by CRLF and a space where a line would pass 76 characters.

    `used` is what stands before the first word on its line, as in `len("Subject: ")`. A word
    is never broken: one that is longer than a line gets a line of its own.
    """
    pieces: list[str] = []
    column = used
    for word in words:
        if not pieces:
            pieces.append(word)
            column += len(word)
        elif column + 1 + len(word) <= LINE_MAX:
            pieces.append(f" {word}")
            column += 1 + len(word)
        else:
            pieces.append(f"\r\n {word}")
            column = 1 + len(word)
    return "".join(pieces)

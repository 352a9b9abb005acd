"""The slug of a release: the readable, lasting end of its address on the web."""

import re
import unicodedata
from typing import Final

from releases.content import Content

MAX_LENGTH: Final = 80
# Letters that Unicode does not take apart into a base letter and a mark.
_LETTERS: Final = str.maketrans(
    {"ß": "ss", "æ": "ae", "Æ": "AE", "ø": "o", "Ø": "O", "œ": "oe", "Œ": "OE", "ł": "l"}
    | {"Ł": "L", "đ": "d", "Đ": "D", "ð": "d", "þ": "th", "ı": "i", "’": "", "'": ""}
)


def slug_of(content: Content) -> str:
    """The slug that front matter names, else one made of the title's Latin letters and digits.

    A title without any (Arabic, Chinese, Russian) gives kind, date and a piece of the digest:
    short, stable, and never an escape sequence a line long.
    """
    if content.slug:
        return content.slug
    latin = unicodedata.normalize("NFKD", content.title.translate(_LETTERS))
    latin = latin.encode("ascii", "ignore").decode("ascii").lower()
    words = re.findall(r"[a-z0-9]+", latin)
    # A few stray Latin letters in a title of another script would name nothing.
    letters = sum(character.isalpha() for character in content.title)
    if sum(map(len, words)) < max(3, letters // 2):
        words = [content.kind.value]
        if content.date:
            words.append(content.date.isoformat())
        words.append(content.digest().hex()[:8])
    slug = ""
    for word in words:
        longer = f"{slug}-{word}" if slug else word[:MAX_LENGTH]
        if len(longer) > MAX_LENGTH:
            break
        slug = longer
    return slug


def numbered(slug: str, number: int) -> str:
    """The slug with a number, for when another release has it already: `title-2`."""
    suffix = f"-{number}"
    return slug[: MAX_LENGTH - len(suffix)].rstrip("-") + suffix

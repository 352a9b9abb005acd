"""Why this mail came: the one sentence of a footer that is written for a person.

"You get this because you follow Press releases and Europe, since March 2024."
"""

import datetime as dt
import functools
from dataclasses import dataclass
from typing import Final

from markupsafe import escape

from mail.text import clean_line
from releases.plaintext import wrap
from runtime.i18n import Words, direction_of, words

# UAX #9: a list's title that runs the other way must not turn the sentence around it.
FIRST_STRONG_ISOLATE: Final = "\u2068"
POP_ISOLATE: Final = "\u2069"


@dataclass(frozen=True, slots=True)
class Why:
    """The sentence: as an HTML fragment, escaped, and as plain text, wrapped."""

    html: str
    text: str


def why(
    titles: tuple[str, ...], since: dt.date, language: str, *, is_for_desk: bool = False
) -> Why:
    """Why the subscriber gets this: the lists they follow, and since when, in their language.

    A desk's copy speaks to whoever reads it there. Kept for combinations seen lately: many
    people share one. Raises ValueError without a list.
    """
    return _why(titles, since.year, since.month, language, is_for_desk)


@functools.lru_cache(maxsize=4096)
def _why(titles: tuple[str, ...], year: int, month: int, language: str, is_for_desk: bool) -> Why:
    if not titles:
        raise ValueError("nobody gets a release without following a list")
    ours = words(language)
    titles = tuple(map(clean_line, titles))
    sentence = (
        ours.gettext("This desk follows %(lists)s, since %(month)s.")
        if is_for_desk
        else ours.gettext("You get this because you follow %(lists)s, since %(month)s.")
    )
    since = ours.month(dt.date(year, month, 1))
    strong = [f"<strong><bdi>{escape(title)}</bdi></strong>" for title in titles]
    plain = [_isolated(title, ours) for title in titles]
    return Why(
        html=sentence % {"lists": ours.listing(strong), "month": since},
        text=wrap(sentence % {"lists": ours.listing(plain), "month": since}),
    )


def _isolated(title: str, ours: Words) -> str:
    if direction_of(None, title) == ours.direction:
        return title
    return f"{FIRST_STRONG_ISOLATE}{title}{POP_ISOLATE}"

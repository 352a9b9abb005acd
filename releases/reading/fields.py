"""Parts of a line that its own words name ("Source: …", "Done at …", "Ort: …")."""

import re

from releases.reading.lines import fold
from releases.reading.offices import is_office, is_organisation
from releases.reading.parts import Part
from releases.reading.places import has_place_shape, is_place
from releases.reading.spans import Label

_ISSUED_AT = re.compile(
    r"^(?:issued|done|given|signed|emitido|emitida|dado|dada|hecho|firmado|fait|gegeben|fatto)"
    r" (?:in|at|en|a|zu|em) (?=\S)"
)
_FROM_FIELD = re.compile(
    r"^(?:from|source|issued by|released by|von|herausgeber|de la part de|de parte de)\s?:\s"
    r"(?=[^@]{3,120}$)"
)
_RELEASED_BY = re.compile(
    r"(?:[Aa]s )?(?:[Rr]eleased|[Ii]ssued|[Pp]repared|[Dd]istributed|[Pp]ublished) by (?:the )?"
    r"(?=[^\W\d_a-z])"
)
_PLACE_FIELD = re.compile(
    r"^(?:place|location|city|dateline|ort|lugar|lieu|luogo|local|место|المكان|地点|地點)\s?[:：]\s?"
)


def named_parts(words: str) -> list[Part] | None:
    """Who sends, or where, when the line says so."""
    if (issued := _ISSUED_AT.match(fold(words))) and _is_town(words[issued.end() :]):
        start = issued.end()
        return [Part(0, start, Label.LETTERHEAD), Part(start, len(words), Label.PLACE)]
    released = _RELEASED_BY.match(words)
    if released and (
        is_office(words[released.end() :]) or is_organisation(words[released.end() :])
    ):
        start = released.end()
        return [Part(0, start, Label.LETTERHEAD), Part(start, len(words), Label.OFFICE)]
    if sender := _FROM_FIELD.match(fold(words)):
        return [
            Part(0, sender.end(), Label.LETTERHEAD),
            Part(sender.end(), len(words), Label.LETTERHEAD),
        ]
    if field := _PLACE_FIELD.match(fold(words)):
        return [Part(0, field.end(), Label.PLACE), Part(field.end(), len(words), Label.PLACE)]
    return None


def _is_town(words: str) -> bool:
    return is_place(words) or ("," in words and has_place_shape(words))

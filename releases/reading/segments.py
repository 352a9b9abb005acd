"""What a line of the header is made of, as far as the line itself tells."""

import datetime
import re
from collections.abc import Callable, Iterator
from dataclasses import dataclass

from releases.content import Kind
from releases.reading import furniture
from releases.reading.dates import FoundDate, find_dates
from releases.reading.kinds import PrintedKind, is_series, kind_at_start, kind_of, kind_of_title
from releases.reading.lines import fold
from releases.reading.offices import is_office, is_organisation
from releases.reading.places import has_place_shape, is_place
from releases.reading.prose import ends_sentence
from releases.reading.spans import Label

Value = PrintedKind | FoundDate | datetime.date | None


@dataclass(frozen=True, slots=True)
class Part:
    """`words[start:end]` of a line, and what it is; `label` None where the line does not tell."""

    start: int
    end: int
    label: Label | None
    value: Value = None


_DATE_FIELD = (
    r"(?:date|dated|release date|date of release|date of issue|published(?: on)?|issued(?: on)?"
    r"|posted(?: on)?|updated(?: on)?"
    r"|last updated|publication date|for release|released|datum|veroffentlicht(?: am)?|fecha"
    r"|publicado(?: el| em)?|date de publication|publie le"
    r"|data|pubblicato il|дата|опубликовано|التاريخ|تاريخ|日期|发布日期|發佈日期|发布时间|発表日)"
)
_FIELD = re.compile(rf"^{_DATE_FIELD}\s?[:：|]?\s+|^{_DATE_FIELD}\s?[:：]\s?")
_ISSUED_AT = re.compile(
    r"^(?:issued|done|given|signed|emitido|emitida|dado|dada|hecho|firmado|fait|gegeben|fatto)"
    r" (?:in|at|en|a|zu|em) (?=\S)"
)
_FROM_FIELD = re.compile(
    r"^(?:from|source|issued by|released by|von|herausgeber|de la part de|de parte de)\s?:\s"
    r"(?=[^@]{3,70}$)"
)
_PLACE_FIELD = re.compile(
    r"^(?:place|location|city|dateline|ort|lugar|lieu|luogo|local|место|المكان|地点|地點)\s?[:：]\s?"
)
_SEPARATOR = re.compile(r"\s*[|•·‖▪]\s*|\s+[-–—/]+\s+|\s*[;；]\s*|\s*：\s*")
_LONGEST = 250
"""Characters; a longer line is no line of a header."""
_LOOSE = " \t,.;:|/–—-•·，、،؛"
_DATE_GLUE = re.compile(
    r"^(?:[\s,.;:|/–—•·()\-،，]|\b(?:on|the|le|den|el|il|am|dated|of|em|à|a|der|du|de|at|vom|г"
    r"|год[а]?|هـ|م|الموافق|يوم)\b)*$",
    re.IGNORECASE,
)
_OF_WHOM = re.compile(r"(?:der|des|de la|de|du|del|della|of the|of|by|from|von)\s+(?=[A-ZÀ-Þ])")
_ADDRESS_ONLY = re.compile(r"(?:https?://|www\.)\S+")
_NO_PLACE = re.compile(
    r"\b(?:briefing|statement|release|remarks|report|day|week|note|news|update)\b"
)
_TIME = re.compile(
    r"^[(\[]?(?:at |as of )?\d{1,2}(?:[:.]\d\d){1,2} ?(?:[ap]\.? ?m\.?|uhr|hrs|hours|h"
    r"|uur)?(?: ?\(?(?:local time|local|[a-z]{1,5})\)?)?[)\].]?$"
    r"|^[(\[]?\d{1,2} ?(?:[ap]\.? ?m\.?)(?: ?\(?[a-z]{1,4}\)?)?[)\].]?$|^\d{1,2} h(?: ?\d\d)?$"
)
_TRAILING_ARTICLE = re.compile(r",? (?:le|el|the|den|on|am|il|lo|vom|dated|of|du|del|od|от)$")
_RELEASED_AS = (
    "press release", "news release", "media release", "media advisory", "press statement",
    "press notice",
    "comunicado de prensa", "nota de prensa", "communique de presse", "pressemitteilung",
    "comunicato stampa",
    "news", "fact sheet", "media alert",
)  # fmt: skip


def segment(words: str) -> list[Part] | None:
    """The parts of a line whose every part is known for what it is; None for any other line."""
    if len(words) > _LONGEST:
        return [Part(0, len(words), Label.RULE)] if furniture.is_rule(words) else None
    return _whole(words) or _split(words)


def date_field_end(words: str) -> int | None:
    """Where the name of a date field ends ("Published: "), for a date in the next line."""
    match = re.match(rf"^{_DATE_FIELD}\s?[:：]$", fold(words))
    return len(words) if match else None


_ITSELF: tuple[tuple[Callable[[str], bool], Label], ...] = (
    (furniture.is_rule, Label.RULE),
    (furniture.is_page_mark, Label.PAGE_MARK),
    (furniture.is_start_mark, Label.START_MARK),
    (furniture.is_release_line, Label.RELEASE_LINE),
    (is_series, Label.SERIES),
    (lambda words: _TIME.match(fold(words)) is not None, Label.TIME),
    (lambda words: furniture.is_number(words) and not kind_at_start(words), Label.NUMBER),
    (lambda words: is_office(words) and not _by_place(words), Label.OFFICE),
    (lambda words: is_place(words) and not _by_place(words), Label.PLACE),
)


def _whole(words: str) -> list[Part] | None:
    """The line as one thing, or as one thing after its name ("Ort: Berlin")."""
    if kind := kind_of(words):
        return [Part(0, len(words), Label.KIND, kind)]
    if date := _whole_date(words):
        return [Part(0, len(words), Label.DATE, date)]
    if (issued := _ISSUED_AT.match(fold(words))) and _is_town(words[issued.end() :]):
        start = issued.end()
        return [Part(0, start, Label.LETTERHEAD), Part(start, len(words), Label.PLACE)]
    if sender := _FROM_FIELD.match(fold(words)):
        return [
            Part(0, sender.end(), Label.LETTERHEAD),
            Part(sender.end(), len(words), Label.LETTERHEAD),
        ]
    if _ADDRESS_ONLY.fullmatch(words):
        return [Part(0, len(words), Label.LETTERHEAD)]
    bracketed = re.fullmatch(r"[(\[](?P<place>[^()\[\]]+,[^()\[\]]+)[)\]]", words)
    if bracketed and has_place_shape(bracketed["place"]):
        return [Part(bracketed.start("place"), bracketed.end("place"), Label.PLACE)]
    for is_it, label in _ITSELF:
        if is_it(words):
            return [Part(0, len(words), label)]
    if field := _PLACE_FIELD.match(fold(words)):
        return [Part(0, field.end(), Label.PLACE), Part(field.end(), len(words), Label.PLACE)]
    if len(words) <= 200 and furniture.is_list_furniture(words):
        return [Part(0, len(words), Label.LIST_FOOTER)]
    return None


def _is_town(words: str) -> bool:
    return is_place(words) or ("," in words and has_place_shape(words))


def _whole_date(words: str) -> FoundDate | None:
    """A date and nothing else, or after the name of its field."""
    if len(words) > 80 or not any(letter.isdigit() for letter in words):
        return None
    field = _FIELD.match(fold(words))
    start = field.end() if field else 0
    dates = find_dates(words)
    if len(dates) != 1:
        return None
    (date,) = dates
    is_rest_short = field is not None and len(words) - date.end <= 32
    if _DATE_GLUE.match(words[start : date.start]) and (
        is_rest_short or _DATE_GLUE.match(words[date.end :])
    ):
        return date
    return None


def _split(words: str) -> list[Part] | None:
    if len(words) > 160:
        return None
    for attempt in (_by_date, _by_separator, _by_kind, _by_place, _by_release_line):
        if parts := attempt(words):
            return parts
    return None


def _by_date(words: str) -> list[Part] | None:
    """A date and what stands before and after it ("Washington, DC January 29, 2019")."""
    dates = find_dates(words)
    if len(dates) != 1:
        return None
    (date,) = dates
    parts = [Part(date.start, date.end, Label.DATE, date)]
    for start, end in ((0, date.start), (date.end, len(words))):
        side = words[start:end]
        if _DATE_GLUE.match(side):
            continue
        first = start + len(side) - len(side.lstrip(_LOOSE))
        last = end - (len(side) - len(side.rstrip(_LOOSE + "(")))
        last = first + len(_TRAILING_ARTICLE.sub("", words[first:last]))
        if words[last : last + 1] == "." and "." in words[first:last]:
            last += 1
        known = segment(words[first:last])
        is_before = end == date.start and not re.search(r"\s[-–—/|]\s*$", side)
        if known is None and is_before and _is_place_before_date(words[first:last]):
            known = [Part(0, last - first, Label.PLACE)]
        if known is None:
            return None
        parts += _moved(known, first)
    return sorted(parts, key=lambda part: part.start)


def _is_place_before_date(words: str) -> bool:
    if kind_of_title(words) or is_organisation(words) or _NO_PLACE.search(fold(words)):
        return False
    return has_place_shape(words) and len(words.split()) <= 4


def _by_separator(words: str) -> list[Part] | None:
    """Parts between bars or dashes, one of which is a kind, a date or a number."""
    pieces = list(_pieces(words))
    if not 2 <= len(pieces) <= 5:
        return None
    parts: list[Part] = []
    known = unknown = unclear = 0
    for start, end in pieces:
        found = segment(words[start:end]) if end - start < len(words) else None
        if found:
            known += any(part.label in _TELLING for part in found)
            parts += _moved(found, start)
        else:
            unknown += 1
            labels = {part.label for part in parts}
            is_sender = is_organisation(words[start:end]) or (
                {Label.DATE, Label.PLACE} <= labels
                and len(words[start:end].split()) <= 7
                and not ends_sentence(words[start:end])
            )
            label = Label.LETTERHEAD if is_sender else None
            is_long = label is None and len(words[start:end].split()) > 5
            parts.append(Part(start, end, label))
            unclear += is_long
    if [part.label for part in parts] == [None, Label.DATE] and kind_of_title(words):
        return None  # Department Press Briefing – July 16, 2019: the date is part of the headline
    says_kind = any(part.label in (Label.KIND, Label.SERIES, Label.RELEASE_LINE) for part in parts)
    return parts if known and unknown <= 1 and (says_kind or not unclear) else None


_TELLING = (Label.KIND, Label.DATE, Label.NUMBER, Label.RELEASE_LINE, Label.SERIES)


def _pieces(words: str) -> Iterator[tuple[int, int]]:
    start = 0
    for match in _SEPARATOR.finditer(words):
        if match.start() > start:
            yield start, match.start()
        start = match.end()
    if start < len(words):
        yield start, len(words)


def _by_kind(words: str) -> list[Part] | None:
    """A kind with an office, an organisation or a number ("Media Note Office of the …")."""
    found = kind_at_start(words)
    if found and found[1] < len(words):
        kind, end = found
        rest = words[end:]
        start = end + len(rest) - len(rest.lstrip(_LOOSE))
        after = segment(words[start:])
        if after is None and furniture.is_number(words[start:]):
            after = [Part(0, len(words) - start, Label.NUMBER)]
        of = _OF_WHOM.match(words[start:])
        is_named = fold(kind.label) not in ("communique", "news")
        if after is None and of and is_named and kind.kind is Kind.PRESS_RELEASE:
            after = [Part(of.end(), len(words) - start, Label.LETTERHEAD)]
        if after is None and is_organisation(words[start:]) and len(fold(kind.label).split()) > 1:
            after = [Part(0, len(words) - start, Label.LETTERHEAD)]
        if after:
            return [Part(0, end, Label.KIND, kind), *_moved(after, start)]
    folded = fold(words)
    for ending in _RELEASED_AS:
        if folded.endswith(" " + ending) and (label := kind_of(words[-len(ending) :])):
            start = len(words) - len(ending)
            who = words[:start].strip(_LOOSE)
            is_short = len(who.split()) <= 3 and all(word[0].isupper() for word in who.split())
            if is_office(who) or is_organisation(who) or (is_short and " " in ending):
                office = Label.OFFICE if is_office(who) else Label.LETTERHEAD
                return [Part(0, len(who), office), Part(start, len(words), Label.KIND, label)]
    return None


def _by_place(words: str) -> list[Part] | None:
    """An office and the place it sits in."""
    tokens = list(re.finditer(r"\S+", words))
    for token in reversed(tokens[2:]):
        if is_place(words[token.start() :]) and is_office(words[: token.start()].rstrip(_LOOSE)):
            office_end = len(words[: token.start()].rstrip(_LOOSE))
            return [
                Part(0, office_end, Label.OFFICE),
                Part(token.start(), len(words), Label.PLACE),
            ]
    return None


def _by_release_line(words: str) -> list[Part] | None:
    """A release line and what follows it ("FOR IMMEDIATE RELEASE: Contact …")."""
    tokens = list(re.finditer(r"\S+", words))
    for count in range(min(len(tokens) - 1, 7), 1, -1):
        end = tokens[count - 1].end()
        if furniture.is_release_line(words[:end]):
            start = tokens[count].start()
            start += len(words[start:]) - len(words[start:].lstrip(_LOOSE))
            after = segment(words[start:])
            return [Part(0, end, Label.RELEASE_LINE), *_moved(after, start)] if after else None
    return None


def _moved(parts: list[Part], by: int) -> list[Part]:
    return [Part(part.start + by, part.end + by, part.label, part.value) for part in parts]

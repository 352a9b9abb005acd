"""What a line of the header is made of, as far as the line itself tells."""

import re
from collections.abc import Callable, Iterator

from releases.content import Kind
from releases.reading import furniture
from releases.reading.addresses import is_address
from releases.reading.date_lines import DATE_GLUE, is_clock_time, whole_date
from releases.reading.dates import find_dates
from releases.reading.fields import named_parts
from releases.reading.kinds import is_series, kind_at_start, kind_of, kind_of_title
from releases.reading.lines import fold
from releases.reading.offices import is_office, is_organisation
from releases.reading.parts import Part
from releases.reading.places import has_place_shape, is_place
from releases.reading.prose import ends_sentence
from releases.reading.spans import Label
from releases.reading.stamps import is_furniture, is_navigation

METADATA = (Label.DATE, Label.PLACE, Label.KIND, Label.RELEASE_LINE, Label.NUMBER)
"""What the lines of a header say that are no headline."""


_SEPARATOR = re.compile(r"\s*[|•·‖▪]\s*|\s+[-–—/]+\s+|\s*[;；]\s*|\s*：\s*")
_LONGEST = 250
"""Characters; a longer line is no line of a header."""
_LOOSE = " \t,.;:|/–—-•·，、،؛"
_OF_WHOM = re.compile(r"(?:der|des|de la|de|du|del|della|of the|of|by|from|von)\s+(?=[A-ZÀ-Þ])")
_ADDRESS_ONLY = re.compile(r"(?:https?://|www\.)\S+")
_NO_PLACE = re.compile(
    r"\b(?:briefing|statement|release|remarks|report|day|week|note|news|update)\b"
)
_SHORTENED = re.compile(r"\b(?:Inc|Ltd|Corp|Co|Bros|Jr|Sr)$")
_FOR_DAY = re.compile(
    r"\b[Ff]or (?:\w+day,? )?(?:[A-Z][a-z]+ \d{1,2},? \d{4}|\d{1,2} [A-Z][a-z]+ \d{4})$"
)
_PREPOSITIONS = ("for", "of", "on", "as", "from", "until", "since", "by", "through", "in", "at")
_TIME_THEN = re.compile(
    r"[(\[]?(?:at )?\d{1,2}[:.]\d\d(?: ?[ap]\.? ?m\.?)?(?:"
    r" \(?[A-Z]{2,4}\)?)?[)\]]?[\s,;|–—-]+(?=\S)",
    re.IGNORECASE,
)
_TRAILING_ARTICLE = re.compile(
    r",? (?:le|el|the|den|on|am|il|lo|vom|dated|of|du|del|od|от|a|à|في)$"
)
_RELEASED_AS = (
    "press release", "news release", "media release", "media advisory", "press statement",
    "press notice",
    "comunicado de prensa", "nota de prensa", "communique de presse", "pressemitteilung",
    "comunicato stampa",
    "news", "fact sheet", "media alert", "보도자료", "新闻稿", "プレスリリース",
)  # fmt: skip


def segment(words: str) -> list[Part] | None:
    """The parts of a line whose every part is known for what it is; None for any other line."""
    if len(words) > _LONGEST:
        return [Part(0, len(words), Label.RULE)] if furniture.is_rule(words) else None
    return _whole(words) or _split(words)


def _is_number_alone(words: str) -> bool:
    """A number without the name of a kind before it ("News" may begin another name)."""
    if not furniture.is_number(words):
        return False
    kind = kind_at_start(words)
    return kind is None or fold(kind[0].label) == "news"


_ITSELF: tuple[tuple[Callable[[str], bool], Label], ...] = (
    (furniture.is_rule, Label.RULE),
    (furniture.is_page_mark, Label.PAGE_MARK),
    (furniture.is_start_mark, Label.START_MARK),
    (furniture.is_release_line, Label.RELEASE_LINE),
    (is_series, Label.SERIES),
    (is_clock_time, Label.TIME),
    (_is_number_alone, Label.NUMBER),
    (lambda words: is_office(words) and not _by_place(words), Label.OFFICE),
    (lambda words: is_place(words) and not _by_place(words), Label.PLACE),
)


def _whole(words: str) -> list[Part] | None:
    """The line as one thing, or as one thing after its name ("Ort: Berlin")."""
    if is_navigation(words):
        return [Part(0, len(words), Label.LIST_FOOTER)]
    if kind := kind_of(words):
        return [Part(0, len(words), Label.KIND, kind)]
    if date := whole_date(words):
        return [Part(0, len(words), Label.DATE, date)]
    if parts := named_parts(words):
        return parts
    if _ADDRESS_ONLY.fullmatch(words):
        return [Part(0, len(words), Label.LETTERHEAD)]
    bracketed = re.fullmatch(r"[(\[](?P<place>[^()\[\]]+,[^()\[\]]+)[)\]]", words)
    if bracketed and has_place_shape(bracketed["place"]):
        return [Part(bracketed.start("place"), bracketed.end("place"), Label.PLACE)]
    for is_it, label in _ITSELF:
        if is_it(words):
            return [Part(0, len(words), label)]
    if is_address(words):
        return [Part(0, len(words), Label.LETTERHEAD)]
    if len(words) <= 320 and is_furniture(words):
        return [Part(0, len(words), Label.LIST_FOOTER)]
    return None


def _split(words: str) -> list[Part] | None:
    if len(words) > 160:
        return None
    if _FOR_DAY.search(words) and kind_of_title(words):
        return None  # Daily Appointments Schedule for May 5, 2009
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
    if date.start == 0 and (colon := re.match(r":\s+", words[date.end :])):
        start = date.end + colon.end()  # 4/09/93: SCIENCE TEAM SELECTED
        is_headline = start < len(words) and not ends_sentence(words)
        return [*parts, Part(start, len(words), None)] if is_headline else None
    for start, end in ((0, date.start), (date.end, len(words))):
        side = words[start:end]
        if DATE_GLUE.match(side):
            continue
        first = start + len(side) - len(side.lstrip(_LOOSE + "("))
        last = end - (len(side) - len(side.rstrip(_LOOSE + "(")))
        last = first + len(_TRAILING_ARTICLE.sub("", words[first:last]))
        is_short = _SHORTENED.search(words[first:last]) is not None
        if words[last : last + 1] == "." and ("." in words[first:last] or is_short):
            last += 1
        known = segment(words[first:last]) or _after_time(words[first:last])
        is_before = end == date.start and not re.search(r"\s[-–—/|]\s*$", side)
        if known is None and re.match(r"[Ff]rom \S.{2,60}:\s*$", side):
            known = [Part(0, last - first, Label.LETTERHEAD)]  # From Tech Beat: October 1, 2014
        if known is None and is_before and _is_place_before_date(words[first:last]):
            known = [Part(0, last - first, Label.PLACE)]
        if known is None:
            return None
        parts += _moved(known, first)
    return sorted(parts, key=lambda part: part.start)


def _after_time(words: str) -> list[Part] | None:
    """A clock time and what stands behind it ("(7:30 p.m. EST) No. 31")."""
    match = _TIME_THEN.match(words)
    if match is None:
        return None
    after = segment(words[match.end() :])
    return [Part(0, match.end(), Label.TIME), *_moved(after, match.end())] if after else None


def _is_place_before_date(words: str) -> bool:
    if kind_of_title(words) or is_organisation(words) or _NO_PLACE.search(fold(words)):
        return False
    folded = fold(words).split()  # nothing is left of a lone accent
    if not folded or folded[0] in _PREPOSITIONS:
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
    if [part.label for part in parts] == [Label.DATE, None] and len(words) <= 160:
        return None if ends_sentence(words) else parts
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
        is_count = re.fullmatch(r"\d{1,6}", words[start:]) is not None
        if after is None and (is_count or furniture.is_number(words[start:])):
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

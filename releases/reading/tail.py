"""The tail: what stands below the body, from end marks and contacts to a list's own footer."""

import re
from dataclasses import dataclass, field

from releases.reading import contacts, furniture
from releases.reading.header import Piece
from releases.reading.lines import Line, fold, groups
from releases.reading.prose import ends_sentence, is_advisory_field, is_prose
from releases.reading.segments import segment
from releases.reading.spans import Label

_NOTES = re.compile(
    r"^[#*\[(-]*\s?(?:notes? (?:to|for) (?:the )?(?:news ?|picture )?(?:editors?|desks?"
    r"|journalists?|media)|editors?'? notes?|editor's notes?|notes"
    r"|forward[- ]looking statements?|safe harbou?r.{0,60}"
    r"|cautionary (?:note|statement|language).{0,60}|disclaimers?|legal (?:notice|disclaimer)"
    r"|trademarks?|boilerplate|hinweise? (?:an|fur) (?:die )?redaktion(?:en)?"
    r"|anmerkungen? (?:an|fur) die redaktion"
    r"|notes? (?:aux redactions|a l'attention des redactions|aux editeurs)"
    r"|notas? (?:a los editores|al editor|para editores|a redaccion)|nota per (?:la redazione"
    r"|i redattori)|nota aos editores"
    r"|примечани[ея](?: для редакц\w+)?|ملاحظات? (?:ل|الى )\w+|编者按|编辑注意"
    r"|zukunftsgerichtete aussagen|rechtlicher hinweis"
    r"|uber diese mitteilung)[\])]*\s?[:.]?(?:\s|$)"
)
_ABOUT = re.compile(
    r"^[#*-]*\s?(?:about|uber|a propos(?: de| d'| du)?|acerca de|sobre|quienes somos"
    r"|informazioni su|chi siamo|chi e|о компании|об? |про |نبذة عن|عن |关于|關於|over|om|tietoja"
    r"|o spolocnosti|o spolecnosti|o firmie|hakkinda)"
    r"\s?(?=[^\W\d_])(?P<name>.{2,70}?)\s?(?P<end>:|：|$|\s[-–—]\s)"
)
_ARTICLE = re.compile(
    r"(?:the|us|uns|nous|nosotros|das|die|den|der|dem|la|le|les|l'|el|los|las|os|as|o|a|il|lo"
    r"|gli|i)\b"
)
_ABOUT_BEHIND = re.compile(r"^.{2,40}(?:について|會社槪要|会社概要|소개|hakkında)\s?[:：]?$")
_DISCLAIMER = re.compile(
    r"manages this site|external links to other|construed as an endorsement"
    r"|forward-looking statements|all rights reserved|alle rechte vorbehalten"
    r"|tous droits reserves|todos los derechos reservados"
    r"|^(?:copyright|©|\(c\)) ?\d{0,4}|intended (?:only |solely )?for the (?:named "
    r"|intended )?(?:recipient|addressee|use of)|views expressed (?:herein|here|in this)"
    r"|unofficial document|for information media|not an official record"
    r"|this (?:document|text|transcript|translation) (?:is|was|has been) (?:provided|prepared"
    r"|translated) .{0,60}(?:courtesy|convenience|information)|the source text remains"
    r"|is an equal opportunity"
)
_ADDRESS = re.compile(
    r"(?:\b\d{1,5}\s+[^\W\d_]+.{0,40}\b(?:street|st|avenue|ave|road|rd|boulevard|blvd|drive|nw"
    r"|sw|ne|se|plaza|square|way|lane)\b)|(?:strasse|straße|platz|allee)\s+\d+"
    r"|\b(?:rue|avenue|boulevard|place|calle|via|avenida|plaza|paseo|rua)\s.{2,40}\b\d{1,5}\b"
    r"|\b\d{1,4},? (?:rue|avenue|boulevard|place)\b|\bp\.? ?o\.? box\b",
    re.IGNORECASE,
)
_CLOSES = re.compile("end|conclu|adjourn", re.IGNORECASE)
_END_MARKS = frozenset("#-–—*(（x")
_END_STARTS = frozenset(
    (
        "end",
        "the",
        "fin",
        "xxx",
        "x x",
        "кон",
        "кін",
        "انت",
        "الن",
        "نها",
        "ein",
        "slu",
        "kon",
        "son",
        "lop",
        "fim",
        "-ان",
        "完",
        "以上",
        "全文完",
        "全文",
        "끝",
    )
)
_LOOK_AHEAD = 300
"""Lines after an end mark that show whether the text goes on."""
_MARKS = 30
"""End marks in one text that may turn out to be none."""
_LOOK_BACK = 80
"""Groups from the end in which boilerplate is looked for."""


@dataclass(slots=True)
class Tail:
    """Where the body ends, and what the groups of lines after it are."""

    body_end: int
    """Index of the first line that is no body."""
    parts: list[tuple[Label, list[Line]]] = field(default_factory=list)

    def of(self, label: Label) -> list[list[Line]]:
        """The groups with a label, in order."""
        return [group for found, group in self.parts if found is label]

    def dates(self, lines: list[Line]) -> list[Piece]:
        """The date that a letter or notice has below its text."""
        found = []
        for group in self.of(Label.DATE):
            line = group[0]
            for part in segment(line.words) or ():
                words = line.words[part.start : part.end]
                found.append(Piece(part.label, line.start, line.end, words, part.value, len(lines)))
        return found


def read_tail(lines: list[Line], start: int) -> Tail:
    """Finds the tail of a body that begins at line `start`."""
    end_mark = _end_mark(lines, start)
    body_end = len(lines) if end_mark is None else end_mark
    before = groups(lines[start:body_end])
    kept = _without_boilerplate(before)
    tail = Tail(start + sum(len(group) for group in before[:kept]))
    tail.parts = [(_label(group), group) for group in before[kept:]]
    if end_mark is not None:
        tail.parts.append((Label.END_MARK, [lines[end_mark]]))
        for group in groups(lines[end_mark + 1 :]):
            tail.parts.append((_label(group), group))
    _give_addresses_to_lists(tail)
    _keep_sections_together(tail)
    return tail


def _end_mark(lines: list[Line], start: int) -> int | None:
    weak, marks = None, 0
    for index in range(start, len(lines)):
        words = lines[index].words
        if len(words) > 70 or not (
            words[0] in _END_MARKS or words[:3].lower() in _END_STARTS or len(words) <= 3
        ):
            continue
        if words[:3] in ("The", "the") and not _CLOSES.search(words):
            continue
        if furniture.is_end_mark(words):
            marks += 1
            if marks > _MARKS or not _goes_on(lines, start, index):
                return index
        if furniture.is_weak_end_mark(words):
            weak = index
    if weak is not None and _is_all_tail(lines[weak + 1 :]):
        return weak
    return None


def _goes_on(lines: list[Line], start: int, mark: int) -> bool:
    """Whether what follows a mark is as much a text as what stands before it."""
    following = lines[mark + 1 : mark + 1 + _LOOK_AHEAD]
    after = [group for group in groups(following) if _label(group) is Label.FOOTER]
    if any(_heads_boilerplate(group) for group in after[:3]):
        return False
    prose = [group for group in after if is_prose(" ".join(line.words for line in group))]
    octets_before = lines[mark].start - lines[start].start
    return len(prose) >= 3 and lines[-1].end - lines[mark].end > octets_before


def _is_all_tail(lines: list[Line]) -> bool:
    found = groups(lines)
    if not found or len(found) > 30:
        return not found
    return all(_label(group) is not Label.FOOTER or _is_standing(group) for group in found) or (
        _heads_boilerplate(found[0])
    )


def _without_boilerplate(found: list[list[Line]]) -> int:
    """How many groups are left when contacts, numbers and boilerplate at the end are taken off."""
    kept = len(found)
    while True:
        before = kept
        while kept > 1 and _is_tail_group(found[kept - 1]):
            kept -= 1
        kept = _boilerplate_start(found, kept)
        if kept == before:
            return kept


def _is_tail_group(group: list[Line]) -> bool:
    if is_advisory_field(group[0].words):
        return False
    label = _label(group)
    return label is not Label.FOOTER or _is_standing(group)


def _boilerplate_start(found: list[list[Line]], kept: int) -> int:
    """The first group of a section such as "About Acme" or "Notes to editors"."""
    first = max(1, kept - _LOOK_BACK, kept * 2 // 5 if kept > 12 else 1)
    for index in range(first, kept):
        if _heads_boilerplate(found[index]):
            is_heading_alone = len(found[index]) == 1 and len(found[index][0].words) < 80
            if not is_heading_alone or index + 1 < kept or kept < len(found):
                return index
    return kept


def _heads_boilerplate(group: list[Line]) -> bool:
    words = group[0].words
    folded = fold(words[:160])
    if _NOTES.match(folded) and (len(words) <= 60 or ":" in words[:60]):
        return True
    match = _ABOUT.match(folded)
    if match is None:
        return len(words) <= 50 and _ABOUT_BEHIND.match(words) is not None
    if match["end"] == "" and (len(words) > 80 or words.endswith((".", "?", "!", ",", ";"))):
        return False
    name = words[match.start("name") :]
    return not name[0].islower() or _ARTICLE.match(match["name"]) is not None


def _is_standing(group: list[Line]) -> bool:
    """A disclaimer, a copyright line, a postal address: the same below every release."""
    words = " ".join(line.words for line in group)[:1500]
    if _DISCLAIMER.search(fold(words)):
        return True
    return len(words) <= 160 and _ADDRESS.search(words) is not None and not is_prose(words)


def _label(group: list[Line]) -> Label:
    """What a group below the body is, by itself; FOOTER when nothing tells."""
    first = group[0].words
    words = " ".join(line.words for line in group[:12])
    if len(words) <= 90 and (parts := segment(first)) and len(group) == 1:
        for label in (
            Label.NUMBER,
            Label.PAGE_MARK,
            Label.RULE,
            Label.RELEASE_LINE,
            Label.LIST_FOOTER,
            Label.DATE,
        ):
            allowed = (label, Label.PLACE) if label is Label.DATE else (label,)
            if any(part.label is label for part in parts) and all(
                part.label in allowed for part in parts
            ):
                return label
    is_short = len(group) <= 3 and all(len(line.words.split()) <= 4 for line in group)
    if is_short and furniture.is_number(first) and not ends_sentence(words):
        return Label.NUMBER
    if len(group) == 1 and (furniture.is_end_mark(first) or furniture.is_weak_end_mark(first)):
        return Label.END_MARK
    if contacts.label_end(first) is not None and _is_contact(group, words):
        return Label.CONTACT
    if furniture.is_list_furniture(words) and len(words) <= 1200:
        return Label.LIST_FOOTER
    if contacts.is_contact_sentence(words) and len(words) <= 400:
        return Label.CONTACT
    if (
        len(group) <= 8
        and not is_prose(words)
        and all(contacts.can_follow(line.words) for line in group)
    ):
        reachable = sum(contacts.is_reachable(line.words) for line in group)
        is_sentence = len(group) == 1 and ends_sentence(words) and len(words.split()) >= 5
        if reachable and len(first) <= 120 and not is_sentence:
            return Label.CONTACT
    return Label.FOOTER


def _is_contact(group: list[Line], words: str) -> bool:
    """A label alone, or one that somebody to be reached, or a few short lines, follow."""
    rest = words[contacts.label_end(group[0].words) or 0 :].strip()
    return not rest or contacts.is_reachable(words) or (len(rest) <= 80 and not is_prose(words))


def _give_addresses_to_lists(tail: Tail) -> None:
    """After "Unsubscribe", an address or telephone number is the list's own."""
    is_list = False
    for index, (label, group) in enumerate(tail.parts):
        if label is Label.LIST_FOOTER:
            is_list = True
        elif is_list and label in (Label.CONTACT, Label.FOOTER):
            words = " ".join(line.words for line in group)
            is_labelled = contacts.label_end(group[0].words) is not None
            if not is_labelled and len(words) <= 250 and not _heads_boilerplate(group):
                tail.parts[index] = (Label.LIST_FOOTER, group)


def _keep_sections_together(tail: Tail) -> None:
    """The paragraphs of notes to editors stay with their heading, addresses in them included."""
    is_notes = False
    for index, (label, group) in enumerate(tail.parts):
        if label is Label.FOOTER:
            is_notes = _NOTES.match(fold(group[0].words[:160])) is not None or (
                is_notes and not _heads_boilerplate(group)
            )
        elif label is Label.CONTACT and is_notes and contacts.label_end(group[0].words) is None:
            words = " ".join(line.words for line in group)
            if re.match(r"^(?:\d{1,2}[.)]|[•*-])\s", words):
                tail.parts[index] = (Label.FOOTER, group)

"""The tail: what stands below the body, from end marks and contacts to a list's own footer."""

import re
from dataclasses import dataclass, field

from releases.reading import contacts, furniture
from releases.reading.boilerplate import heads_boilerplate, is_notes, is_pointer, is_standing
from releases.reading.lines import Line, groups
from releases.reading.offices import is_office, is_person
from releases.reading.pieces import Piece
from releases.reading.prose import ends_sentence, is_advisory_field, is_prose
from releases.reading.segments import segment
from releases.reading.spans import Label
from releases.reading.stamps import is_furniture, is_navigation

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
_LONG = 140
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
            for line in group:
                for part in segment(line.words) or ():
                    words = line.words[part.start : part.end]
                    piece = Piece(part.label, line.start, line.end, words, part.value, len(lines))
                    found.append(piece)
        return found


def read_tail(lines: list[Line], start: int) -> Tail:
    """Finds the tail of a body that begins at line `start`."""
    end_mark = _end_mark(lines, start)
    body_end = len(lines) if end_mark is None else end_mark
    before = _paragraphs(lines[start:body_end])
    kept = _without_boilerplate(before)
    tail = Tail(start + sum(len(group) for group in before[:kept]))
    tail.parts = [(_label(group), group) for group in before[kept:]]
    if end_mark is not None:
        tail.parts.append((Label.END_MARK, [lines[end_mark]]))
        for group in _paragraphs(lines[end_mark + 1 :]):
            tail.parts.append((_label(group), group))
    _head_contacts(tail)
    _give_addresses_to_lists(tail)
    _keep_sections_together(tail)
    return tail


def _paragraphs(lines: list[Line]) -> list[list[Line]]:
    """Groups of lines; a line too long for paper is a paragraph of its own."""
    found = []
    for group in groups(lines):
        start = 0
        for index in range(1, len(group)):
            before, words = group[index - 1].words, group[index].words
            if max(len(before), len(words)) > _LONG or (
                len(words) > 80 and furniture.is_number(before)
            ):
                found.append(group[start:index])
                start = index
        found.append(group[start:])
    return found


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
    if any(heads_boilerplate(group) for group in after[:3]):
        return False
    prose = [group for group in after if is_prose(" ".join(line.words for line in group))]
    octets_before = lines[mark].start - lines[start].start
    return len(prose) >= 3 and lines[-1].end - lines[mark].end > octets_before


def _is_all_tail(lines: list[Line]) -> bool:
    found = groups(lines)
    if not found or len(found) > 30:
        return not found
    return all(_label(group) is not Label.FOOTER or is_standing(group) for group in found) or (
        heads_boilerplate(found[0])
    )


def _without_boilerplate(found: list[list[Line]]) -> int:
    """How many groups are left when contacts, numbers and boilerplate at the end are taken off."""
    kept = len(found)
    while True:
        before = kept
        while kept > 1 and (
            _is_tail_group(found[kept - 1])
            or (kept < len(found) and _heads_contact(found[kept - 1], found[kept]))
            or (2 < kept < len(found) and _is_site(found[kept - 1], found[kept], found[kept - 2]))
            or (kept > 2 and _is_under_tags(found[kept - 1], found[kept - 2]))
            or (kept > 2 and _points_elsewhere(found[kept - 1], found[kept - 2]))
        ):
            kept -= 1
        kept = _boilerplate_start(found, kept)
        if kept == before:
            return kept


def _is_site(group: list[Line], following: list[Line], before: list[Line]) -> bool:
    """The address of the whole site, above what the site has at its foot."""
    words = group[0].words
    is_address = len(group) == 1 and contacts.is_web_address(words)
    is_above_links = is_navigation(following[0].words)
    return is_address and is_above_links and not before[-1].words.endswith((":", ","))


def _is_tail_group(group: list[Line]) -> bool:
    if is_advisory_field(group[0].words):
        return False
    label = _label(group)
    return label is not Label.FOOTER or is_standing(group)


def _is_under_tags(group: list[Line], before: list[Line]) -> bool:
    """What a web page lists below "Tags" or "Related"."""
    is_short = len(group) <= 12 and all(len(line.words) <= 160 for line in group)
    is_list = len(before) == 1 and is_navigation(before[0].words)
    return is_short and is_list and not ends_sentence(group[-1].words)


def _points_elsewhere(group: list[Line], before: list[Line]) -> bool:
    """For attachments visit …, below a contact."""
    words = " ".join(line.words for line in group)
    return is_pointer(words) and _label(before) is Label.CONTACT


def _heads_contact(group: list[Line], following: list[Line]) -> bool:
    """An office alone on a line above a contact."""
    is_one = len(group) == 1 and len(group[0].words) <= 80
    return is_one and is_office(group[0].words) and _label(following) is Label.CONTACT


def _boilerplate_start(found: list[list[Line]], kept: int) -> int:
    """The first group of a section such as "About Acme" or "Notes to editors"."""
    first = max(1, kept - _LOOK_BACK, kept * 2 // 5 if kept > 12 else 1)
    for index in range(first, kept):
        if heads_boilerplate(found[index]):
            is_heading_alone = len(found[index]) == 1 and len(found[index][0].words) < 80
            if not is_heading_alone or index + 1 < kept or kept < len(found):
                return index
    return kept


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
            Label.TIME,
            Label.DATE,
        ):
            allowed = (label, Label.PLACE) if label is Label.DATE else (label,)
            if any(part.label is label for part in parts) and all(
                part.label in allowed for part in parts
            ):
                return label
    if 2 <= len(group) <= 3 and _is_place_and_date(group):
        return Label.DATE
    is_short = len(group) <= 3 and all(len(line.words.split()) <= 4 for line in group)
    if is_short and furniture.is_number(first) and not ends_sentence(words):
        return Label.NUMBER
    if len(group) == 1 and (furniture.is_end_mark(first) or furniture.is_weak_end_mark(first)):
        return Label.END_MARK
    if is_notes(first):
        return Label.FOOTER
    if contacts.label_end(first) is not None and _is_contact(group, words):
        return Label.CONTACT
    if is_furniture(words) and len(words) <= 1200:
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


def _is_place_and_date(group: list[Line]) -> bool:
    """New Delhi / April 7, 2018: where and when it was done, on lines of their own."""
    found = [segment(line.words) for line in group if len(line.words) <= 60]
    labels = [{part.label for part in parts} for parts in found if parts]
    return len(labels) == len(group) and (
        set().union(*labels) <= {Label.PLACE, Label.DATE} and {Label.DATE} in labels
    )


def _is_contact(group: list[Line], words: str) -> bool:
    """A label alone, or one that somebody to be reached, or a few short lines, follow."""
    rest = words[contacts.label_end(group[0].words) or 0 :].strip()
    return not rest or contacts.is_reachable(words) or (len(rest) <= 80 and not is_prose(words))


def _head_contacts(tail: Tail) -> None:
    """The name of an office right above those who can be reached there is theirs."""
    for index, (label, group) in enumerate(tail.parts[:-1]):
        words = group[0].words
        is_who = len(group) == 1 and (is_office(words) or is_person(words))
        if label is Label.FOOTER and is_who and tail.parts[index + 1][0] is Label.CONTACT:
            tail.parts[index] = (Label.CONTACT, group)


def _give_addresses_to_lists(tail: Tail) -> None:
    """After "Unsubscribe", an address or telephone number is the list's own."""
    is_list = False
    for index, (label, group) in enumerate(tail.parts):
        if label is Label.LIST_FOOTER:
            is_list = True
        elif is_list and label in (Label.CONTACT, Label.FOOTER):
            words = " ".join(line.words for line in group)
            is_labelled = contacts.label_end(group[0].words) is not None
            if not is_labelled and len(words) <= 250 and not heads_boilerplate(group):
                tail.parts[index] = (Label.LIST_FOOTER, group)


def _keep_sections_together(tail: Tail) -> None:
    """The paragraphs of notes to editors stay with their heading, addresses in them included."""
    in_notes = False
    for index, (label, group) in enumerate(tail.parts):
        if label is Label.FOOTER:
            in_notes = is_notes(group[0].words) or (in_notes and not heads_boilerplate(group))
        elif label is Label.CONTACT and in_notes and contacts.label_end(group[0].words) is None:
            words = " ".join(line.words for line in group)
            if re.match(r"^(?:\d{1,2}[.)]|[•*-])\s", words):
                tail.parts[index] = (Label.FOOTER, group)

"""Contacts that stand above a release: where they begin and how far they go."""

from releases.reading import contacts, furniture
from releases.reading.lines import Line, cells, is_caps
from releases.reading.offices import is_office, is_organisation, is_person, is_position
from releases.reading.stamps import is_furniture

_LONGEST = 14
"""Lines."""


def contact_reach(lines: list[Line], text: str, index: int) -> int:
    """The index of the last line of a contact that begins at line `index`; -1 where none does."""
    if is_furniture(lines[index].words):
        return -1
    words = [cell.words for cell in cells(lines[index], text)]
    if any(contacts.is_fields_only(cell) for cell in words):
        if len(words) > 1 and all(contacts.can_follow(cell) for cell in words):
            return index
        if len(words) == 1 and not lines[index].after_blank:
            return index
    label = next((cell for cell in words if contacts.label_end(cell) is not None), None)
    if label is not None:
        return _end(lines, text, index, label)
    if lines[index].after_blank and _is_unlabelled_contact(lines, text, index):
        return _end(lines, text, index, "")
    if lines[index].after_blank and _is_named_contact(lines, index):
        return index + 1
    return -1


def _end(lines: list[Line], text: str, index: int, label: str) -> int:
    """The last line, from a label's on, by which somebody can be reached."""
    rest = label[contacts.label_end(label) or 0 :].strip() if label else ""
    end = index if rest or label.rstrip().endswith((":", "：")) else index - 1
    for ahead in range(index + 1, min(index + _LONGEST, len(lines))):
        line = lines[ahead]
        if line.after_blank and (end > index or rest or is_office(label)):
            break
        parts = [cell.words for cell in cells(line, text)]
        if not any(contacts.can_follow(part) for part in parts):
            break
        is_name = line.indent > 0 and is_person(parts[0]) and end == ahead - 1
        if is_name or any(contacts.is_reachable(part) for part in parts):
            end = ahead
    return end if end >= index else -1


def _is_unlabelled_contact(lines: list[Line], text: str, index: int) -> bool:
    """A few short lines without a label, one of them a telephone number or address."""
    group = [lines[index]]
    for line in lines[index + 1 : index + _LONGEST]:
        if line.after_blank:
            break
        group.append(line)
    first = cells(group[0], text)[0].words
    if index <= 2 and (is_organisation(first) or is_office(first)):
        return False
    most = 9 if contacts.is_reachable(first) else 6
    if len(group) > 7 or len(first.split()) > most or (is_caps(first) and len(first.split()) > 4):
        return False
    parts = [cell.words for line in group for cell in cells(line, text)]
    if any(contacts.label_end(part) is not None or _is_furniture(part) for part in parts):
        return False
    return all(contacts.can_follow(part) for part in parts) and any(
        contacts.is_reachable(part) for part in parts
    )


def _is_named_contact(lines: list[Line], index: int) -> bool:
    """A name and its office alone, as some agencies print above their release number."""
    group = lines[index : index + 3]
    if len(group) < 3 or group[1].after_blank or not group[2].after_blank:
        return False
    person, office = group[0].words, group[1].words
    is_pair = is_person(person) and is_organisation(office) and not is_position(office)
    return is_pair and not is_organisation(person) and not is_position(person)


def _is_furniture(words: str) -> bool:
    return is_furniture(words) or furniture.is_release_line(words)

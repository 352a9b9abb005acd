"""Contacts that stand above a release: where they begin and how far they go."""

from releases.reading import contacts, furniture
from releases.reading.lines import Line, cells, is_caps

_LONGEST = 14
"""Lines."""


def contact_reach(lines: list[Line], text: str, index: int) -> int:
    """The index of the last line of a contact that begins at line `index`; -1 where none does."""
    if furniture.is_list_furniture(lines[index].words):
        return -1
    words = [cell.words for cell in cells(lines[index], text)]
    label = next((cell for cell in words if contacts.label_end(cell) is not None), None)
    if label is not None:
        return _end(lines, text, index, label)
    if lines[index].after_blank and _is_unlabelled_contact(lines, text, index):
        return _end(lines, text, index, "")
    return -1


def _end(lines: list[Line], text: str, index: int, label: str) -> int:
    """The last line, from a label's on, by which somebody can be reached."""
    rest = label[contacts.label_end(label) or 0 :].strip() if label else ""
    end = index if rest or label.rstrip().endswith((":", "：")) else index - 1
    for ahead in range(index + 1, min(index + _LONGEST, len(lines))):
        line = lines[ahead]
        if line.after_blank and (end > index or rest):
            break
        parts = [cell.words for cell in cells(line, text)]
        if not any(contacts.can_follow(part) for part in parts):
            break
        if any(contacts.is_reachable(part) for part in parts):
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
    if len(group) > 7 or len(first.split()) > 6 or (is_caps(first) and len(first.split()) > 4):
        return False
    parts = [cell.words for line in group for cell in cells(line, text)]
    if any(contacts.label_end(part) is not None or _is_furniture(part) for part in parts):
        return False
    return all(contacts.can_follow(part) for part in parts) and any(
        contacts.is_reachable(part) for part in parts
    )


def _is_furniture(words: str) -> bool:
    return furniture.is_list_furniture(words) or furniture.is_release_line(words)

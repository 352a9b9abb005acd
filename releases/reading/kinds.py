"""What sort of text a release calls itself, in the languages press offices write."""

import re
from dataclasses import dataclass
from itertools import islice

from releases.content import Kind
from releases.reading.kind_words import IN_TITLE, PHRASES, SERIES
from releases.reading.lines import fold

KINDS: dict[str, Kind] = {
    fold(phrase): kind
    for kind, phrases in PHRASES.items()
    for phrase in phrases.replace("\n", " ").split("|")
}
_LONGEST = max(len(phrase.split()) for phrase in KINDS)
_TITLE_FORMS = tuple((kind, re.compile(form)) for kind, form in IN_TITLE)
_BY_WHOM = re.compile(
    r"^(?:joint |press |media )?(?:statement|remarks|declaration|declaracion|erklarung"
    r"|communique|comunicado)"
    r" (?:by|of|from|attributable to|de|del|du|von|des|der) "
)
_ORNAMENT = ' \t*#=~_-–—•·|:.[]()<>«»"“”【】《》〈〉「」'


@dataclass(frozen=True, slots=True)
class PrintedKind:
    """A kind as a text prints it."""

    kind: Kind
    label: str


def kind_of(words: str) -> PrintedKind | None:
    """The kind, when the words are a kind's name and nothing else (ornaments aside)."""
    label = words.strip(_ORNAMENT)
    found = KINDS.get(fold(label)) or KINDS.get(_unspaced(label))
    return PrintedKind(found, label) if found else None


def kind_at_start(words: str) -> tuple[PrintedKind, int] | None:
    """The longest kind's name that the words begin with, and where in them it ends."""
    tokens = list(islice(re.finditer(r"\S+", words), _LONGEST))
    for count in range(len(tokens), 0, -1):
        end = tokens[count - 1].end()
        if found := kind_of(words[:end]):
            return found, end
    return None


def kind_of_title(title: str) -> Kind | None:
    """The kind that a title says in passing ("Readout of …", "REMARKS BY …")."""
    folded = fold(title)
    for kind, form in _TITLE_FORMS:
        if form.search(folded):
            return kind
    return None


def is_kind_by_whom(words: str) -> bool:
    """Whether it is a kind with its author ("STATEMENT BY IAN KELLY, SPOKESMAN"), no headline."""
    folded = fold(words)
    is_by_whom = _BY_WHOM.match(folded) is not None and len(folded.split()) <= 24
    return is_by_whom and not re.search(r" (?:on|regarding|about|sobre|sur|zu|zum|zur) ", folded)


def is_series(words: str) -> bool:
    """Whether it names a whole series of releases, as newsroom pages do ("Press Releases")."""
    return fold(words.strip(_ORNAMENT)) in SERIES


def _unspaced(label: str) -> str:
    """P R E S S   R E L E A S E: letters that were set apart for show."""
    if re.fullmatch(r"(?:\w ){3,}\w", label):
        squeezed = fold(label).replace(" ", "")
        return next((phrase for phrase in KINDS if phrase.replace(" ", "") == squeezed), "")
    return ""

"""Which column of a table says what: found by name, or as `--map FIELD=COLUMN` states.

A synonym counts only where no column has the name itself, so that a table with both is read as
it says. Pure: from the table's first line to places.
"""

import re
import unicodedata
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Final

from subscribers.columns import (
    AGREED,
    ATTRIBUTES,
    COLUMNS,
    CONFIRMED,
    CONSENT_DATE,
    CONSENT_SOURCE,
    EXPORTED_TOO,
    FIRST_NAMES,
    GONE_AT,
    LAST_NAMES,
    MAPPABLE,
    OPTED_OUT,
    SYNONYMS,
)

SHOWN_MAX_COLUMNS: Final = 12
SHOWN_MAX_CHARACTERS: Final = 60
_ALL_COUNT: Final = frozenset({CONSENT_SOURCE, CONSENT_DATE, GONE_AT, AGREED, CONFIRMED, OPTED_OUT})
"""Of these, every column is read: the first that says something counts, or a no in any of them."""


class ColumnsError(Exception):
    """Columns that do not make a table of subscribers; one plain line."""


@dataclass(frozen=True, slots=True)
class Columns:
    """A table's columns, and where what is. A name may stand in several, to be joined."""

    header: tuple[str, ...]
    """As the table has them."""
    places: Mapping[str, tuple[int, ...]]
    """By what is said; what no column says is not there."""

    @property
    def taken(self) -> dict[str, list[str]]:
        """By what was found or stated: the columns that were taken for it."""
        return {
            said: [self.header[place] for place in places] for said, places in self.places.items()
        }

    @property
    def ignored(self) -> list[str]:
        """The columns that are not read."""
        read = {place for places in self.places.values() for place in places}
        return [
            name
            for place, name in enumerate(self.header)
            if name and place not in read and name.lower() not in EXPORTED_TOO
        ]

    @property
    def is_plain(self) -> bool:
        """Whether each column is called what it is, and all are read: nothing to tell."""
        return not self.ignored and all(
            [name.lower() for name in names] == [said] for said, names in self.taken.items()
        )


def parse_mapping(texts: Sequence[str]) -> dict[str, tuple[str, ...]]:
    """What `--map FIELD=COLUMN` states, given once or more; raises ColumnsError."""
    stated: dict[str, tuple[str, ...]] = {}
    for text in texts:
        said, equals, column = text.partition("=")
        said = said.strip().lower().replace("_", "-")
        if not equals or said not in MAPPABLE:
            raise ColumnsError(
                f"--map {text}: write it as FIELD=COLUMN; the fields are {', '.join(MAPPABLE)}"
            )
        before = stated.get(said, ())
        if before and said != "name":
            raise ColumnsError(f"--map {text}: {said} has a column already, “{before[0]}”")
        stated[said] = (*before, column.strip()) if column.strip() else before
    return stated


def find_columns(
    header: Sequence[str], stated: Mapping[str, Sequence[str]] | None = None
) -> Columns:
    """Where what is; raises ColumnsError, which names the columns and says how to mend it.

    `stated` comes before what is found; nothing stated for a field means that no column is read
    for it.
    """
    header = tuple(name.strip() for name in header)
    folded = [fold(name) for name in header]
    stated = stated or {}
    places = {
        said: tuple(_stated_place(header, folded, said, name) for name in names)
        for said, names in stated.items()
    }
    taken = {place for found in places.values() for place in found}
    free = [name if place not in taken else "" for place, name in enumerate(folded)]
    for said in (*MAPPABLE, GONE_AT, ATTRIBUTES):
        if said not in stated:
            places[said] = _found(free, said)
            free = [name if place not in places[said] else "" for place, name in enumerate(free)]
    if not places.get("email"):
        raise ColumnsError(_without_email(header))
    return Columns(header, {said: found for said, found in places.items() if found})


def is_email_column(name: str) -> bool:
    """Whether a column of this name has addresses."""
    return fold(name) in _NAMES["email"]


def names_of(said: str) -> tuple[str, ...]:
    """Under which names, folded, this is said."""
    return _NAMES[said]


def fold(name: str) -> str:
    """The name as it is compared."""
    bare = unicodedata.normalize("NFKD", name.casefold())
    return re.sub(r"[\W_]+", "", "".join(c for c in bare if not unicodedata.combining(c)))


_NAMES: Final = {
    said: (fold(said), *map(fold, SYNONYMS.get(said, ())))
    for said in (*MAPPABLE, GONE_AT, ATTRIBUTES)
}
_FIRST: Final = tuple(map(fold, FIRST_NAMES))
_LAST: Final = tuple(map(fold, LAST_NAMES))


def _found(folded: Sequence[str], said: str) -> tuple[int, ...]:
    own, *others = _NAMES[said]
    exact = [place for place, name in enumerate(folded) if name == own]
    if len(exact) > 1 and said in COLUMNS:
        raise ColumnsError(f"there are {len(exact)} columns called “{said}”")
    if exact and said not in _ALL_COUNT:
        return (exact[0],)
    if said == "name":
        parts = (_first(folded, _FIRST), _first(folded, _LAST))
        whole = _first(folded, others)
        # A table with `Prénom` and `Nom` has the two halves of a name.
        joined = (parts[0], parts[1] if parts[1] is not None else whole)
        if parts[0] is not None or parts[1] is not None:
            return tuple(place for place in joined if place is not None)
        return () if whole is None else (whole,)
    found = [*exact, *(folded.index(name) for name in others if name in folded)]
    return tuple(found) if said in _ALL_COUNT else tuple(found[:1])


def _first(folded: Sequence[str], names: Sequence[str]) -> int | None:
    return next((folded.index(name) for name in names if name in folded), None)


def _stated_place(header: Sequence[str], folded: Sequence[str], said: str, name: str) -> int:
    same = [place for place, there in enumerate(header) if there == name]
    same = same or [place for place, there in enumerate(folded) if there == fold(name)]
    if len(same) > 1:
        raise ColumnsError(f"--map {said}={name}: there are {len(same)} columns of this name")
    if not same:
        raise ColumnsError(
            f"--map {said}={name}: there is no such column; the columns are: {_listed(header)}"
        )
    return same[0]


def _without_email(header: Sequence[str]) -> str:
    if any("@" in name for name in header):
        how = " (is the first line an address already? It must name the columns: email,name)"
    else:
        how = "; say which one has the addresses: --map email=COLUMN"
    return f"there is no column “email”; the columns are: {_listed(header)}{how}"


def _listed(header: Sequence[str]) -> str:
    more = len(header) - SHOWN_MAX_COLUMNS
    names = ", ".join(f"“{_short(name)}”" for name in header[:SHOWN_MAX_COLUMNS])
    return f"{names} and {more} more" if more > 0 else names


def _short(name: str) -> str:
    cut = name[:SHOWN_MAX_CHARACTERS]
    safe = "".join(letter if letter.isprintable() else "\ufffd" for letter in cut)
    return f"{safe}…" if len(name) > len(cut) else safe

"""Which column of a table is which, however people write its name.

`E-mail`, `Email address` and `email` are one column. A synonym counts only where no column has
the name itself, so that a table with both is read as it says.
"""

import re
from collections.abc import Sequence
from typing import Final

COLUMNS: Final = ("email", "name", "language", "format", "outlet")
SYNONYMS: Final = {
    "email": ("emailaddress", "mail", "mailaddress"),
    "name": ("fullname", "contactname"),
    "language": ("lang", "preferredlanguage"),
    "format": ("mailformat", "emailformat"),
    "outlet": ("mediaoutlet", "organisation", "organization", "publication"),
}


def column_names(cells: Sequence[str]) -> tuple[str, ...]:
    """The names of the columns: ours where we know them, else as they are, in lower case."""
    folded = [re.sub(r"[\s_-]+", "", cell.lower()) for cell in cells]
    names = [cell.strip().lower() for cell in cells]
    for column in (*COLUMNS, "state"):
        places = [place for place, name in enumerate(folded) if name == column]
        synonyms = SYNONYMS.get(column, ())
        places = places or [p for p, name in enumerate(folded) if name in synonyms][:1]
        for place in places:
            names[place] = column
    return tuple(names)

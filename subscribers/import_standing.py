"""What a row says of whether mail may go there: its state, the consent, and a no of any kind.

Whoever has said no in any column is left alone, and whoever has not confirmed yet does not begin
by an import that confirms.
"""

from collections.abc import Sequence

from subscribers.columns import AGREED, CONFIRMED, CONSENT_SOURCE, GONE_AT, OPTED_OUT, STATE
from subscribers.csv_text import shown
from subscribers.import_columns import Columns
from subscribers.import_words import (
    is_unconfirmed,
    says_no,
    says_nothing,
    says_yes,
    stops_mail,
)


class StandingReader:
    """Reads what the rows of a table with these columns say of it."""

    def __init__(self, columns: Columns) -> None:
        places = columns.places
        self._header = columns.header
        self._states = places.get(STATE, ())
        self._gone = places.get(GONE_AT, ())
        self._opted_out = places.get(OPTED_OUT, ())
        self._sources = places.get(CONSENT_SOURCE, ())
        self._agreed = (*self._sources, *places.get(AGREED, ()))
        self._confirmed = places.get(CONFIRMED, ())

    def why_not(self, cells: Sequence[str]) -> str | None:
        """Why no mail goes there, in one plain line; None where nothing says so."""
        for place in self._states:
            if stops_mail(cells[place]):
                return f"the file itself says that it is {cells[place].strip().lower()}"
        for place in self._gone:
            if cells[place].strip():
                return self._told("no mail goes there", cells, place)
        for place in self._opted_out:
            if not says_nothing(cells[place]) and not says_no(cells[place]):
                return self._told("no mail goes there", cells, place)
        for place in self._agreed:
            if says_no(cells[place]) or stops_mail(cells[place]):
                return self._told("they have not agreed", cells, place)
        return None

    def why_unconfirmed(self, cells: Sequence[str]) -> str | None:
        """Why they are not to begin without confirming, in one plain line; else None."""
        for place in (*self._states, *self._agreed, *self._confirmed):
            if is_unconfirmed(cells[place]):
                return self._told("they have not confirmed", cells, place)
        for place in self._confirmed:
            if says_no(cells[place]):
                return self._told("they have not confirmed", cells, place)
        return None

    def source(self, cells: Sequence[str]) -> str:
        """Where they agreed; empty where no cell says it. A mere yes does not."""
        for place in self._sources:
            if not says_nothing(cells[place]) and not says_yes(cells[place]):
                return cells[place]
        return ""

    def _told(self, what: str, cells: Sequence[str], place: int) -> str:
        column, cell = self._header[place], shown(cells[place].strip())
        return f"the file itself says that {what} ({column}: {cell})"

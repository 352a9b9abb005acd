"""What an "Undo" button carries: which change of which subscriber, as a token's subject.

A change is known by its moment: what it ended ended then, what it began began then. So an
undo needs no row of its own, and one that comes twice, or too late, can be told.
"""

import datetime as dt
from dataclasses import dataclass
from typing import Final, Self

from runtime.i18n import best_language, supported
from subscribers.models import Format

UNDO_HOURS: Final = 24
LANGUAGE_OCTETS_MAX: Final = 9
"""A token has room for so many; the few longer tags are undone to their supported language."""
_EPOCH: Final = dt.datetime(1970, 1, 1, tzinfo=dt.UTC)
_FORMATS: Final = (None, Format.HTML, Format.TEXT)


@dataclass(frozen=True, slots=True)
class Undo:
    """A change to be undone. What was not changed is None."""

    subscriber_id: int
    at: dt.datetime
    language_before: str | None = None
    language_after: str | None = None
    """One of the supported languages."""
    format_before: Format | None = None

    def is_too_late(self, now: dt.datetime) -> bool:
        """Whether the change is so old that its page must have been left lying about."""
        return now - self.at > dt.timedelta(hours=UNDO_HOURS)

    def to_subject(self) -> tuple[int, ...]:
        """The integers that a token signs."""
        moment = (self.at - _EPOCH) // dt.timedelta(microseconds=1)
        after = supported().index(self.language_after) if self.language_after else 0
        return (
            self.subscriber_id,
            moment,
            _language_number(self.language_before),
            after,
            _FORMATS.index(self.format_before),
        )

    @classmethod
    def from_subject(cls, subject: tuple[int, ...]) -> Self:
        """Reads what `to_subject` made and a key of ours has signed."""
        subscriber_id, moment, before, after, fmt = subject
        octets = before.to_bytes((before.bit_length() + 7) // 8, "big")
        return cls(
            subscriber_id=subscriber_id,
            at=_EPOCH + dt.timedelta(microseconds=moment),
            language_before=octets.decode("ascii") or None,
            language_after=supported()[after] if before else None,
            format_before=_FORMATS[fmt],
        )


def _language_number(language: str | None) -> int:
    if language is None:
        return 0
    if len(language) > LANGUAGE_OCTETS_MAX or not language.isascii():
        language = best_language(language)
    return int.from_bytes(language.encode("ascii"), "big")

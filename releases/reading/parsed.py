"""What reading a release gives."""

from dataclasses import dataclass
from typing import Any

from releases.content import Content
from releases.reading.spans import Span


@dataclass(frozen=True, slots=True)
class Unsure:
    """A field (as `preview` names it) that may be wrong, and why, in a few plain words."""

    field: str
    why: str


@dataclass(frozen=True, slots=True)
class Parsed:
    """A release, what of it is in doubt, and what each stretch of its text was taken for."""

    content: Content
    unsure: tuple[Unsure, ...]
    spans: tuple[Span, ...]
    """In order, without gaps: together they are `text`."""
    text: str
    """The decoded input."""
    left_out: tuple[str, ...] = ()
    """What the text says and no mail has, a stretch each."""

    def to_preview(self) -> dict[str, Any]:
        """The object that `preview --json` prints."""
        content = self.content
        return {
            "series": content.series,
            "title": content.title,
            "kind": content.kind.value,
            "office": content.office,
            "place": content.place,
            "date": content.date.isoformat() if content.date else None,
            "embargo": content.embargo.isoformat() if content.embargo else None,
            "language": content.language,
            "contacts": list(content.contacts),
            "body": content.plain_paragraphs(),
            "footer": content.footer,
            "unsure": [{"field": doubt.field, "why": doubt.why} for doubt in self.unsure],
        }

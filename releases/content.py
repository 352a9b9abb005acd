"""What a release says: the value that reading makes, rendering reads and SQL stores as JSON."""

import datetime
import hashlib
import json
from collections.abc import Mapping
from dataclasses import dataclass
from enum import StrEnum
from typing import Any

from releases.blocks import (
    Block,
    Break,
    Heading,
    Inline,
    Lines,
    Listing,
    Paragraph,
    Quotation,
    Run,
    Table,
    block_from_json,
    block_to_json,
    plain,
    plain_lines,
)

__all__ = [
    "Block",
    "Break",
    "Content",
    "Heading",
    "Inline",
    "Kind",
    "Lines",
    "Listing",
    "Paragraph",
    "Quotation",
    "Run",
    "Table",
    "plain",
]


class Kind(StrEnum):
    """What sort of text a press office calls it; the values are the outer contract's."""

    PRESS_RELEASE = "press-release"
    MEDIA_NOTE = "media-note"
    PRESS_STATEMENT = "press-statement"
    REMARKS = "remarks"
    TRANSCRIPT = "transcript"
    READOUT = "readout"
    FACT_SHEET = "fact-sheet"
    NOTICE_TO_THE_PRESS = "notice-to-the-press"
    MEDIA_ADVISORY = "media-advisory"
    OTHER = "other"


@dataclass(frozen=True, slots=True)
class Content:
    """All that one version of a release says, as its office wrote it, without list furniture."""

    title: str
    body: tuple[Block, ...]
    kind: Kind = Kind.PRESS_RELEASE
    kind_label: str | None = None
    """The kind as printed, e.g. "Media Note" or "Joint statement"."""
    series: str | None = None
    subtitle: str | None = None
    office: str | None = None
    place: str | None = None
    date: datetime.date | None = None
    embargo: datetime.datetime | None = None
    """Aware."""
    language: str | None = None
    """BCP 47."""
    contacts: tuple[str, ...] = ()
    footer: str | None = None
    """The standing text below the release; paragraphs are parted by an empty line."""
    slug: str | None = None
    """Only where front matter names one."""

    def __post_init__(self) -> None:
        if self.embargo is not None and self.embargo.utcoffset() is None:
            raise ValueError("an embargo needs a zone")

    def to_json(self) -> dict[str, Any]:
        """A JSON object that `from_json` reads back to an equal value."""
        return {
            "title": self.title,
            "kind": self.kind.value,
            "kind_label": self.kind_label,
            "series": self.series,
            "subtitle": self.subtitle,
            "office": self.office,
            "place": self.place,
            "date": self.date.isoformat() if self.date else None,
            "embargo": self.embargo.isoformat() if self.embargo else None,
            "language": self.language,
            "contacts": list(self.contacts),
            "footer": self.footer,
            "slug": self.slug,
            "body": [block_to_json(block) for block in self.body],
        }

    @classmethod
    def from_json(cls, data: Mapping[str, Any]) -> "Content":
        """The value that `to_json` wrote; an embargo comes back with its offset."""
        return cls(
            title=data["title"],
            body=tuple(block_from_json(block) for block in data["body"]),
            kind=Kind(data["kind"]),
            kind_label=data["kind_label"],
            series=data["series"],
            subtitle=data["subtitle"],
            office=data["office"],
            place=data["place"],
            date=datetime.date.fromisoformat(data["date"]) if data["date"] else None,
            embargo=datetime.datetime.fromisoformat(data["embargo"]) if data["embargo"] else None,
            language=data["language"],
            contacts=tuple(data["contacts"]),
            footer=data["footer"],
            slug=data["slug"],
        )

    def digest(self) -> bytes:
        """SHA-256 that a version is known by: everything the release says, embargo included.

        The embargo counts as a moment, whatever offset it is written in. The slug, which says
        where a release is kept and not what it says, does not count.
        """
        said = self.to_json()
        del said["slug"]
        if self.embargo:
            said["embargo"] = self.embargo.astimezone(datetime.UTC).isoformat()
        canonical = json.dumps(said, ensure_ascii=False, sort_keys=True, separators=(",", ":"))
        return hashlib.sha256(canonical.encode("utf-8", "surrogatepass")).digest()

    def plain_paragraphs(self) -> list[str]:
        """The body as plain text: a string per paragraph, heading, list item and row."""
        return [text for block in self.body for text in plain_lines(block)]

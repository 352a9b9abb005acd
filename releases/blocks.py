"""What a release's body is made of: blocks of inline text, and their form in JSON."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any, assert_never

LINK_SCHEMES = ("http://", "https://", "mailto:", "tel:")


@dataclass(frozen=True, slots=True)
class Run:
    """A stretch of text in one style; `href` is http, https, mailto or tel, and nothing else."""

    text: str
    is_strong: bool = False
    is_emphasised: bool = False
    href: str | None = None

    def __post_init__(self) -> None:
        if self.href is not None and not self.href.lower().startswith(LINK_SCHEMES):
            raise ValueError(f"a link must be http, https, mailto or tel: {self.href[:80]!r}")


Inline = tuple[Run, ...]


@dataclass(frozen=True, slots=True)
class Paragraph:
    """`speaker` is who says it in a transcript ("PRESIDENT OBAMA"), not repeated in the runs.

    `language` (BCP 47) is given only where it differs from the release's.
    """

    runs: Inline
    speaker: str | None = None
    language: str | None = None


@dataclass(frozen=True, slots=True)
class Heading:
    """A heading within the body; level 2, 3 or 4, for the title is the first."""

    runs: Inline
    level: int = 2
    language: str | None = None


@dataclass(frozen=True, slots=True)
class Listing:
    """A bullet list, or a numbered one that begins at `start`."""

    items: tuple[Inline, ...]
    is_ordered: bool = False
    start: int = 1
    language: str | None = None


@dataclass(frozen=True, slots=True)
class Quotation:
    """Paragraphs set apart because they are quoted."""

    paragraphs: tuple[Paragraph, ...]


@dataclass(frozen=True, slots=True)
class Lines:
    """Lines whose breaks matter: schedules, addresses, verse."""

    lines: tuple[Inline, ...]


@dataclass(frozen=True, slots=True)
class Table:
    """A table; `header` is empty when it has none."""

    header: tuple[Inline, ...]
    rows: tuple[tuple[Inline, ...], ...]


@dataclass(frozen=True, slots=True)
class Break:
    """A thematic break."""


Block = Paragraph | Heading | Listing | Quotation | Lines | Table | Break


def plain(runs: Inline) -> str:
    """The words of an inline text, without style and links."""
    return "".join([run.text for run in runs])


def plain_lines(block: Block) -> Iterator[str]:
    """A string per paragraph, heading, list item and row."""
    match block:
        case Paragraph(runs, speaker):
            yield f"{speaker}: {plain(runs)}" if speaker else plain(runs)
        case Heading(runs):
            yield plain(runs)
        case Listing(items, is_ordered, start):
            for number, item in enumerate(items, start):
                yield f"{number}. {plain(item)}" if is_ordered else f"• {plain(item)}"
        case Quotation(paragraphs):
            for paragraph in paragraphs:
                yield from plain_lines(paragraph)
        case Lines(lines):
            yield "\n".join(map(plain, lines))
        case Table(header, rows):
            for row in (header, *rows) if header else rows:
                yield " | ".join(map(plain, row))
        case Break():
            pass
        case _:
            assert_never(block)


def _runs_to_json(runs: Inline) -> list[Any]:
    """A plain run is its string alone: bodies are long, and nearly all of it is plain."""
    return [
        run.text
        if not (run.is_strong or run.is_emphasised or run.href)
        else {
            "text": run.text,
            **({"strong": True} if run.is_strong else {}),
            **({"emphasised": True} if run.is_emphasised else {}),
            **({"href": run.href} if run.href else {}),
        }
        for run in runs
    ]


def _runs_from_json(data: list[Any]) -> Inline:
    return tuple(
        Run(run)
        if isinstance(run, str)
        else Run(run["text"], "strong" in run, "emphasised" in run, run.get("href"))
        for run in data
    )


def block_to_json(block: Block) -> dict[str, Any]:
    """A JSON object, with its "type", that `block_from_json` reads back to an equal value."""
    found: dict[str, Any]
    match block:
        case Paragraph(runs, speaker, language):
            found = {"type": "paragraph", "runs": _runs_to_json(runs)}
            found |= _given(speaker=speaker, language=language)
        case Heading(runs, level, language):
            found = {"type": "heading", "level": level, "runs": _runs_to_json(runs)}
            found |= _given(language=language)
        case Listing(items, is_ordered, start, language):
            found = {"type": "listing", "items": [_runs_to_json(item) for item in items]}
            found |= _given(start=start if is_ordered else None, language=language)
        case Quotation(paragraphs):
            found = {"type": "quotation", "paragraphs": [block_to_json(p) for p in paragraphs]}
        case Lines(lines):
            found = {"type": "lines", "lines": [_runs_to_json(line) for line in lines]}
        case Table(header, rows):
            found = {
                "type": "table",
                "header": [_runs_to_json(cell) for cell in header],
                "rows": [[_runs_to_json(cell) for cell in row] for row in rows],
            }
        case Break():
            found = {"type": "break"}
        case _:
            assert_never(block)
    return found


def _given(**fields: object) -> dict[str, Any]:
    return {name: value for name, value in fields.items() if value is not None}


def _paragraph_from_json(data: Mapping[str, Any]) -> Paragraph:
    return Paragraph(_runs_from_json(data["runs"]), data.get("speaker"), data.get("language"))


def block_from_json(data: Mapping[str, Any]) -> Block:
    """The block that `block_to_json` wrote."""
    block: Block
    match data["type"]:
        case "paragraph":
            block = _paragraph_from_json(data)
        case "heading":
            block = Heading(_runs_from_json(data["runs"]), data["level"], data.get("language"))
        case "listing":
            items = tuple(map(_runs_from_json, data["items"]))
            block = Listing(items, "start" in data, data.get("start", 1), data.get("language"))
        case "quotation":
            block = Quotation(tuple(map(_paragraph_from_json, data["paragraphs"])))
        case "lines":
            block = Lines(tuple(map(_runs_from_json, data["lines"])))
        case "table":
            rows = tuple(tuple(map(_runs_from_json, row)) for row in data["rows"])
            block = Table(tuple(map(_runs_from_json, data["header"])), rows)
        case "break":
            block = Break()
        case unknown:
            raise ValueError(f"no block is of type {unknown!r}")
    return block

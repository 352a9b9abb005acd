"""A release in Markdown (CommonMark and tables): front matter → facts, tokens → blocks."""

import datetime
import re
from collections.abc import Iterator
from dataclasses import replace

from markdown_it import MarkdownIt
from markdown_it.token import Token

from releases.blocks import (
    LINK_SCHEMES,
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
    plain,
    plain_lines,
)
from releases.content import Content, Kind
from releases.embargo import parse_moment
from releases.errors import ReleaseError
from releases.links import linked
from releases.reading.dates import find_dates
from releases.reading.embargo_lines import names_no_moment, read_embargo
from releases.reading.facts import embargoes_in, refuse_embargo_of, refuse_several
from releases.reading.front_matter import FrontMatter, read_front_matter
from releases.reading.kinds import PrintedKind, kind_of, kind_of_title
from releases.reading.languages import language_of
from releases.reading.lines import split_lines
from releases.reading.parsed import Parsed, Unsure
from releases.reading.spans import Label, Span

_LANGUAGE = re.compile(r"[A-Za-z]{2,3}(?:-[A-Za-z0-9]{2,8})*")
_SLUG = re.compile(r"[a-z0-9]+(?:-[a-z0-9]+)*")
_SLUG_LENGTH = 100


def read_markdown(text: str, *, is_embargo_known: bool = False) -> Parsed:
    """Reads Markdown with or without front matter; raises ReleaseError and EmbargoError.

    `is_embargo_known`: whoever gives the text says until when, where the text does not.
    """
    front = read_front_matter(text)
    blocks = _blocks(text[front.end :])
    title, blocks = _title(front, blocks)
    words = "\n".join(line for block in blocks for line in plain_lines(block))
    if not words.strip():
        raise ReleaseError(f"no body: no text follows the title «{title[:80]}»")
    unsure = []
    language = front.get("language")
    if language is None:
        guess = language_of(f"{title}\n{words}")
        language = guess.language
        if guess.why_unsure:
            unsure.append(Unsure("language", guess.why_unsure))
    elif not _LANGUAGE.fullmatch(language):
        raise ReleaseError(
            f"front matter: «{language[:40]}» is no language tag; write en, fr, zh-Hant …"
        )
    kind = _kind(front.get("kind"), title)
    if kind is None:
        unsure.append(
            Unsure("kind", "the text does not say what kind it is: taken for a press release")
        )
        kind = PrintedKind(Kind.PRESS_RELEASE, "")
    date = _date(front.get("date"))
    embargo = _embargo(front, date, title, text[front.end :], is_known=is_embargo_known)
    slug = front.get("slug")
    if slug is not None and not (_SLUG.fullmatch(slug) and len(slug) <= _SLUG_LENGTH):
        raise ReleaseError(f"front matter: the slug «{slug[:40]}» must be like «first-light-2024»")
    content = Content(
        title=title,
        body=tuple(blocks),
        kind=kind.kind,
        kind_label=kind.label or None,
        series=front.get("series"),
        subtitle=front.get("subtitle"),
        office=front.get("office"),
        place=front.get("place"),
        date=date,
        embargo=embargo,
        language=language,
        contacts=front.contacts or tuple(filter(None, [front.get("contacts")])),
        footer=front.get("footer"),
        slug=slug,
    )
    spans = [Span(0, front.end, Label.FRONT_MATTER), Span(front.end, len(text), Label.BODY)]
    return Parsed(content, tuple(unsure), tuple(s for s in spans if s.end > s.start), text)


def _title(front: FrontMatter, blocks: list[Block]) -> tuple[str, list[Block]]:
    """The front matter's title, else the heading that the text opens with."""
    first = blocks[0] if blocks else None
    heading = plain(first.runs).strip() if isinstance(first, Heading) and first.level == 1 else None
    title = front.get("title")
    if title is None:
        if not heading:
            raise ReleaseError(
                "no title: neither front matter (title: …) nor a heading (# …) on top names it"
            )
        return heading, [_lowered(block) for block in blocks[1:]]
    if heading and heading.casefold() == title.casefold():
        blocks = blocks[1:]
    return title, [_lowered(block) for block in blocks]


def _embargo(
    front: FrontMatter, date: datetime.date | None, title: str, source: str, *, is_known: bool
) -> datetime.datetime | None:
    """The front matter's, and whatever the text itself says of one; they must agree."""
    found = set()
    if printed := front.get("embargo"):
        found.add(parse_moment(printed, date=date, what="the embargo"))
    for lines in embargoes_in(split_lines(source), [], is_spoken=False):
        if not (is_known and names_no_moment(lines[0].words)):
            found.add(read_embargo(lines, date)[0])
    refuse_several(found)
    if not found:
        if not is_known:
            refuse_embargo_of(title)
        return None
    return found.pop()


def _lowered(block: Block) -> Block:
    """The title is the only heading of the first level."""
    if isinstance(block, Heading):
        return replace(block, level=min(max(block.level, 2), 4))
    return block


def _kind(printed: str | None, title: str) -> PrintedKind | None:
    if printed is None:
        found = kind_of_title(title)
        return PrintedKind(found, "") if found else None
    try:
        return PrintedKind(Kind(printed.lower()), "")
    except ValueError:
        named = kind_of(printed) or (
            PrintedKind(kind, printed) if (kind := kind_of_title(printed)) else None
        )
        if named is None:
            known = ", ".join(kind.value for kind in Kind)
            raise ReleaseError(
                f"front matter: the kind «{printed[:40]}» is not known; write one of {known}"
            ) from None
        return named


def _date(printed: str | None) -> datetime.date | None:
    if printed is None:
        return None
    dates = find_dates(printed)
    if len(dates) != 1 or dates[0].date is None:
        raise ReleaseError(
            f"front matter: the date «{printed[:40]}» cannot be read; write 2024-03-05"
        )
    (found,) = dates
    if found.other_reading and found.other_reading != found.date:
        raise ReleaseError(
            f"front matter: the date «{printed[:40]}» may be {found.date} or"
            f" {found.other_reading}; write 2024-03-05"
        )
    if found.contradicts_weekday:
        raise ReleaseError(
            f"front matter: {found.date} is not the weekday that «{printed[:40]}» says"
        )
    return found.date


# Tokens


def _blocks(source: str) -> list[Block]:
    parser = _Parser("commonmark", {"html": False}).enable(["table", "strikethrough"])
    return list(_Walker(parser.parse(source)).blocks(""))


class _Parser(MarkdownIt):
    """Takes every link apart, to be judged only then: of a script its words are left."""

    def validateLink(self, url: str) -> bool:  # noqa: N802, ARG002 - the library's names
        return True


class _Walker:
    """Walks the flat list of tokens once."""

    def __init__(self, tokens: list[Token]) -> None:
        self._tokens, self._position = tokens, 0

    def _next(self) -> Token:
        token = self._tokens[self._position]
        self._position += 1
        return token

    def blocks(self, until: str) -> Iterator[Block]:
        """The blocks up to a closing token."""
        while self._position < len(self._tokens):
            token = self._next()
            if token.type == until:
                return
            yield from self._block(token)

    def _block(self, token: Token) -> Iterator[Block]:
        if token.type == "inline":
            yield from _paragraphs(token)
        elif token.type == "heading_open":
            runs = _inline(self._next().children or [])
            self._next()
            yield Heading(runs, level=int(token.tag[1]))
        elif token.type == "hr":
            yield Break()
        elif token.type in ("fence", "code_block"):
            yield Lines(tuple((Run(line),) for line in token.content.rstrip("\n").split("\n")))
        elif token.type == "blockquote_open":
            yield Quotation(tuple(_quoted(list(self.blocks("blockquote_close")))))
        elif token.type in ("bullet_list_open", "ordered_list_open"):
            yield from self._listing(token)
        elif token.type == "table_open":
            yield self._table()

    def _listing(self, token: Token) -> Iterator[Block]:
        """One list; what an item holds beyond its text follows as blocks, and the list goes on."""
        is_ordered = token.type == "ordered_list_open"
        start = int(token.attrGet("start") or 1) if is_ordered else 1
        items: list[Inline] = []
        while self._next().type == "list_item_open":
            blocks = list(self.blocks("list_item_close"))
            first = blocks[0] if blocks else Paragraph((Run(""),))
            items.append(first.runs if isinstance(first, Paragraph | Heading) else (Run(""),))
            rest = blocks[1:] if isinstance(first, Paragraph | Heading) else blocks
            if rest:
                yield Listing(tuple(items), is_ordered, start)
                yield from rest
                start += len(items)
                items = []
        if items:
            yield Listing(tuple(items), is_ordered, start)

    def _table(self) -> Table:
        header: tuple[Inline, ...] = ()
        rows: list[tuple[Inline, ...]] = []
        cells: list[Inline] = []
        while (token := self._next()).type != "table_close":
            if token.type == "inline":
                cells.append(_inline(token.children or []))
            elif token.type == "tr_close":
                rows.append(tuple(cells))
                cells = []
            elif token.type == "thead_close":
                header, rows = rows[0], []
        return Table(header, tuple(rows))


def _quoted(blocks: list[Block]) -> Iterator[Paragraph]:
    for block in blocks:
        match block:
            case Paragraph():
                yield block
            case Quotation(paragraphs):
                yield from paragraphs
            case _:
                for words in plain_lines(block):
                    yield Paragraph((Run(words),))


def _paragraphs(token: Token) -> Iterator[Block]:
    """A paragraph, or lines where its breaks are hard ones throughout."""
    children = token.children or []
    kinds = [child.type for child in children if child.type in ("softbreak", "hardbreak")]
    if kinds and all(kind == "hardbreak" for kind in kinds):
        lines: list[list[Token]] = [[]]
        depth = 0
        for child in children:
            depth += child.nesting
            if child.type == "hardbreak" and depth == 0:
                lines.append([])
            else:
                lines[-1].append(child)
        yield Lines(tuple(_inline(line) for line in lines))
        return
    yield Paragraph(_inline(children))


def _inline(children: list[Token]) -> Inline:
    runs: list[Run] = []
    strong = emphasised = 0
    href: str | None = None
    for child in children:
        words = child.content
        if child.type == "strong_open":
            strong += 1
        elif child.type == "strong_close":
            strong -= 1
        elif child.type == "em_open":
            emphasised += 1
        elif child.type == "em_close":
            emphasised -= 1
        elif child.type == "link_open":
            target = str(child.attrGet("href") or "")
            href = target if target.lower().startswith(LINK_SCHEMES) else None
        elif child.type == "link_close":
            href = None
        elif child.type in ("softbreak", "hardbreak"):
            words = " "
        elif child.type == "image":
            words = child.content
        if words:
            found = (Run(words),) if href or child.type == "code_inline" else linked(words)
            runs += [Run(run.text, strong > 0, emphasised > 0, href or run.href) for run in found]
    return _merged(runs)


def _merged(runs: list[Run]) -> Inline:
    """Neighbours of one style are one run."""
    found: list[Run] = []
    for run in runs:
        if found and replace(found[-1], text="") == replace(run, text="") and run.href is None:
            found[-1] = replace(run, text=found[-1].text + run.text)
        else:
            found.append(run)
    return tuple(found)

"""Front matter: YAML in which every value is a string ("no" is Norwegian), without aliases."""

import re
from collections.abc import Iterator
from dataclasses import dataclass

import yaml

from releases.errors import ReleaseError

KEYS = (
    "title", "subtitle", "kind", "series", "office", "place", "date", "embargo", "language",
    "contacts", "footer", "slug",
)  # fmt: skip
_FENCE = re.compile(r"---[ \t]*(?:\r\n|\n|\r)")
_END = re.compile(r"^(?:---|\.\.\.)[ \t]*(?:\r\n|\n|\r|\Z)", re.MULTILINE)
_CONTROL = re.compile(r"[\x00-\x08\x0b\x0c\x0e-\x1f\x7f]")
_KEY = re.compile(r"^[ \t]*(?:#.*|[\w-]+[ \t]*:.*)?$")


@dataclass(frozen=True, slots=True)
class FrontMatter:
    """The values given, by key; lists only where the key is `contacts`."""

    values: dict[str, str]
    contacts: tuple[str, ...]
    end: int
    """Where the Markdown begins in the text."""

    def get(self, key: str) -> str | None:
        """The value of a key; None when it is not given or empty."""
        return self.values.get(key) or None


def has_front_matter(text: str) -> bool:
    """Whether the text opens with a fence and a line that a key could stand in."""
    fence = _FENCE.match(text)
    if fence is None:
        return False
    following = text[fence.end() :].split("\n", 1)[0].rstrip("\r")
    return bool(following.strip()) and _KEY.match(following) is not None


def read_front_matter(text: str) -> FrontMatter:
    """The front matter at the top of a text; empty when there is none.

    Raises ReleaseError, with the line, for YAML that cannot be read, unknown and repeated keys,
    values that are no strings, anchors, aliases and tags.
    """
    if not has_front_matter(text):
        return FrontMatter({}, (), 0)
    fence = _FENCE.match(text)
    start = fence.end() if fence else 0
    end = _END.search(text, start)
    if end is None:
        raise ReleaseError("front matter: no line «---» closes what line 1 opens")
    values: dict[str, str] = {}
    contacts: tuple[str, ...] = ()
    for key, line, items in _entries(text[start : end.start()]):
        if key not in KEYS:
            raise ReleaseError(
                f"front matter, line {line}: unknown key «{key[:60]}»; known are {', '.join(KEYS)}"
            )
        if any(_CONTROL.search(item) for item in items):
            raise ReleaseError(
                f"front matter, line {line}: there is a control character in «{key}»: take it out"
            )
        if key in values:
            raise ReleaseError(f"front matter, line {line}: «{key}» is given twice")
        if key == "contacts":
            contacts = tuple(item for item in items if item)
        elif len(items) != 1:
            raise ReleaseError(f"front matter, line {line}: «{key}» takes one value, no list")
        values[key] = " ".join(items[0].split()) if items and key != "footer" else "".join(items)
    return FrontMatter(values, contacts, end.end())


def _entries(source: str) -> Iterator[tuple[str, int, list[str]]]:
    """Key, line in the file, and value or values, from the parser's events alone."""
    events = _Events(source)
    events.skip(yaml.StreamStartEvent, yaml.DocumentStartEvent)
    if events.is_next(yaml.StreamEndEvent):
        return
    events.take(yaml.MappingStartEvent, "it must be made of lines «key: value»")
    while not events.is_next(yaml.MappingEndEvent):
        key, line = events.scalar("a key must be a word")
        if events.is_next(yaml.SequenceStartEvent):
            events.take(yaml.SequenceStartEvent, "")
            items = []
            while not events.is_next(yaml.SequenceEndEvent):
                items.append(events.scalar(f"the list of «{key}» must hold plain values")[0])
            events.take(yaml.SequenceEndEvent, "")
        else:
            items = [events.scalar(f"«{key}» must be plain text")[0]]
        yield key, line, items
    events.take(yaml.MappingEndEvent, "")


class _Events:
    """The events of PyYAML's parser, none of which resolves, tags or repeats anything."""

    def __init__(self, source: str) -> None:
        try:
            self._events = list(yaml.parse(source, Loader=yaml.SafeLoader))
        except yaml.YAMLError as error:
            mark = getattr(error, "problem_mark", None)
            line = mark.line + 2 if mark else 2
            problem = getattr(error, "problem", None) or "this is no YAML"
            raise ReleaseError(f"front matter, line {line}: {problem}") from None

    def is_next(self, kind: type[yaml.Event]) -> bool:
        return isinstance(self._events[0], kind)

    def skip(self, *kinds: type[yaml.Event]) -> None:
        while isinstance(self._events[0], kinds):
            self._events.pop(0)

    def take(self, kind: type[yaml.Event], why: str) -> yaml.Event:
        event = self._events.pop(0)
        if isinstance(event, yaml.AliasEvent) or getattr(event, "anchor", None):
            raise ReleaseError(f"front matter, line {_line(event)}: aliases are not read")
        if tag := getattr(event, "tag", None):
            raise ReleaseError(f"front matter, line {_line(event)}: tags ({tag}) are not read")
        if not isinstance(event, kind):
            raise ReleaseError(f"front matter, line {_line(event)}: {why}")
        return event

    def scalar(self, why: str) -> tuple[str, int]:
        event = self.take(yaml.ScalarEvent, why)
        value: str = getattr(event, "value", "")
        return value.strip(), _line(event)


def _line(event: yaml.Event) -> int:
    """In the file, whose first line is the fence."""
    return event.start_mark.line + 2 if event.start_mark else 2

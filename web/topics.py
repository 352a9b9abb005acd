"""Lists under the headings that the office gives them, as pages show them."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Generic, TypeVar

One = TypeVar("One")


@dataclass(frozen=True, slots=True)
class Topic(Generic[One]):
    """Lists under one heading; the last group has none."""

    title: str | None
    lists: tuple[One, ...]


def by_topic(lists: Sequence[One], topic_of: Callable[[One], str | None]) -> list[Topic[One]]:
    """Grouped, in their order; headings by alphabet."""
    titles = [topic_of(one) or None for one in lists]
    named = sorted(filter(None, set(titles)), key=str.casefold)
    wanted: list[str | None] = [*named, None] if None in titles else [*named]
    return [
        Topic(title, tuple(one for one, its in zip(lists, titles, strict=True) if its == title))
        for title in wanted
    ]

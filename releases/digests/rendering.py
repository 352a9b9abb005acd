"""A digest as mail: what it brings on top, then each release whole while there is room.

Mail programs cut a long message off, the links at its end first. So what is least important
is shortened to its first paragraph, and the rest of it is on the web; what is not there stays
whole.
"""

import itertools
from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Final

from releases.blocks import Paragraph
from releases.content import Content
from releases.mail_frame import (
    Copy,
    Item,
    Rendered,
    Sending,
    finished,
    frame,
    item_of,
)
from releases.plaintext import body_text
from releases.templating import body_html
from runtime.i18n import Words, words

HTML_BYTES: Final = 90_000
"""What a digest's HTML should not exceed: Gmail shows 102 kB, a relay may add to them."""


@dataclass(frozen=True, slots=True)
class Part:
    """A release in a digest."""

    content: Content
    slug: str
    is_on_the_web: bool


def render_digest(parts: Sequence[Part], copy: Copy, sending: Sending) -> Rendered:
    """Render these releases, the most important first, for all who get the same copy.

    Raises ReleaseError for a text that cannot be mailed, ValueError for none at all.
    """
    if not parts:
        raise ValueError("a digest brings at least one release")
    whole = [True] * len(parts)
    made = _render(parts, whole, copy, sending)
    lengths = [len(body_html(part.content)) for part in parts]
    while made.html is not None and (excess := len(made.html.encode()) - HTML_BYTES) > 0:
        # With their styles, and what is around them.
        growth = len(made.html.encode()) / sum(lengths)
        shortened = _to_shorten(parts, whole, [length * growth for length in lengths], excess)
        if not shortened:
            break
        for number in shortened:
            whole[number] = False
            lengths[number] = len(body_html(_opening(parts[number].content)))
        made = _render(parts, whole, copy, sending)
    return made


def _to_shorten(
    parts: Sequence[Part], whole: Sequence[bool], sizes: Sequence[float], excess: float
) -> list[int]:
    """Which parts to shorten next, the least important ones, for a mail that is so much too long.

    The first is never one of them.
    """
    chosen = []
    for number in range(len(parts) - 1, 0, -1):
        if excess <= 0:
            break
        part = parts[number]
        if whole[number] and part.is_on_the_web and _opening(part.content) != part.content:
            chosen.append(number)
            excess -= sizes[number]
    return chosen


def _render(parts: Sequence[Part], whole: Sequence[bool], copy: Copy, sending: Sending) -> Rendered:
    ours = words(copy.language)
    view = frame(copy, sending, ours.direction, sender=None)
    items = [
        _item(part, ours, sending, is_whole=is_whole)
        for part, is_whole in zip(parts, whole, strict=True)
    ]
    view |= {
        "items": _without_repeated_footers(items),
        "date": ours.date(copy.date.astimezone(sending.timezone).date()),
        "body_text": body_text,
    }
    tongues = {part.content.language for part in parts}
    return finished(
        "digest",
        view,
        copy,
        sending,
        tongue=tongues.pop() if len(tongues) == 1 else None,
        reply_to=None,
        is_automatic=True,
    )


def _item(part: Part, ours: Words, sending: Sending, *, is_whole: bool) -> Item:
    content = part.content if is_whole else _opening(part.content)
    web_url = f"{sending.base_url}/r/{part.slug}" if part.is_on_the_web else None
    return item_of(content, ours, web_url=web_url, is_whole=is_whole)


def _opening(content: Content) -> Content:
    """The release up to its first paragraph."""
    paragraphs = (block for block in content.body if isinstance(block, Paragraph))
    return replace(content, body=tuple(itertools.islice(paragraphs, 1)), contacts=(), footer=None)


def _without_repeated_footers(items: Sequence[Item]) -> list[Item]:
    """What an office says below each of its releases stands below the last of them."""
    last = {item.content.footer: number for number, item in enumerate(items)}
    return [
        item
        if last[item.content.footer] == number
        else replace(item, content=replace(item.content, footer=None))
        for number, item in enumerate(items)
    ]

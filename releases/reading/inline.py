"""From plain words to runs: web and mail addresses become links."""

import re

from releases.blocks import Inline, Run

_LINK = re.compile(
    r"(?P<url>\bhttps?://[^\s<>\"“”«»]{1,2000})"
    r"|(?<![\w./@-])(?P<www>www\.[\w-]{1,63}(?:\.[\w-]{1,63}){1,6}(?:[/?#][^\s<>\"“”«»]{0,1000})?)"
    r"|(?<![\w.+%/@-])(?P<email>[\w.+%-]{1,64}@[A-Za-z0-9-]{1,63}(?:\.[A-Za-z0-9-]{1,63}){1,8})",
    re.IGNORECASE,
)
_PUNCTUATION = ".,;:!?'’…*_|。，；：！？、）」』】"
_CLOSING = {")": "(", "]": "[", "}": "{"}


def linked(words: str) -> Inline:
    """The words as runs; punctuation after an address is no part of it."""
    if "@" not in words and "://" not in words and "www." not in words.lower():
        return (Run(words),)
    runs: list[Run] = []
    place = 0
    for match in _LINK.finditer(words):
        address = _without_punctuation(match.group())
        href = _href(address, match.lastgroup or "")
        if href is None:
            continue
        if match.start() > place:
            runs.append(Run(words[place : match.start()]))
        runs.append(Run(address, href=href))
        place = match.start() + len(address)
    if place < len(words) or not runs:
        runs.append(Run(words[place:]))
    return tuple(runs)


def _href(address: str, form: str) -> str | None:
    if form == "url":
        return address if len(address) > len("https://") else None
    if form == "www":
        return f"https://{address}"
    return f"mailto:{address}" if "@" in address and "." in address.split("@")[1] else None


def _without_punctuation(address: str) -> str:
    """A closing bracket stays where the address itself opened it."""
    end = len(address)
    while end:
        last = address[end - 1]
        is_unopened = last in _CLOSING and (
            address.count(_CLOSING[last], 0, end) < address.count(last, 0, end)
        )
        if last in _PUNCTUATION or is_unopened:
            end -= 1
        else:
            break
    return address[:end]

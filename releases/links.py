"""Links: a URI that every part of a mail can carry, and the links in text that has none.

In HTML and in text the same URI stands, ASCII only (RFC 3986; RFC 3987, 3.1 for the rest):
serialisers and mail clients would each percent-encode in their own way otherwise.
"""

import contextlib
import re
from typing import Final
from urllib.parse import quote, urlsplit

from releases.content import Inline, Run

# Everything printable that a URI may hold or that browsers leave alone, "%" included.
_URI_SAFE: Final = "!#$%&'()*+,/:;=?@[]~"
# What browsers drop from a link (URL Standard, 4.4), and what no encoding has.
_DROPPED: Final = re.compile(r"[\x00-\x1f\x7f-\x9f\u2028\u2029\ud800-\udfff]+")

# Letters of the scripts that set addresses off by spaces. Chinese, Japanese and Korean do not:
# there an address begins and ends where other letters do.
_LETTER: Final = r"A-Za-z0-9_\u00c0-\u02af\u0370-\u052f"
_UNSPACED: Final = r"\u1100-\u11ff\u2e80-\ua4cf\uac00-\ud7ff\uf900-\ufaff\uff00-\uffef"
_URL_END: Final = rf"\s<>\"“”«»{_UNSPACED}"
# Bounded and anchored, so that a megabyte of one word costs one pass.
_LINK: Final = re.compile(
    rf"""
      (?P<url> (?<![A-Za-z0-9]) https?:// [^{_URL_END}]{{1,2000}} )
    | (?P<www> (?<![{_LETTER}./@-]) www\.[{_LETTER}-]{{1,63}} (?: \.[{_LETTER}-]{{1,63}} ){{1,6}}
               (?: [/?#] [^{_URL_END}]{{0,1000}} )? )
    | (?P<mail> (?<![{_LETTER}.+%/@-]) [{_LETTER}.+%-]{{1,64}}
                @ [{_LETTER}-]{{1,63}} (?: \.[{_LETTER}-]{{1,63}} ){{1,8}} )
    """,
    re.VERBOSE | re.IGNORECASE,
)
_PHONE: Final = re.compile(
    r"""
      (?<![A-Za-z0-9+/.-]) (?:
          \+ \d{1,3} (?: [ ().\u2010\u2011-]{0,3} \d ){5,13}      # international
        | \(? [2-9]\d{2} \)? [ .\u2010\u2011-]{1,2} \d{3} [ .\u2010\u2011-] \d{4}   # North America
      ) (?![A-Za-z0-9/])
    """,
    re.VERBOSE,
)
_PUNCTUATION: Final = ".,;:!?'’…*_|，。、；：！？،؛؟"
_CLOSING: Final = {")": "(", "]": "[", "}": "{"}


def uri(href: str) -> str:
    """The link as a URI: no white space, ASCII, its host as A-labels."""
    href = _DROPPED.sub("", href).strip()
    if not href.isascii() and href.lower().startswith(("http://", "https://")):
        # Where no such host can exist it is encoded as it is, and leads nowhere.
        with contextlib.suppress(UnicodeError, ValueError):
            href = _with_a_labels(href)
    return quote(href, safe=_URI_SAFE)


def linked(words: str) -> Inline:
    """The words with their web and mail addresses as links; punctuation after one is not in it."""
    if "@" not in words and "://" not in words and "www." not in words.lower():
        return (Run(words),)
    runs: list[Run] = []
    place = 0
    for found in _LINK.finditer(words):
        address = _without_punctuation(found.group())
        href = _href(found.lastgroup or "", address)
        if href is None:
            continue
        if found.start() > place:
            runs.append(Run(words[place : found.start()]))
        runs.append(Run(address, href=href))
        place = found.start() + len(address)
    if place < len(words) or not runs:
        runs.append(Run(words[place:]))
    return tuple(runs)


def with_links(text: str) -> Inline:
    """The same, with telephone numbers as links too: for contacts, where a number is one."""
    runs: list[Run] = []
    for run in linked(text):
        runs += [run] if run.href else _with_phones(run.text)
    return tuple(runs)


def _with_phones(text: str) -> list[Run]:
    runs: list[Run] = []
    place = 0
    for found in _PHONE.finditer(text):
        if found.start() > place:
            runs.append(Run(text[place : found.start()]))
        number = found.group()
        runs.append(Run(number, href=f"tel:{'+' * number.startswith('+')}{_digits(number)}"))
        place = found.end()
    if place < len(text) or not runs:
        runs.append(Run(text[place:]))
    return runs


def says_its_target(words: str, target: str) -> bool:
    """Whether a link's words already show where it leads, so that text need not repeat it."""
    words, target = words.strip(), uri(target)
    if target.startswith("tel:"):
        return _digits(words) == _digits(target)
    shown = uri(words)
    bare = re.sub(r"^(https?://|mailto:)", "", target, flags=re.IGNORECASE).removesuffix("/")
    return target == shown or bare == shown.removesuffix("/")


def _href(kind: str, address: str) -> str | None:
    """Where an address leads; None when it is none after all."""
    if kind == "mail":
        return f"mailto:{address}" if "." in address.partition("@")[2] else None
    href = address if kind == "url" else f"https://{address}"
    try:
        return href if urlsplit(href).hostname else None
    except ValueError:  # https://[insert link here]
        return None


def _without_punctuation(address: str) -> str:
    """A closing bracket stays where the address itself opened it."""
    end = len(address)
    while end:
        last = address[end - 1]
        is_unopened = last in _CLOSING and (
            address.count(_CLOSING[last], 0, end) < address.count(last, 0, end)
        )
        if last not in _PUNCTUATION and not is_unopened:
            break
        end -= 1
    return address[:end]


def _with_a_labels(href: str) -> str:
    parts = urlsplit(href)
    user, at, place = parts.netloc.rpartition("@")
    host, colon, port = place.partition(":")
    netloc = f"{user}{at}{host.encode('idna').decode('ascii')}{colon}{port}"
    return parts._replace(netloc=netloc).geturl()


def _digits(text: str) -> str:
    return re.sub(r"\D", "", text)

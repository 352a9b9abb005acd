"""Links: a URI that every part of a mail can carry, and the links in text that has none.

In HTML and in text the same URI stands, ASCII only (RFC 3986; RFC 3987, 3.1 for the rest):
serialisers and mail clients would each percent-encode in their own way otherwise.
"""

import re
from typing import Final
from urllib.parse import quote, urlsplit

from releases.content import Inline, Run

# Everything printable that a URI may hold or that browsers leave alone, "%" included.
_URI_SAFE: Final = "!#$%&'()*+,/:;=?@[]~"
# What browsers drop from a link (URL Standard, 4.4), and what no encoding has.
_DROPPED: Final = re.compile(r"[\x00-\x1f\x7f-\x9f\u2028\u2029\ud800-\udfff]+")

# Bounded and anchored, so that a megabyte of one word costs one pass.
_LINK: Final = re.compile(
    r"""
      (?P<url> \b(?:https?://|www\.)[^\s<>"“”«»]{2,2000} )
    | (?P<mail> (?<![\w.+-]) [\w.+-]{1,64} @ [\w-]{1,63} (?:\.[\w-]{1,63}){1,8} )
    | (?P<phone> (?<![\w+/.-]) (?:
          \+ \d{1,3} (?: [ ().\u2010\u2011-]{0,3} \d ){5,13}      # international
        | \(? [2-9]\d{2} \)? [ .\u2010\u2011-]{1,2} \d{3} [ .\u2010\u2011-] \d{4}   # North America
      ) (?![\w/]) )
    """,
    re.VERBOSE | re.IGNORECASE,
)
_TRAILING: Final = ".,;:!?'’…。，、；：！？）》」』"


def uri(href: str) -> str:
    """The link as a URI: no white space, ASCII, its host as A-labels."""
    href = _DROPPED.sub("", href).strip()
    if not href.isascii() and href.lower().startswith(("http://", "https://")):
        try:
            host = urlsplit(href).hostname or ""
            href = href.replace(host, host.encode("idna").decode("ascii"), 1)
        except (UnicodeError, ValueError):
            pass  # No such host can exist: what is left is encoded below, and leads nowhere.
    return quote(href, safe=_URI_SAFE)


def with_links(text: str) -> Inline:
    """The text with its web addresses, mail addresses and telephone numbers as links."""
    runs: list[Run] = []
    done = 0
    for found in _LINK.finditer(text):
        words = found.group().rstrip(_TRAILING)
        if words.endswith(")") and "(" not in words:
            words = words.rstrip(")")
        if found.start() > done:
            runs.append(Run(text[done : found.start()]))
        done = found.start() + len(words)
        runs.append(Run(words, href=_href(found.lastgroup, words)))
    if done < len(text) or not runs:
        runs.append(Run(text[done:]))
    return tuple(runs)


def says_its_target(words: str, target: str) -> bool:
    """Whether a link's words already show where it leads, so that text need not repeat it."""
    words, target = words.strip(), uri(target)
    if target.startswith("tel:"):
        return _digits(words) == _digits(target)
    shown = uri(words)
    bare = re.sub(r"^(https?://|mailto:)", "", target, flags=re.IGNORECASE).removesuffix("/")
    return target == shown or bare == shown.removesuffix("/")


def _href(kind: str | None, words: str) -> str:
    match kind:
        case "mail":
            return f"mailto:{words}"
        case "phone":
            return "tel:" + ("+" if words.startswith("+") else "") + _digits(words)
        case _:
            return words if "://" in words[:8] else f"https://{words}"


def _digits(text: str) -> str:
    return re.sub(r"\D", "", text)

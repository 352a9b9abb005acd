"""What a DKIM-Signature covers (RFC 6376 sections 3.2 and 3.5), read without verifying it.

RFC 8058 section 4 wants one that covers both List-Unsubscribe headers, or mailbox providers
ignore one-click. Whether the signature holds is for a verifier; what it claims to cover is here.
"""

import re
from dataclasses import dataclass
from email.message import Message
from typing import Any, Final

ONE_CLICK_HEADERS: Final = ("list-unsubscribe", "list-unsubscribe-post")
_TAG_NAME: Final = re.compile(r"[A-Za-z][A-Za-z0-9_]*")


class TagListError(ValueError):
    """This is no tag list of RFC 6376 section 3.2; one plain line."""


@dataclass(frozen=True, slots=True)
class Signature:
    """A signature as it describes itself; names of headers are in lower case."""

    domain: str
    selector: str
    headers: frozenset[str]

    @property
    def covers_one_click(self) -> bool:
        """Whether both List-Unsubscribe headers are among those signed."""
        return self.headers.issuperset(ONE_CLICK_HEADERS)


def parse_tags(text: str) -> dict[str, str]:
    """The tags of `v=1; a=rsa-sha256; …`; raises TagListError, for a repeated tag too."""
    tags: dict[str, str] = {}
    for part in text.split(";"):
        if not part.strip():
            continue
        name, equals, value = part.partition("=")
        name = name.strip()
        if not equals or not _TAG_NAME.fullmatch(name):
            raise TagListError(f"no tag of the form name=value: {part.strip()[:60]!r}")
        if name in tags:
            raise TagListError(f"the tag {name} is there twice")
        tags[name] = value.strip()
    return tags


def parse_signature(header: str) -> Signature:
    """A DKIM-Signature header's value; raises TagListError when it lacks what it needs."""
    tags = parse_tags(header)
    for name in ("d", "s", "h"):
        if not tags.get(name):
            raise TagListError(f"the tag {name} is missing")
    headers = (re.sub(r"\s+", "", name).lower() for name in tags["h"].split(":"))
    return Signature(tags["d"].lower(), tags["s"].lower(), frozenset(filter(None, headers)))


def signatures_of(message: "Message[Any, Any]") -> list[Signature]:
    """The signatures of a message that can be read, from the top."""
    found = []
    for header in message.get_all("DKIM-Signature", []):
        try:
            found.append(parse_signature(str(header)))
        except TagListError:
            continue
    return found

"""What a server says it can do in its answer to EHLO (RFC 5321 section 4.1.1.1)."""

from dataclasses import dataclass

from mail.replies import Reply


@dataclass(frozen=True, slots=True)
class Capabilities:
    """The extensions we use, and how the server greeted."""

    greeting: str = ""
    is_esmtp: bool = False
    has_pipelining: bool = False  # RFC 2920
    has_chunking: bool = False  # RFC 3030
    has_8bitmime: bool = False  # RFC 6152
    has_smtputf8: bool = False  # RFC 6531
    has_enhanced_codes: bool = False  # RFC 2034
    has_starttls: bool = False  # RFC 3207
    announces_size: bool = False  # RFC 1870
    max_size_octets: int | None = None
    auth_mechanisms: frozenset[str] = frozenset()  # RFC 4954


def parse_capabilities(reply: Reply, greeting: str) -> Capabilities:
    """Read a positive answer to EHLO; what is unknown or malformed is passed over."""
    words: dict[str, list[str]] = {}
    for line in reply.text.split("\n")[1:]:
        # "AUTH=LOGIN PLAIN" is how some servers still say "AUTH LOGIN PLAIN".
        keyword, *arguments = line.upper().replace("AUTH=", "AUTH ", 1).split() or [""]
        words.setdefault(keyword, []).extend(arguments)
    return Capabilities(
        greeting=greeting,
        is_esmtp=True,
        has_pipelining="PIPELINING" in words,
        has_chunking="CHUNKING" in words,
        has_8bitmime="8BITMIME" in words,
        has_smtputf8="SMTPUTF8" in words,
        has_enhanced_codes="ENHANCEDSTATUSCODES" in words,
        has_starttls="STARTTLS" in words,
        announces_size="SIZE" in words,
        max_size_octets=_size(words.get("SIZE", [])),
        auth_mechanisms=frozenset(words.get("AUTH", [])),
    )


def _size(arguments: list[str]) -> int | None:
    """Zero, or no number, means that no limit is announced (RFC 1870 section 4)."""
    if not arguments or not arguments[0].isascii() or not arguments[0].isdigit():
        return None
    return int(arguments[0][:20]) or None

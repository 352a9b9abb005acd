"""A message from headers and bodies (RFC 5322, RFC 2045, RFC 2046).

The result is the standard library's EmailMessage, under a policy that leaves our headers as
they are: `email.policy.SMTP` folds a long List-Unsubscribe into encoded words, which breaks
one-click, and knows nothing of our holes.
"""

import re
from collections.abc import Iterable
from email import message_from_bytes
from email.message import EmailMessage
from email.policy import SMTP
from hashlib import blake2s

from mail.headers import HeaderError
from mail.text import clean_body

POLICY = SMTP.clone(refold_source="none", max_line_length=76)
"""CRLF; source headers untouched; 76 because the library takes it for quoted-printable too."""

_NAME = re.compile(r"[A-Za-z][A-Za-z0-9-]*")
# Every line end is followed by white space, and no line is white space alone (RFC 5322
# section 3.2.2).
_VALUE = re.compile(r"(?:[!-~]++(?:(?:\r\n)?[ \t]+(?=[!-~]))?)*")


def build_message(
    headers: Iterable[tuple[str, str]], text: str, html: str | None, *, boundary: str | None = None
) -> EmailMessage:
    """Text alone, or text and HTML as alternatives, under these headers.

    Header values are as `mail.headers` makes them, encoded and folded. Raises HeaderError for
    one that is not ASCII or would begin a header of its own. Both bodies are UTF-8 in
    quoted-printable, since the relay is not known yet. The boundary, unless given, derives
    from the bodies: the same input gives the same message.
    """
    block = "".join(_line(name, value) for name, value in headers)
    content = EmailMessage(policy=POLICY)
    _set_text(content, text, "plain")
    if html is not None:
        content.make_alternative(boundary=boundary or _boundary(text, html))
        part = EmailMessage(policy=POLICY)
        _set_text(part, html, "html")
        content.attach(part)
    # Parsed, not set: the library keeps what it has read as it is, while setting a body takes
    # every Content-… header away, Content-Language too.
    octets = f"{block}MIME-Version: 1.0\r\n".encode("ascii") + content.as_bytes()
    message = message_from_bytes(octets, policy=POLICY)
    assert isinstance(message, EmailMessage)
    return message


def _line(name: str, value: str) -> str:
    if not _NAME.fullmatch(name):
        raise HeaderError(name, "this is no header's name")
    if not _VALUE.fullmatch(value):
        raise HeaderError(name, "the value is not encoded: make it with mail.headers")
    return f"{name}: {value}\r\n"


def _set_text(part: EmailMessage, text: str, subtype: str) -> None:
    part.set_content(clean_body(text), subtype=subtype, charset="utf-8", cte="quoted-printable")
    del part["MIME-Version"]  # The message's own says it for all of it (RFC 2045 section 4).


def _boundary(text: str, html: str) -> str:
    """Begins with "=_", which quoted-printable never writes (RFC 2045 section 6.7, note)."""
    state = blake2s(text.encode("utf-8", "replace"), digest_size=15, person=b"mn-bound")
    state.update(b"\0" + html.encode("utf-8", "replace"))
    return f"=_{state.hexdigest()}"

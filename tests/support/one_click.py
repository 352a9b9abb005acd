"""A mail system's side of one-click, written from the RFCs alone; nothing of ours is imported.

RFC 2369 says where List-Unsubscribe leads, RFC 8058 how to post to it: one request over HTTPS,
with no cookie, no authorisation and nothing else that says who asks, and no redirect followed.
"""

import http.client
import re
import secrets
from dataclasses import dataclass
from email import policy
from email.parser import BytesParser
from typing import Literal
from urllib.parse import urlencode, urlsplit

LINE_MAX_OCTETS = 998  # RFC 5322 section 2.1.1
LOOPBACK = {"127.0.0.1", "localhost", "::1"}
BOUNDARY = "----one-click"
_COMMENT = re.compile(r"\([^()]*\)")


class NotOfferedError(Exception):
    """A message does not offer one-click as RFC 8058 wants it."""


@dataclass(frozen=True, slots=True)
class Offer:
    """What a message offers: where to post, and which key and value."""

    uri: str
    key: str
    value: str

    def encoded(self, encoding: Literal["urlencoded", "multipart"]) -> tuple[str, bytes]:
        """Content-Type and body (RFC 8058 section 3.2: multipart should be, urlencoded may)."""
        if encoding == "urlencoded":
            return "application/x-www-form-urlencoded", urlencode({self.key: self.value}).encode()
        boundary = BOUNDARY + secrets.token_hex(8)
        body = (
            f'--{boundary}\r\nContent-Disposition: form-data; name="{self.key}"\r\n\r\n'
            f"{self.value}\r\n--{boundary}--\r\n"
        )
        return f"multipart/form-data; boundary={boundary}", body.encode()


@dataclass(frozen=True, slots=True)
class Answer:
    """What a server said to a post."""

    status: int
    headers: dict[str, str]


def read_offer(raw: bytes) -> Offer:
    """What the bytes of a message offer; raises NotOfferedError."""
    unsubscribe = _signable(raw, "List-Unsubscribe")
    post = _signable(raw, "List-Unsubscribe-Post")
    if post != "List-Unsubscribe=One-Click":
        raise NotOfferedError(f"List-Unsubscribe-Post: {post}")
    # RFC 2369 section 2: white space inside the brackets does not count, comments neither.
    uris = [
        re.sub(r"\s", "", uri) for uri in re.findall("<([^<>]*)>", _COMMENT.sub("", unsubscribe))
    ]
    web = [uri for uri in uris if urlsplit(uri).scheme in {"http", "https"}]
    if len(web) != 1:
        raise NotOfferedError(f"one HTTPS URI is wanted: {uris}")
    parts = urlsplit(web[0])
    if parts.scheme != "https" and parts.hostname not in LOOPBACK:
        raise NotOfferedError(f"not HTTPS: {web[0]}")
    key, _, value = post.partition("=")
    return Offer(web[0], key, value)


def post(
    offer: Offer, encoding: Literal["urlencoded", "multipart"], *, at: tuple[str, int]
) -> Answer:
    """Post it, to where TLS ends for the host of the URI: host and port."""
    content_type, body = offer.encoded(encoding)
    return request("POST", offer.uri, at=at, content_type=content_type, body=body)


def request(
    method: str, uri: str, *, at: tuple[str, int], content_type: str = "", body: bytes = b""
) -> Answer:
    """One request that says nothing but what it must."""
    parts = urlsplit(uri)
    connection = http.client.HTTPConnection(*at, timeout=20)
    try:
        connection.putrequest(method, parts.path, skip_host=True, skip_accept_encoding=True)
        connection.putheader("Host", parts.netloc)
        if content_type:
            connection.putheader("Content-Type", content_type)
        connection.putheader("Content-Length", str(len(body)))
        connection.endheaders(body)
        answer = connection.getresponse()
        answer.read()
        return Answer(answer.status, {name.lower(): value for name, value in answer.getheaders()})
    finally:
        connection.close()


def _signable(raw: bytes, name: str) -> str:
    """A header as a DKIM signature can cover it: once, in ASCII, in lines that nobody folds."""
    # Kept in files, messages have the line ends of the host.
    head = re.split(rb"\r?\n\r?\n", raw, maxsplit=1)[0]
    if any(len(line) > LINE_MAX_OCTETS for line in head.splitlines()):
        raise NotOfferedError("a header line is too long")
    found = BytesParser(policy=policy.compat32).parsebytes(raw, headersonly=True).get_all(name, [])
    if len(found) != 1:
        raise NotOfferedError(f"{name} stands there {len(found)} times")
    value = re.sub(r"\r?\n", "", found[0]).strip()
    if not value.isascii() or "=?" in value:
        raise NotOfferedError(f"{name} is encoded")
    return value

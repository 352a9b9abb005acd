"""What comes over the wire before there is a page: heads, chunks, several requests at once."""

import socket
import time
from collections.abc import Iterable
from concurrent.futures import ThreadPoolExecutor
from urllib.parse import urlsplit

import pytest

from tests.web.world import World
from web.http import HEAD_MAX_BYTES


def said(site: World, *pieces: bytes, until_closed: bool = True, pause_seconds: float = 0) -> bytes:
    """What comes back for these pieces, sent one after the other."""
    parts = urlsplit(site.url)
    with socket.create_connection((parts.hostname or "", parts.port or 0), timeout=20) as line:
        got = bytearray()
        try:
            for piece in pieces:
                line.sendall(piece)
                if pause_seconds:
                    time.sleep(pause_seconds)
            while data := line.recv(65_536):
                got += data
                if not until_closed:
                    break
        except ConnectionError:  # it was closed while we still wrote, which is an answer
            pass
        return bytes(got)


def head(request: str, *fields: bytes) -> bytes:
    lines = [f"{request} HTTP/1.1".encode(), b"Host: localhost", *fields, b"", b""]
    return b"\r\n".join(lines)


def test_a_long_head_is_read(site: World) -> None:
    """Browsers and proxies may add a lot."""
    fields = [b"X-Field-%d: %s" % (number, b"x" * 900) for number in range(60)]
    answer = said(site, head("GET /subscribe", *fields, b"Connection: close"))
    assert answer.startswith(b"HTTP/1.1 200")


def _endless() -> Iterable[bytes]:
    return (b"x" * 65_536 for _ in range(160))


@pytest.mark.parametrize(
    "begin",
    [
        b"GET /" + b"x" * HEAD_MAX_BYTES,
        b"GET /subscribe HTTP/1.1\r\nHost: localhost\r\nX-Field: ",
        # After the body's last chunk, where nobody looks for more.
        b"POST /subscribe HTTP/1.1\r\nHost: localhost\r\nTransfer-Encoding: chunked\r\n\r\n"
        b"1\r\nx\r\n0\r\nX-Field: ",
    ],
)
def test_a_head_without_an_end(site: World, begin: bytes) -> None:
    """10 MB of address or header are cut off; the server goes on."""
    answer = said(site, begin, *_endless())
    # Nothing is read where the line was cut while we still wrote.
    assert answer == b"" or answer.startswith(b"HTTP/1.1 4")
    assert said(site, head("GET /healthz", b"Connection: close")).startswith(b"HTTP/1.1 200")


def test_why_a_head_is_refused(site: World) -> None:
    """Who sends no more than that can read why."""
    answer = said(
        site,
        b"GET /subscribe HTTP/1.1\r\nHost: localhost\r\nX-Field: ",
        b"x" * (HEAD_MAX_BYTES + 1),
        pause_seconds=0.1,
    )
    assert answer.startswith(b"HTTP/1.1 431 ")
    assert b"Connection: close\r\n" in answer
    assert answer.endswith(b"one of its headers.\n")


def test_a_body_is_no_head(site: World) -> None:
    """A form of 60 kB after a head of 40 kB, in small chunks, is taken."""
    body = b"List-Unsubscribe=One-Click&x=" + b"x" * 60_000
    chunks = [body[start : start + 4_000] for start in range(0, len(body), 4_000)]
    answer = said(
        site,
        head(
            f"POST {site.unsubscribe_path()}",
            b"X-Field: " + b"x" * 40_000,
            b"Content-Type: application/x-www-form-urlencoded",
            b"Transfer-Encoding: chunked",
            b"Connection: close",
        ),
        *[b"%x\r\n%s\r\n" % (len(chunk), chunk) for chunk in chunks],
        b"0\r\n\r\n",
    )
    assert answer.startswith(b"HTTP/1.1 200")
    assert site.followed() == {"desk"}


def test_many_requests_on_one_connection(site: World) -> None:
    """Each has a head of its own: together they may be longer than one may be."""
    field = b"X-Field: " + b"x" * 20_000
    one = head("GET /subscribe", field)
    answer = said(site, *[one] * 9, head("GET /subscribe", field, b"Connection: close"))
    assert answer.count(b"HTTP/1.1 200") == 10


def test_nothing_is_upgraded(site: World) -> None:
    """What asks for another protocol gets the page by this one."""
    fields = (b"Connection: Upgrade", b"Upgrade: websocket", b"Sec-WebSocket-Version: 13")
    answer = said(site, head("GET /subscribe", *fields), until_closed=False)
    assert answer.startswith(b"HTTP/1.1 200")


def test_a_body_before_another_protocol(site: World) -> None:
    """It is refused, not lost; and what it holds is taken for no request."""
    body = head("GET /healthz")
    answer = said(
        site,
        head(
            f"POST {site.unsubscribe_path()}",
            b"Connection: Upgrade",
            b"Upgrade: h2c",
            b"Content-Length: %d" % len(body),
        ),
        body,
        pause_seconds=0.1,
    )
    assert answer.startswith(b"HTTP/1.1 400")
    assert answer.count(b"HTTP/1.1") == 1


def test_nothing_follows_another_protocol(site: World) -> None:
    """What the parser would take for a next request may not be one."""
    upgrade = head("GET /subscribe", b"Connection: Upgrade", b"Upgrade: h2c")
    answer = said(site, upgrade, head("GET /healthz"), pause_seconds=0.2)
    assert answer.startswith(b"HTTP/1.1 200")
    assert answer.count(b"HTTP/1.1") == 1


def test_no_refusal_instead_of_an_answer(site: World) -> None:
    """While a page is being made, a head without an end comes: the page comes, and no more."""
    form = b"List-Unsubscribe=One-Click"
    posted = head(
        f"POST {site.unsubscribe_path()}",
        b"Content-Type: application/x-www-form-urlencoded",
        b"Content-Length: %d" % len(form),
    )
    pieces = (
        posted + form,
        b"GET /subscribe HTTP/1.1\r\nHost: localhost\r\nX-Field: ",
        b"x" * HEAD_MAX_BYTES,
        b"x",
    )
    with ThreadPoolExecutor(1) as beside:
        with site.database.transaction() as session:
            session.connection()  # has the lock that the page waits for
            asking = beside.submit(said, site, *pieces, pause_seconds=0.1)
            time.sleep(1)
        answer = asking.result()
    assert answer.startswith(b"HTTP/1.1 200")
    assert answer.count(b"HTTP/1.1") == 1
    assert site.followed() == {"desk"}

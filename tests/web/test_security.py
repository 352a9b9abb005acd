"""What every page promises: its own host only, no token told to anybody, no trust in strangers."""

import asyncio
import ipaddress
import re
import socket
from collections.abc import Iterator
from typing import Any
from urllib.parse import urlsplit

import httpx
import pytest
from opentelemetry.trace import NoOpTracer, TracerProvider

from tests.web.world import World, seal_of, world
from web.security import Proxies

PUBLIC = "https://press.example.org"


@pytest.fixture
def public(sqlite_url: str) -> Iterator[World]:
    """An installation with a public address, behind a proxy on 10.0.0.0/8."""
    with world(
        sqlite_url, MEDIANOTE_BASE_URL=PUBLIC, MEDIANOTE_TRUSTED_PROXIES="10.0.0.0/8"
    ) as site:
        yield site


@pytest.fixture
def proxied(sqlite_url: str) -> Iterator[World]:
    """An installation with a public address, behind a proxy on this machine."""
    with world(
        sqlite_url, MEDIANOTE_BASE_URL=PUBLIC, MEDIANOTE_TRUSTED_PROXIES="127.0.0.1"
    ) as site:
        yield site


def status_for(site: World, host: str, path: str = "/feed.atom", **headers: str) -> int:
    with site.client() as client:
        return client.get(path, headers={"Host": host} | headers).status_code


@pytest.mark.parametrize(
    "host", ["press.example.org", "PRESS.example.org", "press.example.org:443"]
)
def test_the_own_host_is_served(public: World, host: str) -> None:
    """The host of the base URL is answered for, in any letter case."""
    assert status_for(public, host) == 200


@pytest.mark.parametrize(
    "host",
    ["evil.example", "127.0.0.1", "localhost", "press.example.org:80", "press.example.org.evil.se",
     "press.example.org@evil.se", "", "[", "a b", "press.example.org/x"],
)  # fmt: skip
def test_other_hosts_are_refused(public: World, host: str) -> None:
    """Any other Host is answered with 400, whatever the path."""
    for path in ("/feed.atom", "/healthz/x", "/u/x", "/nowhere"):
        assert status_for(public, host, path) == 400


def test_probes_ask_by_address(public: World) -> None:
    """A load balancer asks a process by its address whether it is alive and ready."""
    for host in ("192.0.2.2:8000", "[2001:db8::2]", "press.example.org"):
        for path in ("/healthz", "/readyz"):
            assert status_for(public, host, path) == 200


def test_loopback_names_on_loopback(site: World) -> None:
    """An installation on this machine answers to this machine's names, and to no other."""
    for host in ("127.0.0.1:8000", "localhost", "localhost:1", "[::1]:8000", "127.0.0.9"):
        assert status_for(site, host) == 200
    for host in ("rebound.example", "127.0.0.1.evil.example", "10.0.0.1"):
        assert status_for(site, host) == 400


def test_a_trusted_proxy_over_both_protocols() -> None:
    """An IPv4 proxy is known by its IPv4 network also where it comes in over IPv6."""
    proxies = Proxies(_nothing, trusted=[ipaddress.ip_network("127.0.0.0/8")])
    headers = [(b"x-forwarded-for", b"8.8.8.8")]
    scope = {"type": "http", "client": ("::ffff:127.0.0.1", 1), "headers": headers}
    asyncio.run(proxies(scope, _nothing, _nothing))  # type: ignore[arg-type]
    assert scope["client"] == ("8.8.8.8", 0)


async def _nothing(*_: object) -> None:
    """An application, and its two ends, that do nothing."""


def test_a_request_without_host(site: World) -> None:
    """HTTP/1.0 without a Host header gets an answer, not ours."""
    parts = urlsplit(site.url)
    with socket.create_connection((parts.hostname or "", parts.port or 0), timeout=10) as line:
        line.sendall(b"GET /feed.atom HTTP/1.0\r\n\r\n")
        assert line.recv(4096).startswith(b"HTTP/1.1 400")


def test_links_are_built_from_the_base_url_only(proxied: World) -> None:
    """No header of a request gets into a link, not even from a trusted proxy."""
    with proxied.client() as client:
        feed = client.get(
            "/feed.atom",
            headers={
                "Host": "press.example.org",
                "X-Forwarded-Proto": "http",
                "X-Forwarded-For": "8.8.8.8",
            },
        )
    assert set(re.findall(r'https?://[^/<"]+', feed.text)) == {PUBLIC, "http://www.w3.org"}


def test_forwarded_hosts_of_strangers_do_not_count(public: World) -> None:
    """Whoever is no trusted proxy cannot say that it asks for our host."""
    assert status_for(public, "backend:8000", **{"X-Forwarded-Host": "press.example.org"}) == 400


def test_forwarded_hosts_of_trusted_proxies_count(proxied: World) -> None:
    """A trusted proxy says which host was asked for, ours or not."""
    ours, evil = {"X-Forwarded-Host": "press.example.org"}, {"X-Forwarded-Host": "evil.example"}
    assert status_for(proxied, "backend:8000", **ours) == 200
    assert status_for(proxied, "press.example.org", **evil) == 400


@pytest.mark.parametrize("path", ["u", "p"])
def test_token_pages_keep_to_themselves(site: World, client: httpx.Client, path: str) -> None:
    """Pages with a token in their address are not stored, framed, indexed, nor told of by links."""
    good = site.unsubscribe_path() if path == "u" else site.preferences_path()
    answers = [
        client.get(good),
        client.get(f"/{path}/wrong"),
        client.post(good, data={"x": "y"}),
        client.post(good, data={"seal": seal_of(client.get(good).text)}),
        client.delete(good),
    ]
    for answer in answers:
        headers = answer.headers
        assert headers["referrer-policy"] == "no-referrer"
        assert headers["cache-control"] == "no-store"
        assert headers["x-robots-tag"] == "noindex"
        assert headers["x-content-type-options"] == "nosniff"
        policy = headers["content-security-policy"]
        assert "default-src 'none'" in policy
        assert "frame-ancestors 'none'" in policy
        assert "unsafe" not in policy
        assert "set-cookie" not in headers
        assert "<script" not in answer.text
        assert "style=" not in answer.text


def test_the_log_and_the_metrics_hold_no_token(
    site: World, client: httpx.Client, capfd: pytest.CaptureFixture[str]
) -> None:
    """What is written down of a request names its route's template, also when it went wrong."""
    paths = [site.unsubscribe_path(), site.preferences_path(), "/u/made-up-token", "/made-up-path"]
    for path in paths:
        for method in ("GET", "POST", "PUT", "MADEUP"):
            client.request(method, path)
    site.database.dispose()
    written = "".join(capfd.readouterr())
    from prometheus_client import generate_latest

    written += generate_latest(site.metrics.registry).decode()
    assert 'route="/u/{token}"' in written
    assert "route=/p/{token}" in written
    for path in paths:
        assert path.rpartition("/")[2] not in written
    assert "MADEUP" not in written


class Spans(TracerProvider):
    """Keeps what a tracer is told of requests."""

    def __init__(self) -> None:
        self.told: list[object] = []

    def get_tracer(self, *names: Any, **more: Any) -> Any:
        self.told.append((names, more))
        return NoOpTracer()


def test_tracing_is_told_nothing(
    site: World, client: httpx.Client, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Where OpenTelemetry is set up for the process, no span tells of a path."""
    spans = Spans()
    monkeypatch.setattr("opentelemetry.trace.get_tracer_provider", lambda: spans)
    assert client.get(site.unsubscribe_path()).status_code == 200
    assert spans.told == []


def test_bodies_that_are_too_large(site: World, client: httpx.Client) -> None:
    """10 MB, announced or not, are answered with a plain page that can be read."""
    body = b"List-Unsubscribe=One-Click&x=" + b"x" * 10_000_000
    pieces = (body[start : start + 100_000] for start in range(0, len(body), 100_000))
    for content in (body, pieces):
        answer = client.post(site.unsubscribe_path(), content=content)
        assert answer.status_code == 413
        assert "<h1>" in answer.text
    assert len(site.followed()) == 3


@pytest.mark.parametrize(
    ("path", "allowed"), [("/u/x", "GET, HEAD, POST"), ("/r/x", "GET, HEAD"), ("/", "GET, HEAD")]
)
def test_wrong_methods(client: httpx.Client, path: str, allowed: str) -> None:
    """A method that a page does not know is answered with a page, and with those it knows."""
    for method in ("PUT", "DELETE", "PATCH", "OPTIONS", "TRACE"):
        answer = client.request(method, path)
        assert answer.status_code == 405
        assert answer.headers["allow"] == allowed
        assert "<h1>" in answer.text


@pytest.mark.parametrize(
    "path", ["/nowhere", "/u/", "/u", "/r/", "/u/x/", "/static/../app.py", "/%2e%2e/"]
)
def test_nothing_is_redirected(client: httpx.Client, path: str) -> None:
    """What is not there is a 404 page; no path leads to another."""
    answer = client.get(path)
    assert answer.status_code == 404
    assert "There is nothing at this address" in answer.text or "link" in answer.text


@pytest.mark.parametrize(
    ("kind", "body"),
    [
        ("multipart/form-data", b"x"),
        ("multipart/form-data; boundary=x", b"--x\r\nnonsense"),
        ("multipart/form-data; boundary=\xff", b"--x--"),
        ("application/json", b"{}"),
        ("application/x-www-form-urlencoded", b"a=b&" * 600),
        ("application/x-www-form-urlencoded", b"\xff\xfe=\x00"),
    ],
)
def test_forms_that_cannot_be_read(
    site: World, client: httpx.Client, kind: str, body: bytes
) -> None:
    """Nonsense for a form is a plain page with a status below 500, and changes nothing."""
    answer = client.post(
        site.unsubscribe_path(), content=body, headers=[(b"Content-Type", kind.encode("latin-1"))]
    )
    assert answer.status_code in {400, 422}
    assert "<h1>" in answer.text
    assert len(site.followed()) == 3


def test_a_database_that_is_gone(site: World, client: httpx.Client) -> None:
    """Without its database a page says so, with 503, and a mail system will try again."""
    with site.database.transaction() as session:
        from sqlalchemy import text

        session.execute(text("ALTER TABLE subscription RENAME TO gone"))
    for answer in (
        client.get(site.preferences_path()),
        client.post(site.unsubscribe_path(), content="List-Unsubscribe=One-Click"),
    ):
        assert answer.status_code == 503
        assert "retry-after" in answer.headers
        assert "subscription" not in answer.text


def test_a_rehearsal_says_so(sqlite_url: str) -> None:
    """Every page of a rehearsal carries the word."""
    with world(sqlite_url, MEDIANOTE_ONLY_TO="example.org") as site, site.client() as client:
        for path in ("/", site.unsubscribe_path(), site.preferences_path(), "/nowhere"):
            assert "REHEARSAL" in client.get(path).text


def test_a_client_that_hangs_up(site: World, capfd: pytest.CaptureFixture[str]) -> None:
    """Half a form changes nothing, and is no fault of ours."""
    parts = urlsplit(site.url)
    with socket.create_connection((parts.hostname or "", parts.port or 0), timeout=10) as line:
        head = f"POST {site.unsubscribe_path()} HTTP/1.1\r\nHost: 127.0.0.1\r\n"
        line.sendall(head.encode() + b"Content-Length: 500\r\n\r\nList-Unsubscribe=One-Cl")
    with site.client() as client:
        assert client.get("/healthz").status_code == 200
    assert "fault" not in "".join(capfd.readouterr())
    assert len(site.followed()) == 3

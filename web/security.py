"""What stands before every page: whose host this is, who asks, how much may be sent.

Pure ASGI middlewares, the outermost first: `Proxies`, `HostCheck`, `BodyLimit`; and the
headers that pages go out with.
"""

import asyncio
import contextlib
from collections.abc import Sequence
from typing import Final
from urllib.parse import urlsplit

from starlette.datastructures import Headers
from starlette.exceptions import HTTPException
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from runtime.hosts import Network, ip_address, is_loopback

BODY_MAX_BYTES: Final = 64 * 1024
DRAIN_MAX_BYTES: Final = 32 * 1024 * 1024
DRAIN_SECONDS: Final = 10.0
FORWARDED: Final = ("forwarded", "x-forwarded-for", "x-forwarded-host", "x-forwarded-proto")
PROBED: Final = frozenset({"/healthz", "/readyz"})
_PORTS: Final = {"http": 80, "https": 443}

POLICY: Final = (
    "default-src 'none'; style-src 'self'; img-src 'self' data:; form-action 'self'; "
    "base-uri 'none'; frame-ancestors 'none'"
)
PAGE_HEADERS: Final = {
    "Content-Security-Policy": POLICY,
    "X-Content-Type-Options": "nosniff",
    # A link's token is in its address: no page may pass it on.
    "Referrer-Policy": "no-referrer",
    "Cache-Control": "no-store",
    "X-Robots-Tag": "noindex",
}
"""Of every page; what is public takes the last two back."""


class Proxies:
    """Believes forwarded headers of trusted proxies, and nobody else's.

    Sets `client` and `scheme` of the scope, the Host header, and `scope["state"]["is_direct"]`:
    whether the request came without any proxy that we can tell.
    """

    def __init__(self, app: ASGIApp, *, trusted: Sequence[Network]) -> None:
        self._app = app
        self._trusted = tuple(trusted)

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] == "http":
            headers = Headers(scope=scope)
            is_forwarded = any(name in headers for name in FORWARDED)
            scope.setdefault("state", {})["is_direct"] = not is_forwarded
            if is_forwarded and self._is_trusted((scope.get("client") or ("",))[0]):
                self._believe(scope, headers)
        await self._app(scope, receive, send)

    def _believe(self, scope: Scope, headers: Headers) -> None:
        hops = [hop.strip() for hop in ",".join(headers.getlist("x-forwarded-for")).split(",")]
        # From the right: what a proxy of ours has added; the first that is none of ours asked.
        asking = next((hop for hop in reversed(hops) if not self._is_trusted(hop)), None)
        if asking:
            scope["client"] = (asking, 0)
        scheme = headers.get("x-forwarded-proto", "").split(",")[-1].strip().lower()
        if scheme in _PORTS:
            scope["scheme"] = scheme
        host = headers.get("x-forwarded-host", "").split(",")[-1].strip()
        if host:
            others = [(name, value) for name, value in scope["headers"] if name != b"host"]
            scope["headers"] = [*others, (b"host", host.encode("latin-1", "replace"))]

    def _is_trusted(self, address: str) -> bool:
        found = ip_address(address)
        return found is not None and any(found in network for network in self._trusted)


class HostCheck:
    """Answers for the base URL's host only; on this machine's own, for all its names.

    Probes come to an IP address, and what they ask tells nobody anything.
    """

    def __init__(self, app: ASGIApp, *, base_url: str) -> None:
        self._app = app
        parts = urlsplit(base_url)
        self._host = (parts.hostname or "").lower()
        self._port = parts.port or _PORTS[parts.scheme]
        self._default_port = _PORTS[parts.scheme]

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        is_checked = scope["type"] == "http" and scope["path"] not in PROBED
        if is_checked and not self._is_ours(Headers(scope=scope).getlist("host")):
            raise HTTPException(400)
        await self._app(scope, receive, send)

    def _is_ours(self, hosts: list[str]) -> bool:
        if len(hosts) != 1:
            return False
        name, port = split_host(hosts[0])
        if not name or port is None:
            return False
        if is_loopback(self._host):
            return is_loopback(name)
        return name == self._host and (port or self._default_port) == self._port


class BodyLimit:
    """Refuses bodies of more than 64 kB (413), and takes them off the line first.

    A server that answers and closes while a client still writes is, to the client, one that
    broke the connection: it would never read why.
    """

    def __init__(self, app: ASGIApp) -> None:
        self._app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return
        length = Headers(scope=scope).get("content-length", "")
        if length.isdigit() and int(length) > BODY_MAX_BYTES:
            await _drain(receive, 0)
            raise HTTPException(413)
        received_bytes = 0

        async def receive_limited() -> Message:
            nonlocal received_bytes
            message = await receive()
            received_bytes += len(message.get("body", b""))
            if received_bytes > BODY_MAX_BYTES:
                await _drain(receive, received_bytes)
                raise HTTPException(413)
            return message

        await self._app(scope, receive_limited, send)


async def _drain(receive: Receive, received_bytes: int) -> None:
    with contextlib.suppress(TimeoutError):
        async with asyncio.timeout(DRAIN_SECONDS):
            while received_bytes < DRAIN_MAX_BYTES:
                message = await receive()
                if message["type"] != "http.request" or not message.get("more_body"):
                    return
                received_bytes += len(message.get("body", b""))


def split_host(host: str) -> tuple[str, int | None]:
    """A Host header's name in lower case, and its port: 0 without one, None for nonsense."""
    try:
        parts = urlsplit(f"//{host}")
        port = parts.port or 0
    except ValueError:
        return "", None
    if parts.path or parts.query or parts.fragment or parts.username is not None:
        return "", None
    return (parts.hostname or "").rstrip(".").lower(), port

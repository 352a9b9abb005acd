"""How a page was asked for, as the consent log keeps it."""

import functools
from ipaddress import ip_network
from typing import Final

from starlette.requests import Request

from runtime.hosts import ip_address
from subscribers.consents import Via
from web.attendant import template

IPV4_BITS: Final = 24
IPV6_BITS: Final = 48
"""So much of an address says whose network it is; the rest would say whose device."""


def via(request: Request, wording: str | None = None) -> Via:
    """The request's route and network; `wording` is what was agreed to."""
    return Via(template(request.scope), network_of(request), wording)


def network_of(request: Request) -> str | None:
    """Where a request came from, the host cut off; None where that cannot be told."""
    return _network(request.client.host) if request.client else None


@functools.lru_cache(1_000)
def _network(host: str) -> str | None:
    address = ip_address(host)
    if address is None:
        return None
    bits = IPV4_BITS if address.version == 4 else IPV6_BITS
    return str(ip_network((address, bits), strict=False))

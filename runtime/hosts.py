"""Names and addresses of hosts: this machine's own, and the one that links in mail lead to."""

import ipaddress
import re
from typing import Final
from urllib.parse import urlsplit

import idna

Address = ipaddress.IPv4Address | ipaddress.IPv6Address
Network = ipaddress.IPv4Network | ipaddress.IPv6Network

DOMAIN: Final = re.compile(
    r"(?=.{1,253}$)(?!-)[A-Za-z0-9-]{1,63}(?<!-)(\.(?!-)[A-Za-z0-9-]{1,63}(?<!-))*"
)
_DEFAULT_PORTS: Final = {"http": 80, "https": 443}


def ip_address(text: str) -> Address | None:
    """The IP address that a text is; an IPv4 one that came in over IPv6 is the IPv4 one.

    A socket that listens on `::` names IPv4 clients so: ::ffff:192.0.2.1 (RFC 4291 section
    2.5.5.2). None for anything else.
    """
    try:
        found = ipaddress.ip_address(text)
    except ValueError:
        return None
    return getattr(found, "ipv4_mapped", None) or found


def is_loopback(host: str) -> bool:
    """Whether a host name or address names this machine only."""
    if host == "localhost" or host.endswith(".localhost"):
        return True
    address = ip_address(host)
    return address is not None and address.is_loopback


def ascii_domain(name: str) -> str:
    """A domain as lower-case A-labels (RFC 5890); raises ValueError for what is none."""
    try:
        written = name if name.isascii() else idna.encode(name, uts46=True).decode("ascii")
    except idna.IDNAError:
        written = ""
    written = written.rstrip(".").lower()
    if not DOMAIN.fullmatch(written):
        raise ValueError(f"“{name}” is not a host such as press.example.org")
    return written


def origin_of(url: str) -> str:
    """An address of pages as links, Host and Origin headers all write it (RFC 6454 section 6.2).

    The host is lower-case A-labels, a default port is left out, and nothing follows. Raises
    ValueError, one plain line, for what cannot be that.
    """
    try:
        parts = urlsplit(url)
        host, port = parts.hostname, parts.port
    except ValueError:
        host = port = None
    if not host or port == 0 or parts.scheme not in _DEFAULT_PORTS or not _is_printable(url):
        raise ValueError("must be an https address such as https://press.example.org")
    if parts.path.strip("/") or parts.query or parts.fragment or parts.username is not None:
        raise ValueError("must be an address without user, query, fragment or path")
    if parts.scheme == "http" and not is_loopback(host):
        raise ValueError("must begin with https:// (http is for this machine only)")
    at = "" if port in {None, _DEFAULT_PORTS[parts.scheme]} else f":{port}"
    return f"{parts.scheme}://{_written(host)}{at}"


def _is_printable(url: str) -> bool:
    # urlsplit drops some of what cannot stand in an address without a word.
    return url.isprintable() and " " not in url


def _written(host: str) -> str:
    """The host as it stands in an address; raises ValueError for what is none."""
    address = ip_address(host)
    if address is not None and "%" not in host:
        return f"[{address}]" if address.version == 6 else str(address)
    return ascii_domain(host)

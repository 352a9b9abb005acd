"""What a setting's value must be: each rule gives the value as it is kept.

A rule raises ValueError with one plain line, to which the variable's name is put. Values that
may hold a password or a key are never repeated.
"""

import ipaddress
import re
from typing import Final
from zoneinfo import ZoneInfo

from runtime.hosts import DOMAIN, ascii_domain
from runtime.relays import Relay

KEY_MIN_CHARACTERS: Final = 16
"""Shorter keys could be guessed; `mail.tokens` takes none either."""
UNDO_MAX_SECONDS: Final = 3600
"""The longest undo window; what is to wait for longer has a time (--at)."""


def split_commas(value: object) -> object:
    """The parts of a text between commas; anything else as it is."""
    if not isinstance(value, str):
        return value
    parts = tuple(part.strip() for part in value.split(",") if part.strip())
    if not parts:
        # A rehearsal for "," must not become mail to everyone.
        raise ValueError("there is nothing in it: unset it, or give it a value")
    return parts


def database_url(value: str) -> str:
    """A SQLAlchemy URL of a database that we know."""
    if not value.startswith(("sqlite:///", "postgresql+psycopg://")):
        raise ValueError("must begin with sqlite:/// or postgresql+psycopg://")
    from sqlalchemy.engine import make_url  # noqa: PLC0415 (needed for a given URL alone)

    try:
        port = make_url(value).port
    except ValueError:
        port = 0
    if port is not None and not 1 <= port <= 65535:
        raise ValueError("its port must be a number from 1 to 65535")
    return value


def broker_url(value: str) -> str:
    """A URL of a broker that we know."""
    if not value.startswith(("redis://", "rediss://", "amqp")):
        raise ValueError("must begin with redis://, rediss://, amqp:// or amqps://")
    return value


def relay_urls(value: tuple[str, ...]) -> tuple[str, ...]:
    """URLs of relays that can be used as they stand."""
    for url in value:
        Relay.from_url(url)
    return value


def zone_name(value: str) -> str:
    """The name of a time zone."""
    try:
        ZoneInfo(value)
    except (KeyError, ValueError, OSError):
        raise ValueError(f"“{value}” is not an IANA time zone, such as Europe/Brussels") from None
    return value


def one_mailbox(value: str) -> str:
    """`Name <address>`, on one line; `mail.addresses` looks closer before anything is sent."""
    if any(ord(character) < 32 or ord(character) == 127 for character in value):
        raise ValueError("must be one line, without control characters")
    address = value.rpartition("<")[2].strip("> \t") if "<" in value else value.strip()
    if not re.fullmatch(r"[^@\s<>]+@[^@\s<>]+", address):
        raise ValueError("needs an address, such as Press Office <press@example.org>")
    return value.strip()


def one_domain(value: str) -> str:
    """A domain, in lower case."""
    if not DOMAIN.fullmatch(value):
        raise ValueError(f"“{value}” is not a domain such as lists.example.org")
    return value.lower()


def domains_and_addresses(value: tuple[str, ...]) -> tuple[str, ...]:
    """Domains and addresses, each as it is compared with subscribers' addresses."""
    return tuple(_domain_or_address(name) for name in value)


def networks(value: tuple[str, ...]) -> tuple[str, ...]:
    """Networks as CIDR."""
    for network in value:
        try:
            ipaddress.ip_network(network, strict=False)
        except ValueError:
            raise ValueError(f"“{network}” is not a network such as 10.0.0.0/8") from None
    return value


def key_fault(key: str) -> str | None:
    """Why a key will not do, in one plain line that does not repeat it; None when it will."""
    length = len(key.strip())
    if length >= KEY_MIN_CHARACTERS:
        return None
    return (
        f"a key must have at least {KEY_MIN_CHARACTERS} characters, and this one has {length}: "
        "`openssl rand -hex 32` makes a good one"
    )


def _domain_or_address(name: str) -> str:
    local, at, domain = name.rpartition("@")
    try:
        ascii_name = ascii_domain(domain)
    except ValueError:
        ascii_name = ""
    if "." not in ascii_name or re.search(r"[\s@<>]", local):
        raise ValueError(
            f"“{name}” is neither a domain nor an address, such as example.org or press@example.org"
        )
    return f"{local}{at}{ascii_name}"

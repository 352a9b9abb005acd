"""Limits as an operator writes them: `20/s`, `300/min`, `5 at once`, for relays and for domains.

    relay     smtp://relay.example:25?connections=10&rate=50/s&per_connection=100
    domains   gmail.com googlemail.com 20/s 5 at once, example.org 300/min, *

The domains of one entry share its limits. `*` means every other domain, each on its own. Whatever
an entry covers rests for a while when it defers.
"""

import re
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Final

from runtime.hosts import ascii_domain

EVERY_OTHER: Final = "*"
_UNITS: Final = {"s": 1, "min": 60, "h": 3600}
_RATE: Final = re.compile(r"([1-9]\d{0,6})/(s|min|h)")
_AT_ONCE: Final = re.compile(r"\b([1-9]\d{0,4}) +at +once\b")
_EXAMPLE: Final = "such as gmail.com 20/s 5 at once"


class LimitError(ValueError):
    """A limit that cannot be read; its text is one plain line."""


@dataclass(frozen=True, slots=True)
class Rate:
    """At most ``count`` messages in any ``seconds``."""

    count: int
    seconds: int = 1

    def __post_init__(self) -> None:
        """Refuse what would let nobody through."""
        if self.count < 1 or self.seconds < 1:
            raise LimitError("a rate lets at least one message through")

    @classmethod
    def parse(cls, text: str) -> "Rate":
        """Read ``20/s``, ``300/min`` or ``5000/h``."""
        found = _RATE.fullmatch(text)
        if found is None:
            raise LimitError(f"“{text}” is not a rate such as 20/s, 300/min or 5000/h")
        return cls(int(found[1]), _UNITS[found[2]])

    def __str__(self) -> str:
        """As it is written."""
        unit = next(name for name, seconds in _UNITS.items() if seconds == self.seconds)
        return f"{self.count}/{unit}"


@dataclass(frozen=True, slots=True)
class RelayLimits:
    """What one relay is given at most, by all workers together; None: no limit."""

    connections: int | None = None
    rate: Rate | None = None
    per_connection: int | None = None
    """Messages that one connection carries."""

    @classmethod
    def from_options(cls, pairs: Sequence[tuple[str, str]]) -> "RelayLimits":
        """Read the options of a relay's URL; raises LimitError for one that is not known."""
        options = dict(pairs)
        if len(options) < len(pairs):
            raise LimitError("an option is there twice")
        # What stands there may be the end of a password: it is never repeated.
        if options.keys() - {"connections", "rate", "per_connection"}:
            raise LimitError("its options are connections=10, rate=50/s and per_connection=100")
        rate = options.get("rate")
        if rate is not None and _RATE.fullmatch(rate) is None:
            raise LimitError("its rate is written 50/s, 300/min or 5000/h")
        return cls(
            connections=_number(options, "connections"),
            rate=Rate.parse(rate) if rate is not None else None,
            per_connection=_number(options, "per_connection"),
        )

    def __bool__(self) -> bool:
        """Tell whether anything is limited."""
        return self != NO_LIMITS

    def __str__(self) -> str:
        """In words, for `doctor`."""
        parts = []
        if self.connections is not None:
            parts.append(f"{self.connections} connection{'s' * (self.connections > 1)}")
        if self.rate is not None:
            parts.append(str(self.rate))
        if self.per_connection is not None:
            parts.append(f"{self.per_connection} on a connection")
        return ", ".join(parts)


NO_LIMITS: Final = RelayLimits()


@dataclass(frozen=True, slots=True)
class DomainLimit:
    """What some domains are given at most, together, by all workers; they rest when they defer."""

    name: str
    """The first of the domains: what the limit is known by."""
    rate: Rate | None = None
    at_once: int | None = None
    """Messages under way at any moment."""

    def __str__(self) -> str:
        """In words, for `doctor`."""
        parts = [str(self.rate)] if self.rate is not None else []
        if self.at_once is not None:
            parts.append(f"{self.at_once} at once")
        return f"{self.name} {' '.join(parts) or 'rests when it defers'}"


@dataclass(frozen=True, slots=True)
class DomainLimits:
    """All limits of domains."""

    by_domain: Mapping[str, DomainLimit] = field(default_factory=dict)
    others: DomainLimit | None = None

    @classmethod
    def parse(cls, entries: Iterable[str]) -> "DomainLimits":
        """Read the entries of MEDIANOTE_DOMAIN_LIMITS; raises LimitError."""
        by_domain: dict[str, DomainLimit] = {}
        others: DomainLimit | None = None
        for entry in entries:
            domains, limit = _entry(entry)
            for domain in domains:
                if domain in by_domain or (domain == EVERY_OTHER and others is not None):
                    raise LimitError(f"“{domain}” is there twice")
                if domain == EVERY_OTHER:
                    others = limit
                else:
                    by_domain[domain] = limit
        return cls(by_domain, others)

    def of(self, domain: str) -> DomainLimit | None:
        """Return the limit of a domain, in lower case; None when it has none."""
        found = self.by_domain.get(domain)
        if found is not None or self.others is None:
            return found
        return DomainLimit(domain, self.others.rate, self.others.at_once)

    def __bool__(self) -> bool:
        """Tell whether any domain is limited."""
        return bool(self.by_domain) or self.others is not None


def share_of(limit: int, workers: int, rank: int) -> int:
    """Say how much of a limit is the ``rank``-th worker's (from 0), so that all add up to it."""
    return limit // workers + (rank < limit % workers)


def _number(options: Mapping[str, str], name: str) -> int | None:
    text = options.get(name)
    if text is None:
        return None
    if not re.fullmatch(r"[1-9]\d{0,5}", text):
        raise LimitError(f"{name} is a whole number from 1 on")
    return int(text)


def _entry(entry: str) -> tuple[list[str], DomainLimit]:
    found = _AT_ONCE.findall(entry)
    words = _AT_ONCE.sub(" ", entry).split()
    rates = [Rate.parse(word) for word in words if "/" in word]
    domains = [_domain(word, entry) for word in words if "/" not in word]
    if not domains or len(found) > 1 or len(rates) > 1:
        raise LimitError(f"“{entry}” is not domains and their limits, {_EXAMPLE}")
    if EVERY_OTHER in domains and len(domains) > 1:
        raise LimitError(f"“{entry}”: * stands alone, for every other domain on its own")
    limit = DomainLimit(domains[0], rates[0] if rates else None, int(found[0]) if found else None)
    return domains, limit


def _domain(word: str, entry: str) -> str:
    if word == EVERY_OTHER:
        return word
    try:
        domain = ascii_domain(word)
    except ValueError:
        domain = ""
    if "." not in domain:
        raise LimitError(f"“{word}” in “{entry}” is no domain; limits are {_EXAMPLE}")
    return domain

"""Mail relays: where mail is handed over, as one ``smtp://`` URL each."""

import ipaddress
from dataclasses import dataclass, field
from enum import StrEnum
from urllib.parse import parse_qsl, unquote, urlsplit

from runtime.limits import NO_LIMITS, LimitError, RelayLimits


class RelayError(ValueError):
    """A relay's URL that cannot be used; its text is one plain line, without the password."""


class Security(StrEnum):
    """How the connection is encrypted."""

    NONE = "none"
    STARTTLS = "starttls"
    TLS = "tls"


_SCHEMES = {
    "smtp": (Security.NONE, 25),
    "smtp+starttls": (Security.STARTTLS, 587),
    "smtps": (Security.TLS, 465),
}


@dataclass(frozen=True, slots=True)
class Relay:
    """One relay. ``flights_proved`` permits several whole messages in flight at once.

    With ``proved_greeting`` (see :func:`mail.flights.greeting_identity`) flights are used only
    while the relay still greets as it did when they were proved.
    """

    host: str
    port: int
    security: Security = Security.NONE
    user: str | None = None
    password: str | None = field(default=None, repr=False)
    flights_proved: bool = False
    proved_greeting: str | None = None
    limits: RelayLimits = NO_LIMITS

    def __post_init__(self) -> None:
        """Refuse to send a password over a network in clear."""
        if self.user is not None and self.security is Security.NONE and not self.is_loopback:
            raise RelayError(
                f"the password for {self.host} would travel unencrypted: "
                "use smtp+starttls:// or smtps://"
            )

    @classmethod
    def from_url(cls, url: str) -> "Relay":
        """Read ``smtp[+starttls]://`` or ``smtps://[user:password@]host[:port][?limits]``."""
        try:
            parts = urlsplit(url.strip())
        except ValueError:
            raise RelayError("a relay's URL has a host that cannot be read") from None
        if parts.scheme not in _SCHEMES:
            raise RelayError(
                f"a relay's URL begins with smtp://, smtp+starttls:// or smtps://, "
                f"not with {parts.scheme or 'nothing'}"
            )
        security, usual_port = _SCHEMES[parts.scheme]
        try:
            port = parts.port or usual_port
        except ValueError:
            raise RelayError(f"the port of {parts.hostname} is not a number up to 65535") from None
        if not parts.hostname or parts.path not in {"", "/"} or parts.fragment:
            raise RelayError(
                "a relay's URL is scheme://[user:password@]host[:port][?limits], nothing more"
            )
        if (parts.username is None) != (parts.password is None) or parts.username == "":
            raise RelayError(f"the relay {parts.hostname} needs both a user and a password")
        user = None if parts.username is None else unquote(parts.username)
        password = None if parts.password is None else unquote(parts.password)
        limits = _read_limits(parts.hostname, parts.query)
        return cls(parts.hostname, port, security, user, password, limits=limits)

    @property
    def name(self) -> str:
        """Name the relay for people, without its password."""
        host = f"[{self.host}]" if ":" in self.host else self.host
        return f"{host}:{self.port}"

    @property
    def is_loopback(self) -> bool:
        """Tell whether what is sent there never leaves this machine."""
        if self.host == "localhost":
            return True
        try:
            return ipaddress.ip_address(self.host).is_loopback
        except ValueError:
            return False


def _read_limits(host: str, query: str) -> RelayLimits:
    try:
        pairs = parse_qsl(query, keep_blank_values=True, strict_parsing=True) if query else []
        return RelayLimits.from_options(pairs)
    except LimitError as error:
        raise RelayError(f"the relay {host}: {error}") from None
    except ValueError:
        raise RelayError(
            f"the relay {host}: its options are name=value, with & between them"
        ) from None

"""Finding a relay's addresses without stopping the loop: name servers can hang for long."""

import ipaddress
import socket
import threading
from typing import Any, TypeAlias

SocketAddress: TypeAlias = tuple[socket.AddressFamily, Any]  # the second is for connect()


class Lookup:
    """One look-up of a host's addresses; a number is its own answer."""

    def __init__(self, host: str, port: int) -> None:
        """Begin the look-up."""
        self.addresses: list[SocketAddress] | None = None
        self.why_not: str | None = None
        try:
            version = ipaddress.ip_address(host).version
        except ValueError:
            # A daemon: a name server that hangs must not keep the process from ending.
            threading.Thread(target=self._resolve, args=(host, port), daemon=True).start()
        else:
            family = socket.AF_INET if version == 4 else socket.AF_INET6
            self.addresses = [(family, (host, port))]

    @property
    def is_done(self) -> bool:
        """Tell whether there is an answer, good or bad."""
        return self.addresses is not None or self.why_not is not None

    def _resolve(self, host: str, port: int) -> None:
        try:
            found = socket.getaddrinfo(host, port, type=socket.SOCK_STREAM)
        except (OSError, UnicodeError) as error:
            self.why_not = f"unknown host ({getattr(error, 'strerror', None) or error})"
        else:
            self.addresses = [(family, address) for family, _, _, _, address in found]


def own_name() -> str:
    """Return the name that we say EHLO with: this host's, in letters that SMTP allows."""
    name = "".join(c for c in socket.gethostname() if c.isascii() and (c.isalnum() or c in ".-"))
    return name.strip(".-") or "localhost"

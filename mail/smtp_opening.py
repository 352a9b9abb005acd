"""The opening of a session: greeting, EHLO, STARTTLS, AUTH, as one dialogue (RFC 5321 section 3.1).

:func:`opening` is a generator: it yields what to send and is sent each reply. Nothing may be
pipelined here, so the dialogue reads as it happens.
"""

from binascii import b2a_base64
from collections.abc import Generator
from dataclasses import dataclass, field
from enum import Enum
from typing import TypeAlias

from mail.replies import Reply
from mail.smtp_capabilities import Capabilities, parse_capabilities


class Turn(Enum):
    """What the opening asks for besides sending a command."""

    LISTEN = "wait for the next reply"
    START_TLS = "begin TLS now; send LISTEN's place a None when it is up"


class RelayTroubleError(Exception):
    """The relay cannot be used now; the text is one plain line."""


@dataclass(frozen=True, slots=True)
class OpeningOptions:
    """Who we are, and what is demanded before any mail is sent."""

    ehlo_name: str
    relay_name: str
    wants_starttls: bool = False
    is_private: bool = False  # already encrypted, or a loopback: a password may travel
    user: str | None = None
    password: str | None = field(default=None, repr=False)


Opening: TypeAlias = Generator[bytes | Turn, Reply | None, Capabilities]


def opening(options: OpeningOptions) -> Opening:
    """Lead the session to where mail can be sent; return what the server can do.

    Raises :class:`RelayTroubleError` where the server does not let us get that far.
    """
    relay = options.relay_name
    greeting = yield from _listen()
    if greeting.code != 220:
        raise RelayTroubleError(f"{relay} does not take connections now: {greeting}")
    capabilities = yield from _hello(options, greeting.text)
    is_private = options.is_private
    if options.wants_starttls:
        if not capabilities.has_starttls:
            raise RelayTroubleError(f"{relay} does not offer STARTTLS")
        reply = yield from _ask(b"STARTTLS\r\n")
        if reply.code != 220:
            raise RelayTroubleError(f"{relay} refuses STARTTLS: {reply}")
        yield Turn.START_TLS
        is_private = True
        # What was said in clear may have been said by anyone (RFC 3207 section 4.2).
        capabilities = yield from _hello(options, greeting.text)
    if options.user is not None:
        if not is_private:
            raise RelayTroubleError(f"{relay}: a password is never sent without TLS")
        yield from _authenticate(options, capabilities.auth_mechanisms)
    return capabilities


def _listen() -> Generator[bytes | Turn, Reply | None, Reply]:
    reply = yield Turn.LISTEN
    assert reply is not None
    return reply


def _ask(command: bytes) -> Generator[bytes | Turn, Reply | None, Reply]:
    reply = yield command
    assert reply is not None
    return reply


def _hello(
    options: OpeningOptions, greeting: str
) -> Generator[bytes | Turn, Reply | None, Capabilities]:
    name = options.ehlo_name.encode("ascii")
    reply = yield from _ask(b"EHLO %b\r\n" % name)
    if reply.code == 250:
        return parse_capabilities(reply, greeting)
    if reply.code in {500, 501, 502, 504, 550}:  # RFC 5321 section 4.1.4
        reply = yield from _ask(b"HELO %b\r\n" % name)
        if reply.code == 250:
            return Capabilities(greeting=greeting)
    raise RelayTroubleError(f"{options.relay_name} refuses our EHLO: {reply}")


def _authenticate(
    options: OpeningOptions, mechanisms: frozenset[str]
) -> Generator[bytes | Turn, Reply | None, None]:
    user = (options.user or "").encode()
    password = (options.password or "").encode()
    if "PLAIN" in mechanisms:  # RFC 4616
        reply = yield from _ask(b"AUTH PLAIN " + _base64(b"\0" + user + b"\0" + password))
        if reply.code == 334:  # it ignored the initial response
            reply = yield from _ask(_base64(b"\0" + user + b"\0" + password))
    elif "LOGIN" in mechanisms:
        reply = yield from _ask(b"AUTH LOGIN\r\n")
        for answer in (user, password):
            if reply.code == 334:
                reply = yield from _ask(_base64(answer))
    else:
        offered = ", ".join(sorted(mechanisms)) or "nothing"
        raise RelayTroubleError(
            f"{options.relay_name} offers neither AUTH PLAIN nor LOGIN (it offers {offered})"
        )
    if reply.code != 235:
        raise RelayTroubleError(
            f"{options.relay_name} refuses the user {options.user} or the password: {reply}"
        )


def _base64(octets: bytes) -> bytes:
    return b2a_base64(octets, newline=False) + b"\r\n"

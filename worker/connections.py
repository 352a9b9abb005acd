"""One connection to a relay: a non-blocking socket, TLS where wanted, and the SMTP session."""

import contextlib
import errno
import os
import socket
import ssl
from collections.abc import Callable, Sequence
from dataclasses import dataclass

from mail.smtp import Closed, Event, Session, TlsWanted, Window
from mail.smtp_items import Item
from mail.smtp_opening import OpeningOptions
from runtime.relays import Relay, Security
from worker.limits.allowance import Allowance
from worker.resolving import SocketAddress
from worker.tls import TlsChannel, describe_tls_error

_RECEIVE_OCTETS = 65536
_NEVER = float("inf")


@dataclass(frozen=True, slots=True)
class Timeouts:
    """How long to wait, in seconds. RFC 5321 section 4.5.3.2 has the outer limits."""

    connect: float = 10.0
    command: float = 60.0  # the greeting included; 5 minutes at most
    content: float = 300.0  # for the final reply; 10 minutes at most
    write: float = 60.0  # while the relay reads nothing; 3 minutes at most
    farewell: float = 5.0  # after 421, until the relay hangs up
    idle: float = 60.0  # an unused connection is kept no longer


@dataclass(frozen=True, slots=True)
class ConnectionOptions:
    """What all connections of a postman share."""

    ehlo_name: str
    timeouts: Timeouts
    tls_context: Callable[[], ssl.SSLContext]
    window: Window


class Connection:
    """One connection, driven by the postman's loop.

    ``deadline`` is when it is to be cut unless something happens, ``goes_on_since`` when something
    last did; ``wants_write`` what the loop has to wait for besides octets to read. Every method
    that may settle items returns events; once ``is_closed``, the loop closes the ``socket``.
    Raises :class:`OSError` where there is no way to the address at all.
    """

    def __init__(
        self, relay: Relay, address: SocketAddress, options: ConnectionOptions, now: float
    ) -> None:
        """Begin to connect."""
        self.relay = relay
        self.address = address
        self.is_connecting = True
        self.is_closed = False
        self.has_progressed = False  # a message had its final reply here
        self.has_lost_items = False  # and one had none
        self.watched_mask = 0  # what the loop waits for here
        self.allowance: Allowance | None = None  # None where the relay has no limits
        self.session = Session(
            OpeningOptions(
                ehlo_name=options.ehlo_name,
                relay_name=relay.name,
                wants_starttls=relay.security is Security.STARTTLS,
                is_private=relay.security is Security.TLS or relay.is_loopback,
                user=relay.user,
                password=relay.password,
            ),
            flights_proved=relay.flights_proved,
            proved_greeting=relay.proved_greeting,
            window=options.window,
        )
        self.goes_on_since = now
        self._options = options
        self._timeouts = options.timeouts
        self._tls: TlsChannel | None = None
        self._unsent = b""
        self._octets_given_up = 0
        self._replies_seen = 0
        family, target = address
        self.socket = socket.socket(family, socket.SOCK_STREAM)
        self.socket.setblocking(False)
        code = self.socket.connect_ex(target)
        if code not in {0, errno.EINPROGRESS}:
            self.socket.close()
            raise OSError(code, os.strerror(code))

    @property
    def deadline(self) -> float:
        """Say when what is waited for now has taken too long."""
        session, limits = self.session, self._timeouts
        if self.is_connecting:
            limit = limits.connect
        elif self._unsent:
            limit = limits.write
        elif session.said_farewell:
            limit = limits.farewell
        elif session.is_idle:
            limit = _NEVER
        else:
            limit = limits.content if session.awaits_content_reply else limits.command
        return self.goes_on_since + limit

    @property
    def wants_write(self) -> bool:
        """Tell whether the loop has to wait until the socket takes more."""
        return self.is_connecting or bool(self._unsent)

    def on_writable(self, now: float) -> Sequence[Event]:
        """Finish connecting, or send on."""
        if not self.is_connecting:
            return self._send(self._unsent, now)
        code = self.socket.getsockopt(socket.SOL_SOCKET, socket.SO_ERROR)
        if code:
            return self.cut(describe_error(OSError(code, os.strerror(code))))
        self.is_connecting = False
        self.socket.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        self.goes_on_since = now
        return self._begin_tls(now) if self.relay.security is Security.TLS else ()

    def on_readable(self, now: float) -> Sequence[Event]:
        """Take what the relay said."""
        try:
            octets = self.socket.recv(_RECEIVE_OCTETS)
        except (BlockingIOError, InterruptedError):
            return ()
        except OSError as error:
            return self.cut(describe_error(error))
        if not octets:
            return self.cut("it hung up")
        if self._tls is not None:
            return self._receive_tls(self._tls, octets, now)
        return self._receive(octets, now)

    def flush(
        self, now: float, on_begin: Callable[[Item], None], may_start: Callable[[], bool]
    ) -> Sequence[Event]:
        """Send what the session has to say; journal first what may be complete by that."""
        if self._unsent or self.is_closed:
            return ()
        begun = self.session.begun()
        if begun:
            # Between envelope and go-ahead there may have been a long wait.
            if not self.session.begins_at_once and not may_start():
                return self.cut("stopped before the message was sent")
            for item in begun:
                on_begin(item)
        octets = self.session.data_to_send()
        if not octets:
            return ()
        if self._tls is not None:
            octets = self._tls.encrypt(octets)
        return self._send(octets, now)

    def expire(self) -> Sequence[Event]:
        """Cut what waited too long."""
        limits = self._timeouts
        if self.is_connecting:
            why = f"no connection within {limits.connect:g} s"
        elif self._unsent:
            why = f"it took nothing for {limits.write:g} s"
        elif self.session.awaits_content_reply:
            why = f"no answer to the message within {limits.content:g} s"
        else:
            why = f"no answer within {limits.command:g} s"
        return self.cut(why)

    def cut(self, why: str) -> Sequence[Event]:
        """End the connection at once; the events settle whatever was open."""
        self.is_closed = True
        return self.session.connection_lost(f"{self.relay.name}: {why}", self._octets_not_sent())

    def _octets_not_sent(self) -> int:
        """Encrypted octets are not those of the session: all of them count as gone."""
        return 0 if self._tls is not None else len(self._unsent) + self._octets_given_up

    def take_leave(self) -> None:
        """Say QUIT where that is possible; what is still open is forgotten."""
        farewell = self.session.quit()
        if farewell and not self._unsent and not self.is_closed:
            with contextlib.suppress(OSError):  # it has gone already: nothing is lost by that
                self.socket.send(self._tls.encrypt(farewell) if self._tls else farewell)
        self.is_closed = True

    def _send(self, octets: bytes, now: float) -> Sequence[Event]:
        try:
            sent = self.socket.send(octets)
        except (BlockingIOError, InterruptedError):
            sent = 0
        except OSError as error:
            self._unsent = octets
            return self._read_last_words(describe_error(error), now)
        if sent == len(octets):
            self._unsent = b""
            self.goes_on_since = now
        else:
            if sent or not self._unsent:
                self.goes_on_since = now
            self._unsent = octets[sent:]
        return ()

    def _read_last_words(self, why: str, now: float) -> Sequence[Event]:
        """Writing failed, but the relay may have said why, or have taken messages before."""
        events: list[Event] = []
        while not self.is_closed:
            try:
                octets = self.socket.recv(_RECEIVE_OCTETS)
            except OSError:
                octets = b""
            if not octets:
                events += self.cut(why)
            elif self._tls is not None:
                events += self._receive_tls(self._tls, octets, now)
            else:
                events += self._receive(octets, now)
        return events

    def _receive(self, octets: bytes, now: float) -> Sequence[Event]:
        session = self.session
        events = session.receive(octets, self._octets_not_sent())
        if session.replies_seen != self._replies_seen:
            self._replies_seen = session.replies_seen
            if session.said_farewell:
                self._octets_given_up += len(self._unsent)
                self._unsent = b""
            if not self._unsent:
                self.goes_on_since = now
        if events:
            return self._act(events, now)
        return events

    def _act(self, events: Sequence[Event], now: float) -> Sequence[Event]:
        """Do what the session asks of the connection itself."""
        last = events[-1]
        if isinstance(last, Closed):
            self.is_closed = True
        elif isinstance(last, TlsWanted):
            return [*events[:-1], *self._begin_tls(now)]
        return events

    def _begin_tls(self, now: float) -> Sequence[Event]:
        self._tls = TlsChannel(self._options.tls_context(), self.relay.host)
        return self._receive_tls(self._tls, b"", now)

    def _receive_tls(self, tls: TlsChannel, octets: bytes, now: float) -> Sequence[Event]:
        events: list[Event] = []
        try:
            if not tls.is_established:
                if not tls.handshake(octets):
                    return self._send(self._unsent + tls.encrypt(b""), now)
                octets = b""
                if self.relay.security is Security.STARTTLS:
                    events += self.session.tls_established()
            text = tls.decrypt(octets)
        except ssl.SSLError as error:
            with contextlib.suppress(OSError):
                self.socket.send(tls.encrypt(b""))  # tell the relay which alert
            return [*events, *self.cut(describe_tls_error(error))]
        if text:
            events += self._receive(text, now)
        waiting = tls.encrypt(b"")  # what TLS itself has to say
        if waiting and not self.is_closed:
            events += self._send(self._unsent + waiting, now)
        return events


def describe_error(error: OSError) -> str:
    """Say in a few plain words what is wrong with a connection."""
    match error:
        case ConnectionRefusedError():
            return "it refuses connections"
        case ConnectionResetError() | BrokenPipeError():
            return "it hung up"
        case TimeoutError():
            return "it does not answer"
    return (error.strerror or str(error)).lower()

"""Asking a relay what it can do, and proving its flights: short dialogues, one at a time."""

import contextlib
import socket
import ssl
from collections.abc import Callable, Iterator, Sequence

from mail.flights import FlightProof, flight, greeting_identity, judge_flight
from mail.replies import Reply
from mail.reply_reader import ReplyReader
from mail.smtp_capabilities import Capabilities
from mail.smtp_items import Item
from mail.smtp_opening import OpeningOptions, RelayTroubleError, Turn, opening
from runtime.relays import Relay, Security
from worker.connections import Timeouts, describe_error
from worker.resolving import own_name
from worker.tls import describe_tls_error

__all__ = ["FlightProof", "RelayTroubleError", "probe", "prove_flights"]

_MESSAGES_BETWEEN_REFUSALS = 2


def probe(
    relay: Relay,
    *,
    timeouts: Timeouts | None = None,
    ehlo_name: str | None = None,
    tls_context: ssl.SSLContext | None = None,
) -> Capabilities:
    """Connect, log in where that is set, and return what the relay can do and how it greets.

    Raises :class:`RelayTroubleError` with one plain line where that does not succeed.
    """
    with _dialogue(relay, timeouts or Timeouts(), ehlo_name, tls_context) as dialogue:
        return dialogue.capabilities


def prove_flights(
    relay: Relay,
    mail_from: str,
    address: str,
    messages: Sequence[bytes],
    *,
    timeouts: Timeouts | None = None,
    ehlo_name: str | None = None,
    tls_context: ssl.SSLContext | None = None,
) -> FlightProof:
    """Send the messages to ``address`` in one flight, with refused recipients between them.

    ``messages`` are complete, with CRLF line ends, and all are delivered where flights work;
    beside them go as many again, of which each is refused. Raises :class:`RelayTroubleError`
    where the relay cannot be used at all.
    """
    items: list[Item] = []
    refused: set[int] = set()
    for number, data in enumerate(messages):
        if number % _MESSAGES_BETWEEN_REFUSALS == 1:
            refused.add(len(items))
            items.append(Item(None, mail_from, address, data))
        items.append(Item(None, mail_from, address, data))
    with _dialogue(relay, timeouts or Timeouts(), ehlo_name, tls_context) as dialogue:
        can = dialogue.capabilities
        greeting = greeting_identity(can.greeting)
        if not (can.has_pipelining and can.has_chunking):
            missing = "PIPELINING" if not can.has_pipelining else "CHUNKING"
            return FlightProof(False, f"the relay does not offer {missing}", greeting)
        replies = dialogue.ask(flight(items, frozenset(refused)), 4 * len(items))
        is_safe, why = judge_flight(replies, len(items), frozenset(refused))
        # An answer too many would come before this one's.
        if is_safe and [reply.code for reply in dialogue.ask(b"QUIT\r\n", 1)] != [221]:
            is_safe, why = False, "the relay is out of step after the flight"
    return FlightProof(is_safe, why, greeting)


class _Dialogue:
    """A session on a blocking socket."""

    def __init__(self, relay: Relay, wire: socket.socket) -> None:
        self.capabilities = Capabilities()
        self._relay = relay
        self._wire = wire
        self._reader = ReplyReader()
        self._replies: list[Reply] = []

    def open(self, options: OpeningOptions, begin_tls: Callable[[], socket.socket]) -> None:
        """Lead the opening to its end."""
        dialogue = opening(options)
        turn = next(dialogue)
        try:
            while True:
                if turn is Turn.START_TLS:
                    if self._replies or not self._reader.is_between_replies:
                        raise RelayTroubleError("it goes on in clear after STARTTLS")
                    self._wire = begin_tls()
                    turn = dialogue.send(None)
                else:
                    self._send(turn if isinstance(turn, bytes) else b"")
                    turn = dialogue.send(self._next_reply())
        except StopIteration as end:
            self.capabilities = end.value

    def ask(self, octets: bytes, replies: int) -> list[Reply]:
        """Send all of it and read so many replies; fewer where the relay ends before.

        Further ones that came with the last are returned too.
        """
        found: list[Reply] = []
        with contextlib.suppress(EOFError, OSError):
            self._send(octets)
            while len(found) < replies:
                found.append(self._next_reply())
        return found + self._replies

    def _send(self, octets: bytes) -> None:
        self._wire.sendall(octets)

    def _next_reply(self) -> Reply:
        while not self._replies:
            octets = self._wire.recv(65536)
            if not octets:
                raise EOFError
            self._replies = list(self._reader.feed(octets))
            if self._reader.fault is not None and not self._replies:
                raise RelayTroubleError(f"it answers nonsense: {self._reader.fault}")
        return self._replies.pop(0)


@contextlib.contextmanager
def _dialogue(
    relay: Relay, timeouts: Timeouts, ehlo_name: str | None, tls_context: ssl.SSLContext | None
) -> Iterator[_Dialogue]:
    """Open a session; whatever goes wrong within is one plain line."""
    context = tls_context or ssl.create_default_context()
    options = OpeningOptions(
        ehlo_name=ehlo_name or own_name(),
        relay_name=relay.name,
        wants_starttls=relay.security is Security.STARTTLS,
        is_private=relay.security is Security.TLS or relay.is_loopback,
        user=relay.user,
        password=relay.password,
    )
    with contextlib.ExitStack() as stack:
        try:
            plain = socket.create_connection((relay.host, relay.port), timeouts.connect)
            stack.enter_context(plain)
            plain.settimeout(timeouts.command)

            def begin_tls() -> socket.socket:
                return stack.enter_context(context.wrap_socket(plain, server_hostname=relay.host))

            dialogue = _Dialogue(relay, begin_tls() if relay.security is Security.TLS else plain)
            dialogue.open(options, begin_tls)
            yield dialogue
        except RelayTroubleError as error:
            raise RelayTroubleError(_named(relay, str(error))) from None
        except ssl.SSLError as error:
            raise RelayTroubleError(_named(relay, describe_tls_error(error))) from error
        except EOFError:
            raise RelayTroubleError(_named(relay, "it hung up")) from None
        except socket.gaierror as error:
            raise RelayTroubleError(_named(relay, "unknown host")) from error
        except OSError as error:
            raise RelayTroubleError(_named(relay, describe_error(error))) from error


def _named(relay: Relay, why: str) -> str:
    return why if why.startswith(relay.name) else f"{relay.name}: {why}"

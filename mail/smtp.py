"""The SMTP client without its socket: octets in, events out (RFC 5321).

A :class:`Session` is one connection, from the greeting to its end. Feed it with ``receive``;
act on the events; send what ``data_to_send`` returns, and before that note in the journal what
``begun`` returns: these messages may be complete once the octets have left.

    OPENING ──Opened──▶ MAILING ──Closed──▶ ENDED
       └─TlsWanted─▶ (the caller begins TLS, then calls tls_established)
"""

from collections.abc import Sequence
from dataclasses import dataclass
from enum import Enum
from typing import TypeAlias

from mail.flights import greeting_identity
from mail.replies import Reply
from mail.reply_reader import ReplyReader
from mail.smtp_capabilities import Capabilities
from mail.smtp_commands import Flow
from mail.smtp_items import Item
from mail.smtp_opening import OpeningOptions, RelayTroubleError, Turn, opening
from mail.smtp_transactions import Settled, Transactions


@dataclass(frozen=True, slots=True)
class Opened:
    """Mail can be submitted now."""

    capabilities: Capabilities


@dataclass(frozen=True, slots=True)
class TlsWanted:
    """The caller begins TLS and then calls ``tls_established``."""


@dataclass(frozen=True, slots=True)
class Closed:
    """The connection is to be closed; every item has had its outcome."""

    why: str


Event: TypeAlias = Opened | TlsWanted | Settled | Closed


@dataclass(frozen=True, slots=True)
class Window:
    """How much of whole messages may be in flight on a connection whose flights are proved."""

    messages: int = 32
    octets: int = 1_000_000


class Phase(Enum):
    """How far a session has come."""

    OPENING = "opening"
    MAILING = "mailing"
    ENDED = "ended"


class Session:
    """One SMTP connection as a value machine: no socket, no clock.

    ``flights_proved`` is asked with the server's greeting whether several whole messages may be
    in flight there.
    """

    def __init__(
        self,
        options: OpeningOptions,
        *,
        flights_proved: bool = False,
        proved_greeting: str | None = None,
        window: Window | None = None,
    ) -> None:
        """Begin; the server speaks first."""
        self.phase = Phase.OPENING
        self.why_ended: str | None = None
        self.replies_seen = 0
        self._relay_name = options.relay_name
        self._flights_proved = flights_proved
        self._proved_greeting = proved_greeting
        self._window = window or Window()
        self._reader = ReplyReader()
        self._opening = opening(options)
        self._turn = next(self._opening)
        self._opening_octets: list[bytes] = []
        self._transactions: Transactions | None = None
        self._events: list[Event] = []
        self._octets_not_sent = 0

    @property
    def was_open(self) -> bool:
        """Tell whether the opening has succeeded, even if the session has ended since."""
        return self._transactions is not None

    @property
    def has_room(self) -> bool:
        """Tell whether a further item may be submitted now."""
        return self._transactions is not None and self._transactions.has_room

    @property
    def is_idle(self) -> bool:
        """Tell whether the session is open and waits for nothing."""
        return self._transactions is not None and self._transactions.is_idle

    @property
    def awaits_content_reply(self) -> bool:
        """Tell whether a message's final reply is awaited, which may take long."""
        return self._transactions is not None and self._transactions.awaits_content_reply

    @property
    def begins_at_once(self) -> bool:
        """Tell whether an item's message leaves with its envelope, as soon as it is submitted."""
        return self._transactions is not None and self._transactions.flow is Flow.FLIGHT

    @property
    def said_farewell(self) -> bool:
        """Tell whether the last thing the server said was 421: it closes the connection."""
        return self._transactions is not None and self._transactions.said_farewell

    def receive(self, octets: bytes, octets_not_sent: int = 0) -> Sequence[Event]:
        """Take what the server said; return what that means.

        ``octets_not_sent`` of what ``data_to_send`` returned have not left yet: the session may
        end here, and what was not sent cannot have been taken.
        """
        self._octets_not_sent = octets_not_sent
        replies = self._reader.feed(octets)
        self.replies_seen += len(replies)
        if self._transactions is None:
            for reply in replies:
                self._take_in_opening(reply)
        else:
            self._transactions.take(replies)
        if self._reader.fault is not None and self.phase is not Phase.ENDED:
            fault = f"{self._relay_name} answers nonsense: {self._reader.fault}"
            self._end(fault, octets_not_sent)
        return self._take_events()

    def tls_established(self) -> Sequence[Event]:
        """Go on with the opening: what follows is encrypted."""
        assert self._turn is Turn.START_TLS
        self._advance_opening(None)
        return self._take_events()

    def submit(self, item: Item) -> None:
        """Begin to send an item; only while there ``has_room``."""
        assert self._transactions is not None
        self._transactions.submit(item)

    def unfit(self, item: Item) -> str | None:
        """Say why this server can never take the item; None when it can."""
        assert self._transactions is not None
        return self._transactions.unfit(item)

    def begun(self) -> list[Item]:
        """Return the items that the next ``data_to_send`` may complete."""
        transactions = self._transactions
        return [] if transactions is None else transactions.begun

    def data_to_send(self) -> bytes:
        """Return the octets to send now, in one piece."""
        transactions = self._transactions
        if transactions is None:
            octets = b"".join(self._opening_octets)
            self._opening_octets.clear()
            return octets
        out = transactions.out
        if not out:
            return b""
        octets = b"".join(out)
        out.clear()
        transactions.begun.clear()
        return octets

    def connection_lost(self, why: str, octets_not_sent: int = 0) -> Sequence[Event]:
        """Settle whatever is open: the connection is gone, or has to be cut.

        ``octets_not_sent`` of what ``data_to_send`` returned never left.
        """
        if self.phase is not Phase.ENDED:
            transactions = self._transactions
            if transactions is not None and transactions.trouble is not None:
                why = f"{self._relay_name}: {transactions.trouble}"  # the server said why
            self._end(why, octets_not_sent)
        return self._take_events()

    def quit(self) -> bytes:
        """Take leave, if nothing is under way; return what to send before closing."""
        is_polite = self.phase is Phase.MAILING and self.is_idle
        self.connection_lost("we closed the connection")
        self._events.clear()
        return b"QUIT\r\n" if is_polite else b""

    def _take_events(self) -> Sequence[Event]:
        events, self._events = self._events, []
        transactions = self._transactions
        if transactions is None:
            return events
        if (
            transactions.trouble is not None
            and self.phase is not Phase.ENDED
            and (transactions.is_broken or transactions.is_idle)
        ):
            self._end(f"{self._relay_name}: {transactions.trouble}", self._octets_not_sent)
            events, self._events = [*events, *self._events], []
        if not transactions.settled:
            return events
        settled, transactions.settled = transactions.settled, []
        return [*settled, *events] if events else settled

    def _end(self, why: str, octets_not_sent: int = 0) -> None:
        self.phase = Phase.ENDED
        self.why_ended = why
        if self._transactions is not None:
            self._transactions.end(why, octets_not_sent)
        self._opening_octets.clear()
        self._events.append(Closed(why))

    def _take_in_opening(self, reply: Reply) -> None:
        if self.phase is Phase.ENDED:
            return
        if self._turn is Turn.START_TLS:
            self._end(f"{self._relay_name} goes on in clear after STARTTLS")
        elif self._opening_octets or self._transactions is not None:
            self._end(f"{self._relay_name} says more than it was asked: {reply}")
        else:
            self._advance_opening(reply)

    def _open(self, capabilities: Capabilities) -> None:
        may_fly = self._flights_proved and self._proved_greeting in {
            None,
            greeting_identity(capabilities.greeting),
        }
        self.phase = Phase.MAILING
        self._transactions = Transactions(
            capabilities,
            may_fly=may_fly,
            window_messages=self._window.messages,
            window_octets=self._window.octets,
        )
        self._events.append(Opened(capabilities))

    def _advance_opening(self, reply: Reply | None) -> None:
        try:
            self._turn = self._opening.send(reply)
        except StopIteration as end:
            self._open(end.value)
        except RelayTroubleError as error:
            self._end(str(error))
        else:
            if isinstance(self._turn, bytes):
                self._opening_octets.append(self._turn)
            elif self._turn is Turn.START_TLS:
                if not self._reader.is_between_replies:
                    self._end(f"{self._relay_name} goes on in clear after STARTTLS")
                else:
                    self._events.append(TlsWanted())

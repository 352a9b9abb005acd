"""An SMTP server without a socket: octets in, octets out, and a script for its misdeeds.

It is as strict and as treacherous as a stock Postfix: a MAIL inside a transaction is answered
503, and the RCPT after it is added to the envelope that was open before.
"""

from base64 import b64decode
from collections.abc import Callable
from dataclasses import dataclass, field

ESMTP = ("PIPELINING", "SIZE 10000000", "8BITMIME", "SMTPUTF8", "ENHANCEDSTATUSCODES")


@dataclass(frozen=True)
class Say:
    """Answer this instead; a refusal has no other effect."""

    text: str


@dataclass(frozen=True)
class Farewell:
    """Say this, and close."""

    text: str = "421 4.3.2 Service not available"


@dataclass(frozen=True)
class Vanish:
    """Close without an answer; ``took``: after having taken the message."""

    took: bool = False


@dataclass(frozen=True)
class Hang:
    """Never answer again, and keep the connection."""


@dataclass(frozen=True)
class Babble:
    """Do as usual, and say this besides."""

    text: str


@dataclass(frozen=True)
class CutContent:
    """Close after this many octets of the content have come; for DATA and BDAT."""

    octets: int


Action = Say | Farewell | Vanish | Hang | Babble | CutContent
# The verb (CONNECT, EHLO, …, CONTENT), its argument, and how often it came here before.
Script = Callable[[str, str, int], Action | None]


def by_the_book(verb: str, argument: str, count: int) -> None:
    """No misdeeds."""


@dataclass
class Envelope:
    """One transaction as the server understood it."""

    mail_from: str
    rcpt_to: list[str]
    data: bytes
    mail_parameters: str = ""


@dataclass
class SmtpModel:
    """One connection as the server sees it; ``taken`` is what it took responsibility for."""

    script: Script = by_the_book
    capabilities: tuple[str, ...] = ESMTP
    knows_ehlo: bool = True
    wants_data_for_nobody: bool = False
    users: dict[str, str] = field(default_factory=dict)
    taken: list[Envelope] = field(default_factory=list)

    def __post_init__(self) -> None:
        self.is_closed = False
        self.is_hung = False
        self.wants_tls = False
        self.wire = b""
        self.commands: list[str] = []
        self.most_unanswered_messages = 0
        self._counts: dict[str, int] = {}
        self._buffer = b""
        self._mode = "command"
        self._chunk_octets = 0
        self._cut_after: int | None = None
        self._out: list[bytes] = []
        self._envelope: Envelope | None = None
        self._login: list[str] = []
        self._extra = ""

    def greet(self) -> bytes:
        """Return the greeting."""
        if not self._misbehave("CONNECT", ""):
            self._say("220 model.example ESMTP")
        return self._flush()

    def receive(self, octets: bytes) -> bytes:
        """Take what the client sent; return the answer."""
        self.wire += octets
        self._buffer += octets
        while not (self.is_closed or self.is_hung or self.wants_tls) and self._step():
            pass
        return self._flush()

    def tls_established(self) -> None:
        """Forget what was said in clear."""
        self.wants_tls = False
        self._buffer = b""
        self._envelope = None
        self.capabilities = tuple(c for c in self.capabilities if c != "STARTTLS")

    def _step(self) -> bool:
        if self._mode == "content":
            return self._step_content()
        if self._mode == "chunk":
            return self._step_chunk()
        line, found, rest = self._buffer.partition(b"\r\n")
        if not found:
            return False
        self._buffer = rest
        text = line.decode("utf-8", "replace")
        self.commands.append(text)
        if self._login:
            self._continue_login(text)
            return True
        verb, _, argument = text.partition(" ")
        verb = verb.upper()
        if verb == "BDAT":
            self._chunk_octets = int(argument.split()[0])
            self._mode = "chunk"
            return True
        if not self._misbehave(verb, argument):
            handler = getattr(self, f"_on_{verb.lower()}", None)
            if handler is None:
                self._say("502 5.5.2 Error: command not recognized")
            else:
                handler(argument)
        return True

    def _misbehave(self, verb: str, argument: str) -> bool:
        """Follow the script; tell whether that replaces what would be usual."""
        count = self._counts.get(verb, 0)
        self._counts[verb] = count + 1
        match self.script(verb, argument, count):
            case None:
                return False
            case Say(text):
                self._say(text)
            case Farewell(text):
                self._say(text)
                self.is_closed = True
            case Vanish(took):
                envelope = self._envelope
                if took and verb == "CONTENT" and envelope is not None and envelope.rcpt_to:
                    self.taken.append(envelope)
                self.is_closed = True
            case Hang():
                self.is_hung = True
            case Babble(text):
                self._extra = text
                return False
            case CutContent(octets):
                self._cut_after = octets
                return False
        return True

    def _say(self, text: str) -> None:
        self._out.append(text.encode() + b"\r\n")
        if self._extra:
            self._out.append(self._extra.encode() + b"\r\n")
            self._extra = ""

    def _flush(self) -> bytes:
        octets = b"".join(self._out)
        self._out.clear()
        return octets

    def _on_ehlo(self, argument: str) -> None:
        if not self.knows_ehlo:
            self._say("500 5.5.1 what?")
            return
        lines = ["model.example", *self.capabilities]
        text = [f"250-{line}" for line in lines[:-1]] + [f"250 {lines[-1]}"]
        self._say("\r\n".join(text))

    def _on_helo(self, argument: str) -> None:
        self._say("250 model.example")

    def _on_starttls(self, argument: str) -> None:
        self._say("220 2.0.0 Ready to start TLS")
        self.wants_tls = True

    def _on_auth(self, argument: str) -> None:
        mechanism, _, initial = argument.partition(" ")
        if mechanism == "LOGIN":
            self._login = ["LOGIN"]
            self._say("334 VXNlcm5hbWU6")
        else:
            _, user, password = _unbase64(initial).split("\0")
            self._check_password(user, password)

    def _continue_login(self, line: str) -> None:
        self._login.append(_unbase64(line))
        if len(self._login) == 2:
            self._say("334 UGFzc3dvcmQ6")
        else:
            _, user, password = self._login
            self._login = []
            self._check_password(user, password)

    def _check_password(self, user: str, password: str) -> None:
        if self.users.get(user) == password:
            self._say("235 2.7.0 Authentication successful")
        else:
            self._say("535 5.7.8 Error: authentication failed")

    def _on_rset(self, argument: str) -> None:
        self._envelope = None
        self._say("250 2.0.0 Ok")

    def _on_mail(self, argument: str) -> None:
        if self._envelope is not None:
            self._say("503 5.5.1 Error: nested MAIL command")
            return
        path, _, parameters = argument.removeprefix("FROM:").partition(" ")
        self._envelope = Envelope(path.strip("<>"), [], b"", parameters)
        self._say("250 2.1.0 Ok")

    def _on_rcpt(self, argument: str) -> None:
        path, _, parameters = argument.removeprefix("TO:").partition(" ")
        if self._envelope is None:
            self._say("503 5.5.1 Error: need MAIL command")
        elif parameters:
            self._say("555 5.5.4 Unsupported option")
        else:
            self._envelope.rcpt_to.append(path.strip("<>"))
            self._say("250 2.1.5 Ok")

    def _on_data(self, argument: str) -> None:
        if self._envelope is None:
            self._say("503 5.5.1 Error: need RCPT command")
        elif not self._envelope.rcpt_to and not self.wants_data_for_nobody:
            self._say("554 5.5.1 Error: no valid recipients")
        else:
            self._say("354 End data with <CR><LF>.<CR><LF>")
            self._mode = "content"

    def _on_noop(self, argument: str) -> None:
        self._say("250 2.0.0 Ok")

    def _on_quit(self, argument: str) -> None:
        self._say("221 2.0.0 Bye")
        self.is_closed = True

    def _step_content(self) -> bool:
        if self._is_cut():
            return False
        if self._buffer.startswith(b".\r\n"):
            data, self._buffer = b"", self._buffer[3:]
        else:
            data, found, rest = self._buffer.partition(b"\r\n.\r\n")
            if not found:
                return False
            data += b"\r\n"
            self._buffer = rest
        data = data.replace(b"\r\n.", b"\r\n")
        self._take_content(data[1:] if data.startswith(b".") else data)
        return True

    def _step_chunk(self) -> bool:
        if self._is_cut() or len(self._buffer) < self._chunk_octets:
            return False
        data = self._buffer[: self._chunk_octets]
        self._buffer = self._buffer[self._chunk_octets :]
        self._take_content(data)
        return True

    def _is_cut(self) -> bool:
        if self._cut_after is not None and len(self._buffer) >= self._cut_after:
            self.is_closed = True
        return self.is_closed

    def _take_content(self, data: bytes) -> None:
        is_chunk, self._mode = self._mode == "chunk", "command"
        if self._envelope is not None:
            self._envelope.data = data
        if self._misbehave("CONTENT", ""):
            self._envelope = None
        elif self._envelope is None and is_chunk:
            self._say("503 5.5.1 Error: need RCPT command")
        elif self._envelope is None or not self._envelope.rcpt_to:
            self._say("554 5.5.1 Error: no valid recipients")
            self._envelope = None
        else:
            self.taken.append(self._envelope)
            self._envelope = None
            self._say(f"250 2.0.0 Ok: queued as {len(self.taken):010X}")


def _unbase64(text: str) -> str:
    return b64decode(text).decode()

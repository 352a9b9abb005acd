"""The recording relay: an SMTP server in a process of its own, with faults by plan.

`python -m benchmarks.chaos.relay PORT RECORD PLAN`. One thread and one selector; it speaks
PIPELINING and, if the plan says so, CHUNKING. What became of a message is appended to the
record before the client can hear of it, so that killing the relay loses no line.
"""

import contextlib
import os
import re
import selectors
import socket
import sys
import time
from collections import Counter
from pathlib import Path
from typing import Any, Final

from benchmarks.chaos import faults, record
from benchmarks.chaos.faults import Plan

MESSAGE_ID: Final = re.compile(rb"^Message-ID:\s*(<[^>]+>)", re.MULTILINE | re.IGNORECASE)
END: Final = b"\r\n.\r\n"
CUT_OCTETS: Final = 500
FAREWELL: Final = b"421 4.3.2 going down\r\n"
HEAD_OCTETS: Final = 8192


class Relay:
    """Listens on loopback; appends to the record."""

    def __init__(self, port: int, file: Path, plan: Plan) -> None:
        self.plan = plan
        self.lines: list[str] = []
        self.tries: Counter[str] = Counter()
        if file.exists():  # it was there before it was killed
            for line in file.read_text().splitlines():
                self.tries[line.split(" ")[2]] += 1
        self.selector = selectors.DefaultSelector()
        self.sleepers: list[tuple[float, Client]] = []
        self._record = os.open(file, os.O_WRONLY | os.O_APPEND | os.O_CREAT, 0o644)
        self._listener = socket.create_server(("127.0.0.1", port), backlog=256)
        self._listener.setblocking(False)
        self._connections = 0
        self._next_at = 0.0

    def serve(self) -> None:
        """For ever."""
        self.selector.register(self._listener, selectors.EVENT_READ, None)
        while True:
            ready = self.selector.select(0.05 if self.sleepers else 1.0)
            busy: list[Client] = []
            for key, _ in ready:
                if key.data is None:
                    self._greet()
                else:
                    key.data.read()
                    busy.append(key.data)
            self.write_record()
            for client in busy:
                client.answer()
            self._keep_pace()
            for one in [one for one in self.sleepers if one[0] <= time.monotonic()]:
                self.sleepers.remove(one)
                one[1].close()

    def note(self, fate: str, recipient: str, content: bytes) -> None:
        """A message came, and this became of it."""
        found = MESSAGE_ID.search(content[:HEAD_OCTETS])
        message_id = found[1].decode() if found else "-"
        self.lines.append(str(record.Line(time.time(), fate, recipient, message_id)))
        if fate == record.ACCEPTED and self.plan.messages_per_second:
            step = 1 / self.plan.messages_per_second
            self._next_at = max(self._next_at, time.monotonic() - 0.05) + step

    def write_record(self) -> None:
        """Before anybody hears of it."""
        if self.lines:
            os.write(self._record, "".join(self.lines).encode())
            self.lines.clear()

    def _keep_pace(self) -> None:
        ahead = self._next_at - time.monotonic()
        if ahead > 0.002:
            time.sleep(ahead)

    def _greet(self) -> None:
        with contextlib.suppress(OSError):
            connection, _ = self._listener.accept()
            connection.setblocking(False)
            connection.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
            client = Client(self, connection, self._connections)
            self._connections += 1
            self.selector.register(connection, selectors.EVENT_READ, client)
            client.answer()


class Client:
    """One connection."""

    def __init__(self, relay: Relay, connection: socket.socket, number: int) -> None:
        self._relay = relay
        self._socket = connection
        self._fault = relay.plan.of_connection(number)
        self._mails = 0
        self._patience = 20 + number % 80  # messages before a farewell at MAIL
        self._in = bytearray()
        self._out = bytearray()
        self._mode = "command"
        self._chunk_octets = 0
        self._content = bytearray()
        self._recipient: str | None = None
        self._message_fault: str | None = None
        self._ends = False
        self._is_open = True
        self._is_mute = False
        if self._fault == faults.FAREWELL_GREETING:
            self._say_farewell()
        else:
            self._out += b"220 relay.example ESMTP\r\n"

    def read(self) -> None:
        """Take what came, and decide."""
        try:
            octets = self._socket.recv(262144)
        except BlockingIOError:
            return
        except OSError:
            octets = b""
        if not octets:
            self.close()
            return
        if self._is_mute or self._ends:
            return
        self._in += octets
        while self._is_open and not (self._is_mute or self._ends) and self._step():
            pass

    def answer(self) -> None:
        """Say what is to be said; the record has it."""
        if self._out and self._is_open:
            # Byte by byte: each in a packet of its own.
            size = 1 if self._fault == faults.BYTE_BY_BYTE else len(self._out)
            self._socket.setblocking(True)
            self._socket.settimeout(5)
            try:
                for place in range(0, len(self._out), size):
                    self._socket.sendall(self._out[place : place + size])
            except OSError:
                if b"250 2.0.0 taken" in self._out and self._recipient is not None:
                    self._relay.note(record.UNHEARD, self._recipient, b"")
                self.close()
                return
            self._socket.setblocking(False)
            self._out.clear()
        if self._ends:
            self.close()

    def close(self) -> None:
        """Hang up."""
        if self._is_open:
            self._is_open = False
            self._relay.selector.unregister(self._socket)
            self._socket.close()

    def _step(self) -> bool:
        if self._mode == "data":
            return self._take_data()
        if self._mode == "chunk":
            return self._take_chunk()
        end = self._in.find(b"\r\n")
        if end < 0:
            return False
        line = bytes(self._in[:end]).decode("utf-8", "replace")
        del self._in[: end + 2]
        verb, _, argument = line.partition(" ")
        handler: Any = getattr(self, f"_on_{verb.lower()}", None)
        if handler is None:
            self._out += b"502 5.5.2 what?\r\n"
        else:
            handler(argument)
        return True

    def _on_ehlo(self, _: str) -> None:
        if self._fault == faults.FAREWELL_EHLO:
            self._say_farewell()
            return
        self._out += b"250-relay.example\r\n250-PIPELINING\r\n250-8BITMIME\r\n"
        if self._relay.plan.has_chunking:
            self._out += b"250-CHUNKING\r\n"
        self._out += b"250 ENHANCEDSTATUSCODES\r\n"

    def _on_mail(self, _: str) -> None:
        self._mails += 1
        if self._fault == faults.FAREWELL_MAIL and self._mails > self._patience:
            self._say_farewell()
            return
        self._recipient = None
        self._out += b"250 2.1.0 Ok\r\n"

    def _on_rcpt(self, argument: str) -> None:
        recipient = argument.partition("<")[2].partition(">")[0]
        fault = self._relay.plan.of_message(recipient, self._relay.tries[recipient])
        self._relay.tries[recipient] += 1
        self._message_fault = fault
        match fault:
            case faults.REFUSE:
                self._relay.note(fault, recipient, b"")
                self._out += b"550 5.1.1 no such person\r\n"
            case faults.DEFER:
                self._relay.note(fault, recipient, b"")
                self._out += b"450 4.2.0 later\r\n"
            case faults.FAREWELL_RCPT:
                self._relay.note(fault, recipient, b"")
                self._say_farewell()
            case _:
                self._recipient = recipient
                self._out += b"250 2.1.5 Ok\r\n"

    def _on_data(self, _: str) -> None:
        if self._recipient is None:
            self._out += b"554 5.5.1 nobody to send to\r\n"
        else:
            self._mode = "data"
            self._out += b"354 go on\r\n"

    def _on_bdat(self, argument: str) -> None:
        self._chunk_octets = int(argument.split(maxsplit=1)[0])
        self._mode = "chunk"

    def _on_rset(self, _: str) -> None:
        self._recipient = None
        self._out += b"250 2.0.0 Ok\r\n"

    def _on_noop(self, _: str) -> None:
        self._out += b"250 2.0.0 Ok\r\n"

    def _on_quit(self, _: str) -> None:
        self._out += b"221 2.0.0 bye\r\n"
        self._ends = True

    def _take_data(self) -> bool:
        end = self._in.find(END)
        if self._message_fault == faults.CUT and (end >= 0 or len(self._in) >= CUT_OCTETS):
            self._cut(bytes(self._in[:CUT_OCTETS]))
            return False
        if end < 0:
            return False
        content = bytes(self._in[:HEAD_OCTETS])
        del self._in[: end + len(END)]
        self._mode = "command"
        self._judge(content)
        return True

    def _take_chunk(self) -> bool:
        is_cut = self._message_fault == faults.CUT and self._recipient is not None
        if is_cut and len(self._in) >= min(CUT_OCTETS, self._chunk_octets):
            self._cut(bytes(self._in[:CUT_OCTETS]))
            return False
        if len(self._in) < self._chunk_octets:
            return False
        content = bytes(self._in[: min(self._chunk_octets, HEAD_OCTETS)])
        del self._in[: self._chunk_octets]
        self._mode = "command"
        if self._recipient is None:
            self._out += b"503 5.5.1 nobody to send to\r\n"
        else:
            self._judge(content)
        return True

    def _judge(self, content: bytes) -> None:
        recipient, fault = self._recipient, self._message_fault
        assert recipient is not None
        note = self._relay.note
        match fault:
            case faults.REFUSE_CONTENT:
                note(fault, recipient, content)
                self._out += b"554 5.7.1 not that\r\n"
            case faults.DEFER_CONTENT:
                note(fault, recipient, content)
                self._out += b"451 4.3.0 later\r\n"
            case faults.VANISH:
                note(record.VANISHED, recipient, content)
                self._ends = True
            case faults.HANG:
                note(fault, recipient, content)
                self._is_mute = True
                wakes_at = time.monotonic() + self._relay.plan.hang_seconds
                self._relay.sleepers.append((wakes_at, self))
            case faults.FAREWELL_CONTENT:
                note(fault, recipient, content)
                self._say_farewell()
            case _:
                note(record.ACCEPTED, recipient, content)
                self._out += b"250 2.0.0 taken\r\n"

    def _cut(self, content: bytes) -> None:
        assert self._recipient is not None
        self._relay.note(faults.CUT, self._recipient, content)
        self._ends = True

    def _say_farewell(self) -> None:
        self._out += FAREWELL
        self._ends = True


def main() -> None:
    """Serve until killed."""
    port, file, plan = sys.argv[1:]
    Relay(int(port), Path(file), Plan.from_json(plan)).serve()


if __name__ == "__main__":
    main()

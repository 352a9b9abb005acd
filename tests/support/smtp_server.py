"""A recording SMTP server on a real socket, which misbehaves as its script says."""

import contextlib
import socket
import ssl
import sys
import threading
import time
from collections.abc import Callable

from tests.support.smtp_model import Envelope, SmtpModel

ModelFactory = Callable[[int], SmtpModel]


class SmtpServer:
    """Listens on a free loopback port; a context manager.

    ``new_model`` makes the model for connection 0, 1, …; what any of them took is in ``taken``.
    ``octet_by_octet`` sends every reply in pieces of one octet; ``stops_reading_after`` leaves
    what comes after so many octets unread (of each connection), and says nothing more.
    """

    def __init__(
        self,
        new_model: ModelFactory | None = None,
        *,
        tls_context: ssl.SSLContext | None = None,
        is_tls_from_start: bool = False,
        octet_by_octet: bool = False,
        stops_reading_after: int | None = None,
        reply_delay_seconds: float = 0.0,
        has_small_buffer: bool = False,
        port: int = 0,
    ) -> None:
        self.taken: list[Envelope] = []
        self.models: list[SmtpModel] = []
        self._new_model = new_model or (lambda number: SmtpModel())
        self._tls_context = tls_context
        self._is_tls_from_start = is_tls_from_start
        self._octet_by_octet = octet_by_octet
        self._stops_reading_after = stops_reading_after
        self._reply_delay_seconds = reply_delay_seconds
        self._is_closing = False
        self._lock = threading.Lock()
        self._listener = socket.create_server(("127.0.0.1", port))
        if has_small_buffer:
            # Little lies between the two sides: what was sent has nearly all been read.
            self._listener.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 65536)
        self.port: int = self._listener.getsockname()[1]
        self._open: set[socket.socket] = set()
        self._threads = [threading.Thread(target=self._listen, daemon=True)]

    @property
    def recipients(self) -> list[str]:
        """Who got a message, in the order in which the server took them; repeats included."""
        return [recipient for envelope in self.taken for recipient in envelope.rcpt_to]

    def __enter__(self) -> "SmtpServer":
        self._threads[0].start()
        return self

    def __exit__(self, *_: object) -> None:
        self._is_closing = True
        with contextlib.suppress(OSError):
            self._listener.shutdown(socket.SHUT_RDWR)
        self._listener.close()
        self.hang_up()
        for thread in self._threads:
            thread.join(10)

    def hang_up(self, last_words: bytes = b"") -> None:
        """Close every connection, after these last words."""
        with self._lock:
            for connection in self._open:
                with contextlib.suppress(OSError):
                    connection.sendall(last_words)
                    connection.shutdown(socket.SHUT_RDWR)

    def _listen(self) -> None:
        while not self._is_closing:
            try:
                connection, _ = self._listener.accept()
            except OSError:
                return
            with self._lock:
                model = self._new_model(len(self.models))
                model.taken = self.taken
                self.models.append(model)
                self._open.add(connection)
            thread = threading.Thread(target=self._serve, args=(connection, model), daemon=True)
            self._threads.append(thread)
            thread.start()

    def _serve(self, connection: socket.socket, model: SmtpModel) -> None:
        # A relay is no code of ours: measuring what it covers would take as long as it does.
        sys.settrace(None)
        try:
            with contextlib.suppress(OSError):
                self._converse(connection, model)
        finally:
            with self._lock:
                self._open.discard(connection)
            connection.close()

    def _converse(self, connection: socket.socket, model: SmtpModel) -> None:
        connection.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        wire: socket.socket = connection
        if self._is_tls_from_start:
            assert self._tls_context is not None
            wire = self._tls_context.wrap_socket(connection, server_side=True)
        self._answer(wire, model.greet())
        while not model.is_closed:
            if (
                self._stops_reading_after is not None
                and len(model.wire) > self._stops_reading_after
            ):
                while not self._is_closing:
                    time.sleep(0.01)
                return
            octets = wire.recv(65536)
            if not octets:
                return
            self._answer(wire, model.receive(octets))
            if model.wants_tls:
                assert self._tls_context is not None
                wire = self._tls_context.wrap_socket(connection, server_side=True)
                model.tls_established()
        with contextlib.suppress(OSError):
            wire.shutdown(socket.SHUT_WR)
            connection.settimeout(2)
            while wire.recv(65536):
                pass

    def _answer(self, wire: socket.socket, octets: bytes) -> None:
        if octets and self._reply_delay_seconds:
            time.sleep(self._reply_delay_seconds)
        pieces = [octets] if not self._octet_by_octet else [bytes([octet]) for octet in octets]
        for piece in pieces:
            wire.sendall(piece)

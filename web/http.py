"""HTTP/1.1 by httptools, a parser in C, with an end to what it reads ahead of a body.

Uvicorn bounds heads only with its other parser, which is written in Python.
"""

from typing import Final

from uvicorn.protocols.http.httptools_impl import HttpToolsProtocol

HEAD_MAX_BYTES: Final = 65_536
_TOO_LONG: Final = b"This request's head is too long: its address, or one of its headers.\n"
_REFUSAL: Final = (
    b"HTTP/1.1 431 Request Header Fields Too Large\r\n"
    b"Content-Type: text/plain; charset=utf-8\r\n"
    b"Content-Length: %d\r\n"
    b"Connection: close\r\n"
    b"\r\n"
    b"%s" % (len(_TOO_LONG), _TOO_LONG)
)


class BoundedHttp(HttpToolsProtocol):
    """Refuses a request (431, RFC 6585 section 5) of which too much is no body.

    That is its head; and what stands around a body's chunks and after them, which nobody else
    bounds either. What one read of the socket brings (up to 256 kB) is not counted where a request
    begins in it, and may be over it where that is seen.
    """

    _unbounded_bytes = 0

    def on_message_begin(self) -> None:
        """A request begins."""
        self._unbounded_bytes = 0
        super().on_message_begin()

    def on_headers_complete(self) -> None:
        """Its head is there."""
        # We speak nothing else. The parser takes what follows for the other protocol, and a next
        # read for another request: a body would be lost, or be taken for one.
        is_other_next = self.parser.should_upgrade()
        if is_other_next and any(_announces_body(*field) for field in self.headers):
            raise ValueError("a body before another protocol")
        super().on_headers_complete()
        if is_other_next:
            self.cycle.keep_alive = False

    def on_body(self, body: bytes) -> None:
        """Some of its body came, which the application bounds."""
        self._unbounded_bytes -= len(body)
        super().on_body(body)

    def data_received(self, data: bytes) -> None:
        """Something came."""
        self._unbounded_bytes += len(data)
        super().data_received(data)
        if self._unbounded_bytes > HEAD_MAX_BYTES and not self.transport.is_closing():
            if self._owes_another_answer():
                self.flow.pause_reading()
                self.cycle.keep_alive = False
            else:
                self.transport.write(_REFUSAL)
                self.transport.close()

    def _owes_another_answer(self) -> bool:
        """Whether what is written now would be read as the answer to an earlier request."""
        asked = self.cycle
        if asked is None or asked.response_complete:
            return False
        return bool(self.pipeline) or asked.response_started or not asked.more_body


def _announces_body(name: bytes, value: bytes) -> bool:
    return name == b"transfer-encoding" or (name == b"content-length" and value != b"0")

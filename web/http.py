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
    bounds either. One read of the socket may be over it before that is seen.
    """

    _unbounded_bytes = 0

    def on_message_begin(self) -> None:
        """A request begins."""
        self._unbounded_bytes = 0
        super().on_message_begin()

    def on_body(self, body: bytes) -> None:
        """Some of its body came, which the application bounds."""
        self._unbounded_bytes -= len(body)
        super().on_body(body)

    def data_received(self, data: bytes) -> None:
        """Something came."""
        self._unbounded_bytes += len(data)
        super().data_received(data)
        if self._unbounded_bytes > HEAD_MAX_BYTES and not self.transport.is_closing():
            self.transport.write(_REFUSAL)
            self.transport.close()

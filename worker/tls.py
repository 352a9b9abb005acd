"""TLS between a socket and a session, in memory, so that reading never waits for writing."""

import ssl


class TlsChannel:
    """The client's side of one TLS connection: octets of the wire in, octets of the text out.

    Every method may raise :class:`ssl.SSLError`, a certificate that does not hold included.
    """

    def __init__(self, context: ssl.SSLContext, host: str) -> None:
        """Prepare; nothing is exchanged before ``handshake``."""
        self._from_wire = ssl.MemoryBIO()
        self._to_wire = ssl.MemoryBIO()
        self._tls = context.wrap_bio(self._from_wire, self._to_wire, server_hostname=host)
        self.is_established = False

    def handshake(self, octets: bytes = b"") -> bool:
        """Go on with the handshake; tell whether it is done."""
        if octets:
            self._from_wire.write(octets)
        try:
            self._tls.do_handshake()
        except ssl.SSLWantReadError:
            return False
        self.is_established = True
        return True

    def decrypt(self, octets: bytes) -> bytes:
        """Return the text in these octets of the wire; b"" while a record is incomplete."""
        if octets:
            self._from_wire.write(octets)
        pieces = []
        try:
            while piece := self._tls.read(65536):
                pieces.append(piece)
        except (ssl.SSLWantReadError, ssl.SSLZeroReturnError):
            pass
        return b"".join(pieces)

    def encrypt(self, text: bytes) -> bytes:
        """Return the octets of the wire for this text, and whatever TLS itself has to say."""
        if text:
            self._tls.write(text)
        return self._to_wire.read()


def describe_tls_error(error: ssl.SSLError) -> str:
    """Say in one plain line what is wrong with the relay's TLS."""
    if isinstance(error, ssl.SSLCertVerificationError):
        return f"its certificate does not hold: {error.verify_message or error.reason}"
    return f"TLS failed: {(error.reason or str(error)).replace('_', ' ').lower()}"

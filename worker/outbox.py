"""The local outbox: a mail server on this machine that files what it is given in a Maildir.

It is what the embedded default delivers to, over real SMTP (aiosmtpd), so that the way of a
mail is the same with it as with a relay.
"""

import asyncio
import datetime as dt
import email.policy
import threading
import weakref
from dataclasses import dataclass
from email.message import EmailMessage
from email.parser import BytesHeaderParser, BytesParser
from pathlib import Path
from typing import Any, Final, cast

from aiosmtpd.smtp import SMTP, Envelope, Session

from runtime.logging import get_logger
from worker.maildir import Maildir, filed_at_seconds

SIZE_MAX_BYTES: Final = 50 * 1024 * 1024
START_SECONDS: Final = 10.0
log = get_logger("worker")


class LocalOutbox:
    """The server. It listens on a free loopback port from `start` to `stop`."""

    def __init__(self, folder: Path) -> None:
        self.maildir = Maildir(folder)
        self._loop: asyncio.AbstractEventLoop | None = None
        self._thread: threading.Thread | None = None
        self._port = 0
        self._connections: weakref.WeakSet[Any] = weakref.WeakSet()

    @property
    def url(self) -> str:
        """Where it takes mail, as MEDIANOTE_SMTP_URL would name it. Raises before `start`."""
        if not self._port:
            raise RuntimeError("the outbox has not been started")
        return f"smtp://127.0.0.1:{self._port}"

    def start(self) -> None:
        """Make the folder and listen; raises OSError when either cannot be done."""
        if self._thread is not None:
            return
        self.maildir.make()
        ready = threading.Event()
        failures: list[BaseException] = []
        self._loop = asyncio.new_event_loop()
        self._thread = threading.Thread(
            target=self._run, args=(self._loop, ready, failures), name="outbox", daemon=True
        )
        self._thread.start()
        is_ready = ready.wait(START_SECONDS)
        if failures:
            self.stop()
            raise failures[0]
        if not is_ready:
            raise OSError("the outbox did not begin to listen")

    def stop(self) -> None:
        """Close the port and every connection; what was filed stays. May come twice."""
        thread, loop = self._thread, self._loop
        self._thread = self._loop = None
        self._port = 0
        if thread is None or loop is None:
            return
        if thread.is_alive():
            loop.call_soon_threadsafe(loop.stop)
            thread.join(START_SECONDS)

    def __enter__(self) -> "LocalOutbox":
        self.start()
        return self

    def __exit__(self, *_: object) -> None:
        self.stop()

    def _run(
        self,
        loop: asyncio.AbstractEventLoop,
        ready: threading.Event,
        failures: list[BaseException],
    ) -> None:
        asyncio.set_event_loop(loop)
        try:
            server = loop.run_until_complete(
                loop.create_server(self._protocol, host="127.0.0.1", port=0)
            )
        except BaseException as error:  # `start` raises it in its own thread
            failures.append(error)
            ready.set()
            loop.close()
            return
        self._port = server.sockets[0].getsockname()[1]
        ready.set()
        try:
            loop.run_forever()
        finally:
            server.close()
            for connection in self._connections:
                if connection.transport is not None:
                    connection.transport.close()
            pending = asyncio.all_tasks(loop)
            for task in pending:
                task.cancel()
            loop.run_until_complete(asyncio.gather(*pending, return_exceptions=True))
            loop.close()

    def _protocol(self) -> SMTP:
        made = SMTP(
            _Filing(self.maildir),
            enable_SMTPUTF8=True,
            data_size_limit=SIZE_MAX_BYTES,
            # Else aiosmtpd looks this machine's name up, at every connection.
            hostname="localhost",
            ident="Medianote outbox",
            loop=self._loop,
        )
        self._connections.add(made)
        return made


class _Filing:
    """What aiosmtpd calls (its names): files each mail once for each of its recipients."""

    def __init__(self, maildir: Maildir) -> None:
        self._maildir = maildir

    async def handle_EHLO(  # noqa: N802 (aiosmtpd's name)
        self,
        server: SMTP,  # noqa: ARG002 (aiosmtpd's signature)
        session: Session,
        envelope: Envelope,  # noqa: ARG002
        hostname: str,
        responses: list[str],
    ) -> list[str]:
        session.host_name = hostname
        # aiosmtpd reads commands one by one from a buffered stream: it pipelines, and does
        # not say so.
        return [*responses[:-1], "250-PIPELINING", *responses[-1:]]

    async def handle_DATA(  # noqa: N802 (aiosmtpd's name)
        self,
        server: SMTP,  # noqa: ARG002 (aiosmtpd's signature)
        session: Session,  # noqa: ARG002
        envelope: Envelope,
    ) -> str:
        content = cast(bytes, envelope.content).replace(b"\r\n", b"\n")
        try:
            for recipient in envelope.rcpt_tos:
                self._maildir.deliver(_traced(envelope.mail_from or "", recipient) + content)
        except OSError as error:
            log.warning("outbox_full", why=error.strerror)
            return f"452 4.3.1 the outbox cannot keep it: {error.strerror}"
        return "250 2.0.0 filed"


def _traced(mail_from: str, recipient: str) -> bytes:
    """The envelope as a mailbox shows it (RFC 5321 section 4.4; Delivered-To, RFC 9228)."""
    return f"Return-Path: <{mail_from}>\nDelivered-To: {recipient}\n".encode()


def recipient_of(source: bytes) -> str:
    """Whom a filed mail went to, as the envelope said; it may be UTF-8, which no header is."""
    _, line, *_ = *source.split(b"\n", 2), b""
    return line.decode(errors="replace").removeprefix("Delivered-To: ")


@dataclass(frozen=True, slots=True)
class Line:
    """A mail in the outbox's list."""

    key: str
    recipient: str
    subject: str
    filed_at: dt.datetime


class Outbox:
    """Reads what the local outbox has filed: for its page, and for the demonstration."""

    def __init__(self, folder: Path) -> None:
        self._maildir = Maildir(folder)

    def count(self) -> int:
        """How many mails there are."""
        return self._maildir.count()

    def lines(self, *, limit: int, offset: int = 0) -> list[Line]:
        """The newest mails, from the `offset`-th on."""
        parser = BytesHeaderParser(policy=email.policy.default)
        lines = []
        for key in self._maildir.keys()[offset : offset + limit]:
            source = self._maildir.read(key)
            if source is None:
                continue
            head = parser.parsebytes(source.partition(b"\n\n")[0] + b"\n\n")
            lines.append(
                Line(
                    key=key,
                    recipient=recipient_of(source),
                    subject=str(head.get("Subject", "")),
                    filed_at=dt.datetime.fromtimestamp(filed_at_seconds(key), dt.UTC),
                )
            )
        return lines

    def source(self, key: str) -> bytes | None:
        """A mail as it was filed, with LF line ends; None when there is no such one."""
        return self._maildir.read(key)

    def message(self, key: str) -> EmailMessage | None:
        """A mail, parsed; None when there is no such one."""
        source = self._maildir.read(key)
        if source is None:
            return None
        parser: BytesParser[Any] = BytesParser(policy=email.policy.default)
        return cast(EmailMessage, parser.parsebytes(source))

    def empty(self) -> int:
        """Delete all mails; returns how many there were."""
        return self._maildir.empty()

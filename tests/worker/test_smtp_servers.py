"""The postman and servers that others wrote: OpenSSL, aiosmtpd, smtp-sink, a real Postfix."""

import os
import random
import socket
import ssl
import subprocess
import time
from collections.abc import Iterator
from email.message import Message

import pytest
import trustme
from aiosmtpd.controller import Controller
from aiosmtpd.smtp import SMTP, AuthResult, Envelope, LoginPassword, Session

from mail.replies import Deferred, Failed
from tests.support.postfix import DEFERRED, REFUSED, Postfix
from tests.support.programs import find_program, free_port
from tests.support.smtp_model import ESMTP, SmtpModel
from tests.support.smtp_server import SmtpServer
from tests.worker.smtp_office import Office, make_items, relay_of
from worker.connections import Timeouts
from worker.flights import probe, prove_flights
from worker.smtp import Item, Relay, RunEnd, RunState, Security

CHUNKING = (*ESMTP, "CHUNKING")


@pytest.fixture(scope="module")
def authority() -> trustme.CA:
    """A certificate authority of our own."""
    return trustme.CA()


@pytest.fixture(scope="module")
def trusting(authority: trustme.CA) -> ssl.SSLContext:
    """A client that trusts it, and verifies as usual."""
    context = ssl.create_default_context()
    authority.configure_trust(context)
    return context


def server_context(authority: trustme.CA, *names: str) -> ssl.SSLContext:
    """A server with a certificate for these names."""
    context = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH)
    authority.issue_cert(*names).configure_cert(context)
    return context


@pytest.mark.parametrize("security", [Security.TLS, Security.STARTTLS])
@pytest.mark.parametrize("flights", [False, True])
def test_mail_goes_encrypted(
    authority: trustme.CA, trusting: ssl.SSLContext, security: Security, flights: bool
) -> None:
    """Implicit TLS and STARTTLS, with a password, by every flow, large messages too."""

    def new_model(number: int) -> SmtpModel:
        capabilities = (*CHUNKING, "AUTH PLAIN")
        if security is Security.STARTTLS:
            capabilities = ("STARTTLS", *capabilities)
        return SmtpModel(capabilities=capabilities, users={"press": "s3cret"})

    items = [*make_items(100, 3_000), *make_items(102, 400_000)[100:]]
    with SmtpServer(
        new_model,
        tls_context=server_context(authority, "127.0.0.1"),
        is_tls_from_start=security is Security.TLS,
    ) as server:
        relay = relay_of(
            server, security=security, user="press", password="s3cret", flights_proved=flights
        )
        office = Office(relay, tls_context=trusting, connections_per_relay=3, timeouts=Timeouts())
        assert office.send(items).state is RunState.EXHAUSTED
        office.postman.close()
        can = probe(relay, tls_context=trusting)
    assert office.kinds() == {"Accepted": 102}
    by_recipient = {envelope.rcpt_to[0]: envelope.data for envelope in server.taken}
    assert all(by_recipient[item.rcpt_to] == item.data for item in items)
    assert can.has_chunking


@pytest.mark.parametrize("security", [Security.TLS, Security.STARTTLS])
def test_a_certificate_for_another_name_is_refused(
    authority: trustme.CA, trusting: ssl.SSLContext, security: Security
) -> None:
    """The name is checked, and the reason is one plain line."""
    with SmtpServer(
        lambda _: SmtpModel(capabilities=(*ESMTP, "STARTTLS")),
        tls_context=server_context(authority, "other.example"),
        is_tls_from_start=security is Security.TLS,
    ) as server:
        office = Office(relay_of(server, security=security), tls_context=trusting)
        end = office.send(make_items(3))
    assert end.state is RunState.NO_RELAY
    assert "its certificate does not hold" in str(end.why)
    assert "127.0.0.1" in str(end.why)
    assert server.taken == []


def test_a_certificate_of_a_stranger_is_refused(authority: trustme.CA) -> None:
    """Only the authorities of the system are trusted by default."""
    with SmtpServer(
        tls_context=server_context(authority, "127.0.0.1"), is_tls_from_start=True
    ) as server:
        office = Office(relay_of(server, security=Security.TLS))
        end = office.send(make_items(1))
    assert "its certificate does not hold" in str(end.why)
    assert office.kinds() == {"Unsent": 1}


def test_tls_with_a_server_that_speaks_none_is_said_plainly(trusting: ssl.SSLContext) -> None:
    """smtps:// to a port without TLS."""
    with SmtpServer() as server:
        office = Office(relay_of(server, security=Security.TLS), tls_context=trusting)
        end = office.send(make_items(1))
    assert end.state is RunState.NO_RELAY
    assert "TLS failed" in str(end.why)


class _Handler:
    """Keeps what aiosmtpd took."""

    def __init__(self) -> None:
        self.taken: list[tuple[str, list[str], bytes, list[str]]] = []

    async def handle_RCPT(  # noqa: N802 - aiosmtpd's name
        self, server: SMTP, session: Session, envelope: Envelope, address: str, options: list[str]
    ) -> str:
        if address.startswith("u5@"):
            return "550 5.1.1 no such user"
        envelope.rcpt_tos.append(address)
        return "250 OK"

    async def handle_DATA(self, server: SMTP, session: Session, envelope: Envelope) -> str:  # noqa: N802
        self.taken.append(
            (
                str(envelope.mail_from),
                list(envelope.rcpt_tos),
                bytes(envelope.content or b""),
                list(envelope.mail_options),
            )
        )
        return "250 OK"


@pytest.mark.filterwarnings("ignore:Requiring AUTH while not requiring TLS")
def test_aiosmtpd_gets_it_too() -> None:
    """An independent server, which has neither PIPELINING nor CHUNKING, with SMTPUTF8 and AUTH."""
    handler = _Handler()

    def check(
        server: SMTP, session: Session, envelope: Envelope, mechanism: str, data: LoginPassword
    ) -> AuthResult:
        is_right = (data.login, data.password) == (b"press", b"s3cret")
        return AuthResult(success=is_right, handled=False)

    controller = Controller(
        handler,
        hostname="127.0.0.1",
        port=free_port(),
        enable_SMTPUTF8=True,
        authenticator=check,
        auth_required=True,
        auth_require_tls=False,
    )
    controller.start()
    try:
        relay = Relay("127.0.0.1", controller.port, user="press", password="s3cret")
        office = Office(relay, connections_per_relay=2, timeouts=Timeouts())
        utf8 = Item("utf8", "", "é@news.example", "To: é\r\n\r\n.dot\r\n".encode())
        assert office.send([*make_items(20), utf8]).state is RunState.EXHAUSTED
        office.postman.close()
        wrong = Relay("127.0.0.1", controller.port, user="press", password="wrong")
        end = Office(wrong, timeouts=Timeouts()).send(make_items(1))
    finally:
        controller.stop()
    assert office.kinds() == {"Accepted": 20, "Failed": 1}
    assert isinstance(office.outcome(5), Failed)
    assert len(handler.taken) == 20
    assert (["é@news.example"], utf8.data) in [(to, data) for _, to, data, _ in handler.taken]
    assert "refuses the user press or the password: 535" in str(end.why)


@pytest.fixture(scope="module")
def postfix() -> Iterator[Postfix]:
    """A stock Postfix."""
    with Postfix() as server:
        yield server


def _key(message: Message) -> str:
    return str(message["X-Key"])


@pytest.mark.postfix
def test_postfix_walks_into_the_trap_that_we_avoid(postfix: Postfix) -> None:
    """A nested MAIL is answered 503, and its RCPT is added to the previous person's envelope."""
    with socket.create_connection(("127.0.0.1", postfix.port)) as connection:
        wire = connection.makefile("rwb")

        def ask(line: str) -> str:
            wire.write(line.encode() + b"\r\n")
            wire.flush()
            return wire.readline().decode().strip()

        wire.readline()
        assert ask("HELO press.example").startswith("250")
        assert ask("MAIL FROM:<a@press.example>").startswith("250")
        assert ask("RCPT TO:<one@elsewhere.example>").startswith("250")
        assert ask("MAIL FROM:<b@press.example>") == "503 5.5.1 Error: nested MAIL command"
        assert ask("RCPT TO:<two@elsewhere.example>").startswith("250")
        assert ask("DATA").startswith("354")
        queue_id = ask("Subject: for two alone\r\n\r\n.").rpartition(" ")[2]
    until = time.monotonic() + 10
    while f"{queue_id}: from=<a@press.example>" not in postfix.log:
        assert time.monotonic() < until
        time.sleep(0.05)
    (line,) = [line for line in postfix.log.splitlines() if f"{queue_id}: from=" in line]
    assert "nrcpt=2" in line


@pytest.mark.postfix
@pytest.mark.parametrize("flights", [False, True])
def test_postfix_takes_everything_and_refuses_alone(postfix: Postfix, flights: bool) -> None:
    """Refused and deferred recipients in mid-run; everyone else gets their own message, once."""
    run = "flights" if flights else "ahead"
    items = [
        Item(
            key,
            f"b-{key}@press.example",
            {3: REFUSED, 7: REFUSED, 12: DEFERRED}.get(key, f"{run}{key}@news.example"),
            f"X-Key: {key}\r\nX-Run: {run}\r\nSubject: note {key}\r\n\r\n.dot {key}\r\n".encode(),
        )
        for key in range(40)
    ]
    relay = Relay("127.0.0.1", postfix.port, flights_proved=flights)
    office = Office(relay, connections_per_relay=2, timeouts=Timeouts())
    assert office.send(items) == RunEnd(RunState.EXHAUSTED)
    office.postman.close()
    assert office.kinds() == {"Accepted": 37, "Failed": 2, "Deferred": 1}
    assert isinstance(office.outcome(3), Failed)
    assert isinstance(office.outcome(12), Deferred)
    messages = postfix.messages(37, lambda message: message["X-Run"] == run)
    assert sorted(map(_key, messages)) == sorted(str(k) for k in range(40) if k not in {3, 7, 12})
    for message in messages:
        key = _key(message)
        assert message["Delivered-To"] == f"{run}{key}@news.example"
        assert message["Return-Path"] == f"<b-{key}@press.example>"
        assert message.get_payload().strip() == f".dot {key}"


@pytest.mark.postfix
def test_flights_are_proved_with_postfix(postfix: Postfix) -> None:
    """A few mails in flights, refused ones between them: each is answered for itself."""
    messages = [f"X-Run: proof\r\nSubject: proof {n}\r\n\r\nHello\r\n".encode() for n in range(4)]
    relay = Relay("127.0.0.1", postfix.port)
    proof = prove_flights(relay, "press@press.example", "proof@news.example", messages)
    assert proof.is_safe, proof.why
    assert proof.greeting == "relay.example ESMTP Postfix"
    assert proof.why == "4 taken and 2 refused, each for itself"
    assert len(postfix.messages(4, lambda message: message["X-Run"] == "proof")) == 4


@pytest.mark.postfix
def test_postfix_is_used_again_after_a_restart(postfix: Postfix) -> None:
    """A relay that was down takes mail again, on new connections."""
    relay = Relay("127.0.0.1", postfix.port)
    now = [1000.0]
    office = Office(
        relay, connections_per_relay=2, timeouts=Timeouts(), clock=lambda: now[0] + time.monotonic()
    )
    items = [Item(k, "", f"r{k}@elsewhere.example", b"Subject: x\r\n\r\n") for k in range(30)]
    assert office.send(items[:10]).state is RunState.EXHAUSTED
    postfix.stop()
    end = office.send(items[10:20])
    assert end.state is RunState.NO_RELAY
    assert "it refuses connections" in str(end.why)
    postfix.start()
    now[0] += 60
    left = [item for item in items[10:] if item.key not in office.outcomes]
    assert office.send(left).state is RunState.EXHAUSTED
    office.postman.close()


@pytest.fixture(scope="module")
def sink() -> Iterator[int]:
    """The port of an smtp-sink."""
    port = free_port()
    process = subprocess.Popen(
        [find_program("smtp-sink"), *_user(), f"127.0.0.1:{port}", "100"], cwd="/"
    )
    try:
        for _ in range(100):
            try:
                socket.create_connection(("127.0.0.1", port), 1).close()
                break
            except OSError:
                time.sleep(0.05)
        yield port
    finally:
        process.terminate()
        process.wait(10)


def _user() -> list[str]:
    return ["-u", "nobody"] if os.geteuid() == 0 else []


@pytest.mark.postfix
def test_smtp_sink_takes_thousands(sink: int) -> None:
    """Several batches over the same connections."""
    office = Office(Relay("127.0.0.1", sink), timeouts=Timeouts(), jitter=random.Random(2))
    items = make_items(3000, 2_000)
    for begin in range(0, 3000, 1000):
        assert office.send(items[begin : begin + 1000]).state is RunState.EXHAUSTED
    office.postman.close()
    assert office.kinds() == {"Accepted": 3000}

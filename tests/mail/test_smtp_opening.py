"""A session opens as far as the server and safety allow, and says plainly where it does not."""

import dataclasses
from base64 import b64encode

import pytest

from mail.smtp import Closed, Opened, Session, TlsWanted
from mail.smtp_opening import OpeningOptions
from tests.support.smtp_model import ESMTP, Babble, Farewell, Say, Script, SmtpModel, by_the_book
from tests.support.smtp_pair import Pair, new_session


def say(verb: str, text: str) -> Script:
    """A script that answers every such command with this."""
    return lambda heard, argument, count: Say(text) if heard == verb else None


def test_a_server_that_speaks_esmtp_tells_what_it_can() -> None:
    """The answer to EHLO becomes the capabilities, with the greeting."""
    pair = Pair(new_session(), SmtpModel(capabilities=(*ESMTP, "CHUNKING", "AUTH PLAIN")))
    pair.run([])
    assert pair.opened is not None
    can = pair.opened.capabilities
    assert can.greeting == "model.example ESMTP"
    assert can.has_pipelining
    assert can.has_chunking
    assert can.has_8bitmime
    assert can.has_smtputf8
    assert can.has_enhanced_codes
    assert can.announces_size
    assert can.max_size_octets == 10_000_000
    assert can.auth_mechanisms == {"PLAIN"}
    assert pair.model.commands == ["EHLO press.example"]


@pytest.mark.parametrize("size", ["SIZE", "SIZE 0", "SIZE many", "SIZE -5", "SIZE ²"])
def test_a_size_that_is_no_limit_is_none(size: str) -> None:
    """SIZE without a number, with zero or with nonsense sets no limit (RFC 1870 section 4)."""
    pair = Pair(new_session(), SmtpModel(capabilities=(size,)))
    pair.run([])
    assert pair.opened is not None
    assert pair.opened.capabilities.max_size_octets is None


def test_a_server_that_knows_only_helo_gets_helo() -> None:
    """A refused EHLO falls back to HELO, and to no extension at all."""
    pair = Pair(new_session(), SmtpModel(knows_ehlo=False))
    pair.run([])
    assert pair.opened is not None
    assert not pair.opened.capabilities.is_esmtp
    assert pair.model.commands == ["EHLO press.example", "HELO press.example"]


@pytest.mark.parametrize(
    ("script", "words"),
    [
        (say("CONNECT", "554 5.7.1 Go away"), "554 5.7.1 Go away"),
        (say("CONNECT", "450 Later"), "450 Later"),
        (lambda v, a, n: Farewell() if v == "CONNECT" else None, "421"),
        (say("CONNECT", "SSH-2.0-OpenSSH_9.2"), "nonsense"),
        (say("EHLO", "421 4.3.2 Closing"), "421"),
        (say("EHLO", "451 Later"), "451 Later"),
        (lambda v, a, n: Babble("250 more") if v == "CONNECT" else None, "more than it was asked"),
        (lambda v, a, n: Babble("250 more") if v == "EHLO" else None, "more than it was asked"),
    ],
)
def test_a_server_that_will_not_open_is_named_in_one_line(script: Script, words: str) -> None:
    """Whatever goes wrong in the opening ends it with one plain line that names the relay."""
    pair = Pair(new_session(), SmtpModel(script=script))
    pair.run([])
    assert pair.closed is not None
    assert words in pair.closed.why
    assert pair.closed.why.startswith("relay.example:25")
    assert "\n" not in pair.closed.why


def test_starttls_forgets_what_was_said_in_clear() -> None:
    """After STARTTLS the capabilities are asked for again (RFC 3207 section 4.2)."""
    model = SmtpModel(capabilities=(*ESMTP, "STARTTLS", "CHUNKING"))
    pair = Pair(new_session(wants_starttls=True), model)
    pair.move_to_client()
    for _ in range(2):
        pair.submit_from([])  # type: ignore[arg-type]
        pair.move_to_server()
        pair.move_to_client()
    assert pair.events == [TlsWanted()]
    model.tls_established()
    model.capabilities = ("PIPELINING",)
    pair.events += pair.session.tls_established()
    pair.run([])
    assert pair.opened is not None
    assert not pair.opened.capabilities.has_chunking
    assert model.commands == ["EHLO press.example", "STARTTLS", "EHLO press.example"]


@pytest.mark.parametrize("injected", [b"250 Injected\r\n", b"250 Inj", b"250-one\r\n"])
def test_what_follows_starttls_in_clear_is_an_attack(injected: bytes) -> None:
    """Octets after the 220 and before TLS could be an attacker's: the session ends."""
    session = Session(
        OpeningOptions(ehlo_name="press.example", relay_name="relay", wants_starttls=True)
    )
    for said in [b"220 hello\r\n", b"250-relay\r\n250 STARTTLS\r\n"]:
        session.receive(said)
        session.data_to_send()
    (closed,) = session.receive(b"220 go ahead\r\n" + injected)[-1:]
    assert isinstance(closed, Closed)
    assert "in clear after STARTTLS" in closed.why


@pytest.mark.parametrize(
    ("capabilities", "script", "words"),
    [
        (ESMTP, None, "does not offer STARTTLS"),
        ((*ESMTP, "STARTTLS"), say("STARTTLS", "454 4.7.0 TLS not available"), "refuses STARTTLS"),
    ],
)
def test_without_the_demanded_tls_nothing_is_sent(
    capabilities: tuple[str, ...], script: Script | None, words: str
) -> None:
    """A relay that was to be encrypted is not used in clear."""
    model = SmtpModel(capabilities=capabilities, script=script or by_the_book)
    pair = Pair(new_session(wants_starttls=True, user="u", password="p"), model)
    pair.run([])
    assert pair.closed is not None
    assert words in pair.closed.why
    assert not any(command.startswith("AUTH") for command in model.commands)


@pytest.mark.parametrize("mechanisms", ["AUTH PLAIN LOGIN", "AUTH LOGIN", "AUTH=LOGIN"])
def test_a_user_is_authenticated(mechanisms: str) -> None:
    """AUTH PLAIN is preferred, LOGIN does, and the old spelling is understood."""
    model = SmtpModel(capabilities=(*ESMTP, mechanisms), users={"préss": "sécret"})
    pair = Pair(new_session(is_private=True, user="préss", password="sécret"), model)
    pair.run([])
    assert pair.opened is not None
    assert pair.closed is None


def test_plain_goes_in_one_command() -> None:
    """The initial response travels with AUTH PLAIN (RFC 4954 section 4)."""
    model = SmtpModel(capabilities=("AUTH PLAIN LOGIN",), users={"u": "p"})
    Pair(new_session(is_private=True, user="u", password="p"), model).run([])
    assert model.commands[1] == "AUTH PLAIN " + b64encode(b"\0u\0p").decode()


@pytest.mark.parametrize("mechanism", ["PLAIN", "LOGIN"])
def test_a_refused_password_is_said_without_it(mechanism: str) -> None:
    """The line names the user and the reply, never the password."""
    model = SmtpModel(capabilities=(f"AUTH {mechanism}",))
    pair = Pair(new_session(is_private=True, user="press", password="s3cret"), model)
    pair.run([])
    assert pair.closed is not None
    assert "refuses the user press or the password: 535 5.7.8" in pair.closed.why
    assert "s3cret" not in pair.closed.why


def test_no_known_mechanism_is_said() -> None:
    """A server that wants something else is named with what it offers."""
    model = SmtpModel(capabilities=("AUTH GSSAPI SCRAM-SHA-256",))
    pair = Pair(new_session(is_private=True, user="u", password="p"), model)
    pair.run([])
    assert pair.closed is not None
    assert "GSSAPI, SCRAM-SHA-256" in pair.closed.why


def test_a_password_never_travels_in_clear() -> None:
    """Without TLS, and not to loopback, the session ends before AUTH."""
    model = SmtpModel(capabilities=("AUTH PLAIN",), users={"u": "p"})
    pair = Pair(new_session(user="u", password="p"), model)
    pair.run([])
    assert pair.closed is not None
    assert "never sent without TLS" in pair.closed.why
    assert model.commands == ["EHLO press.example"]


def test_the_password_is_not_in_what_is_printed() -> None:
    """Options can be logged."""
    options = OpeningOptions(ehlo_name="e", relay_name="r", user="u", password="s3cret")
    assert "s3cret" not in repr(options)
    assert dataclasses.is_dataclass(options)


def test_opened_comes_once() -> None:
    """There is one Opened event in a session's life."""
    pair = Pair(new_session(), SmtpModel())
    pair.run([])
    assert sum(isinstance(event, Opened) for event in pair.events) == 1

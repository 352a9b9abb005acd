"""Relays are read from their URLs, probed, and proved; what is wrong is said without passwords."""

import pytest

from runtime.relays import Relay, RelayError, Security
from tests.support.programs import free_port
from tests.support.smtp_model import ESMTP, Action, Farewell, Say, SmtpModel
from tests.support.smtp_server import SmtpServer
from tests.worker.smtp_office import QUICK, Office, make_items, relay_of
from worker.flights import RelayTroubleError, probe, prove_flights

CHUNKING = (*ESMTP, "CHUNKING")
MESSAGES = [b"Subject: proof\r\n\r\nHello\r\n"] * 5


@pytest.mark.parametrize(
    ("url", "relay"),
    [
        ("smtp://127.0.0.1", Relay("127.0.0.1", 25)),
        ("smtp://mail.example:2525/", Relay("mail.example", 2525)),
        ("smtp+starttls://mail.example", Relay("mail.example", 587, Security.STARTTLS)),
        (" smtps://[::1] ", Relay("::1", 465, Security.TLS)),
        (
            "smtps://press%40x:p%2Css%3A@mail.example:4650",
            Relay("mail.example", 4650, Security.TLS, "press@x", "p,ss:"),
        ),
        ("smtp://u:p@localhost:25", Relay("localhost", 25, Security.NONE, "u", "p")),
    ],
)
def test_a_relay_is_one_url(url: str, relay: Relay) -> None:
    """Scheme, credentials, host and port, with the usual ports left out."""
    assert Relay.from_url(url) == relay


@pytest.mark.parametrize(
    ("url", "words"),
    [
        ("http://mail.example", "smtp://"),
        ("mail.example:25", "smtp://"),
        ("smtp://", "host"),
        ("smtp://mail.example:0x19", "not a number"),
        ("smtp://mail.example:70000", "not a number"),
        ("smtp://mail.example/path", "nothing more"),
        ("smtps://user@mail.example", "both a user and a password"),
        ("smtp://u:s3cret@mail.example", "unencrypted"),
        ("smtp://u:s3cret@192.0.2.1", "unencrypted"),
    ],
)
def test_a_url_that_cannot_be_used_is_refused_in_one_line(url: str, words: str) -> None:
    """What is wrong, without the password."""
    with pytest.raises(RelayError, match=words) as caught:
        Relay.from_url(url)
    assert "s3cret" not in str(caught.value)
    assert "\n" not in str(caught.value)


def test_a_relay_is_printed_without_its_password() -> None:
    """Relays may be logged."""
    relay = Relay.from_url("smtps://u:s3cret@mail.example")
    assert "s3cret" not in repr(relay) + relay.name


def test_probing_tells_what_a_relay_can_do_and_how_it_greets() -> None:
    """One connection, no mail."""
    with SmtpServer(lambda _: SmtpModel(capabilities=CHUNKING)) as server:
        can = probe(relay_of(server))
    assert can.greeting == "model.example ESMTP"
    assert can.has_chunking
    assert not any(c.startswith("MAIL") for c in server.models[0].commands)


@pytest.mark.parametrize(
    ("relay", "words"),
    [
        (Relay("no-such-host.invalid", 25), "unknown host"),
        (Relay("127.0.0.1", free_port()), "it refuses connections"),
    ],
)
def test_a_relay_that_cannot_be_probed_is_said_in_one_line(relay: Relay, words: str) -> None:
    """The name, and what is wrong."""
    with pytest.raises(RelayTroubleError, match=words) as caught:
        probe(relay)
    assert str(caught.value).startswith(relay.name)


@pytest.mark.parametrize("verb", ["CONNECT", "EHLO"])
@pytest.mark.parametrize("action", [Say("554 5.7.1 no"), Farewell(), Say("Hello!")])
def test_a_relay_that_does_not_open_is_said_in_one_line(verb: str, action: Action) -> None:
    """Refusal, farewell and nonsense."""
    with (
        SmtpServer(lambda _: SmtpModel(script=lambda v, a, n: action if v == verb else None)) as s,
        pytest.raises(RelayTroubleError) as caught,
    ):
        probe(relay_of(s), timeouts=QUICK)
    assert str(caught.value).startswith(relay_of(s).name)
    assert str(caught.value).isprintable()


def prove(model: SmtpModel) -> tuple[bool, str, SmtpServer]:
    """Try flights with this model."""
    with SmtpServer(lambda _: model) as server:
        proof = prove_flights(
            relay_of(server), "b@press.example", "me@news.example", MESSAGES, timeouts=QUICK
        )
    return proof.is_safe, proof.why, server


def test_flights_are_proved_by_flying() -> None:
    """The good ones arrive, the refused ones do not, and both are answered each for itself."""
    is_safe, why, server = prove(SmtpModel(capabilities=CHUNKING))
    assert is_safe
    assert why == "5 taken and 2 refused, each for itself"
    assert server.recipients == ["me@news.example"] * 5


@pytest.mark.parametrize(
    ("model", "words"),
    [
        (SmtpModel(capabilities=ESMTP), "does not offer CHUNKING"),
        (SmtpModel(capabilities=("CHUNKING",)), "does not offer PIPELINING"),
        (
            SmtpModel(
                capabilities=CHUNKING,
                script=lambda v, a, n: Say("450 4.2.0 no") if (v, n) == ("RCPT", 3) else None,
            ),
            "message 4 was refused",
        ),
        (
            SmtpModel(
                capabilities=CHUNKING,
                script=lambda v, a, n: Say("250 ok") if v == "RCPT" and "X-" in a else None,
            ),
            "refused nobody",
        ),
        (
            SmtpModel(
                capabilities=CHUNKING,
                script=lambda v, a, n: Say("250 ok") if (v, n) == ("CONTENT", 1) else None,
            ),
            "for nobody",
        ),
        (
            SmtpModel(
                capabilities=CHUNKING,
                script=lambda v, a, n: Say("503 nested") if (v, n) == ("MAIL", 2) else None,
            ),
            "message 3 could not begin",
        ),
        (
            SmtpModel(
                capabilities=CHUNKING,
                script=lambda v, a, n: Farewell() if (v, n) == ("MAIL", 2) else None,
            ),
            "answers expected",
        ),
    ],
)
def test_flights_are_not_proved_where_anything_is_odd(model: SmtpModel, words: str) -> None:
    """What was seen is said."""
    is_safe, why, _ = prove(model)
    assert not is_safe
    assert words in why


def test_flights_are_used_only_while_the_greeting_is_the_one_they_were_proved_with() -> None:
    """A relay that was replaced has to be proved anew; dates and ids in a greeting do not count."""
    for greeting, proved, flies in [
        ("220 mx.example ESMTP Tue, 24 Nov 2026 10:11:12 +0100", "mx.example ESMTP *", True),
        ("220 mx.example Other", "mx.example ESMTP *", False),
        ("220 mx.example ESMTP a1b2c3d4e5f6a7b8c9", "mx.example ESMTP *", True),
    ]:
        with SmtpServer(
            lambda _, greeting=greeting: SmtpModel(
                capabilities=CHUNKING,
                script=lambda v, a, n: Say(greeting) if v == "CONNECT" else None,
            )
        ) as server:
            relay = relay_of(server, flights_proved=True, proved_greeting=proved)
            Office(relay, connections_per_relay=1).send(make_items(5))
        assert ("RSET" in server.models[0].commands) is flies

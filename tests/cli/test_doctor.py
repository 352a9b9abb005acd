"""What the doctor promises: one line for each thing, with what to do where it is not well."""

from pathlib import Path

import pytest

from mail.signatures import TagListError, parse_signature
from runtime.schema import newest_revision
from tests.cli.conftest import PRODUCTION
from tests.cli.running import InProcess
from tests.support.smtp_model import ESMTP, Farewell, Hang, Say, Script, SmtpModel, Vanish
from tests.support.smtp_server import SmtpServer
from worker import checks
from worker.connections import Timeouts

SIGNED = (
    "v=1; a=rsa-sha256; d=Example.org; s=press;\r\n\tc=relaxed/simple; bh=abc=; b=def=;\r\n"
    "\th=From : To:Subject:List-Unsubscribe:\r\n\t list-unsubscribe-post"
)


@pytest.fixture(autouse=True)
def impatient(monkeypatch: pytest.MonkeyPatch) -> None:
    """A relay that hangs is waited for half a second."""
    monkeypatch.setattr(checks, "TIMEOUTS", Timeouts(connect=2, command=0.5))


def refusing(verb: str, says: Say | Farewell | Vanish | Hang) -> Script:
    """A script that does this at a verb."""
    return lambda here, argument, count: says if here == verb else None


def test_the_embedded_default_is_well(medianote: InProcess) -> None:
    """Without any setting all is well but for the pages, which nobody serves."""
    done = medianote("doctor")
    assert (done.status, done.err) == (0, "")
    lines = done.out.splitlines()
    assert [line for line in lines if not line.startswith("ok    ")] == [
        "warn  base URL: http://127.0.0.1:8000 does not answer: Connection refused "
        "→ start `medianote web`, and see MEDIANOTE_BASE_URL"
    ]
    assert lines[0].startswith("ok    database: SQLite 3.")


def test_production(
    medianote: InProcess, postgresql_url: str, redis_url: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """PostgreSQL, Redis and a relay that answer are well, and what was never tried is warned of."""
    with SmtpServer() as relay:
        settings = PRODUCTION | {
            "MEDIANOTE_DATABASE_URL": postgresql_url,
            "MEDIANOTE_BROKER_URL": redis_url,
            "MEDIANOTE_SMTP_URL": f"smtp://127.0.0.1:{relay.port}",
            "MEDIANOTE_BASE_URL": "http://127.0.0.1:1",
        }
        for name, value in settings.items():
            monkeypatch.setenv(name, value)
        done = medianote("doctor")
    assert done.status == 0, done.out
    said = {line[6:].split(":")[0]: line[:4].strip() for line in done.out.splitlines()}
    assert said["database"] == "ok"
    assert said["broker"] == "ok"
    assert said["relay 127.0.0.1"] == "ok"
    assert said["signature"] == "warn"
    assert said["flights to 127.0.0.1"] == "warn"
    assert f"schema {newest_revision()}, UTF8" in done.out
    assert "has PIPELINING, 8BITMIME, SMTPUTF8, SIZE; lacks CHUNKING" in done.out


@pytest.mark.parametrize(
    ("script", "said"),
    [
        (refusing("CONNECT", Say("554 5.7.1 Go away")), "Go away"),
        (refusing("CONNECT", Say("hello there, old friend")), "nonsense"),
        (refusing("CONNECT", Hang()), ""),
        (refusing("EHLO", Vanish()), "hung up"),
        (refusing("EHLO", Farewell()), "421"),
    ],
)
def test_a_relay_that_is_ill(
    script: Script, said: str, medianote: InProcess, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A relay that refuses, hangs up, hangs or answers nonsense is one line, and status 1."""
    with SmtpServer(lambda number: SmtpModel(script)) as relay:
        monkeypatch.setenv("MEDIANOTE_SMTP_URL", f"smtp://127.0.0.1:{relay.port}")
        done = medianote("doctor")
    assert (done.status, done.err) == (1, "")
    [line] = [line for line in done.out.splitlines() if line.startswith("FAIL")]
    assert line.startswith(f"FAIL  relay 127.0.0.1:{relay.port}: ")
    assert said in line


def test_a_relay_that_refuses_the_password(
    medianote: InProcess, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A wrong password is said without repeating it."""
    capabilities = (*ESMTP, "AUTH PLAIN LOGIN")
    with SmtpServer(
        lambda number: SmtpModel(capabilities=capabilities, users={"press": "right"})
    ) as relay:
        monkeypatch.setenv("MEDIANOTE_SMTP_URL", f"smtp://press:wrong@127.0.0.1:{relay.port}")
        done = medianote("doctor")
    [line] = [line for line in done.out.splitlines() if line.startswith("FAIL")]
    assert "535" in line
    assert "wrong" not in done.out


def test_what_is_down(medianote: InProcess, monkeypatch: pytest.MonkeyPatch) -> None:
    """A broker and a relay that are down are a line each, and status 1."""
    monkeypatch.setenv("MEDIANOTE_BROKER_URL", "redis://:secret@127.0.0.1:1/0")
    monkeypatch.setenv("MEDIANOTE_SMTP_URL", "smtp://127.0.0.1:1")
    done = medianote("doctor")
    assert done.status == 1
    failed = [line for line in done.out.splitlines() if line.startswith("FAIL")]
    assert [line.split(" ")[2].rstrip(":") for line in failed] == ["broker", "relay"]
    assert "secret" not in done.out


def test_a_demo_address_at_a_real_relay(
    medianote: InProcess, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Where a relay is configured, mail from the demo's sender is warned of."""
    monkeypatch.setenv("MEDIANOTE_SMTP_URL", "smtp://127.0.0.1:1")
    said = medianote("doctor").out.splitlines()
    assert (
        "warn  domain: the sender is a demo address, and real mail would leave as that "
        "→ set MEDIANOTE_FROM"
    ) in said


def test_proving_flights(medianote: InProcess, monkeypatch: pytest.MonkeyPatch) -> None:
    """--prove tries each relay, remembers what came of it, and the doctor tells it from then on."""
    capabilities = (*ESMTP, "CHUNKING")
    with (
        SmtpServer(lambda number: SmtpModel(capabilities=capabilities)) as able,
        SmtpServer() as unable,
    ):
        urls = f"smtp://127.0.0.1:{able.port},smtp://127.0.0.1:{unable.port}"
        monkeypatch.setenv("MEDIANOTE_SMTP_URL", urls)
        done = medianote("doctor", "--prove", "me@example.org")
        first, second = done.out.splitlines()
        assert first.startswith(f"ok    flights to 127.0.0.1:{able.port}: ")
        assert second == (
            f"ok    flights to 127.0.0.1:{unable.port}: not safe, and not used: "
            "the relay does not offer CHUNKING; remembered"
        )
        told = medianote("doctor").out
        assert f"flights to 127.0.0.1:{unable.port}: not used: the relay does not offer" in told


def test_proving_needs_a_relay(medianote: InProcess) -> None:
    """Without a relay there is nothing to prove; an address that is none is wrong use."""
    assert medianote("doctor", "--prove", "me@example.org").status == 2
    assert medianote("doctor", "--prove", "nobody").status == 2


def signed_mail(*signatures: str) -> bytes:
    """A mail of ours with these signatures."""
    head = "".join(f"DKIM-Signature: {signature}\r\n" for signature in signatures)
    return (
        f"{head}List-Unsubscribe: <https://press.example.org/u/x>\r\n"
        "List-Unsubscribe-Post: List-Unsubscribe=One-Click\r\n"
        "Subject: News\r\n\r\nNews.\r\n"
    ).encode()


def test_a_signed_mail(medianote: InProcess, monkeypatch: pytest.MonkeyPatch) -> None:
    """A signature over both headers is remembered, and the doctor warns no more."""
    monkeypatch.setenv("MEDIANOTE_SMTP_URL", "smtp://127.0.0.1:1")
    assert "warn  signature: no mail has been seen" in medianote("doctor").out
    other = SIGNED.replace("List-Unsubscribe:", "")
    Path("mail.eml").write_bytes(signed_mail("v=1; nonsense", other, SIGNED))
    done = medianote("doctor", "--signed", "mail.eml")
    assert (done.status, done.out) == (
        0,
        "ok    signature: example.org (press) covers both List-Unsubscribe headers; remembered\n",
    )
    assert "ok    signature: example.org signs both" in medianote("doctor").out


@pytest.mark.parametrize(
    ("content", "status", "said"),
    [
        (signed_mail(), 1, "no DKIM-Signature"),
        (signed_mail(SIGNED.replace("list-unsubscribe-post", "Date")), 1, "does not cover both"),
        (b"Subject: hello\r\n\r\nhello\r\n", 2, "has no List-Unsubscribe"),
        (b"", 2, "has no List-Unsubscribe"),
    ],
)
def test_a_mail_that_is_not_signed(
    content: bytes, status: int, said: str, medianote: InProcess
) -> None:
    """A mail without such a signature says what to do, and nothing is remembered."""
    Path("mail.eml").write_bytes(content)
    done = medianote("doctor", "--signed", "mail.eml")
    assert done.status == status
    assert said in done.out + done.err


def test_a_tag_list_is_read_to_the_letter() -> None:
    """RFC 6376, section 3.2: white space around names and colons counts for nothing."""
    signature = parse_signature(SIGNED)
    assert (signature.domain, signature.selector) == ("example.org", "press")
    assert signature.headers == {
        "from", "to", "subject", "list-unsubscribe", "list-unsubscribe-post"
    }  # fmt: skip
    for bad in ("", "v=1", "v=1; d=a; d=b; s=x; h=from", "v=1; d=a; s=b; h=", "= ; d=x"):
        with pytest.raises(TagListError):
            parse_signature(bad)


def test_limits_are_shown(medianote: InProcess, monkeypatch: pytest.MonkeyPatch) -> None:
    """What relays and domains are given at most, and how the workers share it."""
    with SmtpServer() as relay:
        url = f"smtp://127.0.0.1:{relay.port}?connections=2&rate=300/min&per_connection=100"
        monkeypatch.setenv("MEDIANOTE_SMTP_URL", url)
        monkeypatch.setenv("MEDIANOTE_DOMAIN_LIMITS", "gmail.com GoogleMail.com 20/s 5 at once, *")
        done = medianote("doctor")
    lines = done.out.splitlines()
    assert (
        f"ok    limits of 127.0.0.1:{relay.port}: "
        "at most 2 connections, 300/min, 100 on a connection"
    ) in lines
    assert "ok    limits of domains: gmail.com 20/s 5 at once; * rests when it defers" in lines
    assert "ok    limits: each worker keeps to its share, by who delivers now" in lines

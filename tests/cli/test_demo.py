"""What the demonstration and the long-lived commands promise."""

import contextlib
import email
import email.policy
import os
import re
import signal
import socket
import subprocess
import time
import urllib.request
from collections import Counter
from collections.abc import Iterator
from email.message import EmailMessage
from pathlib import Path

import pytest

from cli.demo import LISTS, SAMPLES
from tests.cli.running import COMMAND, InProcess, run


def outbox(state_dir: Path) -> list[EmailMessage]:
    """The mails in the local outbox."""
    return [
        email.message_from_bytes(file.read_bytes(), policy=email.policy.default)  # type: ignore[arg-type]
        for file in (state_dir / "outbox" / "new").iterdir()
    ]


def sample_addresses() -> set[str]:
    """Everyone on the sample lists, as they are mailed."""
    lines = [
        line
        for slug in (listed.removeprefix("demo-") for listed in LISTS)
        for line in (SAMPLES / f"{slug}.csv").read_text(encoding="utf-8").splitlines()[1:]
    ]
    addresses = (line.split(",")[0].strip('"') for line in lines)
    return {
        f"{local}@{domain.encode('idna').decode()}"
        for local, _, domain in (address.partition("@") for address in addresses)
    }


@contextlib.contextmanager
def running(
    *arguments: str, until: str, **environment: str
) -> Iterator[tuple[str, subprocess.Popen[bytes]]]:
    """A long-lived command, once it has said this; ended by SIGTERM, and that must be status 0."""
    log = Path("log")
    with log.open("wb") as output:
        process = subprocess.Popen(
            [str(COMMAND), *arguments],
            stdout=output,
            stderr=subprocess.STDOUT,
            env=os.environ | environment,
        )
    try:
        deadline = time.monotonic() + 90
        while until not in log.read_text():
            assert process.poll() is None, log.read_text()
            assert time.monotonic() < deadline, log.read_text()
            time.sleep(0.05)
        yield log.read_text(), process
        process.send_signal(signal.SIGTERM)
        assert process.wait(30) == 0, log.read_text()
    finally:
        process.kill()
        process.wait()


def get(url: str) -> str:
    """A page."""
    with urllib.request.urlopen(url, timeout=20) as answer:
        text: str = answer.read().decode()
        return text


def test_the_demonstration_once(state_dir: Path) -> None:
    """It ends with status 0, and the outbox holds exactly one mail for each sample subscriber."""
    done = run("demo", "--once", seconds=120)
    assert (done.status, done.err) == (0, "")
    mails = outbox(state_dir)
    recipients = Counter(str(mail["Delivered-To"]) for mail in mails)
    assert set(recipients) == sample_addresses()
    assert set(recipients.values()) == {1}
    kinds = Counter(mail.get_content_type() for mail in mails)
    assert kinds.keys() == {"multipart/alternative", "text/plain"}
    assert "http://127.0.0.1:8000/outbox" in done.out
    assert re.search(r"http://127\.0\.0\.1:8000/p/[a-z2-7]+", done.out)
    again = run("demo", "--once", seconds=120)
    assert (again.status, again.err) == (0, "")
    assert len(outbox(state_dir)) == len(mails)
    assert "distribution 2" in again.out


def test_the_demonstration_stays_up(state_dir: Path) -> None:
    """Without --once it serves the outbox and the preference page until it is ended."""
    with running("demo", until="Ctrl-C ends it") as (said, _):
        addresses = re.findall(r"http://\S+", said)
        assert "Ministers of the Lantern Sea" in get(addresses[0])
        assert "Press releases" in get(addresses[1])


def test_the_demonstration_finds_a_port() -> None:
    """A port that is in use is said, the next one taken, and links lead there."""
    with contextlib.ExitStack() as stack:
        with contextlib.suppress(OSError):  # another program has it: as good
            stack.enter_context(socket.create_server(("127.0.0.1", 8000)))
        said, _ = stack.enter_context(running("demo", until="Ctrl-C ends it"))
        assert "port 8000 is in use; the pages are on port " in said
        address = re.search(r"preferences: (\S+)", said)
        assert address is not None
        assert not address[1].startswith("http://127.0.0.1:8000/")
        assert "Press releases" in get(address[1])


@pytest.mark.parametrize(
    ("variable", "value"),
    [
        ("MEDIANOTE_DATABASE_URL", "sqlite:///mine.sqlite"),
        ("MEDIANOTE_BROKER_URL", "redis://127.0.0.1:1/0"),
        ("MEDIANOTE_SMTP_URL", "smtp://127.0.0.1:1"),
    ],
)
def test_the_demonstration_keeps_off(
    variable: str, value: str, medianote: InProcess, monkeypatch: pytest.MonkeyPatch
) -> None:
    """What is configured is not touched."""
    monkeypatch.setenv(variable, value)
    ended = medianote("demo", "--once")
    assert (ended.status, ended.out, len(ended.errors)) == (2, "", 1)
    assert ended.errors[0].startswith(f"{variable} is set")
    assert not Path("mine.sqlite").exists()


def test_the_pages_host_the_embedded_worker(state_dir: Path) -> None:
    """`web` on the embedded default sends what another process publishes, links lead to it."""
    run("lists", "create", "press", "--title", "Press")
    run("subscribers", "import", "-", "--list", "press", "--confirmed", stdin="email\na@b.org\n")
    with socket.create_server(("127.0.0.1", 0)) as free:
        port = free.getsockname()[1]
    with running("web", "--port", str(port), until="the outbox is at"):
        done = run("publish", str(SAMPLES / "media-note.txt"), "--list", "press")
        assert (done.status, done.out, len(done.errors)) == (0, "1\n", 1)
        assert done.errors[0].endswith(" to press: 1 person")
        deadline = time.monotonic() + 60
        while run("status", "1", "--json").json["state"] != "complete":
            assert time.monotonic() < deadline
        assert "Ministers of the Lantern Sea" in get(f"http://127.0.0.1:{port}/outbox")
    [mail] = outbox(state_dir)
    assert f"http://127.0.0.1:{port}/u/" in mail["List-Unsubscribe"]


def test_a_worker_ends_when_it_is_told_to() -> None:
    """`worker` runs until SIGTERM, which is no failure."""
    with running("worker", until=""):
        deadline = time.monotonic() + 60
        while "none runs" in run("doctor").out:
            assert time.monotonic() < deadline

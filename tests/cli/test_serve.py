"""What `medianote web` promises: what it says it serves is what answers."""

import contextlib
import os
import re
import signal
import socket
import subprocess
from collections.abc import Iterator

import httpx
import pytest

from cli.serve import port_of, shows_outbox, tell
from runtime.settings import Settings
from tests.cli.running import COMMAND, InProcess
from tests.support.programs import free_port


@contextlib.contextmanager
def serving(*arguments: str, **environment: str) -> Iterator[list[str]]:
    """`medianote web` in a process of its own; gives the addresses that it says."""
    process = subprocess.Popen(
        [str(COMMAND), "web", *arguments],
        env=os.environ | environment,
        stderr=subprocess.PIPE,
        text=True,
    )
    try:
        assert process.stderr is not None
        said: list[str] = []
        for line in process.stderr:
            said += re.findall(r"(?:pages|the outbox is) at (\S+)", line)
            if "the outbox is at" in line:
                break
        yield said
    finally:
        process.send_signal(signal.SIGTERM)
        process.communicate(timeout=30)


def test_any_free_port() -> None:
    """With --port 0 it says the port it has got, and links lead there."""
    with serving("--port", "0") as [pages, outbox]:
        assert not pages.endswith(":0")
        assert outbox == f"{pages}/outbox"
        assert httpx.get(outbox, trust_env=False).status_code == 200
        feed = httpx.get(f"{pages}/feed.atom", trust_env=False).text
    assert f'href="{pages}/feed.atom"' in feed


def test_the_outbox_over_both_protocols() -> None:
    """Listening on all addresses of this machine, the outbox answers this machine."""
    with serving("--host", "::", "--port", "0", MEDIANOTE_BASE_URL="http://127.0.0.1") as said:
        [_, outbox] = said
        assert httpx.get(outbox, trust_env=False).status_code == 200


@pytest.mark.parametrize("host", ["0.0.0.0", "::", "192.0.2.2", "press.example.org"])
def test_links_for_others_need_a_base_url(medianote: InProcess, host: str) -> None:
    """Pages that others can reach are not served with links that lead to this machine."""
    ended = medianote("web", "--host", host)
    assert (ended.status, ended.out) == (2, "")
    assert f"medianote: MEDIANOTE_BASE_URL: required with --host {host}" in ended.err


def test_an_outbox_that_would_not_answer() -> None:
    """Under a public address the local outbox answers nobody, and none is promised."""
    here, public = Settings(), Settings(base_url="https://press.example.org")
    assert shows_outbox(here, "http://127.0.0.1:8000")
    assert not shows_outbox(public, "http://127.0.0.1:8000")
    assert not shows_outbox(here, "http://192.0.2.2:8000")


def test_where_it_listens_and_where_links_lead(capsys: pytest.CaptureFixture[str]) -> None:
    """Behind a proxy both addresses are said: the one it listens on, and that of the pages."""
    tell(Settings(base_url="https://press.example.org"), "http://127.0.0.1:8079")
    said = "listening on http://127.0.0.1:8079, pages at https://press.example.org\n"
    assert capsys.readouterr().err == said


def test_the_port_of_the_base_url() -> None:
    """Without --port it listens where links on this machine lead."""
    port = free_port()
    with serving(MEDIANOTE_BASE_URL=f"http://localhost:{port}") as [pages, outbox]:
        assert pages == f"http://localhost:{port}"
        assert outbox.endswith(f":{port}/outbox")
        assert httpx.get(outbox, trust_env=False).status_code == 200
    for base, host in (
        ("https://press.example.org:8443", "127.0.0.1"),
        ("http://localhost", "127.0.0.1"),
        (f"http://localhost:{port}", "0.0.0.0"),
        (None, "127.0.0.1"),
    ):
        assert port_of(Settings(base_url=base), host) == 8000


def test_links_that_lead_past_it(capsys: pytest.CaptureFixture[str]) -> None:
    """Links to another port of this machine are warned of; others are a proxy's."""
    tell(Settings(base_url="http://127.0.0.1:8025"), "http://127.0.0.1:8079")
    assert capsys.readouterr().err.splitlines()[-1] == (
        "links lead to http://127.0.0.1:8025, where this does not listen: make MEDIANOTE_BASE_URL "
        "and --port agree, unless something passes requests on"
    )
    tell(Settings(base_url="http://127.0.0.1:8079"), "http://127.0.0.1:8079")
    assert "links lead" not in capsys.readouterr().err


def test_a_metrics_port_that_is_taken(
    medianote: InProcess, monkeypatch: pytest.MonkeyPatch
) -> None:
    """It is named as what it is, and nothing is said to listen that does not."""
    with socket.create_server(("127.0.0.1", 0)) as other:
        port = str(other.getsockname()[1])
        monkeypatch.setenv("MEDIANOTE_METRICS_PORT", port)
        monkeypatch.setenv("MEDIANOTE_BROKER_URL", "redis://127.0.0.1:1/0")
        ended = medianote("web", "--port", "0")
    assert ended.status == 2
    assert ended.errors == [
        f"MEDIANOTE_METRICS_PORT: 127.0.0.1:{port} is in use already: choose another one"
    ]

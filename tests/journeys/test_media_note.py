"""A media note goes in, everyone on the list has it: by the commands, both ways to run."""

import contextlib
import json
import os
import pty
import subprocess
from collections import Counter
from collections.abc import Iterator
from email import policy
from email.message import EmailMessage
from pathlib import Path
from typing import Any
from urllib.request import Request, urlopen

import pytest

from tests.support.mailparser import Mailparser
from tests.support.newsroom import Newsroom, PostfixSink, Sink, addresses
from tests.support.postfix import REFUSED
from tests.support.programs import find_program, free_port

NOTE = """Press Releases: Ferry Ministers Meet in Port Ellis

Media Note Office of the Harbour Master

Port Ellis, Norway January 29, 2024

The ferry ministers of nine coastal countries will meet in Port Ellis on February 6. They will
discuss night crossings, the price of diesel, and what “on time” should mean in winter — a
question that has waited since 2011.

The agenda is at https://harbour.example.org/agenda?year=2024&lang=en and the press desk answers
at press@harbour.example.org.
"""
PRODUCTION = {
    "from": "Harbour Press <press@harbour.example.org>",
    "secret_keys": "a-key-for-journeys-0123456789abcdef",
    "hash_key": "a-hash-key-for-journeys-0123456789",
    "postal_address": "4 Quay Street, Port Ellis",
}


@pytest.fixture
def sink(tmp_path: Path) -> Iterator[Sink]:
    """An smtp-sink."""
    sink = Sink(tmp_path / "sink")
    yield sink
    sink.close()


@pytest.fixture(params=["smtp-sink", "postfix"])
def relay(request: pytest.FixtureRequest) -> Iterator[Sink | PostfixSink]:
    """An smtp-sink, and a real Postfix."""
    if request.param == "smtp-sink":
        yield request.getfixturevalue("sink")
        return
    postfix = PostfixSink()
    yield postfix
    postfix.close()


@pytest.fixture(params=["embedded", "production"])
def newsroom(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[Newsroom]:
    """Both ways to run, into the relay that the test asks for."""
    name = "relay" if "relay" in request.fixturenames else "sink"
    sink = request.getfixturevalue(name)
    base = f"http://127.0.0.1:{free_port()}"
    settings = {"smtp_url": sink.url, "base_url": base}
    if request.param == "production":
        settings |= PRODUCTION | {
            "database_url": request.getfixturevalue("postgresql_url"),
            "broker_url": request.getfixturevalue("redis_url"),
        }
    newsroom = Newsroom(tmp_path, **settings)
    if request.param == "production":
        newsroom.start("worker", "--concurrency", "1")
    yield newsroom
    newsroom.close()


def balanced(stands: dict[str, Any]) -> int:
    """The eligible of a complete distribution whose counts balance."""
    assert stands["state"] == "complete", stands
    parts = ("accepted", "failed", "suppressed", "cancelled", "uncertain")
    assert stands["eligible"] == sum(stands[part] for part in parts), stands
    assert (stands["queued"], stands["deferred"], stands["repeats"]) == (0, 0, 0), stands
    eligible: int = stands["eligible"]
    return eligible


def test_everyone_once_whatever_lists(newsroom: Newsroom, relay: Sink | PostfixSink) -> None:
    """Each subscriber has it once, on one list or two, now or by a later distribution."""
    press, europe = addresses(range(30)), addresses(range(20, 45))
    newsroom.list_of("press", press)
    newsroom.list_of("europe", europe)
    (newsroom.folder / "note.txt").write_text(NOTE)

    first = newsroom.json("publish", "note.txt", "--list", "press", "--wait")
    assert balanced(first) == first["accepted"] == 30
    assert relay.counted(30) == Counter(press)

    later = newsroom.json("publish", "note.txt", "--list", "europe", "--wait")
    assert balanced(later) == later["accepted"] == 15
    assert relay.counted(45) == Counter({*press, *europe})
    nobody = newsroom.run("publish", "note.txt", "--list", "europe", "--list", "press", status=1)
    assert "--again" in nobody.stderr

    relay.empty()
    (newsroom.folder / "other.txt").write_text(NOTE.replace("Port Ellis", "Skarvhavn"))
    both = newsroom.json("publish", "other.txt", "--list", "press", "--list", "europe", "--wait")
    assert balanced(both) == both["accepted"] == 45
    assert relay.counted(45) == Counter({*press, *europe})
    relay.empty()

    with (newsroom.folder / "more.csv").open("w") as more:
        more.write(f"email\n{REFUSED}\n")
    newsroom.run("subscribers", "import", "more.csv", "--list", "press", "--confirmed")
    (newsroom.folder / "third.txt").write_text(NOTE.replace("winter", "spring"))
    is_postfix = isinstance(relay, PostfixSink)
    done = newsroom.run(
        *("publish", "third.txt", "--list", "press", "--wait", "--json"), status=int(is_postfix)
    )
    stands = json.loads(done.stdout)
    assert balanced(stands) == 31
    assert (stands["failed"], stands["accepted"]) == ((1, 30) if is_postfix else (0, 31))


def test_the_lead_list_is_the_officers_first(newsroom: Newsroom, sink: Sink) -> None:
    """A copy's List-Id is the first list, in the officer's order, that the person is on."""
    newsroom.list_of("press", addresses([1, 2]))
    newsroom.list_of("europe", addresses([2, 3]))
    (newsroom.folder / "note.txt").write_text(NOTE)
    newsroom.json("publish", "note.txt", "--list", "europe", "--list", "press", "--wait")
    leads = {
        recipient: str(mail["List-Id"]).partition("<")[2].partition(".")[0]
        for recipient, mail in sink.mails()
    }
    assert leads == dict(zip(addresses([1, 2, 3]), ("press", "europe", "europe"), strict=True))


def test_one_click_ends_it(newsroom: Newsroom, sink: Sink) -> None:
    """A plain HTTP client that knows RFC 8058 and the raw mail alone ends the subscription."""
    newsroom.list_of("press", addresses(range(3)))
    newsroom.serve()
    (newsroom.folder / "note.txt").write_text(NOTE)
    newsroom.json("publish", "note.txt", "--list", "press", "--wait")
    mails = dict(sink.mails())
    leaving, mail = addresses([1])[0], mails[addresses([1])[0]]
    assert mail["List-Unsubscribe-Post"] == "List-Unsubscribe=One-Click"
    url = str(mail["List-Unsubscribe"]).split(">")[0].strip("<")
    with urlopen(url, timeout=10) as page:
        assert page.status == 200
    post = Request(
        url,
        data=b"List-Unsubscribe=One-Click",
        headers={"Content-Type": "application/x-www-form-urlencoded"},
    )
    with urlopen(post, timeout=10) as answer:
        assert (answer.status, answer.url) == (200, url)
        assert "Set-Cookie" not in answer.headers

    sink.empty()
    (newsroom.folder / "next.txt").write_text(NOTE.replace("nine", "ten"))
    done = newsroom.json("publish", "next.txt", "--list", "press", "--wait")
    assert balanced(done) == 2
    assert sink.counted(0) == Counter(set(mails) - {leaving})


def test_three_readers_agree(
    newsroom: Newsroom, sink: Sink, mailparser: Mailparser, tmp_path: Path
) -> None:
    """Python's email, Node's mailparser and mutt read the same subject, text and links."""
    newsroom.list_of("press", ["zoe.reader@example.net"])
    (newsroom.folder / "note.txt").write_text(NOTE)
    newsroom.json("publish", "note.txt", "--list", "press", "--wait")
    ((_, mail),) = sink.mails()
    octets = mail.as_bytes(policy=policy.SMTP)

    plain, page = mail.get_body(("plain",)), mail.get_body(("html",))
    assert isinstance(plain, EmailMessage)
    assert isinstance(page, EmailMessage)
    text = plain.get_content()
    (node,) = mailparser.read(octets)
    assert node["subject"] == mail["Subject"] == "Ferry Ministers Meet in Port Ellis"
    assert node["text"].split() == text.split()
    assert node["html"].split() == page.get_content().split()
    for link in ("https://harbour.example.org/agenda?year=2024&lang=en", "/u/", "/p/", "/r/"):
        assert link in text
        assert link.replace("&", "&amp;") in page.get_content()
    seen = read_by_mutt(octets, tmp_path)
    assert f"Subject: {mail['Subject']}" in seen
    body = seen.partition("\n\n")[2]
    assert [w for w in body.split() if not w.startswith("[--")][: len(text.split())] == text.split()


def read_by_mutt(octets: bytes, folder: Path) -> str:
    """What mutt makes of a message: decoded, and with few headers."""
    box, out = folder / "box", folder / "seen"
    for name in ("cur", "new", "tmp"):
        (box / name).mkdir(parents=True)
    (box / "cur" / "1:2,S").write_bytes(octets.replace(b"\r\n", b"\n"))
    setup = folder / "muttrc"
    setup.write_text(
        f"set pipe_decode=yes wait_key=no charset=utf-8 folder={folder} record=''\n"
        "ignore *\nunignore subject from to\nalternative_order text/plain\n"
        f'push "<pipe-message>cat > {out}<enter><exit>"\n'
    )
    terminal, mutts = pty.openpty()
    with os.fdopen(terminal, "rb", buffering=0) as screen:
        mutt = subprocess.Popen(
            [find_program("mutt"), "-n", "-F", str(setup), "-R", "-f", str(box)],
            stdin=mutts,
            stdout=mutts,
            stderr=mutts,
            env={
                "TERM": "xterm",
                "LC_ALL": "C.UTF-8",
                "HOME": str(folder),
                "PATH": "/usr/bin:/bin",
            },
            start_new_session=True,
        )
        os.close(mutts)
        # Mutt writes to its terminal until it ends; reading then fails.
        with contextlib.suppress(OSError):
            while screen.read(4096):
                pass
        assert mutt.wait(10) == 0
    return out.read_text("utf-8")

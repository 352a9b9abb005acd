"""What `preview`, `publish`, `status`, `pause`, `resume` and `cancel` promise."""

import datetime as dt
import email
import email.policy
import os
import re
import subprocess
from pathlib import Path

import pytest

from cli.demo import SAMPLES
from tests.cli.running import COMMAND, InProcess, run
from tests.support.programs import free_port
from tests.support.smtp_model import Say, SmtpModel
from tests.support.smtp_server import SmtpServer

STATUS_KEYS = {
    *("id", "kind", "state", "eligible", "queued", "accepted", "deferred", "failed"),
    *("suppressed", "cancelled", "uncertain", "repeats", "bounced", "complained"),
    *("started_at", "finished_at"),
}
PREVIEW_KEYS = {
    *("series", "title", "kind", "office", "place", "date", "embargo", "language"),
    *("contacts", "body", "footer", "unsure"),
}
NOTE = str(SAMPLES / "media-note.txt")
SOON = (dt.datetime.now(dt.UTC) + dt.timedelta(days=2)).isoformat(timespec="seconds")


@pytest.fixture
def peopled(configured: InProcess) -> InProcess:
    """The command with the lists press and desk (private), two people on each; one on both."""
    for slug, options in (("press", []), ("desk", ["--private"])):
        configured("lists", "create", slug, "--title", slug.title(), *options)
        table = Path(f"{slug}.csv")
        table.write_text(f"email\n{slug}@example.org\nboth@example.org\n", encoding="utf-8")
        configured("subscribers", "import", str(table), "--list", slug, "--confirmed")
    return configured


def refuse_one(verb: str, argument: str, count: int) -> Say | None:
    """A relay where nobody is called refused@example.org."""
    return Say("550 5.1.1 No such user") if verb == "RCPT" and "refused@" in argument else None


def test_preview_says_what_was_read(medianote: InProcess) -> None:
    """--json prints exactly the contract's object; without options it is told for people."""
    found = medianote("preview", NOTE, "--json").json
    assert found.keys() == PREVIEW_KEYS
    assert (found["kind"], found["date"], found["series"]) == (
        "media-note",
        "2026-03-03",
        "Press Releases",
    )
    told = medianote("preview", NOTE)
    assert (told.status, told.err) == (0, "")
    assert "title:     Ministers of the Lantern Sea" in told.out


def test_preview_writes_the_mail(medianote: InProcess, tmp_path: Path) -> None:
    """--html, --text and --eml write what a subscriber would get, and no marker is left in it."""
    files = {part: tmp_path / f"out.{part}" for part in ("html", "text", "eml")}
    options = [word for part, file in files.items() for word in (f"--{part}", str(file))]
    done = medianote("preview", NOTE, *options)
    assert (done.status, done.out, done.err) == (0, "", "")
    message = email.message_from_bytes(files["eml"].read_bytes(), policy=email.policy.default)
    assert message["Subject"].startswith("Ministers of the Lantern Sea")
    html, text = (files[part].read_text(encoding="utf-8") for part in ("html", "text"))
    parts = {
        part.get_content_subtype(): part.get_content().split() for part in message.iter_parts()
    }
    assert (parts["html"], parts["plain"]) == (html.split(), text.split())
    assert "mnhole" not in html + text + files["eml"].read_text()


@pytest.mark.parametrize("part", ["html", "text", "eml"])
def test_preview_to_standard_output(part: str, medianote: InProcess, tmp_path: Path) -> None:
    """- is standard output, and no file is called so."""
    done = medianote("preview", NOTE, f"--{part}", "-")
    assert (done.status, done.err) == (0, "")
    assert "Ministers of the Lantern Sea" in done.out
    assert not (tmp_path / "-").exists()


@pytest.mark.parametrize("options", [["--html", "-", "--text", "-"], ["--eml", "-", "--json"]])
def test_preview_of_two_things_at_once(options: list[str], medianote: InProcess) -> None:
    """Two things on standard output could not be told apart: that is wrong use."""
    done = medianote("preview", NOTE, *options)
    assert (done.status, done.out) == (2, "")
    assert done.errors == ["only one thing can go to standard output: one -, or --json"]


@pytest.mark.parametrize("command", [["preview"], ["publish", "--list", "press"]])
@pytest.mark.parametrize(
    ("content", "said"),
    [(b"", "there is nothing in it"), (b"Only a title\n", ""), (b"\x00\x01\x02" * 50, "")],
)
def test_no_release(command: list[str], content: bytes, said: str, medianote: InProcess) -> None:
    """A file without a title or a body is one line that names it, and status 1."""
    medianote("lists", "create", "press", "--title", "Press")
    Path("note.txt").write_bytes(content)
    ended = medianote(*command, "note.txt")
    assert (ended.status, ended.out, len(ended.errors)) == (1, "", 1)
    assert ended.errors[0].startswith("note.txt: ")
    assert said in ended.errors[0]


def test_no_file(medianote: InProcess) -> None:
    """A file that does not exist is status 2."""
    for command in (["preview"], ["publish", "--list", "press"]):
        ended = medianote(*command, "none.txt")
        assert (ended.status, ended.errors) == (2, ["none.txt: No such file or directory"])


LEFT_OUT = """THE GREEN HOUSE
Office of the Press Secretary
Press Release 45/26

Old ferry keeps running

Saltmouth, 3 March 2026

The old ferry keeps running. It costs 2 euro, and runs every hour until ten.

Tickets

They are sold at the pier. See https://ferry.example/times
"""


def test_what_is_left_out_is_named(peopled: InProcess) -> None:
    """`preview` and `publish` name each line that is in no mail; headings are marked."""
    Path("note.txt").write_text(LEFT_OUT, encoding="utf-8")
    shown = peopled("preview", "note.txt")
    named = ["left out: THE GREEN HOUSE", "left out: 45/26"]
    assert (shown.status, shown.errors) == (0, named)
    assert "\n  ## Tickets\n  They are sold at the pier." in shown.out
    published = peopled("publish", "note.txt", "--list", "press")
    assert (published.status, published.errors[:2]) == (0, named)


def test_an_embargo_in_the_last_line_is_kept(peopled: InProcess) -> None:
    """What is not to be released before Monday goes to nobody, wherever that stands."""
    text = f"{LEFT_OUT}\nNot to be released before Monday 06:00 CET\n"
    Path("note.txt").write_text(text, encoding="utf-8")
    ended = peopled("publish", "note.txt", "--list", "press")
    assert (ended.status, ended.out, len(ended.errors)) == (1, "", 1)
    assert "its date cannot be read" in ended.errors[0]


def test_publishing_prints_an_id(peopled: InProcess) -> None:
    """The id is all that is on standard output, and `status` knows it."""
    done = peopled("publish", NOTE, "--list", "press")
    assert done.status == 0
    assert re.fullmatch(r"[1-9][0-9]*\n", done.out)
    found = peopled("status", done.out.strip(), "--json").json
    assert found.keys() == STATUS_KEYS
    assert (found["kind"], found["state"]) == ("release", "running")
    told = peopled("status", done.out.strip())
    assert told.out.startswith(f"distribution {done.out.strip()} (release): running")


def test_publishing_prints_its_status(peopled: InProcess) -> None:
    """--json prints the object of `status --json` instead."""
    done = peopled("publish", NOTE, "--list", "press", "--json", "--at", SOON)
    assert done.status == 0
    assert done.json.keys() == STATUS_KEYS
    assert done.json["state"] == "scheduled"
    assert dt.datetime.fromisoformat(done.json["started_at"]) == dt.datetime.fromisoformat(SOON)
    assert "is sent at its time" in done.err


def test_from_standard_input() -> None:
    """`-` is standard input; without a worker that is said, and what to do."""
    run("lists", "create", "press", "--title", "Press")
    run("subscribers", "import", "-", "--list", "press", "--confirmed", stdin="email\na@b.org\n")
    done = run("publish", "-", "--list", "press", stdin=Path(NOTE).read_bytes())
    assert (done.status, done.out) == (0, "1\n")
    assert done.errors == ["no worker runs now: it is sent when one does (`medianote worker`)"]
    again = run("publish", NOTE, "--list", "press")
    assert (again.status, again.out, len(again.errors)) == (1, "", 1)
    assert "everyone on press has this version already, or is about to get it" in again.errors[0]


@pytest.mark.parametrize(
    ("arguments", "status", "said"),
    [
        (["--list", "asia"], 2, "no list is called “asia”; there are: desk, empty, press"),
        (["--list", "empty"], 1, "no active subscribers on empty"),
        (["--list", "press", "--at", "tomorrow"], 2, "--at"),
        (["--list", "press", "--at", "2031-02-03 18:00"], 2, "zone"),
        (["--list", "press", "--at", "9999-12-31T23:59-23:00"], 2, "--at «9999"),
        (["--list", "press", "--at", "9999-12-30T00:00Z"], 2, "--at «9999"),
        (["--list", "press", "--at", "2019-02-03T18:00Z"], 1, "has passed"),
        (["--list", "press", "--embargo", "2031-07-03 18:00 EST"], 2, "--embargo"),
        (["--list", "press", "--embargo", SOON], 1, "these lists are public: press"),
        ([], 2, "Missing option '--list'"),
    ],
)
def test_refusals(arguments: list[str], status: int, said: str, peopled: InProcess) -> None:
    """What cannot be published is refused in one plain line, and nothing is published."""
    peopled("lists", "create", "empty", "--title", "Nobody")
    ended = peopled("publish", NOTE, *arguments)
    assert (ended.status, ended.out, len(ended.errors)) == (status, "", 1)
    assert said in ended.errors[0]
    assert peopled("status", "1").status == 2


def test_an_embargo_for_private_lists(peopled: InProcess) -> None:
    """An embargo that lies ahead may go to private lists."""
    assert peopled("publish", NOTE, "--list", "desk", "--embargo", SOON).status == 0


def test_pause_resume_cancel(peopled: InProcess) -> None:
    """Each says what it did; what a state does not allow is one plain line and status 1."""
    number = peopled("publish", NOTE, "--list", "press").out.strip()
    for command, out in (
        ("pause", "is paused"),
        ("pause", "is paused"),
        ("resume", "is running"),
        ("cancel", "is cancelled; no mail of it was sent"),
    ):
        done = peopled(command, number)
        assert (done.status, done.out, done.err) == (0, f"distribution {number} {out}\n", "")
    for command in ("pause", "resume"):
        ended = peopled(command, number)
        assert (ended.status, ended.out, len(ended.errors)) == (1, "", 1)
        assert f"distribution {number} is cancelled" in ended.errors[0]


def test_pausing_what_is_scheduled(peopled: InProcess) -> None:
    """It waits for its officer, and when resumed for its time again."""
    number = peopled("publish", NOTE, "--list", "press", "--at", SOON).out.strip()
    assert peopled("pause", number).out == f"distribution {number} is paused\n"
    assert f"distribution {number} (release): paused, due at " in peopled("status", number).out
    assert peopled("resume", number).out == f"distribution {number} is scheduled\n"


@pytest.mark.parametrize("command", ["status", "pause", "resume", "cancel"])
def test_no_such_distribution(command: str, configured: InProcess) -> None:
    """An id that nothing has is status 2 and one line."""
    ended = configured(command, "7")
    assert (ended.status, ended.errors) == (2, ["there is no distribution 7"])


def test_a_rehearsal_is_said(peopled: InProcess, monkeypatch: pytest.MonkeyPatch) -> None:
    """`status` says REHEARSAL, beside the JSON too."""
    number = peopled("publish", NOTE, "--list", "press").out.strip()
    monkeypatch.setenv("MEDIANOTE_ONLY_TO", "example.org")
    assert peopled("status", number).out.startswith("REHEARSAL: only example.org is mailed\n")
    assert peopled("status", number, "--json").errors == ["REHEARSAL: only example.org is mailed"]


def test_a_rehearsal_is_one_for_ever(peopled: InProcess, monkeypatch: pytest.MonkeyPatch) -> None:
    """What was published as a rehearsal is called one, whatever is set when it is asked."""
    monkeypatch.setenv("MEDIANOTE_ONLY_TO", "example.org")
    number = peopled("publish", NOTE, "--list", "press").out.strip()
    monkeypatch.delenv("MEDIANOTE_ONLY_TO")
    assert peopled("status", number).out.startswith("REHEARSAL: ")
    assert peopled("status", number, "--json").json.keys() == STATUS_KEYS


def test_cancelling_decides_what_no_worker_holds(peopled: InProcess) -> None:
    """A cancelled distribution says at once that nothing of it will be sent."""
    number = peopled("publish", NOTE, "--list", "press").out.strip()
    peopled("cancel", number)
    found = peopled("status", number, "--json").json
    assert (found["state"], found["queued"]) == ("cancelled", 0)
    assert found["finished_at"] is not None
    assert "to be sent yet" not in peopled("status", number).out


def subscribed(medianote: InProcess, *addresses: str) -> None:
    """The list press on the embedded default, with these people on it."""
    medianote("lists", "create", "press", "--title", "Press")
    Path("people.csv").write_text("email\n" + "".join(f"{one}\n" for one in addresses))
    assert medianote("subscribers", "import", "people.csv", "--list", "press", "--confirmed").out


def test_waiting_to_the_end(medianote: InProcess) -> None:
    """--wait sends it by itself where there is no broker, and prints how it ended."""
    subscribed(medianote, *(f"p{number}@example.org" for number in range(5)))
    done = run("publish", NOTE, "--list", "press", "--wait", "--json", seconds=120)
    assert (done.status, done.err) == (0, "")
    assert (done.json["state"], done.json["eligible"], done.json["accepted"]) == ("complete", 5, 5)
    again = medianote("publish", NOTE, "--list", "press", "--wait")
    assert (again.status, again.out, len(again.errors)) == (1, "", 1)
    assert "has this version already" in again.errors[0]
    anew = run("publish", NOTE, "--list", "press", "--wait", "--again", seconds=120)
    assert (anew.status, anew.out, anew.err) == (0, "2\n", "")


def test_waiting_for_one_who_fails(medianote: InProcess) -> None:
    """An address that no relay can take is told at the end, with status 1."""
    subscribed(medianote, "a@example.org", "refused@example.org")
    with SmtpServer(lambda number: SmtpModel(refuse_one)) as relay:
        url = f"smtp://127.0.0.1:{relay.port}"
        done = run(
            "publish", NOTE, "--list", "press", "--wait", seconds=120, MEDIANOTE_SMTP_URL=url
        )
    assert (done.status, done.out) == (1, "1\n")
    assert done.errors == [
        "distribution 1 is complete: 1 failed of 2; `medianote status 1 --failed` lists them"
    ]
    who = medianote("status", "1", "--failed")
    assert who.out == "refused@example.org\tfailed\t550 5.1.1 No such user\n"
    assert medianote("status", "1", "--failed", "--json").json == [
        {"email": "refused@example.org", "state": "failed", "reason": "550 5.1.1 No such user"}
    ]


def test_waiting_for_a_relay_that_is_down(medianote: InProcess) -> None:
    """Why it waits is said once, in one plain line; it goes on when the relay is back."""
    subscribed(medianote, "a@b.org")
    port = free_port()
    settings = os.environ | {"MEDIANOTE_SMTP_URL": f"smtp://127.0.0.1:{port}"}
    command = [str(COMMAND), "publish", NOTE, "--list", "press", "--wait"]
    with subprocess.Popen(
        command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, env=settings, text=True
    ) as process:
        assert process.stderr is not None
        first = process.stderr.readline()
        assert first == f"medianote: distribution 1: 127.0.0.1:{port}: it refuses connections\n"
        with SmtpServer(port=port) as relay:
            out, err = process.communicate(timeout=60)
            assert (process.returncode, out, err) == (0, "1\n", "")
            assert relay.recipients == ["a@b.org"]

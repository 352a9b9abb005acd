"""What `publish --urgent`, `--undo` and `--resend-failed` and `status`'s options promise."""

import csv
import datetime as dt
import hashlib
import os
import pty
import re
import signal
import subprocess
import time
from pathlib import Path

import pytest
import sqlalchemy as sa

from releases.models import Delivery
from runtime.database import Database
from runtime.settings import load_settings
from tests.cli.running import COMMAND, Ended, InProcess, run
from tests.cli.test_publish import NOTE, SOON, STATUS_KEYS, peopled, refuse_one, subscribed
from tests.support.smtp_model import SmtpModel
from tests.support.smtp_server import SmtpServer

__all__ = ["peopled"]


def test_urgent_is_said(peopled: InProcess) -> None:
    """An urgent distribution is called one."""
    number = peopled("publish", NOTE, "--list", "press", "--urgent").out.strip()
    told = peopled("status", number)
    assert told.out.startswith(f"distribution {number} (release, urgent): running")
    assert peopled("status", number, "--json").json.keys() == STATUS_KEYS


def test_the_undo_window_is_said(peopled: InProcess, monkeypatch: pytest.MonkeyPatch) -> None:
    """Until when, and by what; the option overrides the setting, and 0 means none."""
    monkeypatch.setenv("MEDIANOTE_UNDO_SECONDS", "120")
    done = peopled("publish", NOTE, "--list", "press")
    assert (done.status, done.out) == (0, "1\n")
    said = r"distribution 1 is sent at (\S+ \S+) UTC; until then `medianote cancel 1` stops it "
    found = re.fullmatch(said + "without a single mail", done.errors[0])
    assert found is not None
    until = dt.datetime.fromisoformat(f"{found[1]}+00:00")
    left = (until - dt.datetime.now(dt.UTC)).total_seconds()
    assert 100 < left <= 120
    assert peopled("status", "1", "--json").json["state"] == "scheduled"
    assert peopled("cancel", "1").out.endswith(" is cancelled; no mail of it was sent\n")
    at_once = peopled("publish", NOTE, "--list", "press", "--undo", "0")
    assert "stops it" not in at_once.err
    assert peopled("status", "2", "--json").json["state"] == "running"
    later = peopled("publish", NOTE, "--list", "press", "--again", "--at", SOON)
    assert "stops it" not in later.err
    assert peopled("publish", NOTE, "--list", "press", "--undo", "3601").status == 2
    monkeypatch.setenv("MEDIANOTE_UNDO_SECONDS", "soon")
    assert peopled("status", "1").errors[0].startswith("MEDIANOTE_UNDO_SECONDS: ")


@pytest.mark.parametrize(
    ("arguments", "status", "said"),
    [
        ([NOTE, "--resend-failed", "1"], 2, "leave FILE out"),
        (["--list", "press", "--resend-failed", "1"], 2, "leave --list out"),
        (["--resend-failed", "1", "--again", "--embargo", SOON], 2, "--embargo and --again out"),
        (["--resend-failed", "7"], 2, "there is no distribution 7"),
        (["--resend-failed", "1"], 1, "no delivery of distribution 1 failed for anyone"),
        ([], 2, "Missing argument 'FILE'"),
    ],
)
def test_resends_that_are_refused(
    arguments: list[str], status: int, said: str, peopled: InProcess
) -> None:
    """In one plain line, and nothing is published."""
    peopled("publish", NOTE, "--list", "press")
    ended = peopled("publish", *arguments)
    assert (ended.status, ended.out, len(ended.errors)) == (status, "", 1)
    assert said in ended.errors[0]
    assert peopled("status", "2").status == 2


def test_from_failure_to_manifest_and_resend(medianote: InProcess) -> None:
    """Who failed is listed and in the manifest, gets it once by a resend, and not again."""
    subscribed(medianote, "a@example.org", "refused@example.org")

    with SmtpServer(lambda _number: SmtpModel(refuse_one)) as relay:
        url = f"smtp://127.0.0.1:{relay.port}"
        done = run("publish", NOTE, "--list", "press", "--wait", MEDIANOTE_SMTP_URL=url)
        assert (done.status, done.out) == (1, "1\n")
    first = medianote("status", "1", "--manifest", "m.csv")
    octets = Path("m.csv").read_bytes()
    digest = hashlib.sha256(octets).hexdigest()
    assert (first.status, first.out) == (0, "")
    assert first.errors == [
        f"m.csv: 2 people, SHA-256 {digest}",
        "the digest is kept with distribution 1",
    ]
    assert f"SHA-256 {digest}\n" in medianote("status", "1").out
    with Path("m.csv").open(newline="") as file:
        rows = {row["email"]: row for row in csv.DictReader(file)}
    refused = rows["refused@example.org"]
    assert (refused["outcome"], refused["reply"]) == ("failed", "550 5.1.1 No such user")
    assert re.fullmatch(r"<[a-z2-7]+@newsroom\.example\.org>", refused["message_id"])
    again = run("status", "1", "--manifest", "-")
    assert again.out.encode() == octets
    assert again.errors[1].startswith("it is the same as the first one, of ")

    with SmtpServer() as relay:
        url = f"smtp://127.0.0.1:{relay.port}"
        began = time.monotonic()
        resent = run(
            *("publish", "--resend-failed", "1", "--wait", "--undo", "2"), MEDIANOTE_SMTP_URL=url
        )
        assert time.monotonic() - began > 2
        assert (resent.status, resent.out, relay.recipients) == (0, "2\n", ["refused@example.org"])
    assert "  once more to whoever failed in distribution 1\n" in medianote("status", "2").out
    twice = medianote("publish", "--resend-failed", "1")
    assert (twice.status, len(twice.errors)) == (1, 1)
    assert "has had it since" in twice.errors[0]

    database = Database(load_settings().database)
    with database.transaction() as session:
        session.execute(sa.update(Delivery).values(bounced_at=Delivery.decided_at))
    database.dispose()
    other = medianote("status", "1", "--manifest", "m.csv")
    assert other.status == 0
    assert other.errors[1].startswith("it is not the same as the first one, of ")


def test_everyone_without_a_copy_is_listed(peopled: InProcess) -> None:
    """Failed, uncertain, suppressed and cancelled, each with the reason, and nobody else."""
    peopled("publish", NOTE, "--list", "press")
    assert peopled("status", "1", "--failed", "--json").json == []
    states = ["failed", "uncertain", "suppressed", "cancelled", "accepted", "deferred", "queued"]
    database = Database(load_settings().database)
    with database.transaction() as session:
        if database.is_postgresql:
            session.execute(sa.text("CREATE TABLE delivery_p0 PARTITION OF delivery DEFAULT"))
        session.add_all(
            Delivery(
                distribution_id=1, subscriber_id=900 + place, rendering_id=1, list_set_id=1,
                state=state, reason=f"because {place}",
            )
            for place, state in enumerate(states)
        )  # fmt: skip
    database.dispose()
    listed = peopled("status", "1", "--failed")
    assert listed.out.splitlines() == [
        f"(erased)\t{state}\tbecause {place}" for place, state in enumerate(states[:4])
    ]
    as_json = peopled("status", "1", "--failed", "--json").json
    assert [one["state"] for one in as_json] == states[:4]


def test_options_of_status_exclude_each_other(peopled: InProcess) -> None:
    """Two of them are wrong use, and so is JSON of what is no object."""
    peopled("publish", NOTE, "--list", "press")
    for arguments in (("--watch", "--failed"), ("--failed", "--manifest", "-")):
        ended = peopled("status", "1", *arguments)
        assert (ended.status, ended.out, len(ended.errors)) == (2, "", 1)
        assert "exclude each other" in ended.errors[0]
    assert peopled("status", "1", "--watch", "--json").status == 2


def test_a_manifest_before_the_end(peopled: InProcess) -> None:
    """It is written, and its digest is not kept yet; a file that cannot be is named."""
    peopled("publish", NOTE, "--list", "press")
    ended = peopled("status", "1", "--manifest", "m.csv")
    assert ended.errors[1] == "distribution 1 is running: the digest is kept once it is over"
    assert "SHA-256" not in peopled("status", "1").out
    assert [path.name for path in Path().glob("m.csv*")] == ["m.csv"]
    missing = peopled("status", "1", "--manifest", "none/m.csv")
    assert (missing.status, len(missing.errors)) == (2, 1)


def watched(medianote: InProcess) -> None:
    """Distribution 1, which waits for its time."""
    subscribed(medianote, "a@example.org")
    assert medianote("publish", NOTE, "--list", "press", "--at", SOON).status == 0


def test_watching_ends_by_ctrl_c_and_leaves_the_distribution(medianote: InProcess) -> None:
    """Lines where it is no terminal; the status is that of an interruption."""
    watched(medianote)
    with subprocess.Popen(
        [str(COMMAND), "status", "1", "--watch"],
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    ) as process:
        assert process.stdout is not None
        assert process.stdout.readline() == "scheduled: 0 done\n"
        process.send_signal(signal.SIGINT)
        out, err = process.communicate(timeout=20)
    ended = Ended(process.returncode, out, err)
    assert (ended.status, ended.out) == (130, "")
    assert ended.errors[-1] == "distribution 1 is not finished; only the watching has ended"
    assert medianote("status", "1", "--json").json["state"] == "scheduled"


def test_watching_in_a_terminal_redraws_until_the_end(medianote: InProcess) -> None:
    """The same lines in their place; it ends with the distribution, and status 0."""
    watched(medianote)
    ours, theirs = pty.openpty()
    with subprocess.Popen(
        [str(COMMAND), "status", "1", "--watch"],
        stdout=theirs,
        stderr=theirs,
        env=os.environ | {"TERM": "xterm", "COLUMNS": "100"},
    ) as process:
        os.close(theirs)
        shown = os.read(ours, 4096)
        while b"scheduled for" not in shown:
            shown += os.read(ours, 4096)
        assert medianote("cancel", "1").status == 0
        try:
            while chunk := os.read(ours, 4096):
                shown += chunk
        except OSError:  # the other side has closed: Linux says so by EIO
            pass
        assert process.wait(20) == 0
    os.close(ours)
    text = shown.decode()
    assert "distribution 1 (release): scheduled for" in text
    assert "distribution 1 (release): cancelled since" in text
    assert "\x1b[2K" in text  # lines are erased before they are drawn anew

"""What who publishes is told of people whom daily and weekly mail serves."""

from pathlib import Path

import pytest

from tests.cli.running import InProcess
from tests.cli.test_publish import NOTE, STATUS_KEYS, TITLE


@pytest.fixture
def read(configured: InProcess) -> InProcess:
    """The lists press (one at once, one daily, one weekly) and weeklies (the first by digest)."""
    for slug, rows in (
        ("press", "a@example.org,\nb@example.org,daily\nc@example.org,weekly\n"),
        ("weeklies", "a@example.org,weekly\nb@example.org,weekly\n"),
    ):
        configured("lists", "create", slug, "--title", slug.title())
        Path("people.csv").write_text(f"email,frequency\n{rows}", encoding="utf-8")
        configured("subscribers", "import", "people.csv", "--list", slug, "--confirmed")
    return configured


def test_publishing_tells_of_digest_readers(read: InProcess) -> None:
    """How many get it later, each once, and nobody whom another list serves at once."""
    done = read("publish", NOTE, "--list", "press", "--list", "weeklies")
    assert done.out == "1\n"
    assert done.errors[0] == (
        f"{TITLE} to press, weeklies: 1 person, 2 more get it with their digests"
    )
    told = read("status", "1").out.splitlines()
    assert told[1] == f"  {TITLE} to press, weeklies"
    assert "  2 people get it by their daily or weekly mail" in told
    assert read("status", "1", "--json").json.keys() == STATUS_KEYS
    read("cancel", "1")
    assert "daily or weekly" not in read("status", "1").out


def test_a_list_that_digests_alone_serve(read: InProcess) -> None:
    """Nobody has it at once, which is said; --again would send to nobody."""
    done = read("publish", NOTE, "--list", "weeklies")
    assert done.errors[0] == f"{TITLE} to weeklies: 0 people, 2 more get it with their digests"
    again = read("publish", NOTE, "--list", "weeklies", "--again")
    assert (again.status, again.errors) == (
        1,
        [
            "nobody to send to: --again goes to who gets mail at once, and on weeklies everyone "
            "reads digests"
        ],
    )


def test_a_rehearsal_for_digest_readers(read: InProcess, monkeypatch: pytest.MonkeyPatch) -> None:
    """Digests wait while it is one: nobody would get it, and that is said."""
    monkeypatch.setenv("MEDIANOTE_ONLY_TO", "example.org")
    done = read("publish", NOTE, "--list", "weeklies")
    assert (done.status, len(done.errors)) == (1, 1)
    assert "a rehearsal goes to who gets mail at once" in done.errors[0]
    assert read("publish", NOTE, "--list", "press").errors[0] == f"{TITLE} to press: 1 person"


def test_nobody_but_pending_people(configured: InProcess) -> None:
    """Who has not confirmed gets no mail; how many, and what to do, is said."""
    configured("lists", "create", "press", "--title", "Press")
    Path("people.csv").write_text("email\na@example.org\nb@example.org\n", encoding="utf-8")
    configured("subscribers", "import", "people.csv", "--list", "press")
    done = configured("publish", NOTE, "--list", "press")
    assert (done.status, done.errors) == (
        1,
        [
            "nobody to send to: no active subscribers on press; 2 are pending, and get no mail "
            "before they confirm (`medianote subscribers import --confirmed` if they have agreed)"
        ],
    )

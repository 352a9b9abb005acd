"""What the office does for one person, driven as the real commands."""

import csv
import datetime as dt
import io
import json
from pathlib import Path
from zoneinfo import ZoneInfo

import pytest
import sqlalchemy as sa

from cli.shell import opened
from subscribers.commands import Wanted, save, stop_all
from subscribers.consents import Via
from subscribers.leaving import Why, give_reason
from subscribers.models import Frequency, MailingList, Subscriber
from tests.cli.running import InProcess

TABLE = (
    "email,name,outlet\n"
    "jo.pike@example.org,Jo Pike,The Gull\n"
    "jopike+press@example.org,J. Pike,\n"
    "jp@gull.example,jo pike,the gull\n"
    "bo@example.org,Bo,The Gull\n"
)


@pytest.fixture
def office(configured: InProcess, tmp_path: Path) -> InProcess:
    """Four people on a list, two or three of whom are one."""
    file = tmp_path / "people.csv"
    file.write_text(TABLE, encoding="utf-8")
    configured("lists", "create", "press", "--title", "Press releases")
    done = configured("subscribers", "import", str(file), "--list", "press", "--confirmed")
    assert done.status == 0
    return configured


def test_suppress_and_lift(office: InProcess) -> None:
    """With a reason that is kept and logged, for addresses that are known and that are not."""
    said = office("subscribers", "suppress", "bo@example.org", "--reason", "=asked by phone")
    assert (said.status, said.out) == (0, "bo@example.org: suppressed\n")
    assert office("subscribers", "suppress", "new@example.org", "--reason", "x").status == 0
    again = office("subscribers", "suppress", "bo@example.org", "--reason", "=by letter")
    assert "before" in again.out
    shown = office("subscribers", "show", "bo@example.org", "--json").json
    assert (shown["suppressed"]["reason"], shown["suppressed"]["note"]) == ("office", "=by letter")
    assert "suppressed           office – =by letter" in office("subscribers", "show",
                                                                "bo@example.org").out  # fmt: skip
    lifted = office("subscribers", "lift", "bo@example.org", "--reason", "asked again")
    assert (lifted.status, "office" in lifted.out) == (0, True)
    assert office("subscribers", "lift", "bo@example.org", "--reason", "x").status == 1
    assert office("subscribers", "show", "bo@example.org", "--json").json["suppressed"] is None
    table = csv.DictReader(io.StringIO(office("subscribers", "consents", "bo@example.org").out))
    rows = list(table)
    assert [row["page"] for row in rows] == [
        "subscribers import",
        "subscribers suppress",
        "subscribers suppress",
        "subscribers lift",
    ]
    shown = office("subscribers", "show", "bo@example.org").out
    assert "office: lifted (it was suppressed: office); reason: asked again (subscri" in shown
    assert {row["address"] for row in rows} == {"bo@example.org"}
    assert [row["lists"] for row in rows] == ["press", "", "", ""]
    today = dt.datetime.now(dt.UTC).date().isoformat()
    assert (rows[0]["source"], rows[0]["date"]) == ("import people.csv", today)
    assert json.loads(rows[1]["detail"]) == {"suppressed": "office", "note": "=asked by phone"}


def test_duplicates_are_found_and_merged(office: InProcess) -> None:
    """Alike but for tags and dots, or the same name and outlet; merged, they are one."""
    lines = office("subscribers", "duplicates", "--json").out.splitlines()
    assert [json.loads(line) for line in lines] == [
        {"why": "alike", "addresses": ["jo.pike@example.org", "jopike+press@example.org"]},
        {"why": "same name and outlet", "addresses": ["jo.pike@example.org", "jp@gull.example"]},
    ]
    merged = office("subscribers", "merge", "jo.pike@example.org", "jp@gull.example")
    assert (merged.status, merged.out) == (0, "jp@gull.example is jo.pike@example.org now\n")
    gone = office("subscribers", "show", "jp@gull.example")
    assert gone.status == 2
    shown = office("subscribers", "show", "jo.pike@example.org", "--json").json
    assert [one["state"] for one in shown["subscriptions"]] == ["active", "ended"]
    assert [one["what"] for one in shown["consent_log"]] == ["import", "import", "merge"]
    log = csv.DictReader(io.StringIO(office("subscribers", "consents", "jo.pike@example.org").out))
    assert {row["address"] for row in log} == {"jo.pike@example.org"}
    again = office("subscribers", "merge", "jo.pike@example.org", "jo.pike@example.org")
    assert (again.status, len(again.errors)) == (1, 1)


def test_erase(office: InProcess) -> None:
    """Nothing is shown any more, and an import does not bring the address back."""
    office("subscribers", "suppress", "bo@example.org", "--reason", "x")
    assert office("subscribers", "erase", "bo@example.org", "--yes").out == (
        "bo@example.org: erased\n"
    )
    assert office("subscribers", "show", "bo@example.org").status == 2
    assert office("subscribers", "erase", "bo@example.org", "--yes").status == 2
    lines = office("subscribers", "consents", "--json").out.splitlines()
    assert [json.loads(line)["subscriber_id"] for line in lines] == [1, 2, 3]
    assert json.loads(lines[0])["lists"] == ["press"]
    assert "bo@example.org" not in office("subscribers", "export").out


def test_unknown_addresses_are_wrong_use(office: InProcess) -> None:
    """One plain line, and nothing is changed."""
    for words in (
        ["show", "nobody@example.org"],
        ["erase", "nobody@example.org", "--yes"],
        ["merge", "bo@example.org", "nobody@example.org"],
        ["consents", "nobody@example.org"],
        ["suppress", "nobody", "--reason", "x"],
    ):
        ended = office("subscribers", *words)
        assert (ended.status, ended.out, len(ended.errors)) == (2, "", 1), words


def test_what_was_changed_is_told_in_words(
    office: InProcess, monkeypatch: pytest.MonkeyPatch
) -> None:
    """With the names of lists, what was before, and the times of the office's zone."""
    monkeypatch.setenv("MEDIANOTE_TIMEZONE", "Asia/Tokyo")
    office("lists", "create", "europe", "--title", "Europe")
    until = dt.datetime.now(dt.UTC).replace(microsecond=0) + dt.timedelta(days=3)
    tokyo = ZoneInfo("Asia/Tokyo")
    with opened() as shell, shell.database.transaction() as session:
        bo = session.scalars(
            sa.select(Subscriber.id).where(Subscriber.address == "bo@example.org")
        ).one()
        press, europe = session.scalars(sa.select(MailingList.id).order_by(MailingList.id))
        wanted = Wanted(
            on=frozenset({press, europe}),
            frequencies={press: Frequency.DAILY},
            outlet=None,
            paused_until=until,
        )
        at = save(session, bo, wanted, Via("/p/{token}")).at
    lines = office("subscribers", "show", "bo@example.org").out.splitlines()
    assert lines[-1] == (
        f"{at.astimezone(tokyo):%Y-%m-%d %H:%M}     preferences: joined europe; "
        "press daily instead of at-once; outlet none instead of The Gull; "
        f"paused until {until.astimezone(tokyo):%Y-%m-%d %H:%M} instead of none"
    )
    assert "is desk              no" in lines
    assert f"paused until         {until.astimezone(tokyo):%Y-%m-%d %H:%M}" in lines
    log = csv.DictReader(io.StringIO(office("subscribers", "consents", "bo@example.org").out))
    assert [row["lists"] for row in log] == ["press", "europe press"]


def test_why_people_left(office: InProcess) -> None:
    """What was said on leaving stands in `subscribers show`, `lists show` and the exported log."""
    with opened() as shell, shell.database.transaction() as session:
        jo = session.scalars(
            sa.select(Subscriber.id).where(Subscriber.address == "jo.pike@example.org")
        ).one()
        left = stop_all(session, jo, Via("/p/{token}"))
        give_reason(session, left.undo, Why.OTHER_JOB, "=Gone to the Gull", Via("/u/{token}"))
    shown = office("subscribers", "show", "jo.pike@example.org").out
    assert "  stop all: left press\n" in shown
    assert "  reason: changed jobs; =Gone to the Gull\n" in shown
    (entry,) = (
        json.loads(line)
        for line in office("subscribers", "consents", "--json").out.splitlines()
        if '"reason"' in line
    )
    assert entry["detail"]["why"] == "changed jobs"
    assert office("lists", "show", "--json").json[0]["reasons"] == {"changed jobs": 1}
    table = office("lists", "show").out.splitlines()
    assert table[-2].split("  ")[0] == "left, because"
    assert table[-1].split() == ["press", "0", "0", "0", "1", "0"]


@pytest.mark.parametrize(
    ("text", "found"),
    [
        ("jo", ["jo.pike@example.org", "jopike+press@example.org", "jp@gull.example"]),
        ("JO.PIKE@", ["jo.pike@example.org"]),
        ("jo.pike@ex", ["jo.pike@example.org"]),
        ("@gull", ["jp@gull.example"]),
        ("@Bücher.example", ["ana_maria@xn--bcher-kva.example"]),
        ("pike", ["jo.pike@example.org", "jopike+press@example.org", "jp@gull.example"]),
        ("Pike gull", ["jo.pike@example.org", "jp@gull.example"]),
        ("ŽIŽKA", ["ana_maria@xn--bcher-kva.example"]),
        ("jazeera", ["ana_maria@xn--bcher-kva.example"]),
        ("ana_", ["ana_maria@xn--bcher-kva.example"]),
        ("jo_pike@", []),
        ("%", []),
        ("'; --", []),
        ("@x' | :*", []),
    ],
)
def test_search(text: str, found: list[str], office: InProcess, tmp_path: Path) -> None:
    """By how an address, a domain or a word of a name or outlet begins, in any letter case."""
    file = tmp_path / "more.csv"
    file.write_text(
        "email,name,outlet\nana_maria@bücher.example,Ana Žižka,Al-Jazeera (English)\n", "utf-8"
    )
    office("subscribers", "import", str(file), "--list", "press")
    said = office("subscribers", "search", "--json", "--", text)
    assert (said.status, said.err) == (0, "")
    assert [one["address"] for one in said.json] == found


def test_search_says_what_they_are_on(office: InProcess) -> None:
    """With the lists and their states; only a list's people, or so many, where that is asked."""
    office("lists", "create", "europe", "--title", "Europe")
    office("subscribers", "suppress", "bo@example.org", "--reason", "x")
    plain = office("subscribers", "search", "gull", "--limit", "2")
    assert plain.out.splitlines() == [
        "address              name     outlet    on",
        "bo@example.org       Bo       The Gull  suppressed: office",
        "jo.pike@example.org  Jo Pike  The Gull  press",
    ]
    assert plain.errors == ["there are more than 2: say more of it, or set --limit"]
    [one] = office("subscribers", "search", "jp@", "--json").json
    assert one == {
        "address": "jp@gull.example",
        "name": "jo pike",
        "outlet": "the gull",
        "language": "en",
        "suppressed": None,
        "lists": {"press": "active"},
    }
    assert office("subscribers", "search", "jp@", "--list", "europe").out == "nobody is found\n"
    assert office("subscribers", "search", "jp@", "--list", "asia").status == 2
    assert office("subscribers", "search", " @ ").status == 2

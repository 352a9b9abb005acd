"""What `lists` promises of a list's topic, cadence and digests, driven as the real command."""

import datetime as dt

import pytest
import sqlalchemy as sa

from runtime.database import Database
from subscribers.models import PLAN_ANEW, Subscriber
from tests.cli.running import InProcess

LATER = dt.datetime(2999, 1, 1, tzinfo=dt.UTC)
CADENCE = "about 4 a week"


def test_what_a_list_says_is_kept_changed_and_shown(configured: InProcess) -> None:
    """Topic, cadence, zone and hour are kept; a change says what became different."""
    configured("lists", "create", "press", "--title", "Press")
    assert "digests" not in configured("lists", "show").out
    made = configured(
        "lists", "create", "europe", "--title", "Europe", "--topic", "Regions", "--cadence",
        CADENCE, "--timezone", "Europe/Paris", "--digest-hour", "0",
    )  # fmt: skip
    assert (made.status, made.out) == (0, "europe\n")
    europe, press = configured("lists", "show", "--json").json
    assert (europe["topic"], europe["cadence"]) == ("Regions", CADENCE)
    assert (europe["timezone"], europe["digest_hour"]) == ("Europe/Paris", 0)
    assert press["timezone"] is None
    shown = configured("lists", "show").out.splitlines()
    assert shown[0].split() == [
        *("list", "title", "topic", "how", "often", "digests", "active", "pending", "suspended")
    ]
    assert "Regions  about 4 a week  00:00 Europe/Paris" in shown[1]
    changed = configured(
        "lists", "change", "europe", "--title", "Europa", "--topic", "", "--timezone",
        "Europe/Paris", "--digest-hour", "7",
    )  # fmt: skip
    assert (changed.status, changed.out) == (0, "europe: changed title, topic, digest-hour\n")
    europe, _ = configured("lists", "show", "--json").json
    assert (europe["title"], europe["topic"], europe["digest_hour"]) == ("Europa", None, 7)
    again = configured("lists", "change", "europe", "--digest-hour", "07")
    assert again.out == "europe: nothing was different\n"


@pytest.mark.parametrize(
    ("options", "said"),
    [
        (["--timezone", "Paris"], "“Paris” is no time zone: write its IANA name, such as Europe/"),
        (["--timezone", "europe/paris"], "is it Europe/Paris?"),
        (["--timezone", "new york"], "is it America/New_York?"),
        (["--timezone", "../../etc/passwd"], "is no time zone"),
        (["--digest-hour", "24"], "--digest-hour: “24” is no hour of the day: write 0 to 23"),
        (["--digest-hour", "-1"], "“-1” is no hour"),
        (["--digest-hour", "7:30"], "“7:30” is no hour"),
        (["--topic", "a\nb"], "--topic: "),
        (["--cadence", "x" * 121], "--cadence: the text is longer than 120 characters"),
        (["--title", " "], "needs a title"),
        (["--sender", "nobody"], "--sender: "),
    ],
)
def test_what_a_list_cannot_say(options: list[str], said: str, medianote: InProcess) -> None:
    """Wrong use, said in one line, when it is made and when it is changed; nothing is kept."""
    medianote("lists", "create", "press", "--title", "Press")
    before = medianote("lists", "show", "--json").out
    new = ["create", "new", "--title", "New"]
    for order in (["change", "press"], new):
        ended = medianote("lists", *order, *options)
        assert (ended.status, ended.out, len(ended.errors)) == (2, "", 1)
        assert said in ended.errors[0]
    assert medianote("lists", "show", "--json").out == before
    assert medianote("lists", "change", "none", "--topic", "x").status == 2


def make_two_lists(configured: InProcess, folders: pytest.TempPathFactory, table: str) -> None:
    """The lists press, with the people of a table, and europe, with nobody."""
    file = folders.mktemp("table") / "people.csv"
    file.write_text(table, "utf-8")
    for slug in ("press", "europe"):
        configured("lists", "create", slug, "--title", slug)
    configured("subscribers", "import", str(file), "--list", "press", "--confirmed")


def test_another_hour_plans_digests_anew(
    configured: InProcess, database_url: str, tmp_path_factory: pytest.TempPathFactory
) -> None:
    """Whose digest is planned by the list's hour or zone has it worked out again."""
    make_two_lists(
        configured,
        tmp_path_factory,
        "email,frequency\nana@example.org,daily\nbo@example.org,at once\n",
    )
    database = Database(database_url)
    later = PLAN_ANEW.replace(year=2027)

    def planned() -> dict[str, bool]:
        with database.reading() as session:
            rows = session.execute(sa.select(Subscriber.address, Subscriber.next_digest_at))
            return {address: due == PLAN_ANEW for address, due in rows}

    for order, is_anew in (
        (("europe", "--digest-hour", "5"), False),
        (("press", "--topic", "Regions"), False),
        (("press", "--digest-hour", "5"), True),
        (("press", "--timezone", "Asia/Tokyo"), True),
    ):
        with database.transaction() as session:
            session.execute(
                sa.update(Subscriber)
                .where(Subscriber.next_digest_at.is_not(None))
                .values(next_digest_at=later)
            )
        assert configured("lists", "change", *order).status == 0
        assert planned() == {"ana@example.org": is_anew, "bo@example.org": False}
    database.dispose()


def test_who_is_not_mailed(
    configured: InProcess, database_url: str, tmp_path_factory: pytest.TempPathFactory
) -> None:
    """The suppressed and the paused among the active are counted, each once."""
    make_two_lists(
        configured, tmp_path_factory, "email\nana@example.org\nbo@example.org\ncy@example.org\n"
    )
    assert "not mailed" not in configured("lists", "show").out
    configured("subscribers", "suppress", "ana@example.org", "--reason", "x")
    database = Database(database_url)
    with database.transaction() as session:
        until = sa.case((Subscriber.address.startswith("cy"), PLAN_ANEW), else_=LATER)
        session.execute(sa.update(Subscriber).values(paused_until=until))
    database.dispose()
    europe, press = configured("lists", "show", "--json").json
    assert (press["active"], press["not_mailed"], europe["not_mailed"]) == (3, 2, 0)
    head, _, row = configured("lists", "show").out.splitlines()
    assert head.endswith("active  not mailed  pending  suspended")
    assert row.split()[-4:] == ["3", "2", "0", "0"]

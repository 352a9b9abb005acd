"""Less mail instead of none, on the page of an unsubscribe link."""

import datetime as dt
from zoneinfo import ZoneInfo

import httpx
import pytest
import sqlalchemy as sa

from releases.forgetting import erase_person
from subscribers.consents import Via
from subscribers.digest_times import Wish
from subscribers.models import Frequency, MailingList, Subscription
from subscribers.pausing import a_month_on, beginning
from subscribers.queries import Choice, Copy
from tests.support.people import HASH_KEY
from tests.web.world import World, seal_of, undo_of
from web.less_mail import less_mail

NOW = dt.datetime(2027, 1, 31, 23, 30, tzinfo=dt.UTC)


def choice(list_id: int, frequency: Frequency = Frequency.AT_ONCE, state: str = "active") -> Choice:
    slug = f"list-{list_id}"
    wish = Wish(None, None)
    return Choice(list_id, slug, slug, None, False, state, frequency, None, None, wish)  # type: ignore[arg-type]


def a_copy(
    *choices: Choice, timezone: str | None = None, paused_until: dt.datetime | None = None
) -> Copy:
    return Copy("jo@example.com", "en", False, timezone, paused_until, choices)


def test_only_what_comes_more_often_is_offered_weekly() -> None:
    """Lists that come at once or daily."""
    found = a_copy(
        choice(1),
        choice(2, Frequency.DAILY),
        choice(3, Frequency.WEEKLY),
        choice(4, state="ended"),
    )
    less = less_mail(found, NOW, dt.UTC)
    assert [one.list_id for one in less.weekly] == [1, 2]
    wanted = less.once_a_week({"list-2", "list-3", "list-9"})
    assert wanted.frequencies == {2: Frequency.WEEKLY}


def test_a_pause_is_a_month_where_the_subscriber_is() -> None:
    """From the day that it is there; a longer pause is not cut short."""
    less = less_mail(a_copy(choice(1)), NOW, dt.UTC)
    assert less.pause_to == dt.date(2027, 2, 28)
    there = less_mail(a_copy(choice(1), timezone="Asia/Tokyo"), NOW, dt.UTC)
    assert there.pause_to == dt.date(2027, 3, 1)
    assert there.pause().paused_until == beginning(dt.date(2027, 3, 1), ZoneInfo("Asia/Tokyo"))
    longer = a_copy(
        choice(1, Frequency.WEEKLY), paused_until=dt.datetime(2027, 2, 28, tzinfo=dt.UTC)
    )
    assert less_mail(longer, NOW, dt.UTC).is_nothing


@pytest.mark.parametrize(
    ("day", "later"),
    [
        ("2027-01-15", "2027-02-15"),
        ("2027-01-31", "2027-02-28"),
        ("2028-01-31", "2028-02-29"),
        ("2027-12-31", "2028-01-31"),
        ("2027-02-28", "2027-03-28"),
    ],
)
def test_a_month_on(day: str, later: str) -> None:
    """The same day of the next month, or its last."""
    assert a_month_on(dt.date.fromisoformat(day)).isoformat() == later


def frequencies(site: World) -> dict[str, str]:
    """How often Jo's lists come."""
    with site.database.reading() as session:
        rows = session.execute(
            sa.select(MailingList.slug, Subscription.frequency)
            .join(MailingList, MailingList.id == Subscription.list_id)
            .where(Subscription.subscriber_id == site.jo, Subscription.state == "active")
        )
        return {row.slug: row.frequency for row in rows}


def test_once_a_week(either: World) -> None:
    """One press: the ticked lists come weekly, which the page and a notice tell, with undo."""
    path = either.unsubscribe_path()
    with either.client() as client:
        page = client.get(path).text
        assert "Once a week, in one mail" in page
        form = {"seal": seal_of(page), "stop": "europe", "do": "weekly"}
        answer = client.post(path, data=form)
        assert "Europe</bdi></strong> once a week, on Mondays at 08:00 (UTC)." in answer.text
        assert frequencies(either) == {"press": "at-once", "europe": "weekly", "desk": "at-once"}
        again = client.post(path, data=form)
        assert (again.status_code, "Nothing was different" in again.text) == (200, True)
        assert [kind for kind, _ in either.notices()] == ["changed"]
        client.post(path, data={"seal": seal_of(answer.text), "undo": undo_of(answer.text)})
    assert set(frequencies(either).values()) == {"at-once"}


def test_a_private_list_once_a_week(site: World) -> None:
    """The list of the copy is named to who holds it, private or not."""
    path = site.unsubscribe_path(list_set=site.private)
    with site.client() as client:
        seal = seal_of(client.get(path).text)
        answer = client.post(path, data={"seal": seal, "stop": "desk", "do": "weekly"})
    assert "Accredited press</bdi></strong> once a week, on Mondays at 08:00" in answer.text
    assert frequencies(site)["desk"] == "weekly"


def test_weekly_without_a_tick(site: World) -> None:
    """Nothing ticked is told, and stays unticked; nothing changes."""
    path = site.unsubscribe_path()
    with site.client() as client:
        answer = client.post(path, data={"seal": seal_of(client.get(path).text), "do": "weekly"})
    assert answer.status_code == 422
    assert 'href="#lists"' in answer.text
    assert " checked" not in answer.text
    assert set(frequencies(site).values()) == {"at-once"}


def test_a_months_pause(either: World) -> None:
    """One press: no mail for a month, told on the page and by a notice, with undo."""
    path = either.unsubscribe_path()
    with either.client() as client:
        page = client.get(path).text
        assert "No mail until" in page
        form = {"seal": seal_of(page), "stop": ["press", "europe"], "do": "pause"}
        answer = client.post(path, data=form)
        assert "No mail comes until" in answer.text
        until = either.person().paused_until
        assert until is not None
        assert dt.timedelta(days=27) < until - dt.datetime.now(dt.UTC) < dt.timedelta(days=32)
        assert len(either.followed()) == 3
        assert "No mail until" not in client.get(path).text
        again = client.post(path, data=form)
        assert "Nothing was different" in again.text
        assert either.person().paused_until == until
        assert [kind for kind, _ in either.notices()] == ["changed"]
        client.post(path, data={"seal": seal_of(answer.text), "undo": undo_of(answer.text)})
    assert either.person().paused_until is None


@pytest.mark.parametrize("zone", ["Mars/Olympus", "Europe", "../etc", "x" * 300])
def test_a_zone_that_is_not_known_here(site: World, client: httpx.Client, zone: str) -> None:
    """A pause and both pages work, and so does the notice: days are then those of the office."""
    site.set_person(timezone=zone)
    path = site.unsubscribe_path()
    page = client.get(path)
    assert page.status_code == 200
    form = {"seal": seal_of(page.text), "stop": ["press", "europe"], "do": "pause"}
    answer = client.post(path, data=form)
    assert (answer.status_code, "No mail comes until" in answer.text) == (200, True)
    path = site.preferences_path()
    page = client.get(path)
    assert page.status_code == 200
    day = (dt.datetime.now(dt.UTC).date() + dt.timedelta(days=9)).isoformat()
    form = {"seal": seal_of(page.text), "do": "save", "pause": day, "timezone": zone}
    answer = client.post(path, data=form)
    assert (answer.status_code, "No mail comes until" in answer.text) == (200, True)
    assert site.person().timezone == zone
    client.post(path, data=form | {"pause": "", "timezone": "Asia/Tokyo"})
    assert site.person().timezone == "Asia/Tokyo"


@pytest.mark.parametrize("do", ["save", "stop-all", "x", "", "resume"])
def test_what_no_button_of_the_page_asks_for(site: World, client: httpx.Client, do: str) -> None:
    """It is refused, and nothing changes."""
    path = site.unsubscribe_path()
    before = site.history()
    answer = client.post(
        path, data={"seal": seal_of(client.get(path).text), "stop": "press", "do": do}
    )
    assert answer.status_code == 400
    assert site.history() == before


def test_less_for_who_is_gone(site: World, client: httpx.Client) -> None:
    """After an erasure the buttons of a page that was open do nothing, without a fault."""
    path = site.unsubscribe_path()
    form = {"seal": seal_of(client.get(path).text), "stop": "press", "do": "pause"}
    with site.database.transaction() as session:
        erase_person(session, site.jo, Via("test"), hash_key=HASH_KEY)
    answer = client.post(path, data=form)
    assert answer.status_code == 200
    assert "These mails have stopped" in answer.text


def test_a_form_that_is_shown_again_keeps_its_ticks(site: World, client: httpx.Client) -> None:
    """Who has to press once more does not stop a list that they had kept."""
    path = site.unsubscribe_path()
    answer = client.post(path, data={"seal": "0.x", "stop": "europe"})
    assert answer.status_code == 422
    assert 'value="europe" checked' in answer.text
    assert 'value="press">' in answer.text

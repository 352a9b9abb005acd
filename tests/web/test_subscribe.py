"""Signing up: one answer for all, mail once an hour, nothing before it is confirmed."""

import datetime as dt
import re
import threading
from collections.abc import Iterator

import httpx
import pytest
import sqlalchemy as sa

from runtime.database import read_clock
from subscribers.models import MailingList, Subscriber, Subscription, Suppression
from subscribers.notices import NoticeKind
from subscribers.record_models import Consent, Notice, SignUp, SignUpList
from subscribers.sign_ups import LIST_MAX, NETWORK_MAX, forget_old_sign_ups
from subscribers.undo import Undo
from tests.web.world import World, seal_of, undo_of


@pytest.fixture
def visitor(either: World) -> Iterator[httpx.Client]:
    with either.client() as client:
        yield client


def fill_in(client: httpx.Client, address: str, *lists: str, **more: str) -> httpx.Response:
    seal = seal_of(client.get("/subscribe").text)
    return client.post(
        "/subscribe",
        data={"seal": seal, "address": address, "list": list(lists), "format": "html"}
        | {"language": "en"}
        | more,
    )


def kinds(world: World) -> list[str]:
    with world.database.reading() as session:
        return list(session.scalars(sa.select(Notice.kind).order_by(Notice.id)))


def confirm_path(world: World) -> str:
    with world.database.reading() as session:
        newest = session.scalars(sa.select(SignUp.id).order_by(SignUp.id.desc())).first()
    assert newest is not None
    return "/c/" + world.links.sign_up_url(newest).rpartition("/")[2]


def wait_a_while(world: World) -> None:
    """The mails were taken longer than ten seconds ago."""
    with world.database.transaction() as session:
        session.execute(sa.text("UPDATE sign_up SET mailed_at = '2020-01-01 00:00:00.000000'"))


def follows(world: World, address: str) -> dict[str, str]:
    with world.database.reading() as session:
        rows = session.execute(
            sa.select(MailingList.slug, Subscription.frequency)
            .join(Subscription, Subscription.list_id == MailingList.id)
            .join(Subscriber, Subscriber.id == Subscription.subscriber_id)
            .where(Subscriber.address == address, Subscription.state == "active")
        )
        return {row.slug: row.frequency for row in rows}


AGREED = "Yes, send me Press releases and Travel warnings by mail until I stop it."
"""What the page with the button says, and the consent log keeps."""


def test_a_stranger_signs_up(either: World, visitor: httpx.Client) -> None:
    """The form, a mail, a page with a button, and then the lists; and an undo."""
    page = visitor.get("/subscribe")
    assert page.status_code == 200
    assert "Press releases" in page.text
    assert "Accredited press" not in page.text
    taken = fill_in(visitor, "new@example.org", "press", "travel")
    assert taken.status_code == 200
    assert "Check your mail" in taken.text
    assert kinds(either) == [NoticeKind.CONFIRM_SIGN_UP]
    assert follows(either, "new@example.org") == {}
    path = confirm_path(either)
    shown = visitor.get(path)
    too_soon = visitor.post(path, data={"seal": seal_of(shown.text)})
    assert too_soon.status_code == 422
    assert "Please wait ten seconds, then press once more." in too_soon.text
    assert follows(either, "new@example.org") == {}
    wait_a_while(either)
    said = re.sub("<[^>]*>", "", shown.text)
    assert AGREED in said
    assert follows(either, "new@example.org") == {}
    done = visitor.post(path, data={"seal": seal_of(shown.text)})
    assert done.status_code == 200
    assert follows(either, "new@example.org") == {"press": "at-once", "travel": "at-once"}
    again = visitor.post(path, data={"seal": seal_of(shown.text)})
    assert again.status_code == 200
    with either.database.reading() as session:
        (entry,) = session.scalars(sa.select(Consent)).all()
        assert entry.what == "sign-up"
        assert entry.wording == AGREED
        assert entry.page == "/c/{token}"
    visitor.post(path, data={"seal": seal_of(done.text), "undo": undo_of(done.text)})
    assert follows(either, "new@example.org") == {}


def test_the_answer_tells_nothing_of_an_address(either: World, visitor: httpx.Client) -> None:
    """Known, unknown, suppressed, stopped by the office: one page; the mails differ."""
    with either.database.transaction() as session:
        for address, reason in (("ali@example.com", "hard bounce"),):
            found = session.scalars(
                sa.select(Subscriber).where(Subscriber.address == address)
            ).one()
            session.add(Suppression(address_hash=found.address_hash, reason=reason))
    pages = {
        re.sub(r'value="[^"]*"', "", fill_in(visitor, address, "press").text)
        for address in ("jo@example.com", "ali@example.com", "nobody@example.org")
    }
    assert len(pages) == 1
    assert kinds(either) == ["already-subscribed", "confirm-sign-up", "confirm-sign-up"]
    with either.database.transaction() as session:
        session.execute(sa.update(Suppression).values(reason="office"))
        session.execute(sa.delete(Notice))
        session.execute(sa.update(SignUp).values(mailed_at=None))
    assert re.sub(r'value="[^"]*"', "", fill_in(visitor, "ali@example.com", "press").text) in pages
    assert kinds(either) == ["not-by-form"]
    wait_a_while(either)
    path = confirm_path(either)
    assert visitor.post(path, data={"seal": seal_of(visitor.get(path).text)}).status_code == 404


def test_confirming_lifts_what_the_person_may_lift(either: World, visitor: httpx.Client) -> None:
    """An address that bounced once works again: its owner has just read mail there."""
    with either.database.transaction() as session:
        found = session.get_one(Subscriber, either.ali)
        session.add(Suppression(address_hash=found.address_hash, reason="hard bounce"))
    fill_in(visitor, "ali@example.com", "travel")
    wait_a_while(either)
    path = confirm_path(either)
    visitor.post(path, data={"seal": seal_of(visitor.get(path).text)})
    with either.database.reading() as session:
        assert session.scalar(sa.select(sa.func.count()).select_from(Suppression)) == 0
        person = session.get_one(Subscriber, either.ali)
        assert person.language == "ar"  # a stranger's choice changes nothing of theirs
    assert "travel" in follows(either, "ali@example.com")


def test_nobody_is_bombed(either: World, visitor: httpx.Client) -> None:
    """However often it is asked, an address has one mail an hour; a network has its limit."""
    for _ in range(4):
        assert fill_in(visitor, "Victim@example.org", "press").status_code == 200
    assert kinds(either) == ["confirm-sign-up"]
    for number in range(NETWORK_MAX - 4):
        assert fill_in(visitor, f"v{number}@example.org", "press").status_code == 200
    refused = fill_in(visitor, "one-more@example.org", "press")
    assert refused.status_code == 429
    assert len(kinds(either)) == NETWORK_MAX - 3


def test_a_list_takes_so_many_sign_ups_an_hour(either: World, visitor: httpx.Client) -> None:
    """From however many networks they come; other lists, and the next hour, have their own."""
    assert fill_in(visitor, "early@example.org", "press").status_code == 200
    with either.database.transaction() as session:
        first = session.scalars(sa.select(SignUp)).one()
        session.add_all(
            SignUp(
                address=f"n{number}@example.net",
                address_key=f"n{number}@example.net",
                address_hash=bytes([number // 250, number % 250]),
                language="en",
                format="html",
                network=f"192.0.{number}.0/24",
            )
            for number in range(LIST_MAX - 2)
        )
        session.flush()
        press = session.scalars(sa.select(MailingList.id).where(MailingList.slug == "press")).one()
        others = session.scalars(sa.select(SignUp.id).where(SignUp.id != first.id)).all()
        session.add_all(
            SignUpList(sign_up_id=one, list_id=press, frequency="at-once") for one in others
        )
    assert fill_in(visitor, "last@example.org", "press").status_code == 200
    refused = fill_in(visitor, "more@example.org", "press", "travel")
    assert (refused.status_code, refused.headers["Retry-After"]) == (429, "3600")
    assert kinds(either) == ["confirm-sign-up"] * 2
    assert fill_in(visitor, "more@example.org", "travel").status_code == 200
    with either.database.transaction() as session:
        an_hour_ago = read_clock(session) - dt.timedelta(hours=1, seconds=1)
        session.execute(
            sa.update(SignUpList)
            .where(SignUpList.sign_up_id == first.id)
            .values(created_at=an_hour_ago)
        )
    assert fill_in(visitor, "later@example.org", "press").status_code == 200
    assert fill_in(visitor, "too-late@example.org", "press").status_code == 429


def test_forms_at_once_send_one_mail(either: World) -> None:
    """Two for one address at the same moment."""

    def ask() -> None:
        with either.client() as client:
            fill_in(client, "twice@example.org", "press")

    threads = [threading.Thread(target=ask) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert kinds(either) == ["confirm-sign-up"]


def test_confirming_twice_at_once(either: World, visitor: httpx.Client) -> None:
    """Two clicks: one subscription, one entry on the log."""
    fill_in(visitor, "twice@example.org", "press", "europe")
    wait_a_while(either)
    path = confirm_path(either)
    seal = seal_of(visitor.get(path).text)

    def click() -> None:
        with either.client() as client:
            assert client.post(path, data={"seal": seal}).status_code == 200

    threads = [threading.Thread(target=click) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert set(follows(either, "twice@example.org")) == {"press", "europe"}
    with either.database.reading() as session:
        assert session.scalar(sa.select(sa.func.count()).select_from(Consent)) == 1


@pytest.mark.parametrize(
    ("address", "lists", "fault"),
    [
        ("nonsense", ["press"], "Enter an e-mail address"),
        ("a@example.org", [], "Tick at least one"),
        ("a@example.org", ["desk"], "Tick at least one"),
        ("", [], "Enter an e-mail address"),
    ],
)
def test_what_is_amiss_is_said_and_kept(
    site: World, client: httpx.Client, address: str, lists: list[str], fault: str
) -> None:
    """422, a summary on top that links to the field, and nothing stored or sent."""
    page = fill_in(client, address, *lists)
    assert page.status_code == 422
    assert fault in page.text
    assert 'role="alert"' in page.text
    assert f'value="{address}"' in page.text
    assert kinds(site) == []
    with site.database.reading() as session:
        assert session.scalar(sa.select(sa.func.count()).select_from(SignUp)) == 0


def test_programs_fall_into_the_trap(site: World, client: httpx.Client) -> None:
    """The field that nobody sees is filled in: the same page, and nothing done."""
    page = fill_in(client, "bot@example.org", "press", website="http://spam.example")
    assert page.status_code == 200
    assert "Check your mail" in page.text
    assert kinds(site) == []


def test_a_sign_up_that_waits_too_long_is_over(site: World, client: httpx.Client) -> None:
    """After a week its link says so, and the row goes."""
    fill_in(client, "late@example.org", "press")
    path = confirm_path(site)
    seal = seal_of(client.get(path).text)
    with site.database.transaction() as session:
        session.execute(
            sa.text("UPDATE sign_up SET created_at = :old, mailed_at = :old"),
            {"old": "2020-01-01 00:00:00.000000"},
        )
    assert client.post(path, data={"seal": seal}).status_code == 404
    assert follows(site, "late@example.org") == {}
    forget_old_sign_ups(site.database)
    assert client.get(path).status_code == 404
    with site.database.reading() as session:
        assert session.scalar(sa.select(sa.func.count()).select_from(SignUp)) == 0


def test_when_daily_and_weekly_mail_comes(site: World, client: httpx.Client) -> None:
    """The form says it of each list, the confirmation of what was asked for."""
    said = "Daily mails come at 08:00 (UTC), weekly ones on Mondays at the same hour."
    assert client.get("/subscribe").text.count(said) == 1
    with site.database.transaction() as session:
        session.execute(
            sa.update(MailingList)
            .where(MailingList.slug == "europe")
            .values(timezone="Europe/Brussels", digest_hour=6)
        )
    page = client.get("/subscribe").text
    assert page.count(said) == 2
    assert '<p class="muted" id="about-often-europe">Daily mails come at 06:00 (Brussels' in page
    arabic = client.get("/subscribe?language=ar").text
    assert "تصل الرسائل اليومية الساعة 08:00 (بتوقيت الرياض)" in arabic
    fill_in(
        client,
        "new@example.org",
        *("press", "europe", "travel"),
        **{"often-press": "daily", "often-europe": "weekly"},
    )
    wait_a_while(site)
    path = confirm_path(site)
    shown = client.get(path).text
    done = client.post(path, data={"seal": seal_of(shown)}).text
    for text in (shown, done):
        # One person has one hour: that of the first list which says any.
        assert (
            "<strong><bdi>Press releases</bdi></strong>: once a day, at 06:00 (Brussels time)."
        ) in text
        assert (
            "<strong><bdi>Europe</bdi></strong>: once a week, on Mondays at 06:00 (Brussels time)."
        ) in text
        assert "Travel warnings</bdi></strong>:" not in text


def test_an_undo_by_mail(either: World, visitor: httpx.Client) -> None:
    """The link of a notice shows what was changed, changes nothing, and undoes on the button."""
    path = either.preferences_path()
    page = visitor.get(path)
    visitor.post(path, data={"seal": seal_of(page.text), "do": "stop-all"})
    assert either.followed() == set()
    with either.database.reading() as session:
        notice = session.scalars(sa.select(Notice).where(Notice.kind == "changed")).one()
        entry_id = notice.detail["entry_id"]
    undo_path = "/c/" + either.links.undo_url(Undo(either.jo, entry_id)).rpartition("/")[2]
    shown = visitor.get(undo_path)
    assert "Press releases" in shown.text
    assert "Accredited press" not in shown.text
    assert either.followed() == set()
    undone = visitor.post(undo_path, data={"seal": seal_of(shown.text)})
    assert undone.status_code == 200
    assert "press" in either.followed()


@pytest.mark.parametrize("token", ["x", "a" * 40])
def test_a_link_that_is_none(client: httpx.Client, token: str) -> None:
    """Says what to do, and is no error of ours."""
    assert client.get(f"/c/{token}").status_code == 404
    assert client.post(f"/c/{token}").status_code == 404

"""What `/p/TOKEN` shows whom: a mail that was passed on names nobody; a private link shows all."""

import datetime as dt
import re

import httpx
import pytest
import sqlalchemy as sa

from mail.tokens import Keyring, Purpose
from subscribers.links import Links
from subscribers.models import Subscriber
from subscribers.record_models import Consent, Notice
from tests.support.people import add_list, suppress
from tests.web.test_preferences import form
from tests.web.world import World, seal_of, undo_of, world
from web.forms import Seals

LISTS = ["press", "europe", "desk"]
SECRETS = ("jo@example.com", "Josephine Pike", "The Morning Gull", "Accredited press", "Night desk",
           "desk", "White pool", "Not to be named", "Nor this")  # fmt: skip
"""What no shared page may hold of Jo; "desk" is a slug."""


@pytest.fixture
def jo(site: World) -> World:
    """Jo has a name and an outlet, and follows two private lists."""
    fill(site)
    return site


def fill(site: World) -> None:
    site.set_person(name="Josephine Pike", outlet="The Morning Gull")
    with site.database.transaction() as session:
        night = add_list(session, "night", "Night desk", is_private=True, description="Nor this")
        session.execute(
            sa.text("UPDATE mailing_list SET description = 'Not to be named' WHERE slug = 'desk'")
        )
        session.execute(
            sa.text(
                "INSERT INTO subscription (subscriber_id, list_id, state, frequency, began_at, "
                "source, created_at) SELECT subscriber_id, :night, state, frequency, began_at, "
                "source, created_at FROM subscription WHERE subscriber_id = :jo LIMIT 1"
            ),
            {"night": night.id, "jo": site.jo},
        )


def keys_of(page: str) -> list[str]:
    """What the form calls its lists."""
    return re.findall(r'name="shown" value="([^"]+)"', page)


def press(client: httpx.Client, path: str, page: str, do: str, **others: str) -> httpx.Response:
    """Press a button of a page."""
    return client.post(path, data={"seal": seal_of(page), "do": do, **others})


def test_the_shared_view_names_nobody(jo: World, client: httpx.Client) -> None:
    """No answer of any kind holds an address in full, a name, an outlet or a private list."""
    path = jo.preferences_path()
    page = client.get(path)
    keys = keys_of(page.text)
    unnamed = [key for key in keys if key.startswith("_")]
    assert len(unnamed) == 2
    assert "A list for accredited press (1)" in page.text
    assert "A list for accredited press (2)" in page.text
    seal = seal_of(page.text)
    data = {"seal": seal, "do": "save", "shown": keys, "name": "J. Pike", "no-outlet": "1",
            "list": ["travel", unnamed[0]], f"often-{unnamed[0]}": "daily"}  # fmt: skip
    saved = client.post(path, data=data)
    answers = [
        page,
        saved,
        client.post(path, data={"seal": seal, "do": "undo", "undo": undo_of(saved.text)}),
        client.post(path, data=data | {"pause": "yesterday"}),
        client.post(path, data=data | {"seal": "x"}),
        client.post(path, data=data | {"list": ["pool"]}),
        client.post(path, data={"seal": seal, "do": "private-link"}),
        client.post(path, data={"seal": seal, "do": "stop-all"}),
        client.get(path),
    ]
    assert [one.status_code for one in answers] == [200, 200, 200, 422, 422, 400, 200, 200, 200]
    assert "Your name was changed. Your outlet was removed." in saved.text
    assert "You now get a list for accredited press once a day, at 08:00 (UTC)." in saved.text
    assert "Your name was changed. Your outlet was changed." in answers[2].text
    assert "2 lists for accredited press" in answers[7].text
    for answer in answers:
        for secret in (*SECRETS, "J. Pike"):
            if secret == "J. Pike" and answer.status_code == 422:
                continue  # what was just typed comes back to be mended
            assert secret not in answer.text


def test_an_empty_field_says_nothing(jo: World, client: httpx.Client) -> None:
    """On the shared view name and outlet change when something is typed, or removed by a tick."""
    path = jo.preferences_path()
    page = client.get(path).text
    assert page.count("We have one.") == 2
    posted = {"name": "", "outlet": " "}
    assert "Nothing was different" in client.post(path, data=form(page, LISTS, **posted)).text
    removed = client.post(path, data=form(page, LISTS, **posted, **{"no-name": "1"})).text
    assert (jo.person().name, jo.person().outlet) == (None, "The Morning Gull")
    assert "Remove my name" not in removed
    assert "Remove my outlet" in removed


def test_what_the_shared_view_changes_is_told_by_mail(either: World) -> None:
    """Each change queues a notice with its entry in the consent log, an undo as well; what
    changes nothing queues none."""
    path = either.preferences_path()
    with either.client() as client:
        page = client.get(path).text
        saved = client.post(path, data=form(page, ["press"])).text
        press(client, path, page, "undo", undo=undo_of(saved))
        press(client, path, page, "undo", undo=undo_of(saved))
        client.post(path, data=form(page, ["press", "europe"]))
        press(client, path, page, "resume")
        press(client, path, page, "stop-all")
        press(client, path, page, "stop-all")
    with either.database.reading() as session:
        entries = session.scalars(sa.select(Consent.id).order_by(Consent.id)).all()
        mailed = session.scalars(sa.select(Notice.address).distinct()).all()
    assert len(entries) == 4
    assert either.notices() == [("changed", {"entry_id": entry}) for entry in entries]
    assert mailed == ["jo@example.com"]


def test_nobody_can_fill_a_mailbox(either: World) -> None:
    """After ten notices in an hour a change is refused, whole; an hour later it is not."""
    path = either.preferences_path()
    with either.client() as client:
        page = client.get(path).text
        for number in range(10):
            chosen = ("text", "html")[number % 2]
            done = client.post(path, data=form(page, LISTS, format=chosen))
            assert done.status_code == 200
        before = either.history(), either.person().format
        refusals = [
            client.post(path, data=form(page, ["press"], format="text")),
            press(client, path, page, "stop-all"),
            press(client, path, page, "undo", undo=undo_of(done.text)),
        ]
        for refused in refusals:
            assert refused.status_code == 429
            assert "Nothing was changed." in refused.text
            assert "Stop these mails" in refused.text
        assert (either.history(), either.person().format) == before
        assert len(either.notices()) == 10
        assert client.post(path, data=form(page, LISTS, format="html")).status_code == 200
        private = either.private_path()
        assert press(client, private, client.get(private).text, "stop-all").status_code == 200
        with either.database.transaction() as session:
            hour_ago = dt.datetime.now(dt.UTC) - dt.timedelta(minutes=61)
            session.execute(sa.update(Notice).values(created_at=hour_ago))
        assert client.post(path, data=form(page, ["press"])).status_code == 200
    assert either.followed() == {"press"}
    assert len(either.notices()) == 11


def test_a_private_link_is_asked_for(either: World) -> None:
    """It goes to the subscriber, three times an hour; the page says the same however often."""
    path = either.preferences_path()
    with either.client() as client:
        page = client.get(path).text
        answers = [press(client, path, page, "private-link") for _ in range(5)]
    said = {re.sub(r'name="seal" value="[^"]+"', "", one.text) for one in answers}
    assert len(said) == 1
    assert "A private link comes to" in said.pop()
    assert {one.status_code for one in answers} == {200}
    assert either.notices() == [("private-link", {})] * 3
    assert either.notices(either.ali) == []


def test_the_private_view_shows_and_changes_everything(either: World) -> None:
    """Address, name and outlet, private lists by name; what it changes is told on the page and
    not by mail, and taken back there."""
    fill(either)
    path = either.private_path()
    with either.client() as client:
        page = client.get(path).text
        for shown in ("jo@example.com", "Josephine Pike", "The Morning Gull", "Accredited press"):
            assert shown in page
        assert "White pool" not in page
        assert "Send me a private link" not in page
        data = form(page, ["press"], name="Jo", outlet="")
        saved = client.post(path, data=data).text
        assert "You no longer get <strong><bdi>Accredited press</bdi></strong> and" in saved
        assert "Your name is now <strong><bdi>Jo</bdi></strong>. Your outlet was removed." in saved
        assert (either.person().name, either.person().outlet) == ("Jo", None)
        undone = press(client, path, saved, "undo", undo=undo_of(saved)).text
    assert "Your outlet is now <strong><bdi>The Morning Gull</bdi></strong>." in undone
    assert (either.person().name, either.person().outlet) == ("Josephine Pike", "The Morning Gull")
    assert either.followed() == {"press", "europe", "desk", "night"}
    assert either.notices() == []


def test_a_private_link_asks_for_no_other(site: World, client: httpx.Client) -> None:
    """Who has one needs none."""
    path = site.private_path()
    answer = press(client, path, client.get(path).text, "private-link")
    assert answer.status_code == 400
    assert site.notices() == []


def test_a_private_link_is_good_for_a_day(site: World, client: httpx.Client) -> None:
    """Then it shows and changes nothing."""
    assert client.get(site.private_path(age_hours=23.9)).status_code == 200
    path = site.private_path(age_hours=24.1)
    seal = seal_of(client.get(path).text)
    before = site.history()
    assert client.post(path, data={"seal": seal, "do": "stop-all"}).status_code == 400
    assert site.history() == before


def old_paths(site: World, old: str) -> list[str]:
    """Links that were good once: of a day ago, and of a key that was retired."""
    ring = Keyring([old])
    return [
        site.private_path(age_hours=25),
        "/p/" + Links("", ring).preferences_token(site.jo),
        "/p/" + ring.sign(Purpose.MANAGE, site.jo, 29_000_000),
    ]


def test_old_links_offer_a_new_one(database_url: str) -> None:
    """One button mails it to whom the link belongs, and the page names nobody."""
    old = "a key that was retired since"
    with world(database_url, MEDIANOTE_RETIRED_KEYS=old) as site, site.client() as client:
        fill(site)
        for path in old_paths(site, old):
            page = client.get(path)
            assert page.status_code == 404
            assert "This link is too old" in page.text
            assert "j•••@example.com" in page.text
            sent = press(client, path, page.text, "private-link")
            again = press(client, path, page.text, "private-link")
            assert sent.status_code == again.status_code == 200
            stale = client.post(path, data={"seal": "x", "do": "private-link"})
            assert stale.status_code == 422
            foreign = {"Origin": "https://a.example"}
            data = {"seal": seal_of(page.text), "do": "private-link"}
            assert client.post(path, data=data, headers=foreign).status_code == 403
            for answer in (page, sent, again, stale):
                for secret in SECRETS:
                    assert secret not in answer.text
        assert site.notices() == [("private-link", {})] * 3
        assert len(site.followed()) == 4


def test_old_links_of_who_is_gone(site: World, client: httpx.Client) -> None:
    """Nobody is there to be mailed: a plain page, and nothing is queued."""
    path = site.private_path(10**6, age_hours=25)
    assert client.get(path).status_code == 404
    token = site.links.preferences_token(10**6)
    seal = Seals(site.settings.signing_keys).seal(path)
    assert client.post(path, data={"seal": seal, "do": "private-link"}).status_code == 404
    assert client.get(f"/p/{token}").status_code == 404
    with site.database.reading() as session:
        assert session.scalar(sa.select(sa.func.count()).select_from(Notice)) == 0


def test_an_undo_of_the_private_view_names_nothing_elsewhere(
    jo: World, client: httpx.Client
) -> None:
    """The button's token, taken to the shared page, brings back and names no private list."""
    private, shared = jo.private_path(), jo.preferences_path()
    stopped = press(client, private, client.get(private).text, "stop-all").text
    undone = press(client, shared, client.get(shared).text, "undo", undo=undo_of(stopped)).text
    assert "2 lists for accredited press" in undone
    for secret in SECRETS:
        assert secret not in undone
    others = jo.preferences_path(jo.ali)
    refused = press(client, others, client.get(others).text, "undo", undo=undo_of(stopped))
    assert refused.status_code == 404


def test_a_suppressed_person_may_still_look(site: World, client: httpx.Client) -> None:
    """The private view says so too."""
    with site.database.transaction() as session:
        suppress(session, session.get_one(Subscriber, site.jo))
    assert "We do not send mail to this address" in client.get(site.private_path()).text

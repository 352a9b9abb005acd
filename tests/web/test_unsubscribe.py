"""What `/u/TOKEN` promises: a look changes nothing, one click ends it, and nothing else does."""

import email.policy
import re
from email.parser import BytesParser

import httpx
import pytest
import sqlalchemy as sa

from mail.addresses import Mailbox, parse_address
from mail.stencil import encode_html, encode_message_id, encode_text, encode_to, encode_token
from mail.tokens import Keyring, Purpose
from subscribers.links import Links
from subscribers.models import Subscriber, Subscription
from tests.support.samples import rendered
from tests.web.world import KEY, World, seal_of, undo_of, world

ONE_CLICK = "List-Unsubscribe=One-Click"
URLENCODED = {"Content-Type": "application/x-www-form-urlencoded"}
MULTIPART = (
    b'--xyz\r\nContent-Disposition: form-data; name="List-Unsubscribe"\r\n\r\nOne-Click\r\n'
    b"--xyz--\r\n"
)


def test_one_click_from_a_messages_own_headers(site: World, client: httpx.Client) -> None:
    """A client that knows RFC 8058 and the raw message alone ends the subscription."""
    token = site.links.unsubscribe_token(site.jo, site.pair)
    raw = rendered().stencil.fill(
        {
            "to": encode_to(Mailbox(parse_address("jo@example.com"))),
            "message_id": encode_message_id("<x@example.org>"),
            "unsubscribe": encode_token(token),
            "preferences": encode_token(site.links.preferences_token(site.jo)),
            "why_html": encode_html("why"),
            "why_text": encode_text("why"),
        }
    )
    message = BytesParser(policy=email.policy.default).parsebytes(raw)
    body = message["List-Unsubscribe-Post"]
    uri = next(u for u in re.findall(r"<([^>]+)>", message["List-Unsubscribe"]) if "http" in u)
    answer = client.post(httpx.URL(uri).path, content=body, headers=URLENCODED)
    assert answer.status_code == 200
    assert site.followed() == {"desk"}


@pytest.mark.parametrize(
    ("headers", "body"),
    [
        (URLENCODED, ONE_CLICK.encode()),
        ({"Content-Type": "application/x-www-form-urlencoded; charset=UTF-8"}, ONE_CLICK.encode()),
        (URLENCODED, ONE_CLICK.encode() + b"\r\n"),
        ({}, ONE_CLICK.encode()),
        ({"Content-Type": "multipart/form-data; boundary=xyz"}, MULTIPART),
        (URLENCODED | {"Origin": "https://mail.example", "Sec-Fetch-Site": "cross-site"},
         ONE_CLICK.encode()),
        (URLENCODED | {"Cookie": "a=b"}, ONE_CLICK.encode()),
    ],
)  # fmt: skip
def test_one_click_in_every_form(site: World, headers: dict[str, str], body: bytes) -> None:
    """Either encoding is taken, from anywhere; the answer is 200, sets no cookie, leads nowhere."""
    with site.client() as client:
        answer = client.post(site.unsubscribe_path(), content=body, headers=headers)
    assert answer.status_code == 200
    assert not {"set-cookie", "location"} & set(answer.headers)
    assert site.followed() == {"desk"}


def test_one_click_is_idempotent(either: World) -> None:
    """A second click, also long after the person left or was erased, answers 200 as well."""
    path = either.unsubscribe_path()
    with either.client() as client:
        for _ in range(3):
            assert client.post(path, content=ONE_CLICK, headers=URLENCODED).status_code == 200
        before = either.history()
        assert client.post(path, content=ONE_CLICK, headers=URLENCODED).status_code == 200
        assert either.history() == before
        gone = either.unsubscribe_path(10**6)
        assert client.post(gone, content=ONE_CLICK, headers=URLENCODED).status_code == 200
        assert client.get(gone).status_code == 200
    assert either.followed(either.ali) == {"press", "europe", "desk"}


def test_one_click_with_a_link_in_capitals(site: World, client: httpx.Client) -> None:
    """A mail system that writes the token in capitals has not broken it."""
    path = "/u/" + site.unsubscribe_path().rpartition("/")[2].upper()
    assert client.post(path, content=ONE_CLICK, headers=URLENCODED).status_code == 200
    assert site.followed() == {"desk"}


@pytest.mark.parametrize("pasted", [".", ">", ").", "%E2%80%9D,"])
def test_a_link_copied_with_what_stands_behind_it(
    site: World, client: httpx.Client, pasted: str
) -> None:
    """The page opens and its form works as without."""
    path = site.unsubscribe_path() + pasted
    page = client.get(path)
    assert page.status_code == 200
    client.post(path, data={"seal": seal_of(page.text), "stop": "press"})
    assert "press" not in site.followed()


@pytest.mark.parametrize("body", ["", "List-Unsubscribe=yes", "list=One-Click", "x" * 5000, "%00="])
def test_any_other_post_changes_nothing(site: World, client: httpx.Client, body: str) -> None:
    """What is neither one-click nor our own form shows the page again."""
    answer = client.post(site.unsubscribe_path(), content=body, headers=URLENCODED)
    assert answer.status_code == 422
    assert "Stop these mails" in answer.text
    assert site.followed() == {"press", "europe", "desk"}


def test_looking_changes_nothing(site: World, client: httpx.Client) -> None:
    """However often a scanner gets the page, the person stays subscribed."""
    before = site.history()
    for method in ("GET", "HEAD", "GET"):
        answer = client.request(method, site.unsubscribe_path())
        assert answer.status_code == 200
    assert client.head(site.unsubscribe_path()).content == b""
    assert site.history() == before


def test_the_page_reveals_nothing_to_others(site: World, client: httpx.Client) -> None:
    """A forwarded link shows no address in full, no name, and no list but those of its copy."""
    with site.database.transaction() as session:
        session.get_one(Subscriber, site.jo).name = "Joanna Example"
    page = client.get(site.unsubscribe_path()).text
    assert "j•••@example.com" in page
    assert "Press releases" in page
    for secret in ("jo@example.com", "Joanna", "Accredited", "White pool", "Travel"):
        assert secret not in page
    private = client.get(site.unsubscribe_path(list_set=site.private)).text
    assert "Accredited press" in private


def test_the_pages_form_stops_what_is_ticked(either: World) -> None:
    """The form ends the ticked lists only, says so in one sentence, and offers Undo."""
    path = either.unsubscribe_path()
    with either.client() as client:
        page = client.get(path).text
        assert "One-Click" not in page
        answer = client.post(path, data={"seal": seal_of(page), "stop": "europe"})
        assert answer.status_code == 200
        assert "Mails from <strong><bdi>Europe</bdi></strong> no longer come to" in answer.text
        assert either.followed() == {"press", "desk"}
        undone = client.post(
            path, data={"seal": seal_of(answer.text), "undo": undo_of(answer.text)}
        )
    assert "You now get <strong><bdi>Europe</bdi></strong>." in undone.text
    assert either.followed() == {"press", "europe", "desk"}


def test_posting_the_form_twice(site: World, client: httpx.Client) -> None:
    """A double click ends up where one click does."""
    path = site.unsubscribe_path()
    form = {"seal": seal_of(client.get(path).text), "stop": ["press", "europe"]}
    first, second = client.post(path, data=form), client.post(path, data=form)
    assert (first.status_code, second.status_code) == (200, 200)
    assert "These mails have stopped" in second.text
    assert site.followed() == {"desk"}


def test_nothing_ticked(site: World, client: httpx.Client) -> None:
    """An empty choice is told, with a link to the lists, and changes nothing."""
    path = site.unsubscribe_path()
    answer = client.post(path, data={"seal": seal_of(client.get(path).text)})
    assert answer.status_code == 422
    assert 'href="#lists"' in answer.text
    assert len(site.followed()) == 3


@pytest.mark.parametrize(
    ("headers", "status"),
    [
        ({"Sec-Fetch-Site": "cross-site"}, 403),
        ({"Sec-Fetch-Site": "same-site"}, 403),
        ({"Origin": "https://evil.example"}, 403),
        ({"Origin": "http://127.0.0.1:1"}, 403),
        ({"Origin": "http://evil.example:8000"}, 403),
        ({"Sec-Fetch-Site": "same-origin", "Origin": "null"}, 200),
        ({"Sec-Fetch-Site": "none"}, 200),
        ({"Origin": "null"}, 200),
        ({"Origin": "http://127.0.0.1:8000"}, 200),
        ({}, 200),
    ],
)
def test_forms_from_elsewhere(site: World, headers: dict[str, str], status: int) -> None:
    """A form that a browser says comes from another site changes nothing, seal or not."""
    path = site.unsubscribe_path()
    with site.client() as client:
        form = {"seal": seal_of(client.get(path).text), "stop": "press"}
        answer = client.post(path, data=form, headers=headers)
    assert answer.status_code == status
    assert ("press" in site.followed()) == (status != 200)


def test_a_seal_is_for_its_page_alone(site: World, client: httpx.Client) -> None:
    """A seal of another page, of another day, or made up changes nothing."""
    path = site.unsubscribe_path()
    other = seal_of(client.get(site.unsubscribe_path(site.ali)).text)
    own = seal_of(client.get(path).text)
    old = f"{int(own.partition('.')[0], 16) - 25 * 3600:x}.{own.partition('.')[2]}"
    for seal in (other, old, own[:-1], "", ".", "zz.zz", "é.é", f"{'f' * 999}.x"):
        answer = client.post(path, data={"seal": seal, "stop": "press"})
        assert answer.status_code == 422, seal
        assert "Nothing was changed" in answer.text
    assert len(site.followed()) == 3


@pytest.mark.parametrize("token", ["x", "a" * 60, "%00", "..%2f..", "é", "a" * 3000])
def test_what_is_no_token(client: httpx.Client, token: str) -> None:
    """A link cut off or made up leads to a plain page that says what to do, and 404."""
    for answer in (
        client.get(f"/u/{token}"),
        client.post(f"/u/{token}", content=ONE_CLICK, headers=URLENCODED),
    ):
        assert answer.status_code == 404
        assert "<h1>" in answer.text


def test_tampered_and_foreign_tokens(site: World, client: httpx.Client) -> None:
    """No altered token, and no genuine one made for something else, ends anything."""
    token = site.links.unsubscribe_token(site.jo, site.pair)
    tampered = token[:10] + ("a" if token[10] != "a" else "b") + token[11:]
    ring = Keyring([KEY])
    others = [ring.sign(purpose, site.jo, site.pair) for purpose in Purpose if purpose != 1]
    before = site.history()
    for wrong in (tampered, Keyring(["a key of somebody else"]).sign(Purpose(1), 1, 1), *others):
        answer = client.post(f"/u/{wrong}", content=ONE_CLICK, headers=URLENCODED)
        assert answer.status_code == 404
    assert site.history() == before


def test_links_work_after_every_rotation(sqlite_url: str) -> None:
    """A link signed with a key that has been retired since still unsubscribes, and undoes."""
    old = "a key that was retired since"
    with world(sqlite_url, MEDIANOTE_RETIRED_KEYS=old) as site, site.client() as client:
        path = "/u/" + Links("", Keyring([old])).unsubscribe_token(site.jo, site.pair)
        answer = client.post(
            path, data={"seal": seal_of(client.get(path).text), "stop": ["press", "europe"]}
        )
        assert site.followed() == {"desk"}
        client.post(path, data={"seal": seal_of(answer.text), "undo": undo_of(answer.text)})
        assert len(site.followed()) == 3
        assert client.post(path, content=ONE_CLICK, headers=URLENCODED).status_code == 200
        assert site.followed() == {"desk"}
        preferences = "/p/" + Links("", Keyring([old])).preferences_token(site.jo)
        refused = client.get(preferences)
    assert refused.status_code == 404
    assert "This link is too old" in refused.text


def test_an_undo_of_somebody_else(site: World, client: httpx.Client) -> None:
    """One person's undo token does nothing on another's page."""
    path, others = site.unsubscribe_path(), site.unsubscribe_path(site.ali)
    stopped = client.post(path, data={"seal": seal_of(client.get(path).text), "stop": "press"})
    seal = seal_of(client.get(others).text)
    answer = client.post(others, data={"seal": seal, "undo": undo_of(stopped.text)})
    assert answer.status_code == 404
    assert "press" not in site.followed()


def test_the_page_speaks_the_subscribers_language(site: World, client: httpx.Client) -> None:
    """Arabic readers get an Arabic page, written from right to left, whatever the browser says."""
    page = client.get(site.unsubscribe_path(site.ali), headers={"Accept-Language": "fr"}).text
    assert '<html lang="ar" dir="rtl">' in page
    assert "إيقاف هذه الرسائل" in page
    assert '<bdi dir="ltr">a•••@example.com</bdi>' in page
    error = client.get("/u/x", headers={"Accept-Language": "de, fr;q=0.8, en;q=0.5"})
    assert '<html lang="fr" dir="ltr">' in error.text


def test_one_click_ends_what_is_suspended_too(site: World, client: httpx.Client) -> None:
    """Someone whose subscription rests is off as well, for good."""
    with site.database.transaction() as session:
        session.execute(sa.update(Subscription).values(state="suspended"))
    client.post(site.unsubscribe_path(), content=ONE_CLICK, headers=URLENCODED)
    with site.database.reading() as session:
        states = session.scalars(
            sa.select(Subscription.state).where(Subscription.subscriber_id == site.jo)
        ).all()
    assert sorted(states) == ["ended", "ended", "suspended"]


def test_what_the_page_changes_is_told_by_mail(either: World) -> None:
    """Its link may have been passed on; one-click tells nobody (RFC 8058)."""
    path = either.unsubscribe_path()
    with either.client() as client:
        seal = seal_of(client.get(path).text)
        client.post(path, data={"seal": seal, "stop": "europe"})
        told = either.notices()
        client.post(path, data={"List-Unsubscribe": "One-Click"})
    assert len(told) == 1
    assert either.notices() == told
    assert either.followed() == {"desk"}


def test_a_mailbox_is_not_flooded_through_the_page(site: World, client: httpx.Client) -> None:
    """After ten changes in an hour another one waits, and changes nothing."""
    path = site.unsubscribe_path()
    status = 200
    for _ in range(6):
        page = client.post(path, data={"seal": seal_of(client.get(path).text), "stop": "press"})
        status = page.status_code
        if status != 200:
            break
        undone = {"seal": seal_of(page.text), "undo": undo_of(page.text)}
        assert client.post(path, data=undone).status_code == 200
    assert status == 429
    assert "press" in site.followed()

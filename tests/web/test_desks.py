"""What the pages of desks promise: readers and scanners end nothing, members choose."""

import datetime as dt
import re
from collections.abc import Iterator

import httpx
import pytest
import sqlalchemy as sa
from playwright.sync_api import Browser

from mail.tokens import Keyring, Purpose
from subscribers.models import MailingList, Subscriber
from subscribers.record_models import Consent, DeskMember
from tests.support.axe import violations
from tests.support.desks import (
    DESK_ADDRESS,
    KEEPER_ADDRESS,
    joined,
    make_desk,
    notices_to,
)
from tests.support.people import add_person
from tests.web.world import KEY, World, seal_of, undo_of

ONE_CLICK = "List-Unsubscribe=One-Click"
URLENCODED = {"Content-Type": "application/x-www-form-urlencoded"}


class DeskWorld:
    """City desk follows press, europe and a private list; Jo is its member, for press."""

    def __init__(self, site: World) -> None:
        self.site = site
        self.hash_key = site.settings.suppression_key
        with site.database.transaction() as session:
            lists = {one.slug: one for one in session.scalars(sa.select(MailingList))}
            followed = [lists[slug] for slug in ("press", "europe", "desk")]
            self.desk = add_person(session, DESK_ADDRESS, followed).id
            press = lists["press"].id
        assert make_desk(site.database, self.hash_key) == self.desk
        self.member = joined(site.database, self.hash_key, self.desk, "max@paper.example", press)

    def shared(self, person: int | None = None) -> str:
        """The member's page, by a link of a release's mail."""
        return f"{self.site.preferences_path(person or self.member)}/desk"

    def private(self, person: int, minutes_ago: int = 0) -> str:
        """A desk's or a member's page, by a private link."""
        at = dt.datetime.now(dt.UTC) - dt.timedelta(minutes=minutes_ago)
        url = self.site.links.private_url(person, at)
        return f"{httpx.URL(url).path}/desk"

    def every_link_of_a_copy(self) -> list[str]:
        """What a reader of the desk's mail can open."""
        return [
            self.site.unsubscribe_path(self.desk),
            self.site.unsubscribe_path(self.desk, self.site.private),
            self.site.preferences_path(self.desk),
            self.shared(self.desk),
        ]


@pytest.fixture
def desks(site: World) -> DeskWorld:
    """On SQLite."""
    return DeskWorld(site)


@pytest.fixture
def either_desks(either: World) -> DeskWorld:
    """On SQLite, then on PostgreSQL."""
    return DeskWorld(either)


def open_rows(desks: DeskWorld) -> list[tuple[object, ...]]:
    """All of the desk's own subscriptions."""
    return [row for row in desks.site.history() if desks.desk in row[1:2]]


def forms(page: str) -> Iterator[dict[str, list[str]]]:
    """Every form of a page, once for each of its buttons, as a scanner would post it."""
    for form in re.findall(r"<form.*?</form>", page, re.S):
        fields: dict[str, list[str]] = {}
        for name, value in re.findall(r'<input[^>]*name="([^"]*)"[^>]*value="([^"]*)"', form):
            fields.setdefault(name, []).append(value)
        buttons = re.findall(r"<button[^>]*>", form)
        for button in buttons:
            named = re.search(r'name="([^"]*)" value="([^"]*)"', button)
            yield fields | ({named[1]: [named[2]]} if named else {})


def test_a_scanner_that_presses_every_button(either_desks: DeskWorld) -> None:
    """However often it does, on every page of a desk's copy, all subscriptions stay."""
    before = either_desks.site.history()
    with either_desks.site.client() as client:
        for path in either_desks.every_link_of_a_copy():
            page = client.get(path)
            assert page.status_code == 200
            pressed = list(forms(page.text))
            assert pressed
            for form in pressed * 2:
                answer = client.post(path, data=form)
                assert answer.status_code == 200
                assert list(forms(answer.text))
            assert client.head(path).status_code == 200
    assert either_desks.site.history() == before
    kinds = notices_to(either_desks.site.database, KEEPER_ADDRESS)
    assert kinds == [("desk-link", {"why": "made"})] + [("desk-link", {"why": "stop"})] * 2
    assert notices_to(either_desks.site.database, DESK_ADDRESS) == []


@pytest.mark.parametrize(
    "form",
    [
        {"do": "save", "shown": ["press", "europe"]},
        {"do": "stop-all"},
        {"do": "private-link"},
        {"stop": ["press", "europe"]},
        {"do": "leave", "desk": "1"},
        {"do": "remove", "member": "1"},
        {"do": "invite", "address": "evil@example.com"},
        {},
    ],
)
def test_forms_that_are_not_on_the_page(desks: DeskWorld, form: dict[str, str | list[str]]) -> None:
    """Whoever makes a form by hand, seal and all, changes nothing and has nothing mailed."""
    before = desks.site.history()
    with desks.site.client() as client:
        for path in desks.every_link_of_a_copy():
            seal = seal_of(client.get(path).text)
            assert client.post(path, data=form | {"seal": seal}).status_code == 422
    assert desks.site.history() == before
    assert len(notices_to(desks.site.database, KEEPER_ADDRESS)) == 1
    assert notices_to(desks.site.database, "evil@example.com") == []


def test_an_undo_by_a_reader(desks: DeskWorld) -> None:
    """The keeper's own "Undo" is no good on the page of a copy."""
    with desks.site.client() as client:
        path = desks.site.preferences_path(desks.desk)
        token = Keyring([KEY]).sign(Purpose.UNDO, desks.desk, 1)
        seal = seal_of(client.get(path).text)
        answer = client.post(path, data={"seal": seal, "do": "undo", "undo": token})
    assert answer.status_code == 422


def test_one_click_by_hand(either_desks: DeskWorld) -> None:
    """A desk's mail offers none, so whoever makes one is refused; nothing ends."""
    before = either_desks.site.history()
    with either_desks.site.client() as client:
        path = either_desks.site.unsubscribe_path(either_desks.desk)
        answer = client.post(path, content=ONE_CLICK, headers=URLENCODED)
        assert answer.status_code == 403
        assert answer.headers["content-type"].startswith("text/plain")
        assert "only the keeper" in answer.text
        assert either_desks.site.history() == before
        member = either_desks.site.unsubscribe_path(either_desks.member)
        assert client.post(member, content=ONE_CLICK, headers=URLENCODED).status_code == 200
    assert either_desks.site.followed(either_desks.member) == set()
    assert either_desks.site.followed(either_desks.desk) == {"press", "europe", "desk"}


def test_the_page_of_a_copy_reveals_nothing(desks: DeskWorld) -> None:
    """No address in full, no name, no keeper, no member and no list; forms from elsewhere fail."""
    with desks.site.client() as client:
        for path in desks.every_link_of_a_copy():
            page = client.get(path).text
            for secret in (DESK_ADDRESS, KEEPER_ADDRESS, "City desk", "max@", "Accredited"):
                assert secret not in page
            assert "d•••@paper.example" in page
            assert f"{desks.site.settings.public_url}/subscribe" in page
            form = {"seal": seal_of(page), "do": "ask-keeper"}
            refused = client.post(path, data=form, headers={"Origin": "https://evil.example"})
            assert refused.status_code == 403
            assert client.post(path, data=form | {"seal": "x"}).status_code == 422
    assert len(notices_to(desks.site.database, KEEPER_ADDRESS)) == 1


def test_asking_the_keeper(desks: DeskWorld) -> None:
    """One press asks; too many are told that the keeper was asked already."""
    with desks.site.client() as client:
        path = desks.site.preferences_path(desks.desk)
        said = []
        for _ in range(4):
            form = {"seal": seal_of(client.get(path).text), "do": "ask-keeper"}
            said.append("already" in client.post(path, data=form).text)
    assert said == [False, False, True, True]


def test_a_member_chooses_and_undoes(either_desks: DeskWorld) -> None:
    """What is ticked comes through the desk; by a shared link the member is told by mail."""
    site, path = either_desks.site, either_desks.shared()
    with site.client() as client:
        assert f'href="{path}"' in client.get(site.preferences_path(either_desks.member)).text
        page = client.get(path).text
        assert "City desk" not in page
        assert "Accredited" not in page
        assert page.count(" checked") == 1
        form = next(forms(page)) | {"list": ["europe"]}
        saved = client.post(path, data=form)
        assert saved.status_code == 200
        assert "You now get <strong><bdi>Europe</bdi></strong>." in saved.text
        assert site.followed(either_desks.member) == {"europe"}
        undo = {"seal": seal_of(saved.text), "do": "undo", "undo": undo_of(saved.text)}
        assert client.post(path, data=undo).status_code == 200
        again = client.post(path, data=undo | {"undo": Keyring([KEY]).sign(Purpose.UNDO, 1, 1)})
        assert again.status_code == 404
    assert site.followed(either_desks.member) == {"press"}
    with site.database.reading() as session:
        entries = session.scalars(
            sa.select(Consent.id).where(Consent.subscriber_id == either_desks.member)
        ).all()
    told = notices_to(site.database, "max@paper.example")[1:]
    assert told == [("changed", {"entry_id": entry}) for entry in sorted(entries)[1:]]


def test_a_member_leaves(either_desks: DeskWorld) -> None:
    """Nothing comes through the desk any more, the desk's own mail stays; "Undo" takes it back."""
    site, path = either_desks.site, either_desks.shared()
    before = open_rows(either_desks)
    with site.client() as client:
        leaving = next(one for one in forms(client.get(path).text) if one.get("do") == ["leave"])
        left = client.post(path, data=leaving)
        assert "You have left this desk." in left.text
        assert "No desk forwards anything to you." in left.text
        assert site.followed(either_desks.member) == set()
        assert client.post(path, data=leaving).status_code == 422
        undo = {"seal": seal_of(left.text), "do": "undo", "undo": undo_of(left.text)}
        assert "Leave this desk" in client.post(path, data=undo).text
    assert site.followed(either_desks.member) == {"press"}
    assert open_rows(either_desks) == before


def test_by_a_private_link_the_desk_is_named(desks: DeskWorld) -> None:
    """Its name says where somebody works: that is for themselves; and no mail tells of changes."""
    with desks.site.client() as client:
        path = desks.private(desks.member)
        page = client.get(path).text
        assert "City desk" in page
        assert "max@paper.example" in page
        client.post(path, data=next(forms(page)) | {"list": ["europe"]})
    assert desks.site.followed(desks.member) == {"europe"}
    assert len(notices_to(desks.site.database, "max@paper.example")) == 1


def test_what_was_not_offered(desks: DeskWorld) -> None:
    """A list that the desk does not forward, another's desk, another action: nothing changes."""
    before = desks.site.history()
    with desks.site.client() as client:
        path = desks.shared()
        form = next(forms(client.get(path).text))
        for wrong in (
            {"list": ["desk"]},
            {"list": ["travel"]},
            {"list": ["pool"]},
            {"desk": ["1"]},
            {"desk": []},
        ):
            assert client.post(path, data=form | wrong).status_code == 422
        assert client.post(path, data=form | {"do": ["invite"]}).status_code == 400
        assert client.post(path, data=form | {"seal": ["x"]}).status_code == 422
        foreign = client.post(path, data=form, headers={"Sec-Fetch-Site": "cross-site"})
        assert foreign.status_code == 403
        stranger = desks.shared(desks.site.jo)
        assert "No desk forwards anything" in client.get(stranger).text
        seal = seal_of(client.get(desks.site.preferences_path()).text)
        assert "/desk" not in client.get(desks.site.preferences_path()).text
        assert client.post(stranger, data=form | {"seal": [seal]}).status_code == 422
        assert client.get(desks.shared(10**6)).status_code == 404
        for wrong_token in ("x", "a" * 60):
            assert client.get(f"/p/{wrong_token}/desk").status_code == 404
            assert client.post(f"/p/{wrong_token}/desk").status_code == 404
        assert client.put(path).status_code == 405
    assert desks.site.history() == before


def test_changes_by_a_shared_link_are_limited(desks: DeskWorld) -> None:
    """Each is told by mail, so that there are so many in an hour and no more."""
    with desks.site.client() as client:
        path = desks.shared()
        statuses = []
        for number in range(11):
            wanted = ["europe"] if number % 2 else ["press", "europe"]
            form = next(forms(client.get(path).text)) | {"list": wanted}
            statuses.append(client.post(path, data=form).status_code)
    assert statuses == [200] * 10 + [429]


def test_a_keeper_invites_and_removes(either_desks: DeskWorld) -> None:
    """By the desk's private link: members by address, an invitation, a removal."""
    site, path = either_desks.site, either_desks.private(either_desks.desk)
    before = open_rows(either_desks)
    with site.client() as client:
        page = client.get(path).text
        assert "Members of <bdi>City desk</bdi>" in page
        assert "max@paper.example" in page
        form = {"seal": seal_of(page), "do": "invite", "address": " Ann@paper.example "}
        sent = client.post(path, data=form)
        assert (sent.status_code, "has a week to accept" in sent.text) == (200, True)
        assert "Invited on" in sent.text
        assert "less than an hour ago" in client.post(path, data=form).text
        member = client.post(path, data=form | {"address": "max@paper.example"})
        assert "is a member already" in member.text
        for wrong in ("", "ann", "a@b@c", DESK_ADDRESS):
            refused = client.post(path, data=form | {"address": wrong})
            assert refused.status_code == 422
            assert '<a href="#address">' in refused.text
        (member_id,) = re.findall(r'name="member" value="(\d+)".*?max@paper', page)
        removing = {"seal": seal_of(page), "do": "remove", "member": member_id}
        assert "Nothing more is forwarded to" in client.post(path, data=removing).text
        assert "They were removed before." in client.post(path, data=removing).text
        for wrong in ("x", "", "9" * 30):
            assert client.post(path, data=removing | {"member": wrong}).status_code == 400
        assert client.post(path, data=removing | {"do": "leave"}).status_code == 400
        assert client.post(path, data=removing | {"seal": "x"}).status_code == 422
    assert site.followed(either_desks.member) == set()
    assert [kind for kind, _ in notices_to(site.database, "Ann@paper.example")] == [
        "desk-invitation"
    ]
    assert open_rows(either_desks) == before


def test_a_keeper_of_one_desk_is_none_of_another(desks: DeskWorld) -> None:
    """A member of somebody else's desk is not removed."""
    other = make_desk(desks.site.database, desks.hash_key, "other@paper.example")
    with desks.site.database.reading() as session:
        member_id = session.scalars(sa.select(DeskMember.id)).one()
    with desks.site.client() as client:
        path = desks.private(other)
        form = {"seal": seal_of(client.get(path).text), "do": "remove", "member": str(member_id)}
        assert "They were removed before." in client.post(path, data=form).text
    assert desks.site.followed(desks.member) == {"press"}


def test_a_private_link_of_yesterday(desks: DeskWorld) -> None:
    """It shows nothing, changes nothing, and leads to where a new one can be had."""
    with desks.site.client() as client:
        path = desks.private(desks.desk, minutes_ago=24 * 60 + 1)
        assert client.get(path).headers["location"] == path.removesuffix("/desk")
        form = {"do": "invite", "address": "evil@example.com"}
        assert client.post(path, data=form).status_code == 303
    assert notices_to(desks.site.database, "evil@example.com") == []


def test_a_suppressed_address_is_told_nowhere(desks: DeskWorld) -> None:
    """What a keeper reads of an address that must not be mailed is what they read of others."""
    answers = []
    with desks.site.database.transaction() as session:
        session.execute(
            sa.text("INSERT INTO suppression (address_hash, reason, created_at) "
                    "SELECT address_hash, 'complaint', created_at FROM subscriber WHERE id = :id"),
            {"id": desks.member},
        )  # fmt: skip
        session.execute(
            sa.update(DeskMember).values(state="ended", ended_at=dt.datetime.now(dt.UTC),
                                         invited_at=dt.datetime(2026, 1, 1, tzinfo=dt.UTC))
        )  # fmt: skip
    with desks.site.client() as client:
        path = desks.private(desks.desk)
        form = {"seal": seal_of(client.get(path).text), "do": "invite"}
        for address in ("max@paper.example", "new@paper.example"):
            answer = client.post(path, data=form | {"address": address})
            box = re.search(r'<div class="box".*?</div>', answer.text, re.S)
            assert box is not None
            answers.append(box.group().replace(address, "…"))
    assert answers[0] == answers[1]
    assert len(notices_to(desks.site.database, "max@paper.example")) == 1


@pytest.mark.browser
def test_everybody_can_use_the_pages(browser: Browser, desks: DeskWorld) -> None:
    """No violation of WCAG 2.2 AA, and nothing cut off at 360 px, in English and in Arabic."""
    copy, *_ = desks.every_link_of_a_copy()
    paths = [copy, desks.shared(), desks.private(desks.member), desks.private(desks.desk)]
    found: list[str] = []
    for language in ("en", "ar"):
        with desks.site.database.transaction() as session:
            session.execute(sa.update(Subscriber).values(language=language))
        context = browser.new_context(
            base_url=desks.site.url, viewport={"width": 360, "height": 800}
        )
        page = context.new_page()
        for path in paths:
            page.goto(path)
            found += violations(page)
            assert page.evaluate("document.documentElement.scrollWidth") <= 360, path
        context.close()
    assert found == []


def test_a_keeper_changes_what_the_desk_gets(either_desks: DeskWorld) -> None:
    """By the private link; what is forwarded follows, and "Undo" brings both back."""
    site = either_desks.site
    path = either_desks.private(either_desks.desk).removesuffix("/desk")
    with site.client() as client:
        page = client.get(path).text
        assert f'href="{path}/desk"' in page
        stopped = client.post(path, data={"seal": seal_of(page), "do": "stop-all"})
        assert stopped.status_code == 200
        assert site.followed(either_desks.desk) == site.followed(either_desks.member) == set()
        undo = {"seal": seal_of(stopped.text), "do": "undo", "undo": undo_of(stopped.text)}
        assert client.post(path, data=undo).status_code == 200
    assert site.followed(either_desks.desk) == {"press", "europe", "desk"}
    assert site.followed(either_desks.member) == {"press"}
    assert notices_to(site.database, DESK_ADDRESS) == []


def test_a_new_private_link_goes_to_the_keeper(desks: DeskWorld) -> None:
    """Whoever asks with the keeper's link of last week gets nothing: the keeper does."""
    path = desks.private(desks.desk, minutes_ago=7 * 24 * 60).removesuffix("/desk")
    with desks.site.client() as client:
        page = client.get(path)
        assert DESK_ADDRESS not in page.text
        form = {"seal": seal_of(page.text), "do": "private-link"}
        assert client.post(path, data=form).status_code == 200
    assert notices_to(desks.site.database, KEEPER_ADDRESS)[-1] == ("private-link", {})
    assert notices_to(desks.site.database, DESK_ADDRESS) == []

"""A subscriber's own data, by a private link: another address, a download, erasure."""

import datetime as dt
import json

import httpx
import sqlalchemy as sa

from runtime.database import read_clock
from subscribers.consents import Via
from subscribers.merging import merge
from subscribers.models import Subscriber, Suppression
from subscribers.record_models import AddressChange, Consent, MergedSubscriber, Notice, SignUp
from subscribers.undo import Undo
from tests.support.people import suppress
from tests.web.test_private_links import press
from tests.web.world import World, seal_of
from web.forms import Seals


def ask(
    site: World, client: httpx.Client, address: str, person: int | None = None
) -> httpx.Response:
    """Ask for another address on the private page."""
    path = site.private_path(person)
    return press(client, path, client.get(path).text, "change-address", address=address)


def newest(site: World) -> str:
    """The path of the newest change's link, a minute after it was mailed."""
    with site.database.transaction() as session:
        before = read_clock(session) - dt.timedelta(minutes=1)
        session.execute(sa.update(AddressChange).values(created_at=before))
        change_id = session.scalar(sa.select(sa.func.max(AddressChange.id)))
    assert change_id is not None
    return site.links.address_url(change_id).removeprefix(site.links.base_url)


def confirm(client: httpx.Client, path: str) -> httpx.Response:
    """Press the button of a link at the new address."""
    return client.post(path, data={"seal": seal_of(client.get(path).text)})


def test_an_address_changes_when_the_new_one_confirms(either: World) -> None:
    """Asking changes nothing; confirming does, tells the old address, and can be undone there."""
    with either.client() as client:
        asked = ask(either, client, "jo@paper.example")
        assert asked.status_code == 200
        assert "jo@paper.example" in asked.text
        path = either.links.address_url(1).removeprefix(either.links.base_url)
        assert confirm(client, path).status_code == 422
        assert either.person().address == "jo@example.com"
        path = newest(either)
        assert client.get(path).status_code == 200
        assert either.person().address == "jo@example.com"
        done = confirm(client, path)
        assert done.status_code == 200
        assert "Our mails come to your new address" in done.text
        person = either.person()
        assert (person.address, person.address_key) == ("jo@paper.example", "jo@paper.example")
        assert confirm_again(client, path, either).status_code == 200
        kinds = [kind for kind, _ in either.notices()]
        assert kinds == ["confirm-address", "address-changed"]
        entry = either.notices()[-1][1]["entry_id"]
        undo = either.links.undo_url(Undo(either.jo, entry)).removeprefix(either.links.base_url)
        page = client.get(undo).text
        assert "Your address was changed." in page
        assert "jo@" not in page
        assert "Undone." in client.post(undo, data={"seal": seal_of(page)}).text
        back = either.person()
        assert (back.address, back.address_hash) != (person.address, person.address_hash)
        assert (back.address, back.address_key) == ("jo@example.com", "jo@example.com")
        assert client.get(path).status_code == 409
    with either.database.reading() as session:
        assert sorted(session.scalars(sa.select(Notice.address))) == [
            "jo@example.com",
            "jo@paper.example",
        ]


def confirm_again(client: httpx.Client, path: str, site: World) -> httpx.Response:
    """Post a second time, when the page has no form any more."""
    return client.post(path, data={"seal": Seals(site.settings.signing_keys).seal(path)})


def test_asking_says_nothing_of_whose_an_address_is(either: World) -> None:
    """The same page for an address of somebody, of nobody, and of one that is suppressed."""
    with either.database.transaction() as session:
        suppress(session, session.get_one(Subscriber, either.ali))
    with either.client() as client:
        known = ask(either, client, "ali@example.com")
        unknown = ask(either, client, "new@example.com")
        assert known.status_code == unknown.status_code == 200
        assert known.text.replace("ali@", "new@") == unknown.text
        newest(either)
        with either.database.reading() as session:
            first = session.scalar(sa.select(sa.func.min(AddressChange.id))) or 0
        path = either.links.address_url(first).removeprefix(either.links.base_url)
        assert confirm(client, path).status_code == 409
    assert either.person().address == "jo@example.com"
    assert either.person(either.ali).address == "ali@example.com"


def test_three_changes_an_hour(either: World) -> None:
    """A fourth is refused; what is no address, or theirs already, says so beside the field."""
    with either.client() as client:
        for typed in ("nobody", "jo@example.com"):
            answer = ask(either, client, typed)
            assert answer.status_code == 422
            assert 'href="#address"' in answer.text
        for number in range(3):
            assert ask(either, client, f"jo{number}@example.com").status_code == 200
        assert ask(either, client, "jo9@example.com").status_code == 429
    assert len(either.notices()) == 3


def test_two_addresses_of_one_person_become_one(either: World) -> None:
    """Confirmed at an address that is known: both were theirs. Old links work for the one."""
    with either.client() as client:
        old = either.unsubscribe_path(either.ali, either.single)
        ask(either, client, "ali@example.com")
        assert confirm(client, newest(either)).status_code == 200
        assert either.person().address == "ali@example.com"
        with either.database.reading() as session:
            assert session.get(Subscriber, either.ali) is None
            found = session.get_one(MergedSubscriber, either.ali)
            assert found.into_id == either.jo
        assert "press" in either.followed()
        page = client.get(old)
        assert page.status_code == 200
        one_click = client.post(old, data={"List-Unsubscribe": "One-Click"})
        assert one_click.status_code == 200
        assert "press" not in either.followed()
        assert client.get(either.preferences_path(either.ali)).status_code == 200


def test_a_forwarded_mail_gives_no_data(site: World, client: httpx.Client) -> None:
    """The shared view neither exports, nor erases, nor changes an address."""
    path = site.preferences_path()
    page = client.get(path).text
    for do in ("change-address", "download", "erase", "erase-really"):
        assert press(client, path, page, do, address="x@example.com").status_code == 400
    assert site.person().address == "jo@example.com"
    assert site.notices() == []


def test_the_download_has_everything(either: World) -> None:
    """A file with the person, their lists, log, notices and what was merged into them."""
    with either.database.transaction() as session:
        merge(session, either.jo, either.ali, Via("a test"))
    with either.client() as client:
        ask(either, client, "jo@paper.example")
        path = either.private_path()
        answer = press(client, path, client.get(path).text, "download")
    assert answer.headers["content-disposition"] == 'attachment; filename="your-data.json"'
    assert answer.headers["cache-control"] == "no-store"
    told = json.loads(answer.text)
    assert told["subscriber"]["address"] == "jo@example.com"
    assert {one["title"] for one in told["subscriptions"]} >= {"Press releases", "Europe"}
    assert [one["what"] for one in told["consent_log"]] == ["merge"]
    assert [one["address"] for one in told["address_changes"]] == ["jo@paper.example"]
    assert [one["kind"] for one in told["notices"]] == ["confirm-address"]
    assert [one["subscriber_id"] for one in told["merged"]] == [either.ali]
    assert told["delivered"] == []
    assert "as of" in told["about"]


def test_erasure_leaves_a_hash(either: World) -> None:
    """Asked once more, then everything goes; old links answer plainly."""
    with either.client() as client:
        ask(either, client, "jo@paper.example")
        path, old = either.private_path(), either.unsubscribe_path()
        page = client.get(path).text
        once_more = press(client, path, page, "erase")
        assert "Erase everything?" in once_more.text
        assert either.person().address == "jo@example.com"
        done = press(client, path, once_more.text, "erase-really")
        assert done.status_code == 200
        assert "Your data is erased" in done.text
        assert client.get(path).status_code == 404
        assert client.get(old).status_code == 200
        assert client.post(old, data={"List-Unsubscribe": "One-Click"}).status_code == 200
        assert client.get(either.preferences_path()).status_code == 404
    with either.database.reading() as session:
        assert session.get(Subscriber, either.jo) is None
        for table in (Consent, AddressChange, SignUp):
            assert session.scalars(sa.select(table)).all() == []
        notice = session.scalars(sa.select(Notice)).one()
        assert (notice.kind, notice.subscriber_id) == ("erased", None)
        suppression = session.scalars(sa.select(Suppression)).one()
        assert (suppression.reason, suppression.note) == ("erased", None)

"""What `/p/TOKEN` promises: exactly what is ticked, told in words, and taken back on request."""

import httpx
import pytest
import sqlalchemy as sa

from subscribers.models import MailingList, Subscriber, Subscription, Suppression
from tests.support.people import add_list, suppress
from tests.web.world import World, seal_of, undo_of

ALL = ["press", "europe", "travel", "desk"]


def form(page: str, lists: list[str], **others: str) -> dict[str, str | list[str]]:
    """The page's form as a browser sends it: these lists ticked, the others shown."""
    return {"seal": seal_of(page), "do": "save", "shown": ALL, "list": lists, **others}


def test_it_shows_what_one_gets(site: World, client: httpx.Client) -> None:
    """Public lists and one's own private ones, ticked where one is on; no other private list."""
    page = client.get(site.preferences_path()).text
    for title in ("Press releases", "Europe", "Travel warnings", "Accredited press"):
        assert title in page
    assert "White pool" not in page
    assert page.count(" checked") == 4  # three lists and the format
    assert "jo@example.com" not in page
    assert "j•••@example.com" in page


def test_saving_and_undoing(either: World) -> None:
    """Lists, format and language change as chosen, are told, and Undo takes all of it back."""
    path = either.preferences_path()
    with either.client() as client:
        page = client.get(path).text
        saved = client.post(
            path, data=form(page, ["press", "travel", "desk"], format="text", language="fr")
        )
        assert saved.status_code == 200
        assert either.followed() == {"press", "travel", "desk"}
        assert "Vous recevez maintenant <strong><bdi>Travel warnings</bdi></strong>." in saved.text
        assert "Vous ne recevez plus <strong><bdi>Europe</bdi></strong>." in saved.text
        assert "texte brut" in saved.text
        again = client.post(
            path,
            data={"seal": seal_of(saved.text), "do": "undo", "undo": undo_of(saved.text)},
        )
    assert again.status_code == 200
    assert either.followed() == {"press", "europe", "desk"}
    with either.database.reading() as session:
        person = session.get_one(Subscriber, either.jo)
        assert (person.language, person.format) == ("en", "html")


def test_looking_changes_nothing(site: World, client: httpx.Client) -> None:
    """Neither GET nor HEAD changes anything."""
    before = site.history()
    assert client.get(site.preferences_path()).status_code == 200
    assert client.head(site.preferences_path()).status_code == 200
    assert site.history() == before


def test_saving_twice(site: World, client: httpx.Client) -> None:
    """The second of two equal posts changes nothing and says so."""
    path = site.preferences_path()
    data = form(client.get(path).text, ["travel"])
    client.post(path, data=data)
    before = site.history()
    assert "Nothing was different" in client.post(path, data=data).text
    assert site.history() == before


def test_stop_all_mail(site: World, client: httpx.Client) -> None:
    """One button ends everything, private lists too, and Undo brings back exactly that."""
    path = site.preferences_path()
    stopped = client.post(path, data={"seal": seal_of(client.get(path).text), "do": "stop-all"})
    assert site.followed() == set()
    assert "Stop all mail" not in stopped.text
    client.post(path, data={"seal": seal_of(stopped.text), "do": "undo",
                            "undo": undo_of(stopped.text)})  # fmt: skip
    assert site.followed() == {"press", "europe", "desk"}


def test_a_private_list_that_is_pending_is_not_offered(site: World, client: httpx.Client) -> None:
    """It is the press office's to confirm, and no reason to lose what is saved."""
    with site.database.transaction() as session:
        pool = session.scalars(sa.select(MailingList).where(MailingList.slug == "pool")).one()
        session.add(
            Subscription(subscriber_id=site.jo, list_id=pool.id, state="pending", source="import")
        )
    path = site.preferences_path()
    page = client.get(path).text
    assert "White pool" not in page
    assert client.post(path, data=form(page, ["travel"])).status_code == 200
    assert site.followed() == {"travel"}
    assert "pending" in {row[3] for row in site.history()}
    client.post(path, data=form(page, []))
    assert "Stop all mail" in client.get(path).text


def test_a_private_list_can_be_left_and_not_joined(site: World, client: httpx.Client) -> None:
    """Who leaves the accredited press cannot come back by a form, and a pool cannot be joined."""
    path = site.preferences_path()
    page = client.get(path).text
    assert client.post(path, data=form(page, ["press", "pool"])).status_code == 400
    assert site.followed() == {"press", "europe", "desk"}
    left = client.post(path, data=form(page, ["press", "europe"])).text
    assert site.followed() == {"press", "europe"}
    assert "Accredited press" not in left.partition("<form method")[2].partition("<fieldset")[2]
    refused = client.post(path, data=form(left, ["press", "europe", "desk"]))
    assert refused.status_code == 400
    assert site.followed() == {"press", "europe"}


def test_what_the_page_did_not_show_stays(site: World, client: httpx.Client) -> None:
    """A list that was joined while the page lay open is not left by saving it."""
    path = site.preferences_path()
    data = form(client.get(path).text, ["press"]) | {"shown": ["press", "travel"]}
    client.post(path, data=data)
    assert site.followed() == {"press", "europe", "desk"}


@pytest.mark.parametrize(
    "wrong", [{"language": "tlh"}, {"format": "pdf"}, {"do": "explode"}, {"do": ""}]
)
def test_values_that_were_not_offered(
    site: World, client: httpx.Client, wrong: dict[str, str]
) -> None:
    """A language, format or action that does not exist: a plain page, 400, nothing changed."""
    path = site.preferences_path()
    data = form(client.get(path).text, ["travel"]) | wrong
    before = site.history()
    assert client.post(path, data=data).status_code == 400
    assert site.history() == before


def test_forms_that_are_not_ours(site: World, client: httpx.Client) -> None:
    """Without a seal the page comes again; from another site it is refused; nothing changes."""
    path = site.preferences_path()
    before = site.history()
    data = form(client.get(path).text, [])
    assert client.post(path, data=data, headers={"Origin": "https://a.example"}).status_code == 403
    assert client.post(path, data=data | {"seal": "x"}).status_code == 422
    one_click = client.post(path, data={"List-Unsubscribe": "One-Click"})
    assert one_click.status_code == 422
    assert site.history() == before


def test_an_unsubscribe_link_opens_no_preferences(site: World, client: httpx.Client) -> None:
    """Nor the other way round."""
    token = site.unsubscribe_path().rpartition("/")[2]
    assert client.get(f"/p/{token}").status_code == 404
    token = site.preferences_path().rpartition("/")[2]
    assert client.get(f"/u/{token}").status_code == 404
    assert client.get(site.preferences_path(10**6)).status_code == 404


def test_a_suppressed_address_stays_suppressed(site: World, client: httpx.Client) -> None:
    """The page says that nothing is sent, and turning lists on does not change it."""
    with site.database.transaction() as session:
        suppress(session, session.get_one(Subscriber, site.jo))
    path = site.preferences_path()
    page = client.get(path).text
    assert "We do not send mail to this address" in page
    client.post(path, data=form(page, ALL))
    with site.database.reading() as session:
        assert session.scalar(sa.select(sa.func.count()).select_from(Suppression)) == 1


def test_hostile_titles_are_text(site: World, client: httpx.Client) -> None:
    """A list's title or description is never markup, in the page or in what was changed."""
    with site.database.transaction() as session:
        add_list(session, "odd", "<b>&%(x)s\u202e", description="<script>")
    path = site.preferences_path()
    page = client.get(path).text
    saved = client.post(path, data=form(page, ["odd"]) | {"shown": ["odd"]}).text
    for text in (page, saved):
        assert "<script" not in text
        assert "&lt;b&gt;&amp;%(x)s" in text
    assert "odd" in site.followed()

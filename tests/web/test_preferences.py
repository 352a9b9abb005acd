"""What `/p/TOKEN` promises: exactly what is ticked, told in words, and taken back on request."""

import datetime as dt
import re

import httpx
import pytest
import sqlalchemy as sa

from subscribers.models import MailingList, Subscriber, Subscription, Suppression
from tests.support.people import add_list, suppress
from tests.web.world import World, seal_of, undo_of

ALL = ["press", "europe", "travel", "desk"]
TODAY = dt.datetime.now(dt.UTC).date()


def form(page: str, lists: list[str], **others: str) -> dict[str, str | list[str]]:
    """The page's form as a browser sends it: these lists ticked, the others shown.

    "desk" is the private list that Jo is on, which the shared view gives another name.
    """
    unnamed = re.search(r'name="shown" value="(_[0-9a-f]+)"', page)
    desk = unnamed.group(1) if unnamed else "desk"
    shown, ticked = ([desk if one == "desk" else one for one in some] for some in (ALL, lists))
    return {"seal": seal_of(page), "do": "save", "shown": shown, "list": ticked, **others}


def day(days: int) -> str:
    """So many days from now, as a date field sends it."""
    return (TODAY + dt.timedelta(days=days)).isoformat()


def test_it_shows_what_one_gets(site: World, client: httpx.Client) -> None:
    """Public lists and one's own private ones, ticked where one is on; no other private list."""
    page = client.get(site.preferences_path()).text
    for title in ("Press releases", "Europe", "Travel warnings", "A list for accredited press"):
        assert page.count(f">{title}</") == 1 or page.count(f">{title}<") == 2
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
    assert "You no longer get a list for accredited press." in left
    assert "A list for accredited press" not in left
    assert client.post(path, data=form(left, ["press", "desk"])).status_code == 400
    refused = client.post(path, data=form(page, ["press", "europe", "desk"]))
    assert refused.status_code == 400
    assert site.followed() == {"press", "europe"}


def test_what_the_page_did_not_show_stays(site: World, client: httpx.Client) -> None:
    """A list that was joined while the page lay open is not left by saving it."""
    path = site.preferences_path()
    data = form(client.get(path).text, ["press"]) | {"shown": ["press", "travel"]}
    client.post(path, data=data)
    assert site.followed() == {"press", "europe", "desk"}


@pytest.mark.parametrize(
    "wrong",
    [{"language": "tlh"}, {"format": "pdf"}, {"often-travel": "hourly"}, {"hour": "24"},
     {"hour": "x"}, {"do": "explode"}, {"do": ""}],
)  # fmt: skip
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
    of_nobody = client.get(site.preferences_path(10**6))
    assert of_nobody.status_code == 404
    assert "This link does not work" in of_nobody.text


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


FIELDS = [
    ({"often-press": "daily"},
     "You now get <strong><bdi>Press releases</bdi></strong> once a day, at 08:00 (UTC).",
     "You now get <strong><bdi>Press releases</bdi></strong> at once."),
    ({"often-europe": "weekly"},
     "You now get <strong><bdi>Europe</bdi></strong> once a week, on Mondays at 08:00 (UTC).",
     "You now get <strong><bdi>Europe</bdi></strong> at once."),
    ({"hour": "7"}, "Your daily and weekly mails now come at 07:00 (UTC).",
     "Your daily and weekly mails now come at the usual hour of each list."),
    ({"timezone": "Asia/Tokyo"}, "Your time zone is now <bdi>Japan – Tokyo</bdi>.",
     "Your time zone is now that of each list."),
    ({"pause": day(20)}, "No mail comes until ", "Mail comes again."),
    ({"name": "Jo Pike"}, "Your name was changed.", "Your name was removed."),
    ({"outlet": "The Gull"}, "Your outlet was changed.", "Your outlet was removed."),
]  # fmt: skip


@pytest.mark.parametrize(("posted", "told", "undone"), FIELDS, ids=lambda one: str(one)[:24])
def test_each_thing_is_saved_told_and_undone(
    either: World, posted: dict[str, str], told: str, undone: str
) -> None:
    """One sentence for each thing, when it is saved and when it is taken back."""
    path = either.preferences_path()
    before = what_is(either)
    with either.client() as client:
        page = client.get(path).text
        saved = client.post(path, data=form(page, ["press", "europe", "desk"], **posted))
        assert saved.status_code == 200
        assert told in saved.text
        assert what_is(either) != before
        again = client.post(
            path, data={"seal": seal_of(saved.text), "do": "undo", "undo": undo_of(saved.text)}
        )
    assert undone in again.text
    assert what_is(either) == before


def what_is(site: World) -> list[object]:
    """All of Jo that a page can change but which lists they are."""
    with site.database.reading() as session:
        often = session.execute(
            sa.select(Subscription.list_id, Subscription.frequency)
            .where(Subscription.subscriber_id == site.jo, Subscription.state == "active")
            .order_by(Subscription.list_id)
        )
        followed = [tuple(row) for row in often]
    jo = site.person()
    return [followed, jo.name, jo.outlet, jo.timezone, jo.digest_hour, jo.paused_until]


def test_a_new_list_comes_as_often_as_chosen(site: World, client: httpx.Client) -> None:
    """Joined and made daily in one go is one sentence; a list that is not ticked has no pace."""
    path = site.preferences_path()
    posted = {"often-travel": "daily", "often-europe": "weekly"}
    saved = client.post(path, data=form(client.get(path).text, ["press", "travel"], **posted)).text
    assert "You now get <strong><bdi>Travel warnings</bdi></strong> once a day, at 08:00" in saved
    assert "You no longer get <strong><bdi>Europe</bdi></strong> and a list for accredited" in saved
    assert "once a week" not in saved


def test_a_pause_begins_at_once_and_ends_with_a_day(either: World) -> None:
    """It ends at midnight where the subscriber is, is shown on top, and can be ended at once."""
    path = either.preferences_path()
    either.set_person(timezone="Asia/Tokyo")
    lists = ["press", "europe", "desk"]
    with either.client() as client:
        client.post(path, data=form(client.get(path).text, lists, pause=day(30)))
        until = either.person().paused_until
        assert until is not None
        assert f"{until:%Y-%m-%d %H:%M}" == f"{day(29)} 15:00"
        page = client.get(path).text
        assert f'name="pause" value="{day(30)}"' in page
        assert "No mail comes until" in page
        same = client.post(path, data=form(page, lists, pause=day(30), timezone="Asia/Tokyo"))
        assert "Nothing was different" in same.text
        moved = client.post(path, data=form(page, lists, pause=day(30), timezone="Europe/Paris"))
        assert "No mail comes until" in moved.text
        until = either.person().paused_until
        back = client.post(path, data=form(page, lists, timezone="Asia/Tokyo"))
        assert "No mail comes until" in back.text
        assert f'name="pause" value="{day(30)}"' in back.text
        assert either.person().paused_until != until
        resumed = client.post(path, data={"seal": seal_of(page), "do": "resume"}).text
        assert "Mail comes again." in resumed
        assert either.person().paused_until is None
        undone = client.post(
            path, data={"seal": seal_of(resumed), "do": "undo", "undo": undo_of(resumed)}
        )
        assert "No mail comes until" in undone.text
        emptied = client.post(path, data=form(page, lists, pause=""))
        assert "Mail comes again." in emptied.text


def test_a_pause_that_is_over_is_none(site: World, client: httpx.Client) -> None:
    """It is shown nowhere, and a page that lay open meanwhile is saved as before."""
    ended = dt.datetime.combine(TODAY, dt.time(), dt.UTC)
    site.set_person(paused_until=ended)
    path = site.preferences_path()
    page = client.get(path).text
    assert "No mail comes until" not in page
    assert 'name="pause" value=""' in page
    for pause in ("", TODAY.isoformat()):
        data = form(page, ["press", "europe", "desk"], pause=pause)
        assert "Nothing was different" in client.post(path, data=data).text
    assert site.person().paused_until == ended


@pytest.mark.parametrize(
    ("posted", "field", "advice"),
    [
        ({"pause": day(0)}, "pause", "Choose a day from "),
        ({"pause": day(-40)}, "pause", "Choose a day from "),
        ({"pause": day(400)}, "pause", "Choose a day from "),
        ({"pause": "next week"}, "pause", f"Enter a date like {day(1)}, or none."),
        ({"timezone": "Mars/Olympus"}, "timezone", "Choose a time zone from the list."),
        ({"name": "x" * 121}, "name", "Enter a name of at most 120 characters."),
        ({"outlet": "x" * 121}, "outlet", "Enter an outlet of at most 120 characters."),
        ({"name": "Jo", "no-name": "1"}, "name", "Either enter a name or have it removed"),
    ],
    ids=lambda one: str(one)[:24],
)
def test_what_is_amiss_is_said_and_nothing_is_lost(
    site: World, client: httpx.Client, posted: dict[str, str], field: str, advice: str
) -> None:
    """A summary on top leads to the field; all that was typed is still there; nothing changed."""
    site.set_person(name="Jo Pike")
    path = site.preferences_path()
    before, history = what_is(site), site.history()
    others = {"often-travel": "weekly", "format": "text", "language": "fr", "hour": "9"}
    data = form(client.get(path).text, ["travel"], **{"outlet": "The Gull", **others, **posted})
    answer = client.post(path, data=data)
    assert answer.status_code == 422
    page = answer.text
    alert = page.partition('role="alert"')[2].partition("</ul>")[0]
    assert f'<a href="#{field}">{advice}' in alert
    assert f'id="fault-{field}">{advice}' in page
    control = re.search(f'<(input|select)[^>]* id="{field}"[^>]*>', page)
    assert control is not None
    assert f"fault-{field}" in control.group()
    assert 'aria-invalid="true"' in control.group()
    for name, value in posted.items():
        assert f'value="{value}"' in page, name
    assert ('value="The Gull"' in page) == ("outlet" not in posted)
    assert re.search(r'value="travel" checked', page)
    assert not re.search(r'value="press" checked', page)
    assert (what_is(site), site.history(), site.notices()) == (before, history, [])


def test_a_page_that_lay_open_keeps_what_was_typed(site: World, client: httpx.Client) -> None:
    """With a seal of yesterday nothing is saved; the same form comes again, to be sent anew."""
    path = site.preferences_path()
    data = form(client.get(path).text, ["travel"], outlet="The Gull") | {"seal": "x"}
    again = client.post(path, data=data)
    assert again.status_code == 422
    assert 'value="The Gull"' in again.text
    assert client.post(path, data=data | {"seal": seal_of(again.text)}).status_code == 200
    assert site.person().outlet == "The Gull"


def test_zones_have_names_in_the_readers_language(site: World, client: httpx.Client) -> None:
    """By country and city, in every language; one that is on no list is shown by its name."""
    site.set_person(site.ali, timezone="US/Eastern")
    arabic = client.get(site.preferences_path(site.ali)).text
    assert '<option value="Africa/Cairo">مصر – القاهرة</option>' in arabic
    assert '<option value="US/Eastern" selected>US/Eastern</option>' in arabic

"""What `/r/SLUG`, the feed and the front page promise: all that is public, and nothing before."""

import datetime as dt
from dataclasses import replace
from xml.etree import ElementTree

import httpx
import pytest

from releases.blocks import Run, Table
from releases.content import Content
from tests.support.samples import ARABIC, NOTE
from tests.web.world import World

NOW = dt.datetime.now(dt.UTC)
EMBARGOED = replace(NOTE, title="Under embargo", embargo=NOW + dt.timedelta(hours=5))
ATOM = "{http://www.w3.org/2005/Atom}"


def entries(client: httpx.Client) -> list[ElementTree.Element]:
    return ElementTree.fromstring(client.get("/feed.atom").content).findall(f"{ATOM}entry")


def seen(site: World, slug: str) -> bool:
    """Whether the release is on the web; page, feed and front page must agree."""
    with site.client() as client:
        page = client.get(f"/r/{slug}")
        urls = [entry.findtext(f"{ATOM}id") for entry in entries(client)]
        front = client.get("/").text
    is_seen = page.status_code == 200
    assert page.status_code in {200, 404}
    assert is_seen == (site.links.release_url(slug) in urls) == (f'href="/r/{slug}"' in front)
    return is_seen


def test_a_release_is_on_the_web(either: World) -> None:
    """What went to a public list can be read by everybody, in the office's words."""
    slug = either.publish(NOTE).slug
    assert seen(either, slug)
    with either.client() as client:
        page = client.get(f"/r/{slug}")
    assert "Northern harbour opens to night ferries" in page.text
    assert "quiet windows" in page.text
    assert page.headers["cache-control"] == "public, max-age=60"
    assert "noindex" not in page.headers["x-robots-tag"]


def test_the_front_page_has_the_releases_own_date(site: World, client: httpx.Client) -> None:
    """The day is the one that the release says, and that of sending only where it says none."""
    site.publish(replace(NOTE, date=dt.date(2019, 1, 29)))
    assert '<time datetime="2019-01-29">January 29, 2019</time>' in client.get("/").text
    site.publish(replace(NOTE, title="Another", date=None))
    assert f'<time datetime="{NOW.date().isoformat()}">' in client.get("/").text


def test_wide_tables_can_be_scrolled_by_keyboard(site: World, client: httpx.Client) -> None:
    """A table's frame can be reached and has a name: its header, or else the headline."""
    bare = Table((), (((Run("21:40"),),),))
    slug = site.publish(replace(NOTE, body=(*NOTE.body, bare))).slug
    page = client.get(f"/r/{slug}").text
    frame = '<div class="scroll" role="region" tabindex="0" aria-label='
    assert page.count(frame) == 2
    assert f'{frame}"{NOTE.title}"' in page
    assert f'{frame}"Line, ' in page


def test_private_lists_are_not_the_public(site: World) -> None:
    """What went to private lists only is nowhere on the web, until it goes to a public one."""
    slug = site.publish(NOTE, "desk").slug
    assert not seen(site, slug)
    site.publish(NOTE, "press", is_again=True)
    assert seen(site, slug)


def test_before_its_time(site: World) -> None:
    """A scheduled release is not there, not even when its time has come and it has not begun."""
    made = site.publish(NOTE, at=NOW + dt.timedelta(hours=1))
    assert not seen(site, made.slug)
    site.set_distribution(made.distribution_id, due_at=NOW - dt.timedelta(hours=3))
    assert not seen(site, made.slug)
    site.set_distribution(made.distribution_id, state="held")
    assert not seen(site, made.slug)
    site.set_distribution(made.distribution_id, state="running")
    assert seen(site, made.slug)


def test_under_embargo(site: World) -> None:
    """A release under embargo is not there, whoever has had it by mail."""
    slug = site.publish(EMBARGOED, "desk").slug
    assert not seen(site, slug)
    made = site.publish(EMBARGOED, "press", at=EMBARGOED.embargo)
    site.set_distribution(made.distribution_id, state="running", due_at=NOW)
    assert not seen(site, slug)


def test_after_the_embargo(site: World) -> None:
    """When the embargo has lifted, what goes to a public list is there."""
    past = replace(EMBARGOED, embargo=NOW - dt.timedelta(hours=1))
    assert seen(site, site.publish(past).slug)


@pytest.mark.parametrize("state", ["paused", "held", "cancelled"])
def test_what_was_stopped_before_anything_went_out(site: World, state: str) -> None:
    """A release whose distribution ended before its first mail is not there; after it, it is."""
    made = site.publish(NOTE)
    site.set_distribution(made.distribution_id, state=state)
    assert not seen(site, made.slug)
    site.add_batch(made.distribution_id, accepted=1, cancelled=9)
    assert seen(site, made.slug)


def test_unknown_and_unpublished_look_the_same(site: World, client: httpx.Client) -> None:
    """Nobody learns from the answer that a release is being prepared."""
    slug = site.publish(NOTE, at=NOW + dt.timedelta(hours=1)).slug
    hidden, unknown = client.get(f"/r/{slug}"), client.get("/r/there-is-no-such-release")
    assert hidden.status_code == unknown.status_code == 404
    assert hidden.text.replace(slug, "") == unknown.text.replace("there-is-no-such-release", "")


def test_a_name_that_no_database_holds(either: World) -> None:
    """An address with a NUL in it is one where nothing is, on either database."""
    with either.client() as client:
        assert client.get("/r/%00").status_code == 404


def test_the_newest_version_that_went_out(site: World, client: httpx.Client) -> None:
    """A correction takes the place of what it corrects, and only once it is public itself."""
    first = replace(NOTE, title="Bridge opens", slug="bridge")
    second = replace(NOTE, title="Bridge opens on Monday", slug="bridge")
    one = site.publish(first)
    site.set_distribution(one.distribution_id, due_at=NOW - dt.timedelta(days=2))
    site.publish(second, "desk")
    assert "Bridge opens</h1>" in client.get("/r/bridge").text
    (before,) = entries(client)
    two = site.publish(second, is_again=True)
    site.set_distribution(two.distribution_id, due_at=NOW - dt.timedelta(days=1))
    assert "Bridge opens on Monday</h1>" in client.get("/r/bridge").text
    (after,) = entries(client)
    assert after.findtext(f"{ATOM}title") == "Bridge opens on Monday"
    assert after.findtext(f"{ATOM}published") == before.findtext(f"{ATOM}published")
    assert after.findtext(f"{ATOM}updated") > before.findtext(f"{ATOM}updated")  # type: ignore[operator]


def test_sending_again_moves_nothing(site: World, client: httpx.Client) -> None:
    """A repeat, or a further list, leaves the feed as it was, to the octet."""
    made = site.publish(NOTE)
    site.set_distribution(made.distribution_id, due_at=NOW - dt.timedelta(days=2))
    before = client.get("/feed.atom")
    site.publish(NOTE, is_again=True)
    after = client.get("/feed.atom", headers={"If-None-Match": before.headers["etag"]})
    assert after.status_code == 304
    assert after.content == b""


def test_the_feed_is_atom(site: World, client: httpx.Client) -> None:
    """The feed has what RFC 4287 asks for, newest first, each release under its own address."""
    for number in range(35):
        made = site.publish(replace(NOTE, title=f"Release {number}", slug=f"r-{number}"))
        site.set_distribution(
            made.distribution_id, due_at=NOW - dt.timedelta(days=1, minutes=-number)
        )
    answer = client.get("/feed.atom")
    assert answer.headers["content-type"].startswith("application/atom+xml")
    feed = ElementTree.fromstring(answer.content)
    assert feed.tag == f"{ATOM}feed"
    for name in ("id", "title", "updated"):
        assert feed.findtext(f"{ATOM}{name}")
    links = {link.get("rel"): link.get("href") for link in feed.findall(f"{ATOM}link")}
    assert links["self"] == site.links.feed_url()
    found = feed.findall(f"{ATOM}entry")
    assert [entry.findtext(f"{ATOM}title") for entry in found] == [
        f"Release {number}" for number in range(34, 4, -1)
    ]
    for entry in found:
        for name in ("id", "title", "updated", "published", "summary", "content"):
            assert entry.findtext(f"{ATOM}{name}")
        moment = dt.datetime.fromisoformat(entry.findtext(f"{ATOM}updated") or "")
        assert moment.tzinfo is not None
        assert entry.find(f"{ATOM}author/{ATOM}name") is not None
        assert entry.find(f"{ATOM}content").get("type") == "html"  # type: ignore[union-attr]
    assert found[0].get("{http://www.w3.org/XML/1998/namespace}lang") == "en"


def test_an_empty_newsroom(site: World, client: httpx.Client) -> None:
    """Before the first release there is a valid feed without entries, and a page that says so."""
    assert entries(client) == []
    assert client.get("/feed.atom").content == client.get("/feed.atom").content
    assert "Nothing has been released yet." in client.get("/").text


def test_hostile_words_are_text(site: World, client: httpx.Client) -> None:
    """What a release says is never markup, in the page or in the feed."""
    odd = Content(
        title="<script>alert(1)</script> & \x07more\ufffe",
        body=NOTE.body,
        office='"><img src=x>',
        language='en" onload="x',
    )
    slug = site.publish(odd).slug
    page = client.get(f"/r/{slug}").text
    assert "<script" not in page
    assert "<img" not in page
    assert 'lang="en&#34; onload' in page
    (entry,) = entries(client)
    assert entry.findtext(f"{ATOM}title") == "<script>alert(1)</script> & more"


def test_the_page_reads_as_the_release_does(site: World, client: httpx.Client) -> None:
    """An Arabic release is marked as Arabic, from right to left, our words in Arabic too."""
    page = client.get(f"/r/{site.publish(ARABIC).slug}").text
    assert '<html lang="ar" dir="rtl">' in page
    assert 'lang="ar" dir="rtl"' in page.partition("<article")[2].partition(">")[0]

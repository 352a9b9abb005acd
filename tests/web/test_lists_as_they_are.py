"""The preference page says of each list what the sign-up page does: heading, pace and hour."""

import re

import httpx
import sqlalchemy as sa

from subscribers.models import MailingList
from tests.web.test_preferences import form
from tests.web.world import World


def test_the_page_says_when_digests_come(site: World, client: httpx.Client) -> None:
    """As usual is an hour and a zone: the list's, while nothing else was chosen."""
    with site.database.transaction() as session:
        session.execute(
            sa.update(MailingList)
            .where(MailingList.slug == "europe")
            .values(timezone="Europe/Brussels", digest_hour=6)
        )
    path = site.preferences_path()
    page = client.get(path).text
    assert '<option value="">As usual: 06:00</option>' in page
    assert '<option value="">As usual: Belgium – Brussels</option>' in page
    assert '"about-often-press">Daily mails come at 08:00 (UTC), weekly' in page
    assert '"about-often-europe">Daily mails come at 06:00 (Brussels time), weekly' in page
    site.set_person(digest_hour=17, timezone="Asia/Tokyo")
    page = client.get(path).text
    assert '<option value="">As usual: 06:00</option>' in page
    assert page.count("Daily mails come at 17:00 (Tokyo time)") == 1
    site.set_person(digest_hour=None, timezone=None)
    saved = client.post(path, data=form(page, ["europe"], **{"often-europe": "weekly"})).text
    assert "once a week, on Mondays at 06:00 (Brussels time)." in saved


def test_headings_and_pace_are_those_of_the_sign_up_page(site: World, client: httpx.Client) -> None:
    """Topics by alphabet, then the others; what a private list is about is for its reader."""
    said = {
        "europe": ("Regions", "about 4 a week"),
        "travel": ("advice <b>", None),
        "desk": ("Secret topic", "hourly"),
    }
    with site.database.transaction() as session:
        for slug, (topic, cadence) in said.items():
            session.execute(
                sa.update(MailingList)
                .where(MailingList.slug == slug)
                .values(topic=topic, cadence=cadence)
            )
    headings = r"<h2>(?:<bdi>)?([^<]+)(?:</bdi>)?</h2>"
    lists = r'name="list" value="(\w+)"'
    sign_up = client.get("/subscribe").text
    shared = client.get(site.preferences_path()).text
    private = client.get(site.private_path()).text
    topics = ["advice &lt;b&gt;", "Regions", "Others"]
    assert re.findall(headings, sign_up) == topics
    assert re.findall(headings, shared)[:3] == topics
    assert re.findall(headings, private)[:4] == [*topics[:2], "Secret topic", "Others"]
    assert re.findall(lists, sign_up) == re.findall(lists, shared)[:3]
    assert re.findall(lists, private) == ["travel", "europe", "desk", "press"]
    for page in (sign_up, shared, private):
        about = "<bdi>All that concerns Europe, about 4 a week</bdi> · <bdi>about 4 a week</bdi>"
        assert about in page
    for secret in ("Secret topic", "hourly"):
        assert secret not in shared
        assert secret in private

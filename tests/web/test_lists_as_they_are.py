"""The preference page says of each list what the sign-up page does: heading, pace and hour."""

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
    assert "Once a day, at 08:00 (UTC)" in page  # press says nothing of its own
    assert "Once a week, on Mondays at 06:00 (Brussels time)" in page
    site.set_person(digest_hour=17, timezone="Asia/Tokyo")
    page = client.get(path).text
    assert '<option value="">As usual: 06:00</option>' in page
    assert page.count('">Once a day, at 17:00 (Tokyo time)</option>') == 4
    site.set_person(digest_hour=None, timezone=None)
    saved = client.post(path, data=form(page, ["europe"], **{"often-europe": "weekly"})).text
    assert "once a week, on Mondays at 06:00 (Brussels time)." in saved

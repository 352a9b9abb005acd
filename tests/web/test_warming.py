"""What is done before the first request: it changes nothing, and needs no database."""

import time
from pathlib import Path

import sqlalchemy as sa

from releases.templating import environment
from runtime.database import Database
from tests.web.world import World, world
from web.pages import make_site
from web.preference_view import zone_options
from web.warming import PATIENCE_SECONDS, warm_up


def test_a_site_is_warm(either: World) -> None:
    """Templates and time zones are there; nobody and nothing has changed."""
    before = (either.history(), either.followed(), either.notices())
    zone_options.cache_clear()
    warm_up(make_site(either.settings, either.database))
    assert zone_options.cache_info().currsize == 6
    cached = {str(name) for _, name in environment().cache or ()}
    assert {"web/preferences.html", "web/unsubscribe.html", "web/subscribe.html"} <= cached
    assert (either.history(), either.followed(), either.notices()) == before


def test_without_a_database(site: World, tmp_path: Path) -> None:
    """It is nobody's business here: the pages say so themselves."""
    nowhere = tmp_path / "no" / "folder"
    warm_up(make_site(site.settings, Database(f"sqlite:///{nowhere}/medianote.db")))
    assert not nowhere.exists()


def test_behind_a_locked_table(postgresql_url: str) -> None:
    """While a table is changed, a process is soon there to say that it lives."""
    changing = sa.text("LOCK TABLE subscriber IN ACCESS EXCLUSIVE MODE")
    with world(postgresql_url) as site:
        fresh = Database(postgresql_url)
        with site.database.transaction() as session:
            session.execute(changing)
            begun = time.monotonic()
            warm_up(make_site(site.settings, fresh))
            assert time.monotonic() - begun < PATIENCE_SECONDS + 10
        fresh.dispose()

"""What is done before the first request: it changes nothing, and needs no database."""

from pathlib import Path

from releases.templating import environment
from runtime.database import Database
from tests.web.world import World
from web.pages import make_site
from web.preference_view import zone_options
from web.warming import warm_up


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

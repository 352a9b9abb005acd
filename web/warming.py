"""What takes a second the first time is done before anybody waits for it."""

import contextlib
import threading
from typing import Final

import sqlalchemy as sa

from releases.acceptance import arrival_of_release
from releases.templating import environment
from runtime.i18n import supported, words
from subscribers.desks import desk_facts
from subscribers.queries import copy, profile
from web.pages import Site
from web.preference_view import zone_options

NOBODY = 0
PATIENCE_SECONDS: Final = 2.0
"""A database that takes longer is away, or locked: that is for each page to find out."""


def warm_up(site: Site) -> None:
    """Load the catalogues and templates, and ask the database what pages ask it, of nobody."""
    for language in supported():
        words(language)
        zone_options(language)
    made = environment()
    for name in made.list_templates(filter_func=lambda name: name.startswith("web/")):
        if name.endswith(".html"):
            made.get_template(name)
    asking = threading.Thread(target=_ask, args=(site,), name="warming", daemon=True)
    asking.start()
    asking.join(PATIENCE_SECONDS)


def _ask(site: Site) -> None:
    # Without the database, or before it is migrated, pages say so themselves.
    with contextlib.suppress(sa.exc.SQLAlchemyError):
        arrival_of_release(site.database, NOBODY)
        with site.database.asking() as session:
            copy(session, NOBODY, NOBODY)
            profile(session, NOBODY)
            desk_facts(session, NOBODY)

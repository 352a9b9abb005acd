"""Takes the pictures of the pages in docs/: `make looks`, or `python -m tests.page_looks FOLDER`.

Nothing is compared by machine: what is ugly is for people to see.
"""

import sys
import tempfile
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

from playwright.sync_api import Browser, Page

from runtime.i18n import words
from runtime.migrations import migrate
from tests.support.browser import chromium
from tests.web.world import World, world


@dataclass(frozen=True)
class Look:
    """One picture: how one comes to the page, how wide, by day or by night, and for whom."""

    name: str
    visit: Callable[[Page, World, int], None]
    width: int
    scheme: Literal["light", "dark"]
    language: Literal["en", "ar"]
    height: int
    """So much of the page from its top; a page that is shorter leaves its ground."""


def sign_up(page: Page, _site: World, _person: int) -> None:
    """The form, with something ticked."""
    page.goto("/subscribe")
    page.get_by_role("checkbox", name="Europe").check()
    page.locator("#address").fill("jo@example.com")
    page.locator("#address").blur()


def sign_up_amiss(page: Page, _site: World, _person: int) -> None:
    """The form, with what is amiss on top."""
    page.goto("/subscribe")
    page.locator("#address").fill("jo at example")
    page.locator("button.main").click()


def preferences(page: Page, site: World, person: int) -> None:
    """What somebody gets, after a change."""
    page.goto(site.preferences_path(person))
    page.get_by_role("checkbox", name="Travel warnings").check()
    page.get_by_role("button", name=_said(site, person, "Save")).click()


def unsubscribe(page: Page, site: World, person: int) -> None:
    """The page that asks."""
    page.goto(site.unsubscribe_path(person))


def stopped(page: Page, site: World, person: int) -> None:
    """The page that says that it is done."""
    unsubscribe(page, site, person)
    page.get_by_role("button", name=_said(site, person, "Stop these mails")).click()


LOOKS = (
    Look("page-sign-up", sign_up, 1280, "light", "en", 1310),
    Look("page-sign-up-phone-dark", sign_up_amiss, 360, "dark", "en", 820),
    Look("page-preferences", preferences, 1280, "dark", "en", 820),
    Look("page-preferences-phone-rtl", preferences, 360, "light", "ar", 820),
    Look("page-unsubscribe-phone", unsubscribe, 360, "light", "en", 760),
    Look("page-unsubscribe-rtl-dark", stopped, 1280, "dark", "ar", 860),
)


def main(folder: Path) -> None:
    """Writes a PNG for each look."""
    folder.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory() as state, chromium() as browser:
        for look in LOOKS:
            url = f"sqlite:///{state}/{look.name}.sqlite"
            migrate(url)
            office = {
                "MEDIANOTE_FROM": "Harbour Press Office <press@harbour.example.org>",
                "MEDIANOTE_POSTAL_ADDRESS": "4 Quay Street, Port Ellis",
                "MEDIANOTE_STATE_DIR": state,
            }
            with world(url, **office) as site:
                _picture(browser, site, look, folder / f"{look.name}.png")


def _picture(browser: Browser, site: World, look: Look, path: Path) -> None:
    context = browser.new_context(
        base_url=site.url,
        viewport={"width": look.width, "height": look.height},
        color_scheme=look.scheme,
        locale=look.language,
        java_script_enabled=False,
    )
    page = context.new_page()
    look.visit(page, site, site.jo if look.language == "en" else site.ali)
    page.evaluate("scrollTo(0, 0)")
    page.screenshot(path=path)
    context.close()


def _said(site: World, person: int, text: str) -> str:
    return words(site.person(person).language).gettext(text)


if __name__ == "__main__":
    main(Path(sys.argv[1]))

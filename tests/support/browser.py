"""Headless Chromium, as people's browsers see our pages and our mail."""

import contextlib
from collections.abc import Iterator

from playwright.sync_api import Browser, sync_playwright

from tests.support.programs import MissingProgramError, find_program

FLAGS = ("--headless", "--no-sandbox", "--disable-gpu", "--disable-background-networking")


@contextlib.contextmanager
def chromium() -> Iterator[Browser]:
    """A browser; the system's, or else the one that Playwright installed."""
    try:
        path: str | None = find_program("chromium", "chromium-browser", "google-chrome")
    except MissingProgramError:
        path = None  # Playwright says how to install its own
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=path, args=FLAGS)
        try:
            yield browser
        finally:
            browser.close()

"""An installation of each flow's own, and its reader, as wide and in the language of a look."""

from collections.abc import Iterator

import pytest
from playwright.sync_api import Browser

from tests.support.browser import chromium
from tests.support.html_standard import HtmlStandard
from tests.web.flows.post_office import LISTS, OFFICE, PostOffice, post_office
from tests.web.flows.reader import OPPOSITES, Inspection, Look, Reader, new_reader


@pytest.fixture(scope="package")
def browser() -> Iterator[Browser]:
    """Headless Chromium, for all flows."""
    with chromium() as browser:
        yield browser


@pytest.fixture(scope="package")
def inspection() -> Iterator[Inspection]:
    """What every page is checked with."""
    with HtmlStandard() as standard:
        yield Inspection(standard)


@pytest.fixture
def office(postgresql_url: str) -> Iterator[PostOffice]:
    """Pages, lists, and a worker, on PostgreSQL."""
    with post_office(postgresql_url) as office:
        yield office


@pytest.fixture(params=OPPOSITES, ids=str)
def look(request: pytest.FixtureRequest) -> Look:
    """Each width, scheme and language; a test may ask for others."""
    chosen: Look = request.param
    return chosen


@pytest.fixture
def reader(
    browser: Browser, look: Look, office: PostOffice, inspection: Inspection
) -> Iterator[Reader]:
    """Whoever does the flow."""
    names = [OFFICE, *LISTS.values(), "City desk", "•••", "@paper.example"]
    reader = new_reader(browser, look, office.url, inspection, names)
    yield reader
    reader.close()

"""An installation of each flow's own, and its reader, as wide and in the language of a look."""

from collections.abc import Iterator

import pytest
from playwright.sync_api import Browser

from tests.support.html_standard import HtmlStandard
from tests.web.flows.post_office import LISTS, OFFICE, PostOffice, post_office
from tests.web.flows.reader import LOOKS, Look, Reader, new_reader


@pytest.fixture(scope="session")
def html_standard() -> Iterator[HtmlStandard]:
    """What checks pages against the HTML standard."""
    with HtmlStandard() as standard:
        yield standard


@pytest.fixture
def office(postgresql_url: str) -> Iterator[PostOffice]:
    """Pages, lists, and a worker, on PostgreSQL."""
    with post_office(postgresql_url) as office:
        yield office


@pytest.fixture(params=LOOKS, ids=str)
def look(request: pytest.FixtureRequest) -> Look:
    """Each look in its turn."""
    chosen: Look = request.param
    return chosen


@pytest.fixture
def reader(
    browser: Browser, look: Look, office: PostOffice, html_standard: HtmlStandard
) -> Iterator[Reader]:
    """Whoever does the flow."""
    names = [OFFICE, *LISTS.values(), "•••", "@paper.example"]
    reader = new_reader(browser, look, office.url, html_standard, names)
    yield reader
    reader.close()

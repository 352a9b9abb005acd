"""A desk's page speaks of the desk, not of its keeper."""

import httpx

from tests.support.desks import DESK_ADDRESS, make_desk
from tests.web.test_private_links import press
from tests.web.world import World

OF_A_PERSON = (
    "your data",
    "my data",
    "about you",
    "you follow",
    "Your data",
    "About you",
    "your address",
    "my address",
    "What you get from us",
)


def test_the_data_is_the_desks(site: World, client: httpx.Client) -> None:
    """Its page, the question before erasure, and the answer after it."""
    desk = make_desk(site.database, site.settings.suppression_key)
    path = site.private_path(desk)
    page = client.get(path).text
    assert "What the desk gets" in page
    assert "Download the desk&#39;s data" in page
    assert "we forget everything about it." in page
    changing = press(client, path, page, "change-address", address="new@paper.example")
    assert "Change the desk&#39;s address" in changing.text
    asked = press(client, path, page, "erase")
    assert f">{DESK_ADDRESS}</bdi> ends, with all that the desk forwards." in asked.text
    erased = press(client, path, asked.text, "erase-really")
    assert "The desk&#39;s data is erased" in erased.text
    for text in (page, changing.text, asked.text, erased.text):
        assert [words for words in OF_A_PERSON if words in text] == []
    own = client.get(site.private_path()).text
    assert [words for words in ("Download your data", "Erase your data") if words not in own] == []

"""Changing what one gets, by the link in a release's mail."""

import datetime as dt

import pytest

from tests.web.flows.post_office import PostOffice, link_in
from tests.web.flows.reader import Reader

pytestmark = pytest.mark.browser
ADDRESS = "ann@paper.example"


@pytest.fixture
def ann(office: PostOffice, reader: Reader) -> str:
    """Ann follows two lists, has a release, and opens its link; her address."""
    office.subscriber(ADDRESS, "press", "europe", language=reader.language)
    office.publish("press", "europe")
    link = link_in(office.newest_to(ADDRESS), reader.says("Change what you get"))
    office.time_passes()
    reader.open(link)
    assert reader.is_at("What you get from us")
    return ADDRESS


def test_changes_and_undo(reader: Reader, office: PostOffice, ann: str) -> None:
    """What was saved is told by mail; "Undo" there takes it back, as it does on the page."""
    for undo_by in ("page", "mail"):
        reader.tick("Europe").uncheck()
        reader.tick("Travel warnings").check()
        reader.labelled("Plain text").check()
        reader.press("Save")
        assert reader.says("Saved.") in reader.said()
        assert office.followed(ann).keys() == {"press", "travel"}
        assert office.row(ann).format == "text"
        if undo_by == "mail":
            reader.open(link_in(office.newest_to(ann), reader.says("Undo")))
            assert reader.is_at("What you get from us was changed")
            office.time_passes()
        reader.press("Undo")
        assert reader.says("Undone.") in reader.said()
        assert office.followed(ann).keys() == {"press", "europe"}
        assert office.row(ann).format == "html"
        # What this queued is delivered, in its order.
        office.newest_to(ann)


def test_language(reader: Reader, office: PostOffice, ann: str) -> None:
    """The page speaks the new language at once, and the next mail does."""
    other = {"en": "ar", "ar": "en"}[reader.language]
    reader.labelled("Language").select_option(other)
    reader.press("Save", then_in=other)
    assert office.row(ann).language == other
    office.publish("press", title="Harbour closes")
    assert office.newest_to(ann)["Content-Language"] == other


def test_pause(reader: Reader, office: PostOffice, ann: str) -> None:
    """While it lasts no release comes; one button ends it."""
    until = dt.datetime.now(dt.UTC).date() + dt.timedelta(days=9)
    reader.labelled("No mail until").fill(until.isoformat())
    reader.press("Save")
    assert reader.says("Saved.") in reader.said()
    ends_at = office.row(ann).paused_until
    assert ends_at is not None
    assert ends_at.date() == until
    office.publish("press", title="Harbour closes")
    had = [mail["Subject"] for mail in office.mails_to(ann)]
    assert had == ["Harbour opens at night", reader.says("What you get from us was changed")]
    reader.open(reader.page.url)
    reader.press("Get mail again now")
    assert office.row(ann).paused_until is None
    office.publish("press", title="Harbour opens again")
    assert "Harbour opens again" in {mail["Subject"] for mail in office.mails_to(ann)}


def test_everything_off(reader: Reader, office: PostOffice, ann: str) -> None:
    """One button ends every list, and "Undo" brings all of them back."""
    reader.press("Stop all mail")
    assert office.followed(ann) == {}
    reader.press("Undo")
    assert office.followed(ann).keys() == {"press", "europe"}


def test_how_often(reader: Reader, office: PostOffice, ann: str) -> None:
    """One list comes once a week, the other at once as before, until it is undone."""
    reader.page.get_by_label(f"{reader.says('How often')}: Europe").select_option("weekly")
    reader.press("Save")
    assert office.followed(ann) == {"press": "at-once", "europe": "weekly"}
    reader.press("Undo")
    assert office.followed(ann) == {"press": "at-once", "europe": "at-once"}

"""Stopping mails, by the link in a release's mail."""

import pytest

from subscribers.leaving import Why
from tests.web.flows.post_office import PostOffice, link_in
from tests.web.flows.reader import Reader

pytestmark = pytest.mark.browser
ADDRESS = "ann@paper.example"


def test_stop_and_undo(reader: Reader, office: PostOffice) -> None:
    """A look ends nothing, a press ends what is ticked, and "Undo" brings it back."""
    office.subscriber(ADDRESS, "press", "europe", "travel", language=reader.language)
    office.publish("press", "europe")
    mail = office.newest_to(ADDRESS)
    link = link_in(mail, reader.says("Stop these mails"))
    assert f"<{link}>" in mail["List-Unsubscribe"]
    office.time_passes()
    reader.open(link)
    assert office.followed(ADDRESS).keys() == {"press", "europe", "travel"}
    for title in ("Europe", "Press releases"):
        reader.tick(title).uncheck()
    reader.press("Stop these mails")
    assert reader.says("Tick at least one of the lists below.") in reader.said("alert")
    reader.tick("Europe").check()
    reader.tick("Press releases").check()
    reader.press("Stop these mails")
    assert reader.says("Stopped.") in reader.said()
    assert office.followed(ADDRESS).keys() == {"travel"}
    reader.press("Tell us")
    reader.page.get_by_role("alert").get_by_role("link").click()
    reader.page.keyboard.press("Space")
    reader.press("Tell us")
    assert reader.says("Thank you.") in reader.said()
    assert office.newest_consent()["why"] == Why.TOO_MUCH
    reader.press("Undo")
    assert reader.says("Undone.") in reader.said()
    assert office.followed(ADDRESS).keys() == {"press", "europe", "travel"}


def test_less_mail(reader: Reader, office: PostOffice) -> None:
    """Instead of stopping, no mail for a month: nobody is taken off a list."""
    office.subscriber(ADDRESS, "press", language=reader.language)
    office.publish("press")
    link = link_in(office.newest_to(ADDRESS), reader.says("Stop these mails"))
    office.time_passes()
    reader.open(link)
    reader.page.locator("button[value=pause]").click()
    reader.look_closely()
    assert reader.says("Saved.") in reader.said()
    assert office.row(ADDRESS).paused_until is not None
    assert office.followed(ADDRESS).keys() == {"press"}
    reader.press("Undo")
    assert office.row(ADDRESS).paused_until is None

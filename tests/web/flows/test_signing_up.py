"""Signing up: from the form by mail to a subscription, and back."""

import pytest

from tests.web.flows.post_office import PostOffice, link_in
from tests.web.flows.reader import EACH_WITH_EACH, Reader

pytestmark = pytest.mark.browser
ADDRESS = "ann@paper.example"


def sign_up(reader: Reader, office: PostOffice, *titles: str) -> None:
    """Fill in the form."""
    reader.open(f"{office.url}/subscribe")
    for title in titles:
        reader.tick(title).check()
    reader.labelled("Your e-mail address").fill(ADDRESS)
    reader.press("Send me a confirmation")


@pytest.mark.parametrize("look", EACH_WITH_EACH, ids=str, indirect=True)
def test_sign_up_confirm_undo(reader: Reader, office: PostOffice) -> None:
    """Nothing comes before the mail's link is confirmed; then it does, and "Undo" ends it."""
    sign_up(reader, office, "Europe", "Press releases")
    assert reader.is_at("Check your mail")
    assert office.followed(ADDRESS) == {}
    reader.open(link_in(office.newest_to(ADDRESS), reader.says("Confirm")))
    assert reader.is_at("Do you want our mails?")
    office.sign_up_was_mailed_just_now()
    reader.press("Yes, send them to me")  # as a program on the mail's way would
    assert reader.says("Please wait ten seconds, then press once more.") in reader.said("alert")
    assert office.followed(ADDRESS) == {}
    office.time_passes()
    reader.press("Yes, send them to me")
    assert reader.says("Thank you.") in reader.said()
    assert office.followed(ADDRESS) == {"europe": "at-once", "press": "at-once"}
    assert office.row(ADDRESS).language == reader.look.language
    office.publish("press")
    assert len(office.mails_to(ADDRESS)) == 2
    office.time_passes()
    reader.press("Undo")
    assert reader.says("Undone.") in reader.said()
    assert office.followed(ADDRESS) == {}

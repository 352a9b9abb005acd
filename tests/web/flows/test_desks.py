"""A desk: from its copy by way of the keeper to a member who accepts, and one who does not."""

import pytest

from tests.support.desks import DESK_ADDRESS, KEEPER_ADDRESS, make_desk
from tests.support.people import HASH_KEY
from tests.web.flows.post_office import PostOffice, link_in
from tests.web.flows.reader import Reader

pytestmark = pytest.mark.browser
ANN, BEN = "ann@paper.example", "ben@paper.example"


@pytest.fixture
def keeper_link(reader: Reader, office: PostOffice) -> str:
    """Any reader of the desk's copy asks its keeper, who has a link by mail."""
    office.subscriber(DESK_ADDRESS, "press", "europe", language=reader.language)
    make_desk(office.database, HASH_KEY)
    office.publish("press")
    reader.open(
        link_in(office.newest_to(DESK_ADDRESS), reader.says("Choose what you get yourself"))
    )
    assert reader.is_at("Several people read this mail")
    office.time_passes()
    reader.press("Ask the keeper")
    link = link_in(office.newest_to(KEEPER_ADDRESS), reader.says("See and change everything"))
    office.time_passes()
    return link


def test_invitations(reader: Reader, office: PostOffice, keeper_link: str) -> None:
    """Who accepts gets what they tick; who does nothing gets nothing, and may be forgotten."""
    reader.open(keeper_link)
    reader.follow("Members of this desk")
    for address in (ANN, BEN):
        reader.labelled("Invite somebody").fill(address)
        reader.press("Send the invitation")
        assert address in reader.said()
    links = {one: link_in(office.newest_to(one), reader.says("Choose")) for one in (ANN, BEN)}
    office.time_passes()
    reader.open(links[ANN])
    reader.press("Accept")
    assert reader.says("Tick at least one of the lists below.") in reader.said("alert")
    reader.tick("Press releases").check()
    reader.press("Accept")
    assert office.followed(ANN).keys() == {"press"}
    reader.open(links[BEN])
    assert not office.is_known(BEN)

    reader.open(keeper_link)
    reader.follow("Members of this desk")
    reader.page.get_by_role("button", name=BEN).click()
    reader.look_closely()
    reader.open(links[BEN])
    assert reader.is_at("This invitation is over")
    office.publish("press", title="Harbour closes")
    assert office.newest_to(ANN)["Subject"] == "Harbour closes"
    assert len(office.mails_to(BEN)) == 1

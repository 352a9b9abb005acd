"""What a private link opens: everything that is known, another address, a file, and the end."""

import datetime as dt
import json

import pytest

from tests.web.flows.post_office import PostOffice, link_in
from tests.web.flows.reader import Reader

pytestmark = pytest.mark.browser
ADDRESS = "ann@paper.example"
NEW = "ann.new@paper.example"


@pytest.fixture
def ann(office: PostOffice, reader: Reader) -> int:
    """Ann, who follows press, and opens a private link that she has asked for; her id."""
    ann = office.subscriber(ADDRESS, "press", language=reader.language)
    office.ask_for_private_link(ann)
    link = link_in(office.newest_to(ADDRESS), reader.says("See and change everything"))
    office.time_passes()
    reader.open(link)
    return ann


def test_a_private_link_by_mail(reader: Reader, office: PostOffice) -> None:
    """The link of a release's mail, which may be passed on, has one sent: it shows everything."""
    office.subscriber(ADDRESS, "press", language=reader.language)
    office.publish("press")
    link = link_in(office.newest_to(ADDRESS), reader.says("Change what you get"))
    office.time_passes()
    reader.open(link)
    assert ADDRESS not in reader.page.content()
    reader.press("Send me a private link")
    assert "a•••@paper.example" in reader.said()
    private = link_in(office.newest_to(ADDRESS), reader.says("See and change everything"))
    office.time_passes()
    reader.open(private)
    assert ADDRESS in reader.page.content()
    reader.labelled("Name").fill("Ann رضا")
    reader.press("Save")
    assert office.row(ADDRESS).name == "Ann رضا"


def test_a_link_that_is_too_old(reader: Reader, office: PostOffice) -> None:
    """It shows nothing, and has a new one sent, which opens."""
    ann = office.subscriber(ADDRESS, "press", language=reader.language)
    reader.open(office.links.private_url(ann, dt.datetime.now(dt.UTC) - dt.timedelta(hours=25)))
    assert reader.is_at("This link is too old")
    reader.press("Send me a new link")
    reader.open(link_in(office.newest_to(ADDRESS), reader.says("See and change everything")))
    assert reader.is_at("What you get from us")


@pytest.mark.usefixtures("ann")
def test_another_address(reader: Reader, office: PostOffice) -> None:
    """The new one's mail confirms it, and the old one's mail undoes it."""
    reader.labelled("Change your address").fill("ann at paper")
    reader.press("Change my address")
    assert reader.says("Enter an e-mail address like name@example.com.") in reader.said("alert")
    reader.labelled("New address").fill(NEW)
    reader.press("Change my address")
    assert NEW in reader.said()
    link = link_in(office.newest_to(NEW), reader.says("Confirm"))
    assert office.row(ADDRESS).address == ADDRESS
    office.time_passes()
    reader.open(link)
    reader.press("Yes, send them here")
    assert office.followed(NEW).keys() == {"press"}
    assert not office.is_known(ADDRESS)
    undo = link_in(office.newest_to(ADDRESS), reader.says("Undo"))
    office.time_passes()
    reader.open(undo)
    reader.press("Undo")
    assert office.followed(ADDRESS).keys() == {"press"}
    assert not office.is_known(NEW)


@pytest.mark.usefixtures("ann")
def test_download(reader: Reader) -> None:
    """The file holds what the database does."""
    with reader.page.expect_download() as download:
        reader.button("Download my data").click()
    assert download.value.suggested_filename == "your-data.json"
    data = json.loads(download.value.path().read_text())
    assert data["subscriber"]["address"] == ADDRESS


@pytest.mark.usefixtures("ann")
def test_erasure(reader: Reader, office: PostOffice) -> None:
    """It is asked for once more; then the rows are gone, and one last mail says so."""
    reader.press("Erase my data")
    assert reader.is_at("Erase everything?")
    assert office.is_known(ADDRESS)
    reader.press("Yes, erase everything")
    assert reader.is_at("Your data is erased")
    assert not office.is_known(ADDRESS)
    assert office.newest_to(ADDRESS)["Subject"] == reader.says("Your data is erased")

"""Keys alone, in a window enlarged to 400 %: everything is reached, and seen when it has the
focus; what a screen reader finds."""

import pytest
from playwright.sync_api import Locator

from tests.web.flows.post_office import PostOffice, link_in
from tests.web.flows.reader import NARROW, Look, Reader

pytestmark = [
    pytest.mark.browser,
    pytest.mark.parametrize("look", [Look(NARROW[0], "light", "en")], ids=str, indirect=True),
]
ADDRESS = "ann@paper.example"
IS_SEEN = """() => {
  const one = document.activeElement;
  const style = getComputedStyle(one);
  const box = one.getBoundingClientRect();
  return parseFloat(style.outlineWidth) >= 3 && style.outlineStyle === "solid"
    && box.top < innerHeight && box.bottom > 0 && box.left < innerWidth && box.right > 0;
}"""


@pytest.fixture
def reader(reader: Reader) -> Reader:
    """Sees 256 pixels of the page's height at a time."""
    reader.page.set_viewport_size({"width": NARROW[0], "height": NARROW[1]})
    return reader


def tab_to(reader: Reader, goal: Locator) -> None:
    """Press Tab until it has the focus; what has it on the way is seen, too."""
    for _ in range(40):
        reader.page.keyboard.press("Tab")
        assert reader.page.evaluate(IS_SEEN), reader.page.evaluate("document.activeElement.id")
        if goal.evaluate("one => one === document.activeElement"):
            return
    raise AssertionError(f"{goal} was not reached")


def press(reader: Reader, name: str) -> None:
    """Go to a button, press Enter, and look at the page that follows."""
    tab_to(reader, reader.button(name))
    with reader.page.expect_navigation():
        reader.page.keyboard.press("Enter")
    reader.look_closely()


def test_sign_up(reader: Reader, office: PostOffice) -> None:
    """What is amiss is read out, each leads to its field; then it is put right and confirmed."""
    keys = reader.page.keyboard
    reader.open(f"{office.url}/subscribe")
    press(reader, "Send me a confirmation")
    assert "Nothing was sent yet." in reader.said("alert")
    to_address, to_lists = reader.page.get_by_role("alert").get_by_role("link").all()
    first_list = reader.page.get_by_role("checkbox").first
    for link, field in (
        (to_address, reader.labelled("Your e-mail address")),
        (to_lists, first_list),
    ):
        link.focus()
        keys.press("Enter")
        assert field.evaluate("one => one === document.activeElement")
    keys.press("Space")
    tab_to(reader, reader.page.get_by_label("With layout"))
    keys.press("ArrowDown")
    tab_to(reader, reader.labelled("Your e-mail address"))
    keys.type(ADDRESS)
    with reader.page.expect_navigation():
        keys.press("Enter")
    assert "#" not in reader.page.url
    reader.look_closely()
    assert reader.is_at("Check your mail")

    reader.open(link_in(office.newest_to(ADDRESS), "Confirm"))
    office.time_passes()
    press(reader, "Yes, send them to me")
    assert office.followed(ADDRESS).keys() == {"europe"}
    assert office.row(ADDRESS).format == "text"
    press(reader, "Undo")
    assert office.followed(ADDRESS) == {}


def test_preferences(reader: Reader, office: PostOffice) -> None:
    """From the mail's link to "Save", to "Undo", and to the end of all mail."""
    office.subscriber(ADDRESS, "press", "europe")
    office.publish("press")
    link = link_in(office.newest_to(ADDRESS), "Change what you get")
    office.time_passes()
    reader.open(link)
    tab_to(reader, reader.tick("Europe"))
    reader.page.keyboard.press("Space")
    press(reader, "Save")
    assert office.followed(ADDRESS).keys() == {"press"}
    press(reader, "Undo")
    assert office.followed(ADDRESS).keys() == {"press", "europe"}
    press(reader, "Stop all mail")
    assert office.followed(ADDRESS) == {}


def test_the_trap_is_for_programs_alone(reader: Reader, office: PostOffice) -> None:
    """No screen reader finds it, and Tab does not; what fills it in is thanked, and ignored."""
    reader.open(f"{office.url}/subscribe")
    trap = reader.page.locator("[name=website]")
    heard = reader.page.locator("body").aria_snapshot()
    assert "Your e-mail address" in heard
    assert "website" not in heard
    assert trap.get_attribute("tabindex") == "-1"
    reader.tick("Europe").check()
    reader.labelled("Your e-mail address").fill(ADDRESS)
    trap.evaluate("one => { one.value = 'https://spam.example'; }")
    reader.press("Send me a confirmation")
    assert reader.is_at("Check your mail")
    assert office.mails_to(ADDRESS) == []

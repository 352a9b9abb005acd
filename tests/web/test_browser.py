"""What people do on the pages, in a real browser: by pointer, by keyboard, narrow and enlarged."""

import datetime as dt
import re
import smtplib
from collections.abc import Callable, Iterator
from typing import Literal

import pytest
from playwright.sync_api import Browser, Page, expect

from tests.support.axe import violations
from tests.support.samples import ARABIC, NOTE
from tests.web.test_outbox_pages import a_mail, send
from tests.web.world import World
from worker.outbox import LocalOutbox
from worker.outbox_host import outbox_folder

pytestmark = pytest.mark.browser
PATHS: dict[str, Callable[[World], str]] = {
    "unsubscribe": lambda site: site.unsubscribe_path(),
    "unsubscribe, one list": lambda site: site.unsubscribe_path(list_set=site.single),
    "unsubscribe, Arabic": lambda site: site.unsubscribe_path(site.ali),
    "preferences": lambda site: site.preferences_path(),
    "preferences, Arabic": lambda site: site.preferences_path(site.ali),
    "preferences, private": lambda site: site.private_path(),
    "preferences, private, Arabic": lambda site: site.private_path(site.ali),
    "preferences, a link too old": lambda site: site.private_path(age_hours=25),
    "release": lambda site: f"/r/{site.publish(NOTE).slug}",
    "release, Arabic": lambda site: f"/r/{site.publish(ARABIC).slug}",
    "front page": lambda site: "/" if site.publish(NOTE) else "",
    "outbox": lambda site: "/outbox",
    "error": lambda site: "/u/x",
}

SCHEMES: tuple[Literal["light", "dark"], ...] = ("light", "dark")


@pytest.fixture
def page(browser: Browser, site: World) -> Iterator[Page]:
    """A page without JavaScript, whose addresses begin at the installation."""
    context = browser.new_context(base_url=site.url, java_script_enabled=False)
    yield context.new_page()
    context.close()


def test_stopping_and_undoing(site: World, page: Page) -> None:
    """One button ends both lists; "Undo" brings them back; nothing needs JavaScript."""
    page.goto(site.unsubscribe_path())
    expect(page).to_have_title(re.compile("Stop these mails"))
    page.get_by_role("button", name="Stop these mails").click()
    status = page.get_by_role("status")
    expect(status).to_contain_text("Mails from Europe and Press releases no longer come to")
    expect(status).to_contain_text("j•••@example.com")
    assert site.followed() == {"desk"}
    page.get_by_role("button", name="Undo").click()
    expect(page.get_by_role("status")).to_contain_text("You now get Europe and Press releases.")
    expect(page.get_by_role("button", name="Stop these mails")).to_be_visible()
    assert site.followed() == {"press", "europe", "desk"}


def test_keeping_one_of_two_lists(site: World, page: Page) -> None:
    """A list that is unticked goes on; a second press on a reloaded page is harmless."""
    page.goto(site.unsubscribe_path())
    page.get_by_label("Press releases").uncheck()
    page.get_by_role("button", name="Stop these mails").click()
    # The answer is there whole, so that reloading interrupts nothing.
    expect(page.get_by_role("button", name="Undo")).to_be_visible()
    page.wait_for_load_state()
    assert site.followed() == {"press", "desk"}
    page.reload()
    assert site.followed() == {"press", "desk"}


def test_forgetting_to_tick(site: World, page: Page) -> None:
    """Nothing ticked: an alert that leads to the lists."""
    page.goto(site.unsubscribe_path())
    for title in ("Europe", "Press releases"):
        page.get_by_label(title).uncheck()
    page.get_by_role("button", name="Stop these mails").click()
    expect(page.get_by_role("alert")).to_contain_text("Tick at least one of the lists below.")
    assert len(site.followed()) == 3


def test_a_pause_instead(site: World, page: Page) -> None:
    """Below the one button another one pauses all mail for a month; it says so, with undo."""
    page.goto(site.unsubscribe_path(list_set=site.single))
    button = page.get_by_role("button", name="No mail until")
    expect(button).to_have_accessible_description(re.compile("A month without any mail"))
    button.press("Enter")
    expect(page.get_by_role("status")).to_contain_text("No mail comes until")
    assert len(site.followed()) == 3
    page.get_by_role("button", name="Undo").press("Enter")
    assert site.person().paused_until is None


def test_saying_why(site: World, page: Page) -> None:
    """Asked only after the mails have stopped; the undo stays beside the thanks."""
    page.goto(site.unsubscribe_path())
    expect(page.get_by_role("radio")).to_have_count(0)
    page.get_by_role("button", name="Stop these mails").press("Enter")
    why = page.get_by_role("group", name="Would you tell us why?")
    why.get_by_label("I have changed jobs.").check()
    page.get_by_label("In your own words").fill("I write for the Gull now")
    page.get_by_role("button", name="Tell us").press("Enter")
    expect(page.get_by_role("status")).to_contain_text("Thank you.")
    page.get_by_role("button", name="Undo").press("Enter")
    assert site.followed() == {"press", "europe", "desk"}


def tab_to(page: Page, name: str, value: str | None = None) -> None:
    """Press Tab until the field of this name has the focus; the order is that of the page."""
    for _ in range(12):
        page.keyboard.press("Tab")
        # Not `:focus`: a date field's parts have the focus one by one, and no such selector.
        found = page.evaluate("[document.activeElement.name, document.activeElement.value]")
        if found[0] == name and value in (None, found[1]):
            return
    raise AssertionError(f"{name} was not reached")


def test_preferences_by_keyboard_alone(site: World, page: Page) -> None:
    """Tab, space, arrows and Enter reach and change everything, with a focus one can see."""
    page.goto(site.preferences_path())
    keys = page.keyboard
    tab_to(page, "list", "europe")
    keys.press("Space")
    tab_to(page, "list", "travel")
    keys.press("Space")
    tab_to(page, "format")
    keys.press("ArrowDown")
    tab_to(page, "name")
    keys.type("Jo")
    tab_to(page, "do", "save")
    page.keyboard.press("Enter")
    expect(page.get_by_role("status")).to_contain_text(
        "You now get Travel warnings. You no longer get Europe. "
        "Your mails now come as plain text. Your name was changed."
    )
    assert site.followed() == {"press", "travel", "desk"}
    page.get_by_role("button", name="Undo").press("Enter")
    assert site.followed() == {"press", "europe", "desk"}


def contrast(one: list[float], other: list[float]) -> float:
    """The contrast ratio of two colours, 0 to 255 each (WCAG 2.2)."""

    def luminance(colour: list[float]) -> float:
        parts = [part / 255 for part in colour]
        red, green, blue = (
            part / 12.92 if part <= 0.04045 else ((part + 0.055) / 1.055) ** 2.4 for part in parts
        )
        return 0.2126 * red + 0.7152 * green + 0.0722 * blue

    low, high = sorted((luminance(one), luminance(other)))
    return (high + 0.05) / (low + 0.05)


@pytest.mark.parametrize("scheme", SCHEMES)
def test_the_focus_can_be_seen(
    site: World, browser: Browser, scheme: Literal["light", "dark"]
) -> None:
    """By day and by night a part of the focus ring has 3:1 against what is around it."""
    context = browser.new_context(base_url=site.url, color_scheme=scheme)
    page = context.new_page()
    page.goto(site.preferences_path())
    button = page.get_by_role("button", name="Stop all mail")
    button.press("Shift")  # the keyboard is in use, so the focus is shown
    ring, shadow, ground = (
        [float(part) for part in re.findall(r"[\d.]+", colour)[:3]]
        for colour in button.evaluate(
            "one => { const style = getComputedStyle(one); return [style.outlineColor, "
            "style.boxShadow, getComputedStyle(document.body).backgroundColor]; }"
        )
    )
    assert max(contrast(ring, ground), contrast(shadow, ground)) >= 3
    assert contrast(ring, ground) >= 3 or contrast(ring, shadow) >= 3
    context.close()


def test_changing_the_language(site: World, page: Page) -> None:
    """After saving the page speaks the new language."""
    page.goto(site.preferences_path())
    page.get_by_label("Language").select_option("ar")
    page.get_by_role("button", name="Save").click()
    expect(page.locator("html")).to_have_attribute("dir", "rtl")
    expect(page.get_by_role("status")).to_contain_text("العربية")


def test_stopping_everything(site: World, page: Page) -> None:
    """The red button ends all of it, and says what will happen beforehand."""
    page.goto(site.preferences_path())
    button = page.get_by_role("button", name="Stop all mail")
    expect(button).to_have_accessible_description("Ends every list that you follow.")
    button.click()
    assert site.followed() == set()
    page.get_by_role("button", name="Undo").click()
    assert len(site.followed()) == 3


def test_pausing_until_a_day(site: World, page: Page) -> None:
    """The browser's own date field sets it, within what is offered; one button ends it."""
    page.goto(site.preferences_path())
    field = page.get_by_label("No mail until")
    tomorrow = dt.datetime.now(dt.UTC).date() + dt.timedelta(days=1)
    field.fill(tomorrow.isoformat())
    page.get_by_role("button", name="Save").click()
    expect(page.get_by_role("status")).to_contain_text("No mail comes until")
    page.goto(site.preferences_path())
    page.get_by_role("button", name="Get mail again now").click()
    expect(page.get_by_role("status")).to_contain_text("Mail comes again.")
    field.fill("2020-01-01")
    page.get_by_role("button", name="Save").click()
    # The browser itself does not send a day that is not offered.
    assert field.evaluate("one => one.validity.rangeUnderflow")
    assert site.person().paused_until is None


def test_what_is_amiss_leads_to_its_field(site: World, page: Page) -> None:
    """From the summary on top a link moves the focus into the field, which says what is amiss."""
    page.goto(site.preferences_path())
    page.get_by_label("Outlet", exact=True).fill("x" * 130)
    page.get_by_role("button", name="Save").click()
    expect(page).to_have_title(re.compile("Nothing was changed yet."))
    page.get_by_role("alert").get_by_role("link").press("Enter")
    field = page.locator(":focus")
    expect(field).to_have_accessible_name("Outlet")
    expect(field).to_have_accessible_description(re.compile("Enter an outlet of at most"))
    expect(field).to_have_value("x" * 130)


def test_asking_for_a_private_link(site: World, page: Page) -> None:
    """From a forwarded mail's page, and from a link that is too old."""
    page.goto(site.preferences_path())
    page.get_by_role("button", name="Send me a private link").click()
    expect(page.get_by_role("status")).to_contain_text("A private link comes to j•••@example.com")
    page.goto(site.private_path(age_hours=25))
    page.get_by_role("button", name="Send me a new link").click()
    expect(page.get_by_role("status")).to_contain_text("A private link comes to j•••@example.com")
    assert site.notices() == [("private-link", {})] * 2


def test_a_link_tried_from_the_outbox(site: World, page: Page) -> None:
    """From the outbox to the mail, its frame, and the page that its link leads to."""
    mail = a_mail()
    link = f"{site.url}{site.unsubscribe_path()}"
    mail.get_payload()[1].set_content(f"<p>Hello <a href='{link}'>Stop</a></p>", subtype="html")  # type: ignore[index,union-attr]
    with LocalOutbox(outbox_folder(site.settings)) as outbox:
        host, _, port = outbox.url.removeprefix("smtp://").partition(":")
        with smtplib.SMTP(host, int(port), local_hostname="localhost") as client:
            client.send_message(mail)
    page.goto("/outbox")
    page.get_by_role("link", name="Harbour opens").click()
    frame = page.frame_locator("iframe.mail")
    expect(frame.get_by_text("Hello")).to_be_visible()
    page.get_by_role("link", name="Headers").click()
    expect(page.get_by_role("row", name="Subject Harbour opens")).to_be_visible()
    page.get_by_role("link", name="HTML").click()
    link_beside = page.get_by_role("listitem").get_by_role("link", name="Stop")
    # Chromium sends a click that follows a scroll at once to the frame that was there before.
    link_beside.scroll_into_view_if_needed()
    expect(link_beside).to_be_in_viewport()
    link_beside.click()
    expect(page.get_by_role("button", name="Stop these mails")).to_be_visible()


@pytest.mark.parametrize("name", PATHS)
@pytest.mark.parametrize("width", [1280, 360])
def test_pages_fit(site: World, browser: Browser, name: str, width: int) -> None:
    """At desktop and phone width, and enlarged four times, nothing needs scrolling sideways,
    what is pressed is 44 pixels high, and the browser has no complaint."""
    context = browser.new_context(base_url=site.url, viewport={"width": width, "height": 800})
    page = context.new_page()
    complaints: list[str] = []
    page.on("console", lambda message: complaints.append(message.text))
    page.goto(PATHS[name](site))
    for zoom in (1, 4) if width == 1280 else (1,):
        page.set_viewport_size({"width": width // zoom, "height": 800 // zoom})
        assert page.evaluate("document.documentElement.scrollWidth") <= width // zoom
    heights = page.evaluate(
        "[...document.querySelectorAll('button, select, label:has(input), ' +"
        "'input[type=text], input[type=date]')]"
        ".map(one => one.getBoundingClientRect().height)"
    )
    assert all(height >= 44 for height in heights)
    assert [text for text in complaints if "404" not in text] == []
    context.close()


@pytest.mark.parametrize("name", PATHS)
def test_pages_are_accessible(site: World, browser: Browser, name: str) -> None:
    """axe finds no violation of WCAG 2.2 AA, by day or by night."""
    path = PATHS[name](site)
    for scheme in SCHEMES:
        context = browser.new_context(base_url=site.url, color_scheme=scheme)
        page = context.new_page()
        page.goto(path)
        assert violations(page) == []
        context.close()


def test_changed_pages_are_accessible(site: World, browser: Browser) -> None:
    """So are the boxes that say what was changed or is amiss, and a mail in the outbox."""
    send(site, a_mail())
    page = browser.new_page(base_url=site.url)
    page.goto(site.preferences_path())
    page.get_by_role("checkbox", name="Europe").uncheck()
    page.get_by_role("button", name="Save").click()
    assert violations(page) == []
    page.get_by_label("Name", exact=True).fill("x" * 130)
    page.get_by_role("button", name="Save").click()
    assert violations(page) == []
    page.goto(site.unsubscribe_path())
    page.get_by_role("button", name="Stop these mails").click()
    assert violations(page) == []
    page.goto("/outbox")
    page.get_by_role("link", name="Harbour opens").click()
    for part in ("HTML", "Text", "Headers", "Source"):
        page.get_by_role("link", name=part).click()
        assert violations(page) == []
    page.close()

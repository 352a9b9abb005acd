"""Somebody at a browser without JavaScript, every page of whose is looked at closely."""

from dataclasses import dataclass, field
from typing import Any, Literal

from playwright.sync_api import Browser, BrowserContext, Locator, Page, Request, Response, Route

from runtime.i18n import Words, words
from tests.support.axe import violations
from tests.support.html_standard import HtmlStandard

NARROW = {"width": 320, "height": 256}
"""A window of 1280 by 1024 pixels that is enlarged to 400 %."""
# Where a text stands that is not set apart from the text around it.
LOOSE = """names => {
  const found = [];
  const walker = document.createTreeWalker(document.body, NodeFilter.SHOW_TEXT);
  while (walker.nextNode()) {
    const node = walker.currentNode;
    const apart = node.parentElement.closest("bdi, body [dir], option");
    if (!apart && names.some((name) => node.data.includes(name))) found.push(node.data);
  }
  return found;
}"""


@dataclass(frozen=True)
class Look:
    """How wide a browser is, by day or by night, and its reader's language."""

    width: int
    scheme: Literal["light", "dark"]
    language: str

    def __str__(self) -> str:
        """The name of the test's variant."""
        return f"{self.width}-{self.scheme}-{self.language}"


# Each two of their properties meet.
LOOKS = (
    Look(1280, "light", "en"),
    Look(360, "dark", "en"),
    Look(360, "light", "ar"),
    Look(1280, "dark", "ar"),
)


@dataclass
class Shown:
    """A page as the server sent it."""

    url: str
    status: int
    headers: dict[str, str]
    html: str


@dataclass
class Reader:
    """A person; the twin is the same page in a browser with JavaScript, for axe."""

    look: Look
    site_url: str
    context: BrowserContext
    twin_context: BrowserContext
    standard: HtmlStandard
    names: list[str]
    page: Page = field(init=False)
    complaints: list[str] = field(default_factory=list)
    looked_at: list[str] = field(default_factory=list)
    """The headings of the pages that were looked at."""

    def __post_init__(self) -> None:
        self.page = self.context.new_page()
        self._twin = self.twin_context.new_page()
        self._answer: Response | None = None
        self._shown: Shown | None = None
        self.page.on("response", self._keep)
        self._twin.route("**/*", self._answer_twin)
        for context in (self.context, self.twin_context):
            context.on("request", self._note_request)
            context.on("console", lambda said: self._note(said.text))

    @property
    def words(self) -> Words:
        """What speaks the reader's language."""
        return words(self.look.language)

    def open(self, url: str) -> None:
        """Open a link."""
        self.page.goto(url)
        self.look_closely()

    def button(self, name: str) -> Locator:
        """A button by its name, which is given in English."""
        return self.page.get_by_role("button", name=self.words.gettext(name), exact=True)

    def press(self, name: str) -> None:
        """Press a button, and look at the page that follows."""
        self.button(name).click()
        self.look_closely()

    def follow(self, name: str) -> None:
        """Follow a link of the page."""
        self.page.get_by_role("link", name=self.words.gettext(name), exact=True).click()
        self.look_closely()

    def labelled(self, label: str) -> Locator:
        """A field by its label, which is given in English."""
        return self.page.get_by_label(self.words.gettext(label), exact=True)

    def tick(self, title: str) -> Locator:
        """The box of a list."""
        return self.page.get_by_role("checkbox", name=title)

    @property
    def heading(self) -> str:
        """The page's."""
        return self.page.get_by_role("heading", level=1).inner_text()

    def is_at(self, heading: str) -> bool:
        """Whether the page has this heading, which is given in English."""
        return self.heading == self.words.gettext(heading)

    def said(self, role: Literal["status", "alert"] = "status") -> str:
        """What the box on top says; it has the focus, so that it is read out."""
        box = self.page.get_by_role(role)
        assert box.evaluate("one => one === document.activeElement")
        return box.inner_text()

    def look_closely(self) -> None:
        """Nothing is amiss with this page, for whoever looks at it."""
        assert self._answer is not None
        answer = self._answer
        self._shown = Shown(answer.url, answer.status, answer.headers, answer.text())
        assert self.standard.faults(self._shown.html) == []
        self._twin.set_viewport_size({"width": self.look.width, "height": 800})
        self._twin.goto(answer.url)
        assert violations(self._twin) == []
        assert self._twin.evaluate(LOOSE, self.names) == []
        assert self._twin.evaluate("document.documentElement.scrollWidth") <= self.look.width
        self._twin.set_viewport_size(NARROW)
        assert self._twin.evaluate("document.documentElement.scrollWidth") <= NARROW["width"]
        assert self.page.locator("html").get_attribute("lang") == self.look.language
        self.looked_at.append(self.heading)
        assert self.complaints == []

    def close(self) -> None:
        """Close both."""
        self.context.close()
        self.twin_context.close()

    def _keep(self, answer: Response) -> None:
        if answer.request.is_navigation_request():
            self._answer = answer

    def _answer_twin(self, route: Route) -> None:
        shown = self._shown
        if shown is not None and route.request.is_navigation_request():
            route.fulfill(status=shown.status, headers=shown.headers, body=shown.html)
        else:
            route.continue_()

    def _note_request(self, request: Request) -> None:
        if not request.url.startswith((f"{self.site_url}/", "data:")):
            self.complaints.append(f"asked for {request.url}")

    def _note(self, said: str) -> None:
        # A page that says what is amiss has the status 422, which is right, and told here.
        if "server responded with a status of 4" not in said:
            self.complaints.append(said)


def new_reader(
    browser: Browser, look: Look, site_url: str, standard: HtmlStandard, names: list[str]
) -> Reader:
    """A person who looks at the pages like this."""
    options: dict[str, Any] = {
        "viewport": {"width": look.width, "height": 800},
        "color_scheme": look.scheme,
        "locale": look.language,
    }
    return Reader(
        look,
        site_url,
        browser.new_context(java_script_enabled=False, **options),
        browser.new_context(**options),
        standard,
        names,
    )

"""Somebody at a browser without JavaScript, every page of whose is looked at closely."""

import re
from dataclasses import dataclass, field
from typing import Any, Literal

from playwright.sync_api import Browser, BrowserContext, Locator, Page, Request, Response, Route

from runtime.i18n import Words, words
from tests.support.axe import violations
from tests.support.html_standard import HtmlStandard

NARROW = (320, 256)
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


OPPOSITES = (Look(1280, "light", "en"), Look(360, "dark", "ar"))
EACH_WITH_EACH = (
    *(OPPOSITES[0], Look(1280, "dark", "ar")),
    *(Look(360, "light", "ar"), Look(360, "dark", "en")),
)
"""Any two of width, scheme and language meet here."""


# What differs between two pages that are the same to whoever looks at them.
_OWN = re.compile(r"[a-z0-9]{16,}|127\.0\.0\.1:\d+|[0-9a-f]{8}\.[0-9a-f]{32}")


class Inspection:
    """What pages are checked with; a page that was looked at alike already is looked at once."""

    def __init__(self, standard: HtmlStandard) -> None:
        self.standard = standard
        self._seen: set[tuple[Look, str]] = set()

    def is_new(self, look: Look, html: str) -> bool:
        """Whether no such page has been looked at; the next time it has."""
        key = (look, _OWN.sub("", html))
        is_new = key not in self._seen
        self._seen.add(key)
        return is_new


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
    inspection: Inspection
    names: list[str]
    """What must be set apart from the text around it, wherever it stands."""
    page: Page = field(init=False)
    complaints: list[str] = field(default_factory=list)

    def __post_init__(self) -> None:
        self.language = self.look.language
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
        return words(self.language)

    def says(self, sentence: str) -> str:
        """A text of ours in the reader's language, given in English."""
        return self.words.gettext(sentence)

    def open(self, url: str) -> None:
        """Open a link."""
        self.page.goto(url)
        self.look_closely()

    def button(self, name: str) -> Locator:
        """A button by its name, which is given in English."""
        return self.page.get_by_role("button", name=self.says(name), exact=True)

    def press(self, name: str, *, then_in: str | None = None) -> None:
        """Press a button, and look at the page that follows; it may speak another language."""
        self.button(name).click()
        self.language = then_in or self.language
        self.look_closely()

    def follow(self, name: str) -> None:
        """Follow a link of the page."""
        self.page.get_by_role("link", name=self.says(name), exact=True).click()
        self.look_closely()

    def labelled(self, label: str) -> Locator:
        """A field by its label, which is given in English."""
        return self.page.get_by_label(self.says(label), exact=True)

    def tick(self, title: str) -> Locator:
        """The box of a list."""
        return self.page.get_by_role("checkbox", name=title)

    @property
    def heading(self) -> str:
        """The page's."""
        return self.page.get_by_role("heading", level=1).inner_text()

    def is_at(self, heading: str) -> bool:
        """Whether the page has this heading, which is given in English."""
        return self.heading == self.says(heading)

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
        faults = list(self.complaints)
        if self.page.locator("html").get_attribute("lang") != self.language:
            faults.append("speaks another language")
        if self.inspection.is_new(self.look, self._shown.html):
            faults += self._inspect(self._shown)
        assert not faults, (self.heading, faults)

    def _inspect(self, shown: Shown) -> list[str]:
        twin = self._twin
        faults = self.inspection.standard.faults(shown.html)
        twin.set_viewport_size({"width": self.look.width, "height": 800})
        twin.goto(shown.url)
        faults += violations(twin)
        faults += [f"not set apart: {text}" for text in twin.evaluate(LOOSE, self.names)]
        for width, height in ((self.look.width, 800), NARROW):
            twin.set_viewport_size({"width": width, "height": height})
            if twin.evaluate("document.documentElement.scrollWidth") > width:
                faults.append(f"scrolls sideways at {width}")
        return faults + self.complaints

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
    browser: Browser, look: Look, site_url: str, inspection: Inspection, names: list[str]
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
        inspection,
        names,
    )

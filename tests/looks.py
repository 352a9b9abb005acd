"""Takes pictures of the mail, to be looked at: `python -m tests.looks FOLDER`.

Each sample at desktop and phone width, light and dark; texts beside them, for `mutt -f` or
`less`. Nothing is compared by machine: what is ugly is for people to see.
"""

import datetime as dt
import sys
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Literal

from playwright.sync_api import Browser

from mail.addresses import Mailbox, parse_address
from mail.holes import PREFERENCES, UNSUBSCRIBE, WHY_HTML, WHY_TEXT, marker
from mail.stencil import (
    encode_html,
    encode_message_id,
    encode_text,
    encode_to,
    encode_token,
)
from releases.content import Content
from releases.reason import why
from releases.rendering import Rendered
from tests.support.browser import chromium
from tests.support.samples import (
    ARABIC,
    CHINESE,
    NOTE,
    PRIVATE,
    PUBLIC,
    REMARKS,
    SENDING,
    rendered,
)

TOKEN = "aeinctfk2qx6tmjw4pfh3mls7u"


@dataclass(frozen=True)
class Look:
    """One picture: what, for whom, how wide, by day or by night."""

    name: str
    content: Content
    language: str
    width: int
    scheme: Literal["light", "dark"] = "light"
    is_embargoed: bool = False
    is_rehearsal: bool = False


EMBARGOED = replace(NOTE, embargo=dt.datetime(2026, 6, 26, 1, 1, tzinfo=dt.UTC))
LOOKS = (
    Look("mail", NOTE, "en", 700),
    Look("mail-dark", NOTE, "en", 700, "dark"),
    Look("mail-phone", NOTE, "en", 360),
    Look("mail-phone-dark", NOTE, "en", 360, "dark"),
    Look("mail-rtl", ARABIC, "ar", 700),
    Look("mail-rtl-phone-dark", ARABIC, "ar", 360, "dark"),
    Look("mail-arabic-to-english", ARABIC, "en", 700),
    Look("mail-english-to-arabic", NOTE, "ar", 700),
    Look("mail-chinese", CHINESE, "zh", 700),
    Look("mail-remarks-fr", REMARKS, "fr", 700),
    Look("mail-remarks-phone", REMARKS, "en", 360),
    Look("mail-embargo", EMBARGOED, "en", 700, is_embargoed=True, is_rehearsal=True),
    Look("mail-embargo-phone-dark", EMBARGOED, "ru", 360, "dark", is_embargoed=True),
)


def main(folder: Path) -> None:
    """Writes a PNG, an EML and a text file for each look."""
    folder.mkdir(parents=True, exist_ok=True)
    with chromium() as browser:
        for look in LOOKS:
            copy = rendered(
                look.content,
                language=look.language,
                lead=PRIVATE if look.is_embargoed else PUBLIC,
                sending=replace(SENDING, is_rehearsal=look.is_rehearsal),
                is_embargoed=look.is_embargoed,
            )
            html, text = _for_a_person(copy, look.language)
            _picture(browser, look, html, folder / f"{look.name}.png")
            (folder / f"{look.name}.txt").write_text(text)
            (folder / f"{look.name}.eml").write_bytes(_message(copy, look.language))


def _for_a_person(copy: Rendered, language: str) -> tuple[str, str]:
    reason = why(("Press releases", "Europe"), dt.date(2024, 3, 9), language)
    html, text = copy.html or "", copy.text
    for hole, value in ((WHY_HTML, reason.html), (PREFERENCES, TOKEN), (UNSUBSCRIBE, TOKEN)):
        html = html.replace(marker(hole), value)
    for hole, value in ((WHY_TEXT, reason.text), (PREFERENCES, TOKEN), (UNSUBSCRIBE, TOKEN)):
        text = text.replace(marker(hole), value)
    return html, text


def _message(copy: Rendered, language: str) -> bytes:
    reason = why(("Press releases", "Europe"), dt.date(2024, 3, 9), language)
    return copy.stencil.fill(
        {
            "to": encode_to(Mailbox(parse_address("jo@example.com"), "Jo Example")),
            "message_id": encode_message_id("<look@harbour.example.org>"),
            "unsubscribe": encode_token(TOKEN),
            "preferences": encode_token(TOKEN),
            "why_html": encode_html(reason.html),
            "why_text": encode_text(reason.text),
        }
    )


def _picture(browser: Browser, look: Look, html: str, path: Path) -> None:
    page = browser.new_page(viewport={"width": look.width, "height": 300}, color_scheme=look.scheme)
    page.set_content(html)
    page.screenshot(path=path, full_page=True)
    page.close()


if __name__ == "__main__":
    main(Path(sys.argv[1]))

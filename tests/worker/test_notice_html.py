"""A notice's HTML: what inlining each one by itself would give, at a fraction of the cost."""

from typing import Any

import pytest
from lxml import etree
from lxml.html import document_fromstring
from markupsafe import Markup, escape

from releases.inlining import inline_styles
from releases.templating import environment
from worker.notice_html import inlined, notice_html
from worker.notice_words import Said

HOSTILE = "<b>“A & B”</b> 'é' \\1 notice-place-0- ليل"
LINK = "https://press.example.org/c/abc-1_2?a=1&b=2"
FRAGMENT = Markup("For <strong><bdi>{}</bdi></strong>.").format(HOSTILE)


def view(said: Said, language: str = "en", *, is_rehearsal: bool = False) -> dict[str, Any]:
    """What the templates are given."""
    return {
        "subject": said.subject,
        "said": said,
        "language": language,
        "direction": "rtl" if language == "ar" else "ltr",
        "start": "right" if language == "ar" else "left",
        "sender": "Office <of> the Press & more",
        "postal_address": "1 Main “Street”",
        "is_rehearsal": is_rehearsal,
    }


def as_read(page: str) -> str:
    """The page as a mail client understands it, however its characters are written."""
    return etree.tostring(document_fromstring(page.encode()), method="c14n").decode()


@pytest.mark.parametrize("language", ["en", "ar"])
@pytest.mark.parametrize("is_rehearsal", [False, True])
@pytest.mark.parametrize(
    "said",
    [
        Said(HOSTILE, (FRAGMENT,)),
        Said("Confirm", (FRAGMENT, escape(HOSTILE)), (HOSTILE, LINK), (FRAGMENT,)),
        Said("", (), ("Undo", LINK), tuple(FRAGMENT for _ in range(12))),
    ],
)
def test_it_is_what_inlining_gives(said: Said, language: str, *, is_rehearsal: bool) -> None:
    """Element by element and style by style, whatever the values hold, also the second time."""
    told = view(said, language, is_rehearsal=is_rehearsal)
    whole = inline_styles(environment().get_template("email/notice.html").render(told))
    for _ in range(2):
        assert as_read(notice_html(told)) == as_read(whole)


def test_styles_are_inlined_once_for_a_shape() -> None:
    """Other people's words in as many paragraphs cost no other inlining."""
    before = inlined.cache_info().misses
    for number in range(5):
        said = Said(f"Subject {number}", (Markup("Paragraph {}").format(number),), ("Go", LINK))
        assert f"Paragraph {number}<" in notice_html(view(said, "fr"))
    assert inlined.cache_info().misses - before == 1

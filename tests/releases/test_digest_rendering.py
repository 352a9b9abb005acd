"""A digest as mail: the most important on top, complete where there is room."""

import dataclasses
import re
from email import message_from_bytes, policy
from email.message import EmailMessage

import pytest
from lxml import html as lxml_html

from mail.addresses import Mailbox, parse_address
from mail.stencil import encode_html, encode_message_id, encode_text, encode_to, encode_token
from releases.content import Content, Paragraph
from releases.digests.rendering import HTML_BYTES, Part, render_digest
from releases.mail_frame import Copy, Rendered
from tests.support.samples import ARABIC, DATE, NOTE, PRIVATE, PUBLIC, REMARKS, SENDING, text

LONG = dataclasses.replace(
    NOTE,
    title="A long text",
    body=tuple(
        Paragraph(text(f"Paragraph {number}. " + "Words and words. " * 40)) for number in range(40)
    ),
)


def digest(
    *contents: Content, form: str = "html", language: str = "en", **more: object
) -> Rendered:
    """A digest of these; on the web unless said otherwise."""
    parts = [
        Part(content, f"release-{number}", is_on_the_web=bool(more.get("is_on_the_web", True)))
        for number, content in enumerate(contents, 1)
    ]
    copy = Copy(PUBLIC, language, form, DATE, is_for_desk=bool(more.get("is_for_desk")))
    return render_digest(parts, copy, SENDING)


def received(made: Rendered) -> EmailMessage:
    """The copy as one person's mail program reads it."""
    octets = made.stencil.fill(
        {
            "to": encode_to(Mailbox(parse_address("jo@example.com"), "Jo")),
            "message_id": encode_message_id("<a1@harbour.example.org>"),
            "unsubscribe": encode_token("aeinctfk2qx6tmjw4pfh3mls7u"),
            "preferences": encode_token("u7slm3hfp4wjmt6xq2kftcniea"),
            "why_html": encode_html("You get this."),
            "why_text": encode_text("You get this."),
        }
    )
    return message_from_bytes(octets, policy=policy.default)


def test_the_subject_says_what_it_brings() -> None:
    """The most important headline, and how many more there are."""
    assert digest(NOTE).subject == NOTE.title
    assert digest(NOTE, REMARKS).subject == f"{NOTE.title}, and 1 more"
    assert digest(REMARKS, NOTE, ARABIC).subject == f"{REMARKS.title}, and 2 more"


def test_each_release_is_whole_in_both_parts() -> None:
    """Every word of the bodies, contacts and standing texts; one heading each, in order."""
    made = digest(NOTE, REMARKS)
    assert made.html is not None
    page = lxml_html.fromstring(made.html)
    words = " ".join(page.text_content().split())
    plain = " ".join(made.text.split())
    for content in (NOTE, REMARKS):
        for block in content.body:
            if isinstance(block, Paragraph):
                said = " ".join("".join(run.text for run in block.runs).split())
                assert said[:60] in words
                assert said[:40] in plain
        assert all(contact.split(",")[0] in words for contact in content.contacts)
    assert [one.text_content() for one in page.iter("h2") if one.get("id")] == [
        NOTE.title,
        REMARKS.title,
    ]
    assert len(list(page.iter("h1"))) == 1
    links = [one.get("href") for one in page.find_class("contents")[0].iter("a")]
    ids = {f"#{one.get('id')}" for one in page.iter("h2") if one.get("id")}
    assert set(links) == ids


def test_headings_are_in_order() -> None:
    """A release's own stand below its headline, and that below the digest's."""
    made = digest(NOTE, REMARKS)
    headings = re.findall(r"<h([1-6])( id=)?", made.html or "")
    assert headings[0] == ("1", "")
    assert [level for level, has_id in headings if has_id] == ["2", "2"]
    assert {level for level, has_id in headings[1:] if not has_id} <= {"3", "4", "5"}


def test_what_is_too_long_is_on_the_web() -> None:
    """The least important is shortened first, and never the first one."""
    made = digest(NOTE, LONG, LONG, LONG, REMARKS, *[LONG] * 3)
    assert made.html is not None
    assert len(made.html.encode()) <= HTML_BYTES
    assert not made.warnings
    shortened = made.html.count("Read all of it on the web")
    assert 0 < shortened < 7
    assert made.text.count("Read all of it on the web") == shortened
    assert made.html.count("Paragraph 0.") == 6
    assert made.html.index("Paragraph 39.") < made.html.index("Read all of it on the web")
    assert "Ferries leave at 21:40" in made.html


def test_what_is_not_on_the_web_stays_whole() -> None:
    """However long the mail becomes; the office is told."""
    made = digest(NOTE, *[LONG] * 6, is_on_the_web=False)
    assert made.html is not None
    assert made.html.count("Paragraph 39.") == 6
    assert "on the web" not in made.html
    assert len(made.warnings) == 1


def test_a_text_reader_gets_all_of_it() -> None:
    """No mail program cuts a text off."""
    made = digest(NOTE, *[LONG] * 6, form="text")
    assert made.html is None
    assert made.text.count("Paragraph 39.") == 6


def test_a_standing_text_is_there_once() -> None:
    """What an office says below each of its releases stands below the last."""
    footer = "The harbour is open all night."
    one, two = (dataclasses.replace(each, footer=footer) for each in (NOTE, REMARKS))
    made = digest(one, two)
    assert (made.html or "").count(footer) == made.text.count(footer) == 1


def test_headers() -> None:
    """As a release's, and said to be automatic: no vacation program answers (RFC 3834)."""
    mail = received(digest(NOTE, REMARKS))
    assert mail["Auto-Submitted"] == "auto-generated"
    assert mail["List-Id"] == "Press releases <press.harbour.example.org>"
    assert mail["List-Unsubscribe-Post"] == "List-Unsubscribe=One-Click"
    assert mail["Content-Language"] == "en"
    assert received(digest(NOTE, ARABIC))["Content-Language"] == "en"
    assert received(digest(NOTE, is_for_desk=True))["List-Unsubscribe-Post"] is None


def test_a_reader_from_right_to_left() -> None:
    """Our words run their way, each release its own."""
    made = digest(NOTE, ARABIC, language="ar")
    page = lxml_html.fromstring(made.html or "")
    assert page.get("dir") == "rtl"
    assert [one.get("dir") for one in page.find_class("part")] == ["ltr", "rtl"]


def test_a_private_list_is_no_reason_against_a_link() -> None:
    """Whether a release is on the web counts, not which list the copy comes through."""
    made = render_digest([Part(NOTE, "note", True)], Copy(PRIVATE, "en", "text", DATE), SENDING)
    assert "https://news.harbour.example.org/r/note" in made.text


def test_an_empty_digest_is_none() -> None:
    """Nothing is sent when there is nothing."""
    with pytest.raises(ValueError, match="at least one"):
        render_digest([], Copy(PUBLIC, "en", "html", DATE), SENDING)

"""A release becomes mail: subject, headers, and what one copy has in common with another."""

import datetime as dt
import email
from dataclasses import replace
from email.message import EmailMessage
from email.policy import default
from typing import cast

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from mail.addresses import Mailbox, parse_address, parse_mailbox
from mail.holes import marker
from mail.stencil import (
    Value,
    encode_html,
    encode_message_id,
    encode_text,
    encode_to,
    encode_token,
)
from releases.content import Content, Kind, Paragraph, Run
from releases.errors import ReleaseError
from releases.reason import Why, why
from releases.rendering import GMAIL_CLIP_BYTES, SUBJECT_CHARACTERS, Rendered, shown_kind
from runtime.i18n import words
from tests.support.samples import (
    ARABIC,
    DATE,
    NOTE,
    PRIVATE,
    PUBLIC,
    REMARKS,
    SENDING,
    rendered,
    text,
)

EMBARGO = dt.datetime(2026, 6, 26, 12, 0, tzinfo=dt.UTC)
REASON = why(("Press releases", "Europe"), dt.date(2024, 3, 9), "en")
TOKEN = "aeinctfk2qx6tmjw4pfh3mls7u"


def values(reason: str = REASON.html, reason_text: str = REASON.text) -> dict[str, Value]:
    """What is filled in for one person."""
    return {
        "to": encode_to(Mailbox(parse_address("jo@example.com"), "Jo Øst")),
        "message_id": encode_message_id("<a1@harbour.example.org>"),
        "unsubscribe": encode_token(TOKEN),
        "preferences": encode_token(TOKEN[::-1]),
        "why_html": encode_html(reason),
        "why_text": encode_text(reason_text),
    }


def received(copy: Rendered) -> EmailMessage:
    """The copy as one person's mail program reads it."""
    octets = copy.stencil.fill(values())
    return email.message_from_bytes(octets, policy=default)


def body(message: EmailMessage, subtype: str) -> str:
    """The decoded text of one part."""
    part = message.get_body((subtype,))
    assert part is not None
    return cast("str", part.get_content()).replace("\r\n", "\n")


def test_the_subject_is_the_headline() -> None:
    """The office's words come first in the inbox, without a label of ours."""
    assert received(rendered())["Subject"] == NOTE.title


def test_html_and_text_travel_as_alternatives() -> None:
    """The text comes first, the HTML after it, as RFC 2046 wants it."""
    message = received(rendered())
    assert message.get_content_type() == "multipart/alternative"
    assert [part.get_content_type() for part in message.iter_parts()] == ["text/plain", "text/html"]


def test_who_reads_text_gets_text_alone() -> None:
    """A text copy has no HTML in it, and the same text as the other."""
    copy = rendered(format="text")
    assert copy.html is None
    assert received(copy).get_content_type() == "text/plain"
    assert copy.text == rendered().text
    assert copy.size_bytes < rendered().size_bytes


def test_an_unknown_format_is_wrong_use() -> None:
    """Nothing but html and text can be asked for."""
    with pytest.raises(ValueError, match="pdf"):
        rendered(format="pdf")


def test_headers_name_the_list_and_the_way_out() -> None:
    """List-Id, List-Unsubscribe and the one-click header are there, with this person's token."""
    message = received(rendered(sending=replace(SENDING, bounce_domain="bounces.example.org")))
    assert message["List-Id"] == "Press releases <press.harbour.example.org>"
    https, mailto = message["List-Unsubscribe"].replace(" ", "").split(",")
    assert https == f"<https://news.harbour.example.org/u/{TOKEN}>"
    assert mailto.startswith(f"<mailto:u-{TOKEN}@bounces.example.org")
    assert message["List-Unsubscribe-Post"] == "List-Unsubscribe=One-Click"
    assert message["List-Post"] == "NO"
    assert email.utils.parsedate_to_datetime(str(message["Date"])) == DATE


def test_no_mailto_where_no_mail_comes_back() -> None:
    """Without a bounce domain nobody would read the mail that a mailto link sends."""
    assert "mailto" not in received(rendered())["List-Unsubscribe"]


def test_answers_go_to_the_press_desk() -> None:
    """Reply-To is the list's press desk, else the release's contact, else nothing."""
    desk_line = "Press desk <desk@harbour.example.org>"
    desk = parse_mailbox(desk_line)
    assert received(rendered(lead=replace(PUBLIC, reply_to=desk)))["Reply-To"] == desk_line
    assert received(rendered())["Reply-To"] == "press@harbour.example.org"
    assert received(rendered(REMARKS))["Reply-To"] is None


def test_a_list_has_its_own_sender() -> None:
    """From is the list's sender where it has one."""
    sender = parse_mailbox("Europe desk <europe@harbour.example.org>")
    lead = replace(PUBLIC, sender=sender)
    assert received(rendered(lead=lead))["From"] == "Europe desk <europe@harbour.example.org>"


@pytest.mark.parametrize("format", ["html", "text"])
def test_an_embargo_cannot_be_overlooked(format: str) -> None:  # noqa: A002
    """Subject and both bodies begin with it, with the time in the office's zone and in UTC."""
    content = replace(NOTE, embargo=EMBARGO)
    copy = rendered(content, lead=PRIVATE, is_embargoed=True, format=format)
    notice = "EMBARGOED until June 26, 2026, 08:00 EDT (12:00 UTC)"
    assert copy.subject == f"{notice}: {NOTE.title}"
    assert copy.text.startswith(notice)
    if copy.html:
        visible = copy.html.partition("<body")[2]
        assert visible.index(notice) < visible.index(str(NOTE.office))


def test_an_embargoed_copy_needs_an_embargo() -> None:
    """Saying "embargoed" without a time is a bug, not a mail."""
    with pytest.raises(ValueError, match="embargo"):
        rendered(NOTE, is_embargoed=True)


def test_after_its_time_a_copy_speaks_of_no_embargo() -> None:
    """Who gets it after the lift reads a release like any other."""
    copy = rendered(replace(NOTE, embargo=EMBARGO))
    assert copy.subject == NOTE.title
    assert "EMBARGO" not in copy.text + str(copy.html)


def test_the_web_link_stands_only_where_it_leads_somewhere() -> None:
    """A private list's copy, or an embargoed one, does not link to a page that answers 404."""
    url = "https://news.harbour.example.org/r/night-ferries"
    assert url in rendered().text
    assert url in str(rendered().html)
    embargoed = rendered(replace(NOTE, embargo=EMBARGO), is_embargoed=True)
    for copy in (rendered(lead=PRIVATE), embargoed):
        assert "/r/" not in copy.text + str(copy.html)


@pytest.mark.parametrize("language", ["en", "fr", "ar"])
def test_a_rehearsal_says_so(language: str) -> None:
    """REHEARSAL stands in the subject and on top, in every language the same word."""
    copy = rendered(language=language, sending=replace(SENDING, is_rehearsal=True))
    assert copy.subject == f"REHEARSAL: {NOTE.title}"
    assert copy.text.startswith("REHEARSAL\n")
    assert "REHEARSAL" in str(copy.html).partition("<body")[2]


@pytest.mark.parametrize("kind", Kind)
def test_the_kind_is_named_in_the_readers_language(kind: Kind) -> None:
    """Where the office printed no name for the kind, ours stands above the headline."""
    english = rendered(replace(NOTE, kind=kind))
    french = rendered(replace(NOTE, kind=kind), language="fr")
    if kind is Kind.OTHER:
        assert 'class="kind' not in str(english.html)
    else:
        assert english.text.splitlines()[1] != ""
        assert 'class="kind' in str(french.html)


def test_the_offices_own_name_for_the_kind_stays() -> None:
    """A printed kind is the office's text, and is not translated."""
    assert "Remarks as delivered" in rendered(REMARKS, language="fr").text


def test_a_long_subject_is_cut_and_said() -> None:
    """A headline of 100 kB becomes a subject of a line or three, and a warning."""
    copy = rendered(replace(NOTE, title="word " * 20_000))
    assert len(copy.subject) <= SUBJECT_CHARACTERS
    assert copy.subject.endswith("word…")
    assert any("subject" in warning for warning in copy.warnings)
    assert str(copy.html).count("word ") > 19_000


def test_a_mail_that_gmail_would_clip_is_said() -> None:
    """Over 102 kB of HTML there is a warning with the figure; under it there is none."""
    assert rendered().warnings == ()
    long = replace(NOTE, body=(Paragraph(text("long " * 24_000)),))
    copy = rendered(long)
    size = len(str(copy.html).encode())
    assert size > GMAIL_CLIP_BYTES
    assert any(f"{size / 1024:,.0f} kB" in warning for warning in copy.warnings)
    assert rendered(long, format="text").warnings == ()


def for_one(copy: Rendered, reason: Why) -> dict[str, str]:
    """Both bodies as they would be rendered for one person alone."""
    filled = {
        "why_html": reason.html,
        "why_text": reason.text,
        "unsubscribe": TOKEN,
        "preferences": TOKEN[::-1],
    }
    bodies = {"plain": copy.text, "html": str(copy.html)}
    for hole, value in filled.items():
        bodies = {name: body.replace(marker(hole), value) for name, body in bodies.items()}
    return bodies


@pytest.mark.parametrize("content", [NOTE, REMARKS, ARABIC])
@pytest.mark.parametrize("language", ["en", "ar"])
def test_a_filled_stencil_reads_as_its_bodies(content: Content, language: str) -> None:
    """What one person receives is the rendered text and HTML with their values in them."""
    copy = rendered(content, language=language)
    message = received(copy)
    for subtype, expected in for_one(copy, REASON).items():
        assert body(message, subtype).rstrip("\n") == expected.rstrip("\n")


COPY = rendered()


@settings(max_examples=40, deadline=None)
@given(st.lists(st.text(min_size=1, max_size=60), min_size=1, max_size=3))
def test_any_list_titles_can_be_filled_in(titles: list[str]) -> None:
    """Whatever a list is called, one person's copy is what rendering for them alone gives."""
    reason = why(tuple(titles), dt.date(2024, 3, 9), "en")
    octets = COPY.stencil.fill(values(reason.html, reason.text))
    message = email.message_from_bytes(octets, policy=default)
    for subtype, expected in for_one(COPY, reason).items():
        assert body(message, subtype).rstrip("\n") == expected.rstrip("\n")
    assert body(message, "html").count("</html>") == 1


@pytest.mark.parametrize("hole", ["why_html", "why_text", "unsubscribe", "to"])
def test_a_release_cannot_open_a_hole(hole: str) -> None:
    """A text that holds our own placeholder is refused, whole or in two pieces."""
    word = marker(hole)
    for content in (
        replace(NOTE, title=f"x {word}"),
        replace(NOTE, body=(Paragraph((Run(word[:9]), Run(word[9:]))),)),
        replace(NOTE, contacts=(word,)),
    ):
        with pytest.raises(ReleaseError, match="take it out"):
            rendered(content)
    with pytest.raises(ReleaseError):
        rendered(lead=replace(PUBLIC, title=word))


def test_a_strange_language_tag_does_not_stop_the_mail() -> None:
    """A language that no header can carry is left out of the headers, and begins none."""
    message = received(rendered(replace(NOTE, language="en\r\nBcc: x@example.org")))
    assert message["Bcc"] is None
    assert message["Subject"] == NOTE.title


@pytest.mark.parametrize(
    ("kind", "printed", "language", "shown"),
    [
        (Kind.MEDIA_NOTE, "MEDIA NOTE", "en", "Media note"),
        (Kind.MEDIA_NOTE, "Media Note", None, "Media note"),
        (Kind.PRESS_RELEASE, "NEWS RELEASE", "en", "News release"),
        (Kind.PRESS_RELEASE, "News from the Harbour", "en", "News from the Harbour"),
        (Kind.PRESS_RELEASE, "COMMUNIQUÉ DE PRESSE", "fr", "Communiqué de presse"),
        (Kind.MEDIA_NOTE, None, "en", "Note aux médias"),
        (Kind.OTHER, None, "en", None),
    ],
)
def test_a_kind_is_shown_in_sentence_case(
    kind: Kind, printed: str | None, language: str | None, shown: str | None
) -> None:
    """However an office prints it, the same kind looks the same; without one we name it."""
    content = Content("A title", (), kind=kind, kind_label=printed, language=language)
    assert shown_kind(content, words("fr")) == shown

"""Headers: what they say, and that no text can make them say more."""

import email
from datetime import datetime
from email import policy
from email.header import decode_header, make_header

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from mail.addresses import Mailbox, parse_address
from mail.headers import (
    SUBJECT_MAX_CHARACTERS,
    HeaderError,
    date_value,
    language_value,
    list_id_value,
    mailbox_value,
    notice_headers,
    subject_value,
    url_value,
)
from mail.text import clean_line, clean_name
from tests.mail.samples import MOMENT, SENDER, headers, texts, unfold


def test_a_releases_headers_stand_in_a_sensible_order() -> None:
    """Who, what and when first, then the list, then what keeps robots away."""
    assert [name for name, _ in headers()] == [
        "From",
        "Reply-To",
        "To",
        "Subject",
        "Date",
        "Message-ID",
        "Content-Language",
        "List-Id",
        "List-Unsubscribe",
        "List-Unsubscribe-Post",
        "List-Help",
        "List-Archive",
        "List-Post",
        "Precedence",
        "X-Auto-Response-Suppress",
    ]


def test_the_list_headers_say_how_to_leave() -> None:
    """RFC 2369, 2919 and 8058 to the letter: https first, then mailto."""
    found = {name: unfold(value) for name, value in headers(title="Press, all of it")}
    token = "mnholeunsubscribeq7x3k9w2z5v8"
    assert found["List-Id"] == '"Press, all of it" <press.news.example.org>'
    assert found["List-Unsubscribe"] == (
        f"<https://news.example.org/u/{token}>, "
        f"<mailto:u-{token}@bounces.example.org?subject=unsubscribe>"
    )
    assert found["List-Unsubscribe-Post"] == "List-Unsubscribe=One-Click"
    assert found["List-Post"] == "NO"
    assert found["List-Archive"] == "<https://news.example.org/feed.atom>"


def test_without_a_way_back_there_is_no_mailto() -> None:
    """An address that nobody reads must not be offered."""
    found = dict(headers(has_mailto=False))
    assert "mailto" not in found["List-Unsubscribe"]


def test_non_delivery_reports_are_never_suppressed() -> None:
    """Exchange would swallow them for "All", and we would go on mailing dead addresses."""
    value = dict(headers())["X-Auto-Response-Suppress"]
    assert {"OOF", "AutoReply"} <= set(value.split(", "))
    assert not {"All", "NDR"} & set(value.split(", "))


def test_only_what_no_human_wrote_says_so() -> None:
    """RFC 3834: a release was written by someone; a notice was not, and belongs to no list."""
    notice = dict(
        notice_headers(sender=SENDER, reply_to=None, subject="Hi", date=MOMENT, language="en")
    )
    assert notice["Auto-Submitted"] == "auto-generated"
    assert not any(name.startswith("List-") for name in notice)
    assert "Reply-To" not in notice
    assert "Auto-Submitted" not in dict(headers())


@given(texts)
@example("Ends in a space before a long word " + "é" * 60)
@example("one  two")
@example("é =?utf-8?q?x?= plain end")
@example(" ")
@example("x" * 2000)
def test_any_subject_is_one_header_that_reads_the_same(subject: str) -> None:
    """ASCII, 76 columns, encoded words of 75 characters; two parsers read the cleaned line."""
    value = subject_value(subject)
    expected = clean_line(subject)[:SUBJECT_MAX_CHARACTERS].rstrip(" ")
    assert value.isascii()
    assert all(len(line) <= 76 for line in f"Subject: {value}".split("\r\n"))
    assert all(len(word) <= 75 for word in value.split() if word.startswith("=?"))
    source = f"Subject: {value}\r\nX-Next: 1\r\n\r\nBody\r\n".encode()
    modern = email.message_from_bytes(source, policy=policy.default)
    assert modern.keys() == ["Subject", "X-Next"]
    assert modern["Subject"] == expected
    legacy = email.message_from_bytes(source)
    assert str(make_header(decode_header(unfold(legacy["Subject"])))) == expected


def test_an_ascii_subject_is_left_alone() -> None:
    """It stays readable in the source, however long."""
    subject = "Secretary of State to Travel to Brussels, Paris, and Geneva for Talks on Trade, " * 2
    assert unfold(subject_value(subject)) == subject.strip()


def test_only_the_words_that_need_it_are_encoded() -> None:
    """The rest can be read, searched and matched by old filters."""
    value = subject_value("Joint Statement with Perú on Trade")
    assert value == "Joint Statement with =?utf-8?q?Per=C3=BA?= on Trade"


@given(texts)
def test_any_list_title_leaves_the_list_id_alone(title: str) -> None:
    """Filters sort by what stands in the angle brackets at the end."""
    value = list_id_value(title, "press.news.example.org")
    assert value.isascii()
    assert unfold(value).endswith("<press.news.example.org>")
    source = f"List-Id: {value}\r\nX-Next: 1\r\n\r\n".encode()
    message = email.message_from_bytes(source, policy=policy.default)
    assert message.keys() == ["List-Id", "X-Next"]
    shown = str(message["List-Id"]).removesuffix("<press.news.example.org>").rstrip(" ")
    if value.startswith('"'):
        shown = shown[1:-1].replace('\\"', '"').replace("\\\\", "\\")
    assert shown == clean_name(title)


@pytest.mark.parametrize("list_id", ["", "press", "a b.example.org", "x>.org", "é.example.org"])
def test_a_bad_list_id_is_refused(list_id: str) -> None:
    """RFC 2919 section 2: at least one dot, and nothing that ends the brackets."""
    with pytest.raises(HeaderError, match="List-Id"):
        list_id_value("Press", list_id)


@pytest.mark.parametrize(
    "url",
    [
        "",
        "ftp://example.org/",
        "javascript:alert(1)",
        "https://example.org/ x",
        "https://example.org/>,<mailto:x@example.org",
        "https://example.org/\r\nBcc: x@example.org",
        "https://exämple.org/",
    ],
)
def test_a_url_that_could_break_out_is_refused(url: str) -> None:
    """It stands in angle brackets, in ASCII, and is http, https or mailto."""
    with pytest.raises(HeaderError, match="List-Help"):
        url_value("List-Help", url)


def test_a_date_has_a_zone() -> None:
    """The office's own; a moment without one is a bug."""
    assert date_value(MOMENT) == "Mon, 23 Nov 2026 14:05:00 -0500"
    with pytest.raises(HeaderError, match="zone"):
        date_value(datetime(2026, 11, 23))  # noqa: DTZ001 (that is the point)


@pytest.mark.parametrize("language", ["", "e", "en\r\nX: y", "en_US", "english language"])
def test_a_language_is_a_tag(language: str) -> None:
    """BCP 47, not prose."""
    assert language_value("zh-Hant-TW") == "zh-Hant-TW"
    with pytest.raises(HeaderError, match="Content-Language"):
        language_value(language)


def test_a_sender_must_be_reachable_from_everywhere() -> None:
    """One that needs SMTPUTF8 would keep the mail from most of its readers."""
    with pytest.raises(HeaderError, match="ASCII"):
        mailbox_value("From", Mailbox(parse_address("ред@example.org")))


@given(texts)
def test_a_long_senders_name_is_folded(name: str) -> None:
    """With the longer name of its header in mind."""
    value = mailbox_value("Reply-To", Mailbox(SENDER.address, name))
    assert all(len(line) <= 76 for line in f"Reply-To: {value}".split("\r\n"))


@given(st.text(st.characters(), max_size=100))
def test_a_clean_line_is_clean(text: str) -> None:
    """No control characters, no line breaks of any kind, no double spaces; and stays so."""
    line = clean_line(text)
    assert clean_line(line) == line
    assert line == line.strip(" ")
    assert len(line.splitlines()) <= 1
    assert "  " not in line
    line.encode()

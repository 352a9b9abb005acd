"""A filled stencil is the message that would have been built for that person alone."""

import email
import quopri
from email import policy
from email.header import decode_header, make_header
from email.message import EmailMessage, Message
from email.parser import BytesParser
from email.utils import parseaddr

import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from mail.addresses import Address, Mailbox
from mail.headers import SUBJECT_MAX_CHARACTERS
from mail.holes import HOLES, marker
from mail.message import build_message
from mail.stencil import Stencil, compile_stencil
from mail.text import clean_body, clean_line, clean_name
from tests.mail.samples import MOMENT, Person, check_wire, headers, people, texts, unfold
from tests.support.mailparser import Mailparser

# A body: pieces of text with holes between them, in any number and order.
TEXT_HOLES = ["unsubscribe", "preferences", "why_text"]
HTML_HOLES = ["unsubscribe", "preferences", "why_html"]


def bodies(holes: list[str]) -> st.SearchStrategy[str]:
    """Texts with markers anywhere in them; a body ends in a line feed, or gets one."""
    pieces = st.one_of(texts, st.sampled_from(holes).map(marker))
    return st.lists(pieces, max_size=12).map(lambda parts: clean_body("".join(parts)) + "\n")


def parse(data: bytes) -> EmailMessage:
    """By the standard library's modern parser, under its strictest reading of our octets."""
    message = BytesParser(policy=policy.default).parsebytes(data)
    assert isinstance(message, EmailMessage)
    for part in message.walk():
        assert not part.defects
    return message


def contents(message: EmailMessage) -> list[tuple[str, str, str]]:
    """All that a reader sees, but the boundary: headers in order, then each part's."""
    seen = []
    for part in message.walk():
        for name, value in part.items():
            shown = part.get_content_type() if name == "Content-Type" else str(value)
            seen.append(("header", name, shown))
        if not part.is_multipart():
            seen.append(("body", part.get_content_type(), content(part)))
    return seen


@settings(max_examples=200)
@given(people, texts, texts, bodies(TEXT_HOLES), st.none() | bodies(HTML_HOLES))
def test_a_filled_stencil_is_that_persons_own_message(
    person: Person, subject: str, title: str, text: str, html: str | None
) -> None:
    """Headers, order, both bodies: for any names, titles, reasons and texts Unicode allows."""
    stencil = compile_stencil(build_message(headers(subject, title), text, html))
    filled = stencil.fill(person.values)
    check_wire(filled)

    own_headers = [(name, person.put_into(value)) for name, value in headers(subject, title)]
    own_html = None if html is None else person.put_into(html)
    alone = build_message(own_headers, person.put_into(text), own_html)
    assert contents(parse(filled)) == contents(parse(alone.as_bytes()))

    again = Stencil.from_bytes(stencil.to_bytes())
    assert again == stencil
    assert again.fill(person.values) == stencil.filler()(person.tuple) == filled


@given(people, texts, bodies(TEXT_HOLES), bodies(HTML_HOLES))
def test_it_reads_as_what_was_meant(person: Person, subject: str, text: str, html: str) -> None:
    """Against the values themselves, by a parser of another make (and no builder of ours)."""
    filled = compile_stencil(build_message(headers(subject), text, html)).fill(person.values)
    message = email.message_from_bytes(filled, policy=policy.compat32)
    subject = clean_line(subject)[:SUBJECT_MAX_CHARACTERS].rstrip(" ")
    assert decoded(message, "Subject") == subject
    name, address = parseaddr(message["To"])
    assert str(make_header(decode_header(name))) == clean_name(person.to.name)
    assert address == str(person.to.address)
    assert [(name, unfold(value)) for name, value in message.items()][:-2] == [
        (name, unfold(person.put_into(value))) for name, value in headers(subject)
    ]
    assert message.keys()[-2:] == ["MIME-Version", "Content-Type"]
    assert message["Message-ID"] == person.message_id
    unsubscribe, preferences = person.plain["unsubscribe"], person.plain["preferences"]
    assert decoded(message, "List-Unsubscribe") == (
        f"<https://news.example.org/u/{unsubscribe}>, "
        f"<mailto:u-{unsubscribe}@bounces.example.org?subject=unsubscribe>"
    )
    assert message["List-Help"] == f"<https://news.example.org/p/{preferences}>"
    plain, rich = message.get_payload()
    assert body(plain) == person.put_into(text)
    assert body(rich) == person.put_into(html)


def content(part: EmailMessage) -> str:
    """A part's text, with line feeds."""
    return str(part.get_content()).replace("\r\n", "\n")


def decoded(message: Message, name: str) -> str:
    """A header's text by the legacy interface."""
    return str(make_header(decode_header(unfold(message[name]))))


def body(part: Message) -> str:
    """A part's text by quopri alone."""
    raw = part.get_payload().encode("ascii")
    return quopri.decodestring(raw).decode().replace("\r\n", "\n")


@pytest.mark.parametrize("hole", ["unsubscribe", "why_text"])
@pytest.mark.parametrize("character", ["a", "é", "文", "\U0001f5de", " ", "=", "."])
def test_a_hole_may_stand_at_every_column(hole: str, character: str) -> None:
    """Two lines' length of text before and behind, in every combination with short values."""
    person = Person(why_text="x" * 75 + "\n\n")
    text = "".join(
        f"{character * before}{marker(hole)}{character * (before * 7 % 155)}\n"
        for before in range(155)
    )
    filled = compile_stencil(build_message(headers(), text, None)).fill(person.values)
    check_wire(filled)
    assert content(parse(filled)) == person.put_into(text)


@given(texts)
@example("")
@example(" ")
@example("\n")
@example(" \n \n")
@example("From me\n.\n..\n")
@example("x" * 75)
@example("x" * 76 + "é" * 200)
@example("x" * 20_000)
def test_any_reason_fits_its_hole(why: str) -> None:
    """Between words, alone on a line, at the start and the end of a part."""
    person = Person(why_text=why, why_html=why)
    hole, tag = marker("why_text"), marker("why_html")
    text = f"{hole}a {hole} b\n{hole}\n {hole}\n.{hole}.\n{hole}\n"
    html = f"{tag}a {tag} b\n{tag}\n {tag}\n.{tag}.\n{tag}\n"
    filled = compile_stencil(build_message(headers(), text, html)).fill(person.values)
    check_wire(filled)
    read = [content(part) for part in parse(filled).iter_parts()]
    assert read == [person.put_into(text), person.put_into(html)]


@given(people)
def test_values_that_a_stencil_has_no_hole_for_change_nothing(person: Person) -> None:
    """A text-only copy has no HTML hole; the same values fill both."""
    stencil = compile_stencil(build_message(headers(has_mailto=False), "Hello", None))
    assert stencil.holes == {"to", "message_id", "unsubscribe", "preferences"}
    needed = {hole: value for hole, value in person.values.items() if hole in stencil.holes}
    assert stencil.fill(person.values) == stencil.fill(needed)


def test_a_date_survives() -> None:
    """The moment comes back with its zone."""
    stencil = compile_stencil(build_message(headers(), "Hello", None))
    message = parse(stencil.fill(Person().values))
    assert message["Date"].datetime == MOMENT
    assert message["Date"].datetime.utcoffset() == MOMENT.utcoffset()
    assert set(HOLES) > stencil.holes


def test_mailparser_reads_the_same(mailparser: Mailparser) -> None:
    """Node's parser too, where CPython's own has faults: long names in several encoded words."""
    names = [
        "Jane Doe",
        "Doe, Jane",
        "José Pérez",
        'He said "no" \\ (really)',
        "=?utf-8?q?x?=",
        "Константин Константинович Константинопольский-Задунайский",
        "عبد الرحمن بن محمد",
        "文" * 60,
        "a" * 120,
    ]
    subject = "Déclaration conjointe — " * 10 + "plain end"
    text = f"Zoë\n.\nFrom x\n  indented  \n{marker('why_text')}\n{marker('unsubscribe')}\n"
    html = f"<p>{marker('why_html')}</p>"
    stencil = compile_stencil(build_message(headers(subject), text, html))
    people = [
        Person(Mailbox(Address("jane", "example.org"), name), why_text="Because é " * 20 + "\n..\n")
        for name in names
    ]
    read = mailparser.read(*(stencil.fill(person.values) for person in people))
    for person, seen in zip(people, read, strict=True):
        assert seen["to"] == [{"address": "jane@example.org", "name": person.to.name}]
        assert seen["subject"] == subject
        assert seen["text"] == person.put_into(text)
        assert seen["html"] == person.put_into(html) + "\n"
        assert seen["list"]["unsubscribe"] == {
            "url": "https://news.example.org/u/u2token",
            "mail": "u-u2token@bounces.example.org?subject=unsubscribe",
        }

"""Material for the tests of headers, messages and stencils."""

import re
from datetime import datetime, timedelta, timezone

from hypothesis import strategies as st

from mail.addresses import Address, Mailbox, parse_address
from mail.headers import Headers, release_headers
from mail.holes import HOLES, marker
from mail.message_ids import message_id
from mail.stencil import (
    Value,
    encode_html,
    encode_message_id,
    encode_text,
    encode_to,
    encode_token,
)
from mail.text import clean_body

MOMENT = datetime(2026, 11, 23, 14, 5, tzinfo=timezone(timedelta(hours=-5)))
SENDER = Mailbox(Address("press", "example.org"), "Office of Press Relations")

# Everything that Unicode has, surrogates included, with what is awkward made frequent.
any_text = st.text(st.characters(), max_size=200)
awkward = st.lists(
    st.one_of(
        st.sampled_from(["\r", "\n", "\r\n", " ", "\t", ".", "From ", "=", "=?utf-8?q?x?=", "é"]),
        st.sampled_from(["--", "=_", "\x00", "\x0b", "\x0c", "\x85", "\u2028", "a" * 70, "word "]),
        st.sampled_from(
            [",", '"', "\\", "\u202e", "\ud800", "e\u0301", "文", "\U0001f5de", "&amp;"]
        ),
        st.just("https://example.org/?a=b&c=d"),
    ),
    max_size=40,
).map("".join)
lines = st.lists(st.text("ab é.", max_size=160), max_size=6).map("\n".join)
texts = st.one_of(any_text, awkward, lines)

tokens = st.text("abcdefghijklmnopqrstuvwxyz234567", min_size=1, max_size=60)
addresses = st.sampled_from(
    [
        parse_address("jane@example.org"),
        parse_address("o'brien@bücher.example"),
        parse_address("x" * 64 + "@" + ".".join(["y" * 60] * 3) + ".org"),
    ]
)
mailboxes = st.builds(Mailbox, addresses, texts)
ids = st.integers(0, 2**63 - 1).map(lambda number: message_id(bytes(16), number, "example.org"))


def headers(
    subject: str = "A subject", title: str = "Press", *, has_mailto: bool = True
) -> Headers:
    """A release's headers, with every hole that headers have."""
    mailto = f"u-{marker('unsubscribe')}@bounces.example.org" if has_mailto else None
    return release_headers(
        sender=SENDER,
        reply_to=Mailbox(Address("desk", "example.org"), "Pressestelle für Europa"),
        subject=subject,
        date=MOMENT,
        language="en",
        list_title=title,
        list_id="press.news.example.org",
        unsubscribe_url=f"https://news.example.org/u/{marker('unsubscribe')}",
        unsubscribe_mailto=mailto,
        help_url=f"https://news.example.org/p/{marker('preferences')}",
        archive_url="https://news.example.org/feed.atom",
    )


class Person:
    """One person's values: as they are, and encoded for their holes."""

    def __init__(
        self,
        to: Mailbox = Mailbox(Address("jane", "example.org"), "Jane Doe"),  # noqa: B008 (frozen)
        message_id: str = "<abc@example.org>",
        unsubscribe: str = "u2token",
        preferences: str = "p2token",
        why_text: str = "Because.",
        why_html: str = "<i>Because.</i>",
    ) -> None:
        self.to, self.message_id = to, message_id
        self.plain = {
            "unsubscribe": unsubscribe,
            "preferences": preferences,
            "why_text": why_text,
            "why_html": why_html,
        }

    @property
    def values(self) -> dict[str, Value]:
        """What `Stencil.fill` takes."""
        return {
            "to": encode_to(self.to),
            "message_id": encode_message_id(self.message_id),
            "unsubscribe": encode_token(self.plain["unsubscribe"]),
            "preferences": encode_token(self.plain["preferences"]),
            "why_text": encode_text(self.plain["why_text"]),
            "why_html": encode_html(self.plain["why_html"]),
        }

    @property
    def tuple(self) -> tuple[Value, ...]:
        """What `Stencil.filler` takes."""
        values = self.values
        return tuple(values[hole] for hole in HOLES)

    def put_into(self, text: str) -> str:
        """A text with this person's values in place of the markers, before any encoding."""
        for hole, value in self.plain.items():
            text = text.replace(marker(hole), clean_body(value))
        return text.replace(marker("message_id"), self.message_id).replace(
            marker("to"), encode_to(self.to).decode()
        )


people = st.builds(
    Person,
    to=mailboxes,
    message_id=ids,
    unsubscribe=tokens,
    preferences=tokens,
    why_text=texts,
    why_html=texts,
)


def unfold(value: str) -> str:
    """A folded header value on one line (RFC 5322 section 2.2.3)."""
    return re.sub(r"\r\n(?=[ \t])", "", value)


def check_wire(data: bytes) -> None:
    """Asserts what holds for every octet we send (RFC 5322 section 2.1.1, RFC 2045 section 6.7)."""
    assert data.isascii()
    assert b"\0" not in data
    assert b"\r" not in data.replace(b"\r\n", b"")
    assert b"\n" not in data.replace(b"\r\n", b"")
    head, _, body = data.partition(b"\r\n\r\n")
    for line in head.split(b"\r\n"):
        assert len(line) <= 998
        assert line.strip(b" \t")
    for line in body.split(b"\r\n"):
        assert len(line) <= 76
        assert line == line.rstrip(b" \t")
        assert not line.startswith((b".", b"From "))

"""Message-IDs: the same for the same copy, and nobody else's."""

import re

import pytest
from hypothesis import given
from hypothesis import strategies as st

from mail.holes import encode_message_id
from mail.message_ids import message_id, message_ids

SALT = bytes(range(16))


def test_a_copy_sent_again_bears_the_same_identifier() -> None:
    """Also after an upgrade, with a copy half sent before: pinned."""
    assert (
        message_id(SALT, 123_456, "news.example.org")
        == "<vmsmhr7vssdh7wzxrnurpbn6@news.example.org>"
    )


@given(st.binary(min_size=16, max_size=64), st.integers(0, 2**63 - 1))
def test_it_is_a_msg_id(salt: bytes, subscriber_id: int) -> None:
    """RFC 5322 section 3.6.4, short, and fit for its hole."""
    text = message_id(salt, subscriber_id, "example.org")
    assert re.fullmatch(r"<[a-z2-7]{24}@example\.org>", text)
    assert encode_message_id(text) == text.encode()


@given(
    st.lists(
        st.tuples(st.binary(min_size=16, max_size=20), st.integers(0, 10**6)),
        unique=True,
        max_size=40,
    )
)
def test_no_two_copies_share_one(copies: list[tuple[bytes, int]]) -> None:
    """Neither two people of a distribution nor two distributions to a person."""
    assert len({message_id(salt, number, "example.org") for salt, number in copies}) == len(copies)


@pytest.mark.parametrize("count", [0, 1, 100])
def test_many_are_made_at_once(count: int) -> None:
    """`message_ids` is `message_id` for many."""
    identify = message_ids(SALT, "example.org")
    assert identify(range(count)) == [message_id(SALT, n, "example.org") for n in range(count)]


@pytest.mark.parametrize(
    "domain", ["", "exa mple.org", "example.org>\r\nX: y", "exämple.org", "a..b"]
)
def test_a_domain_that_breaks_the_header_is_refused(domain: str) -> None:
    """Before anything is made with it."""
    with pytest.raises(ValueError, match="domain"):
        message_id(SALT, 1, domain)


def test_a_salt_that_could_be_guessed_is_refused() -> None:
    """Sixteen octets at least."""
    with pytest.raises(ValueError, match="16 octets"):
        message_id(b"short", 1, "example.org")

"""What links in mail promise: one purpose, one subject, and nothing but the base URL."""

import datetime as dt

import pytest
from hypothesis import given
from hypothesis import strategies as st

from mail.tokens import TOKEN_MAX_CHARACTERS, Keyring, Purpose, TokenError
from runtime.i18n import best_language, supported
from subscribers.links import Links, Unsubscribing
from subscribers.models import Format
from subscribers.undo import LANGUAGE_OCTETS_MAX, Undo

KEY = "a signing key for tests"
KEYRING = Keyring([KEY])
LINKS = Links("https://press.example.org/", KEYRING)
AT = dt.datetime(2026, 11, 23, 22, 0, 0, 123456, tzinfo=dt.UTC)
IDS = st.integers(1, 2**40)


@given(IDS, IDS)
def test_an_unsubscribe_link_says_who_and_which_lists(subscriber: int, list_set: int) -> None:
    """The token of an unsubscribe link names the subscriber and the lists of the copy."""
    url = LINKS.unsubscribe_url(subscriber, list_set)
    base, _, token = url.rpartition("/")
    assert base == "https://press.example.org/u"
    assert LINKS.unsubscribing(token) == Unsubscribing(subscriber, list_set)
    assert LINKS.unsubscribing(token.upper()) == Unsubscribing(subscriber, list_set)


@given(IDS)
def test_a_preference_link_says_whose(subscriber: int) -> None:
    """The token of a preference link names the subscriber."""
    base, _, token = LINKS.preferences_url(subscriber).rpartition("/")
    assert base == "https://press.example.org/p"
    assert LINKS.preferring(token) == subscriber


def test_a_token_for_one_thing_is_no_token_for_another() -> None:
    """Neither link opens the other's page, and neither undoes anything."""
    unsubscribe, preferences = LINKS.unsubscribe_token(7, 1), LINKS.preferences_token(7)
    for read, token in (
        (LINKS.preferring, unsubscribe),
        (LINKS.unsubscribing, preferences),
        (LINKS.unsubscribing, KEYRING.sign(Purpose.UNSUBSCRIBE, 7)),
        (LINKS.preferring, KEYRING.sign(Purpose.PREFERENCES, 7, 1)),
    ):
        with pytest.raises(TokenError):
            read(token)
    with pytest.raises(TokenError):
        LINKS.undoing(unsubscribe, subscriber_id=7)


def test_links_under_a_retired_key_only_unsubscribe() -> None:
    """After a key is given up its unsubscribe links work, and its preference links do not."""
    later = Links("https://press.example.org", Keyring(["another, newer key"], [KEY]))
    assert later.unsubscribing(LINKS.unsubscribe_token(7, 1)) == Unsubscribing(7, 1)
    with pytest.raises(TokenError):
        later.preferring(LINKS.preferences_token(7))


@given(
    subscriber=st.integers(1, 2**27),
    at=st.integers(0, 2**51).map(lambda us: AT + dt.timedelta(microseconds=us)),
    before=st.none() | st.from_regex(r"[a-z]{2,3}(-[A-Za-z0-9]{2,8}){0,2}", fullmatch=True),
    after=st.sampled_from(supported()),
    fmt=st.none() | st.sampled_from(Format),
)
def test_an_undo_token_says_which_change(
    subscriber: int, at: dt.datetime, before: str | None, after: str, fmt: Format | None
) -> None:
    """What an undo button carries is read back as it was, and fits into a token."""
    undo = Undo(subscriber, at, before, after if before else None, fmt)
    token = LINKS.undo_token(undo)
    assert len(token) <= TOKEN_MAX_CHARACTERS
    read = LINKS.undoing(token, subscriber_id=subscriber)
    if before and len(before) > LANGUAGE_OCTETS_MAX:
        assert read.language_before == best_language(before)
    else:
        assert read == undo


def test_an_undo_is_for_its_subscriber_alone() -> None:
    """One person's undo token is worth nothing on another's page."""
    token = LINKS.undo_token(Undo(7, AT))
    assert LINKS.undoing(token, subscriber_id=7) == Undo(7, AT)
    with pytest.raises(TokenError):
        LINKS.undoing(token, subscriber_id=8)

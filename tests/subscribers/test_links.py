"""What links in mail promise: one purpose, one subject, and nothing but the base URL."""

import datetime as dt

import pytest
from hypothesis import given
from hypothesis import strategies as st

from mail.tokens import TOKEN_MAX_CHARACTERS, Keyring, Purpose, RetiredKeyError, TokenError
from subscribers.links import ExpiredLinkError, Links, Unsubscribing
from subscribers.undo import Undo

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
        LINKS.undoing(unsubscribe)


def test_links_under_a_retired_key_only_unsubscribe() -> None:
    """After a key is given up its unsubscribe links work, and its preference links do not."""
    later = Links("https://press.example.org", Keyring(["another, newer key"], [KEY]))
    assert later.unsubscribing(LINKS.unsubscribe_token(7, 1)) == Unsubscribing(7, 1)
    with pytest.raises(TokenError):
        later.preferring(LINKS.preferences_token(7))


@given(subscriber=st.integers(0, 2**62), entry=st.integers(0, 2**62))
def test_an_undo_token_says_which_change(subscriber: int, entry: int) -> None:
    """What an undo button carries is read back as it was, and fits into a token."""
    undo = Undo(subscriber, entry)
    token = LINKS.undo_token(undo)
    assert len(token) <= TOKEN_MAX_CHARACTERS
    assert LINKS.undoing(token) == undo


def test_a_private_link_is_good_for_a_day() -> None:
    """It says whose it is until then, and afterwards whom a new one may be mailed to."""
    token = LINKS.private_url(7, AT).rpartition("/")[2]
    day = dt.timedelta(days=1)
    assert LINKS.managing(token, AT + day - dt.timedelta(minutes=1)) == 7
    with pytest.raises(ExpiredLinkError) as caught:
        LINKS.managing(token, AT + day)
    assert caught.value.subscriber_id == 7


def test_a_retired_key_still_says_whose_link_it_was() -> None:
    """So that a new one can be mailed to them."""
    later = Links("https://press.example.org", Keyring(["another, newer key"], [KEY]))
    with pytest.raises(RetiredKeyError) as caught:
        later.preferring(LINKS.preferences_token(7))
    assert caught.value.subject == (7,)


def test_each_link_opens_its_own_page_alone() -> None:
    """A token for one purpose is none for another."""
    tokens = {
        "preferring": LINKS.preferences_token(7),
        "undoing": LINKS.undo_token(Undo(7, 1)),
        "confirming_sign_up": LINKS.sign_up_url(7).rpartition("/")[2],
        "confirming_address": LINKS.address_url(7).rpartition("/")[2],
        "accepting": LINKS.invitation_url(7).rpartition("/")[2],
        "unsubscribing": LINKS.unsubscribe_token(7, 1),
    }
    for reader in tokens:
        for purpose, token in tokens.items():
            if purpose == reader:
                getattr(LINKS, reader)(token)
            else:
                with pytest.raises(TokenError):
                    getattr(LINKS, reader)(token)

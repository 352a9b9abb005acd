"""Tokens: short, signed for one purpose, and good for as long as the mail they are in."""

import re

import pytest
from hypothesis import given
from hypothesis import strategies as st

from mail import base32
from mail.hashing import suppression_hash
from mail.tokens import (
    BadSignatureError,
    Keyring,
    MalformedTokenError,
    Purpose,
    RetiredKeyError,
    TokenError,
    WeakKeyError,
    pack,
)

OLD, NEW = "an old key, 2026-01-01", "a new key, 2026-06-01"
ring = Keyring([NEW, OLD])
ids = st.integers(0, 2**63 - 1)
purposes = st.sampled_from(Purpose)

# Made by the first version. In mail since: never change these, whatever else changes.
PINNED = [
    (Purpose.UNSUBSCRIBE, (1,), "haa4jkvtpdbvrha67jba"),
    (Purpose.UNSUBSCRIBE, (123_456, 77), "hdamib2naup7ldo5fj5yzfuc"),
    (Purpose.UNSUBSCRIBE, (2**63 - 1, 2**31 - 1), "hd77777777777737777777yh27mxkui5k3hsrjkl"),
    (Purpose.PREFERENCES, (123_456,), "hdamibylzgx2r2akm7bj4ci"),
    (Purpose.CONFIRM, (0,), "haajsivoagdjw7p4ymja"),
    (Purpose.RETURN_PATH, (42, 123_456), "havmbrahyyqvaiv75bsbsaym"),
    (Purpose.UNDO, (127, 128, 16_384), "hb7yaamaqaavoioijvpcbfubdaaq"),
]


@pytest.mark.parametrize(("purpose", "subject", "token"), PINNED)
def test_links_already_mailed_keep_working(
    purpose: Purpose, subject: tuple[int, ...], token: str
) -> None:
    """Tokens of the first version verify, and are still what is made today."""
    assert Keyring([OLD]).sign(purpose, *subject) == token
    assert ring.verify(purpose, token) == subject


@given(purposes, st.lists(ids, min_size=1, max_size=2))
def test_a_token_gives_back_its_subject(purpose: Purpose, subject: list[int]) -> None:
    """In either letter case, within the alphabet and the length that fits a local part."""
    token = ring.sign(purpose, *subject)
    assert re.fullmatch("[a-z2-7]{1,60}", token)
    assert ring.verify(purpose, token) == tuple(subject)
    assert ring.verify(purpose, token.upper()) == tuple(subject)
    assert len(f"u-{token}") <= 64


def test_tokens_are_short() -> None:
    """A million subscribers and a thousand list sets need 26 letters."""
    assert len(ring.sign(Purpose.UNSUBSCRIBE, 1_000_000, 1_000)) == 26


@given(purposes, purposes, ids)
def test_a_token_is_good_for_one_purpose(one: Purpose, other: Purpose, subject: int) -> None:
    """Signed for one, it is refused for every other."""
    if one is not other:
        with pytest.raises(BadSignatureError):
            ring.verify(other, ring.sign(one, subject))


@given(st.data(), ids, ids)
def test_no_changed_token_verifies(data: st.DataObject, one: int, two: int) -> None:
    """Any one character changed, taken out or added: refused."""
    token = ring.sign(Purpose.UNSUBSCRIBE, one, two)
    place = data.draw(st.integers(0, len(token) - 1))
    letter = data.draw(st.sampled_from(base32.ALPHABET + "018=-_ é"))
    for changed in (
        token[:place] + letter + token[place + 1 :],
        token[:place] + token[place + 1 :],
        token[:place] + letter + token[place:],
        token + letter,
    ):
        if changed != token:
            with pytest.raises(TokenError):
                ring.verify(Purpose.UNSUBSCRIBE, changed)


@given(st.text(st.characters(), max_size=80) | st.text(base32.ALPHABET, max_size=80))
def test_nonsense_is_refused_and_nothing_worse(text: str) -> None:
    """Whatever stands in a URL ends in a TokenError."""
    with pytest.raises(TokenError):
        ring.verify(Purpose.UNSUBSCRIBE, text)


@pytest.mark.parametrize("text", ["", "a", "ſ" * 24, "K" * 24, " " * 24, "ab=cdefghijklmnopqrstuv"])
def test_what_is_no_token_is_called_incomplete(text: str) -> None:
    """So that the page can say to copy the whole link; letters that only fold to ours do not do."""
    with pytest.raises(MalformedTokenError):
        ring.verify(Purpose.UNSUBSCRIBE, text)


def test_white_space_and_punctuation_around_a_token_are_not_taken() -> None:
    """Only letter case is forgiven: a token has one spelling."""
    token = ring.sign(Purpose.UNSUBSCRIBE, 1)
    for text in (f" {token}", f"{token}.", f"{token}\n", f"{token}="):
        with pytest.raises(MalformedTokenError):
            ring.verify(Purpose.UNSUBSCRIBE, text)


def test_keys_rotate() -> None:
    """The first key signs, all verify, whatever their order; a key taken away does not."""
    before, during, after = Keyring([OLD]), Keyring([NEW, OLD]), Keyring([NEW])
    mailed = before.sign(Purpose.PREFERENCES, 7)
    assert during.verify(Purpose.PREFERENCES, mailed) == (7,)
    assert Keyring([OLD, NEW]).verify(Purpose.PREFERENCES, mailed) == (7,)
    assert during.sign(Purpose.PREFERENCES, 7) == after.sign(Purpose.PREFERENCES, 7)
    with pytest.raises(BadSignatureError):
        after.verify(Purpose.PREFERENCES, mailed)


@pytest.mark.parametrize("purpose", Purpose)
def test_a_retired_key_unsubscribes_and_nothing_else(purpose: Purpose) -> None:
    """An unsubscribe link works for ever; the rest is told to be too old."""
    retired = Keyring([NEW], retired=[OLD])
    mailed = Keyring([OLD]).sign(purpose, 7, 8)
    if purpose is Purpose.UNSUBSCRIBE:
        assert retired.verify(purpose, mailed) == (7, 8)
    else:
        with pytest.raises(RetiredKeyError):
            retired.verify(purpose, mailed)


def test_two_keys_with_one_id_do_not_get_in_each_others_way() -> None:
    """A key id has five bits only: both keys are tried."""
    texts = [f"a key among many, number {number}" for number in range(64)]
    crowded = Keyring(texts)
    for text in texts:
        assert crowded.verify(Purpose.CONFIRM, Keyring([text]).sign(Purpose.CONFIRM, 3)) == (3,)


@pytest.mark.parametrize("keys", [[], [""], ["x" * 15], [OLD, "short"]])
def test_a_key_that_could_be_guessed_is_refused(keys: list[str]) -> None:
    """With an error that names the length and never the key."""
    with pytest.raises(WeakKeyError) as caught:
        Keyring(keys)
    assert "x" * 15 not in str(caught.value)
    with pytest.raises(WeakKeyError):
        Keyring([OLD], retired=["short"])


@pytest.mark.parametrize("subject", [(), (-1,), (2**64, 2**64, 2**64, 2**64)])
def test_a_subject_that_does_not_fit_is_refused(subject: tuple[int, ...]) -> None:
    """None, negative, or too long for a local part: an error where it is made."""
    with pytest.raises(ValueError, match="token"):
        ring.sign(Purpose.UNDO, *subject)


def test_purposes_keep_their_numbers() -> None:
    """They are in every signature mailed."""
    assert {purpose.name: int(purpose) for purpose in Purpose} == {
        "UNSUBSCRIBE": 1,
        "PREFERENCES": 2,
        "CONFIRM": 3,
        "RETURN_PATH": 4,
        "UNDO": 5,
        "CHANGE_ADDRESS": 6,
        "MANAGE": 7,
        "DESK_INVITATION": 8,
        "REASON": 9,
    }


@given(st.binary(max_size=64))
def test_base32_is_rfc_4648s_in_lower_case_without_padding(data: bytes) -> None:
    """And reads back, in either letter case."""
    import base64

    text = base32.encode(data)
    assert text == base64.b32encode(data).decode().lower().rstrip("=")
    assert base32.decode(text) == base32.decode(text.upper()) == data


@given(st.integers(0, 64), st.data())
def test_many_are_written_as_one_by_one(size: int, data: st.DataObject) -> None:
    """Whether they have one length, or one of them has another."""
    values = data.draw(st.lists(st.binary(min_size=size, max_size=size), max_size=30))
    values += data.draw(st.lists(st.binary(max_size=64), max_size=1))
    assert base32.encode_all(values) == [base32.encode(value) for value in values]


@given(st.lists(st.integers(0, 2**40), min_size=1, max_size=30))
def test_many_are_signed_as_one_by_one(subjects: list[int]) -> None:
    """`sign_all` is `sign` for many."""
    keyring = Keyring(["k" * 32])
    signed = keyring.sign_all(Purpose.UNSUBSCRIBE, [pack(one, 7) for one in subjects])
    assert signed == [keyring.sign(Purpose.UNSUBSCRIBE, one, 7) for one in subjects]
    assert [keyring.verify(Purpose.UNSUBSCRIBE, one) for one in signed] == [
        (one, 7) for one in subjects
    ]


@given(st.text(base32.ALPHABET, max_size=60))
def test_base32_has_one_spelling(text: str) -> None:
    """What decodes at all encodes to the same letters."""
    try:
        data = base32.decode(text)
    except ValueError:
        return
    assert base32.encode(data) == text


def test_a_suppression_hash_never_changes() -> None:
    """It is all that remains of an erased address, so it is pinned."""
    assert (
        suppression_hash("a hash key that stays", "jane@example.org").hex()
        == "8d7f0de72862c194f637d7b244b1c2f90d525631d95045a74efc30fac4467f5b"
    )


def test_suppression_hashes_depend_on_key_and_address() -> None:
    """Nobody without the key can try addresses against them."""
    hashes = {
        suppression_hash(key, address)
        for key in ("a hash key that stays", "another hash key....")
        for address in ("jane@example.org", "john@example.org")
    }
    assert len(hashes) == 4
    with pytest.raises(ValueError, match="16 characters"):
        suppression_hash("short", "jane@example.org")

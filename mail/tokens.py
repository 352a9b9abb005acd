"""Signed tokens: what a link in a mail carries, and a return path.

A token says "whoever holds this may do one thing with one subject". It is

    octet 0       version (3 bits), key id (5 bits)
    then          the subject: non-negative integers as varints (LEB128)
    last 10       keyed BLAKE2s (RFC 7693) over all before, personalised with the purpose

in lower-case base32 without padding: no address inside, safe in a header, a URL and the
local part of an address ("u-" + token has at most 62 of 64 octets), in either letter case.
The purpose is not written into the token but bound into its signature, so a token for one
purpose is simply no token for another.

Links already mailed must work for ever: the tests pin tokens made by this version. A change
of layout is a new version beside this one, not in its place.
"""

from collections.abc import Iterable, Iterator, Sequence
from enum import IntEnum, unique
from hashlib import blake2b, blake2s
from hmac import compare_digest

from mail import base32

TOKEN_MAX_CHARACTERS = 60
_TOKEN_MAX_OCTETS = 37
KEY_MIN_CHARACTERS = 16
_VERSION = 1
_MAC_OCTETS = 10
_TOKEN_MIN_CHARACTERS = 20  # header, one octet of subject, signature: 12 octets


@unique
class Purpose(IntEnum):
    """What a token is good for. The numbers are in signatures: never change or reuse one."""

    UNSUBSCRIBE = 1
    PREFERENCES = 2
    CONFIRM = 3
    RETURN_PATH = 4
    UNDO = 5
    CHANGE_ADDRESS = 6
    MANAGE = 7
    DESK_INVITATION = 8
    REASON = 9


class TokenError(ValueError):
    """The root of what `verify` raises; never says more to the holder than `reason`."""

    reason = "This link is not valid."

    def __init__(self) -> None:
        super().__init__(self.reason)


class MalformedTokenError(TokenError):
    """Not a token at all: cut off, retyped wrongly, or of a version this code is too old for."""

    reason = "This link is not complete. Please copy all of it from the mail."


class BadSignatureError(TokenError):
    """No key of ours signed this for this purpose: forged, altered, or a key we gave up."""


class RetiredKeyError(TokenError):
    """Genuine, but its key is retired, and retired keys are good for unsubscribing only.

    `subject` is what it was signed for: whom a new link may be mailed to.
    """

    reason = "This link is too old. Please use one from a newer mail."

    def __init__(self, subject: tuple[int, ...]) -> None:
        super().__init__()
        self.subject = subject


class WeakKeyError(ValueError):
    """A signing key is missing or so short that it could be guessed. Holds no key."""


class _Key:
    """One signing key: its id and, for each purpose, a BLAKE2s state with the key in it."""

    __slots__ = ("id", "states")

    def __init__(self, text: str) -> None:
        if len(text) < KEY_MIN_CHARACTERS:
            raise WeakKeyError(
                f"a signing key has at least {KEY_MIN_CHARACTERS} characters; "
                f"this one has {len(text)}"
            )
        secret = blake2b(text.encode(), digest_size=32, person=b"mn-token-key").digest()
        # Of its own hash, so that the id, which everyone sees, says nothing about the key.
        self.id = blake2b(text.encode(), digest_size=1, person=b"mn-token-key-id").digest()[0] & 31
        self.states = {
            purpose: blake2s(
                key=secret, digest_size=_MAC_OCTETS, person=b"mn-tok" + bytes([_VERSION, purpose])
            )
            for purpose in Purpose
        }

    def signature(self, purpose: Purpose, signed: bytes) -> bytes:
        state = self.states[purpose].copy()
        state.update(signed)
        return state.digest()


class Keyring:
    """The keys of an installation: the first signs, all verify, retired ones unsubscribe.

    Raises WeakKeyError when there is no key, or one shorter than 16 characters.
    """

    def __init__(self, keys: Sequence[str], retired: Sequence[str] = ()) -> None:
        if not keys:
            raise WeakKeyError("there is no signing key")
        self._keys = [_Key(text) for text in keys]
        self._retired = [_Key(text) for text in retired]
        self._first = self._keys[0]
        self._header = bytes([_VERSION << 5 | self._first.id])

    def sign(self, purpose: Purpose, *subject: int) -> str:
        """A token of [a-z2-7], at most 60 characters, for one purpose and one subject.

        The subject is one or more non-negative integers: row ids, in the order that the
        purpose defines. Raises ValueError for a negative one, none, or too many to fit.
        """
        return self.sign_all(purpose, [pack(*subject)])[0]

    def sign_all(self, purpose: Purpose, subjects: Iterable[bytes]) -> list[str]:
        """`sign` for many subjects that `pack` has packed, which is a good deal faster."""
        header, copy = self._header, self._first.states[purpose].copy
        signed = []
        for subject in subjects:
            state = copy()
            state.update(header + subject)
            signed.append(header + subject + state.digest())
        if any(len(one) > _TOKEN_MAX_OCTETS for one in signed):
            raise ValueError("this subject is too long for a token")
        return base32.encode_all(signed)

    def verify(self, purpose: Purpose, token: str) -> tuple[int, ...]:
        """The subject that `sign` was given; raises one of the TokenErrors.

        Accepts either letter case, since mail systems change it in local parts, and nothing
        else around the token. Signatures are compared in constant time.
        """
        signed, signature = _split(token)
        if _is_signed(self._keys, purpose, signed, signature):
            return _unpack(signed)
        if _is_signed(self._retired, purpose, signed, signature):
            if purpose is not Purpose.UNSUBSCRIBE:
                raise RetiredKeyError(_unpack(signed))
            return _unpack(signed)
        raise BadSignatureError


def _is_signed(keys: Iterable[_Key], purpose: Purpose, signed: bytes, signature: bytes) -> bool:
    key_id = signed[0] & 31
    return any(
        compare_digest(key.signature(purpose, signed), signature)
        for key in keys
        if key.id == key_id
    )


def _split(token: str) -> tuple[bytes, bytes]:
    if not _TOKEN_MIN_CHARACTERS <= len(token) <= TOKEN_MAX_CHARACTERS:
        raise MalformedTokenError
    try:
        data = base32.decode(token)
    except ValueError:
        raise MalformedTokenError from None
    if data[0] >> 5 != _VERSION:
        raise MalformedTokenError
    return data[:-_MAC_OCTETS], data[-_MAC_OCTETS:]


def pack(*subject: int) -> bytes:
    """A subject as a token holds it; two packed ones in a row are one of both.

    Raises ValueError for a negative number, or none.
    """
    if not subject:
        raise ValueError("a token needs a subject")
    packed: list[int] = []
    for number in subject:
        if number < 0:
            raise ValueError("a token's subject is made of non-negative integers")
        rest = number
        while rest > 127:
            packed.append(rest & 127 | 128)
            rest >>= 7
        packed.append(rest)
    return bytes(packed)


def _unpack(signed: bytes) -> tuple[int, ...]:
    """Only ever reads what a key of ours has signed, and so what `pack` wrote."""
    return tuple(_numbers(signed[1:]))


def _numbers(packed: bytes) -> Iterator[int]:
    number = shift = 0
    for octet in packed:
        number |= (octet & 127) << shift
        if octet & 128:
            shift += 7
        else:
            yield number
            number = shift = 0

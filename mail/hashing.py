"""The keyed hash under which a suppressed address is remembered after erasure.

Who asked to be forgotten and never to be mailed gets both: the address goes, its hash stays.
Keyed, because a plain hash of an address is undone by trying addresses. The key never
rotates, or every remembered address would be forgotten with it.
"""

from functools import lru_cache
from hashlib import blake2b

KEY_MIN_CHARACTERS = 16
SUPPRESSION_HASH_OCTETS = 32


def suppression_hash(hash_key: str, address_key: str) -> bytes:
    """32 octets of keyed BLAKE2b (RFC 7693) over `Address.key`.

    Raises ValueError for a key shorter than 16 characters. The result is stored for ever: a
    test pins it.
    """
    state = _keyed(hash_key).copy()
    state.update(address_key.encode())
    return state.digest()


@lru_cache(maxsize=4)
def _keyed(hash_key: str) -> blake2b:
    if len(hash_key) < KEY_MIN_CHARACTERS:
        raise ValueError(f"a hash key has at least {KEY_MIN_CHARACTERS} characters")
    key = blake2b(hash_key.encode(), person=b"mn-hash-key").digest()
    return blake2b(key=key, digest_size=SUPPRESSION_HASH_OCTETS, person=b"mn-suppression")

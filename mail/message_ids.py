"""Message-IDs (RFC 5322 section 3.6.4): one per person and distribution, always the same.

A copy that has to be sent again after a crash bears the identifier it bore before, so that
mailboxes which drop repeats can. It is derived from a random salt kept with the distribution:
nobody outside can tell from one identifier who it went to, or make another's.
"""

import re
from collections.abc import Callable, Iterable
from functools import lru_cache
from hashlib import blake2s

from mail import base32

SALT_MIN_OCTETS = 16
_DIGEST_OCTETS = 15  # 120 bits, exactly 24 letters
# dot-atom-text, as strict as a host name: RFC 5322 allows more, few systems expect it.
_DOMAIN = re.compile(r"[A-Za-z0-9-]{1,63}(?:\.[A-Za-z0-9-]{1,63})*")


def message_ids(salt: bytes, domain: str) -> Callable[[Iterable[int]], list[str]]:
    """A function from subscriber ids to as many "<…@domain>", for many of one distribution.

    Raises ValueError for a salt under 16 octets, or a domain that is no A-label domain.
    """
    if len(salt) < SALT_MIN_OCTETS:
        raise ValueError(f"the salt of a distribution has at least {SALT_MIN_OCTETS} octets")
    if len(domain) > 253 or not _DOMAIN.fullmatch(domain):
        raise ValueError("a Message-ID needs a domain in ASCII (A-labels)")
    key = blake2s(salt, person=b"mn-salt").digest()
    start = blake2s(key=key, digest_size=_DIGEST_OCTETS, person=b"mn-msgid")
    end = f"@{domain}>"

    def identify(subscriber_ids: Iterable[int]) -> list[str]:
        digests = []
        for subscriber_id in subscriber_ids:
            state = start.copy()
            state.update(b"%d" % subscriber_id)
            digests.append(state.digest())
        return [f"<{letters}{end}" for letters in base32.encode_all(digests)]

    return identify


_cached_message_ids = lru_cache(maxsize=64)(message_ids)


def message_id(salt: bytes, subscriber_id: int, domain: str) -> str:
    """The Message-ID, angle brackets included, of one distribution's copy for one person."""
    return _cached_message_ids(salt, domain)([subscriber_id])[0]

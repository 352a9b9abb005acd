"""Why an address is not taken, in our words: one style, for whoever has to mend a table."""

import re
from typing import Final

from mail.addresses import AddressError

_PLAINLY: Final = (
    # What the reader of addresses says, and how it is told; the first that matches counts.
    ("special-use", "no mail reaches this domain: check the part after the @"),
    ("should have a period", "the domain has no dot: write it in full"),
    ("something after the @", "there is nothing after the @: write the domain there"),
    ("something before the @", "there is nothing before the @: write the name there"),
    ("quot", "the part before the @ is in quotes: write it without them"),
    ("bracket", "there is an IP address after the @: write the domain's name"),
    ("two periods in a row", "there are two dots in a row: take one out"),
    ("hyphen|dashes", "there is a hyphen where none can be: check the address"),
    ("period", "there is a dot where none can be: check the address"),
    ("too long|so many characters", "a part of it is too long: check the address"),
    ("full-width|small commercial", "the @ is a look-alike: type a plain @"),
    ("unsafe", "there is an invisible or unusual character in it: type the address anew"),
    ("characters? before", "the part before the @ has a character that no address has"),
    ("after the @|IDNA", "the part after the @ is not the name of a domain"),
)
_STRANGER: Final = re.compile(r"@-sign|email address|^After Unicode", re.IGNORECASE)
"""What only email-validator says; all other reasons are our own, and stay."""


def told(error: AddressError, given: str) -> str:
    """The reason, in one plain line without a full stop; `given` is what was read."""
    if not _STRANGER.search(error.reason):
        return error.reason
    if given.count("@") > 1 and '"' not in given:
        return "there is more than one @ in it: an address looks like name@example.org"
    for pattern, plain in _PLAINLY:
        if re.search(pattern, error.reason, re.IGNORECASE):
            return plain
    return "this is no address: an address looks like name@example.org"

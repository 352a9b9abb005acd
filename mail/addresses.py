"""E-mail addresses and mailboxes (RFC 5321 section 4.1.2, RFC 5322 section 3.4, RFC 6531).

An address is kept as it can be mailed: local part in NFC, domain as lower-case A-labels.
Plain ASCII addresses, nearly all there are, take a fast path; a property test holds it to
what email-validator says. Everything else goes to email-validator, without DNS.
"""

import re
import unicodedata
from dataclasses import dataclass

from email_validator import EmailNotValidError, validate_email

from mail.encoded_words import LINE_MAX, fold, phrase_words
from mail.text import clean_name

ADDRESS_MAX_OCTETS = 254
"""RFC 5321 section 4.5.3.1.3, less the angle brackets (RFC 3696 erratum 1690)."""
LOCAL_MAX_OCTETS = 64
"""RFC 5321 section 4.5.3.1.1; email-validator lets longer ones pass."""

_ATEXT = r"[A-Za-z0-9!#$%&'*+/=?^_`{|}~-]"
_LABEL = r"(?!..--)[A-Za-z0-9](?:[A-Za-z0-9-]{0,61}[A-Za-z0-9])?"
_PLAIN = re.compile(
    rf"(?=[^@]{{1,{LOCAL_MAX_OCTETS}}}@)({_ATEXT}+(?:\.{_ATEXT}+)*)"
    rf"@((?:{_LABEL}\.)+([A-Za-z]{{1,63}}))"
)
# RFC 6761, 6762, 7686: no mail ever reaches these. `test` and `example` are for trying out,
# and must work where a demonstration or a rehearsal needs them.
_UNREACHABLE = frozenset({"arpa", "invalid", "local", "localhost", "onion"})
# RFC 2142: these are the same mailbox in any letter case (email-validator's list).
_ROLES = re.compile(
    "info|marketing|sales|support|abuse|noc|security|postmaster|hostmaster|usenet|news|"
    "webmaster|www|uucp|ftp",
    re.IGNORECASE | re.ASCII,
)
# What may stand in a header without quoting; anything else was not made by parse_address.
_SAFE_LOCAL = re.compile(r"[A-Za-z0-9!#$%&'*+/=?^_`{|}~.\u00a1-\ud7ff\ue000-\U0010ffff-]{1,64}")
_SAFE_DOMAIN = re.compile(r"[a-z0-9.-]{1,253}")
# Most names: atoms in ASCII, and no chance of an encoded word. They need nothing done.
_SIMPLE_NAME = re.compile(r"[A-Za-z0-9'-]+(?: [A-Za-z0-9'-]+)*")
_SAFE_ADDRESS = f"{_SAFE_LOCAL.pattern}@{_SAFE_DOMAIN.pattern}"
_SIMPLE_MAILBOX = re.compile(f"{_SIMPLE_NAME.pattern} <{_SAFE_ADDRESS}>|{_SAFE_ADDRESS}")


class AddressError(ValueError):
    """This is no address that can be mailed; `reason` says why and how to mend it."""

    def __init__(self, reason: str) -> None:
        super().__init__(reason)
        self.reason = reason


@dataclass(frozen=True, slots=True)
class Address:
    """One e-mail address: `local` in NFC, `domain` as lower-case A-labels (RFC 5890)."""

    local: str
    domain: str

    @property
    def key(self) -> str:
        """What two addresses are compared by: no letter case, but every dot and plus.

        Canonical caseless matching (Unicode section 3.13, D145), brought back to NFC.
        """
        local = self.local
        if local.isascii():
            return f"{local.lower()}@{self.domain}"
        folded = unicodedata.normalize("NFD", local).casefold()
        return f"{unicodedata.normalize('NFC', folded)}@{self.domain}"

    @property
    def needs_smtputf8(self) -> bool:
        """Whether only a relay with SMTPUTF8 (RFC 6531) can take it."""
        return not self.local.isascii()

    def __str__(self) -> str:
        return f"{self.local}@{self.domain}"


def parse_address(text: str) -> Address:
    """Reads one bare address; white space around it is no matter.

    Raises AddressError. Quoted local parts and bracketed IP addresses are refused: no
    journalist has one, and too much software mangles them.
    """
    text = text.strip()
    plain = _PLAIN.fullmatch(text)
    if plain is not None and len(text) <= ADDRESS_MAX_OCTETS:
        local, domain, top = plain.groups()
        if top.lower() not in _UNREACHABLE:
            if _ROLES.fullmatch(local):
                local = local.lower()
            return Address(local, domain.lower())
    return _parse_other(text)


def _parse_other(text: str) -> Address:
    hint = _common_mistake(text)
    if hint is not None:
        raise AddressError(hint)
    try:
        valid = validate_email(text, check_deliverability=False, test_environment=True)
    except EmailNotValidError as error:
        raise AddressError(str(error)) from error
    address = Address(valid.local_part, valid.ascii_domain.lower())
    if len(address.local.encode()) > LOCAL_MAX_OCTETS:
        raise AddressError(
            f"the part before the @ is longer than {LOCAL_MAX_OCTETS} octets: check the address"
        )
    if "." not in address.domain:
        raise AddressError(f"the domain “{address.domain}” has no dot: write it in full")
    return address


_COMMON_MISTAKES = (
    (r"mailto:", "the address begins with “mailto:”: leave that out"),
    (r".*[<>]", "give the bare address, without a name and angle brackets"),
    (r"[^@\uff20]*\Z", "there is no @ in it: an address looks like name@example.org"),
    (r".*@.*[,;\s].*@", "there is more than one address: give each a line of its own"),
    (r".*\s", "there is white space inside the address: take it out"),
    (r".*@[^@]*,", "there is a comma in the domain: is it meant to be a dot?"),
)


def _common_mistake(text: str) -> str | None:
    """Says in plain words what people most often get wrong; None if it is none of these."""
    if not text:
        return "the address is empty"
    if len(text) > ADDRESS_MAX_OCTETS:
        return f"the address is longer than {ADDRESS_MAX_OCTETS} characters: is it one address?"
    for pattern, hint in _COMMON_MISTAKES:
        if re.match(pattern, text, re.IGNORECASE | re.DOTALL):
            return hint
    return None


@dataclass(frozen=True, slots=True)
class Mailbox:
    """An address and the name shown with it (RFC 5322 section 3.4); the name may be empty."""

    address: Address
    name: str = ""

    def __str__(self) -> str:
        return f"{self.name} <{self.address}>" if self.name else str(self.address)


def parse_mailbox(text: str) -> Mailbox:
    """Reads `Name <address>`, `"Name" <address>` or a bare address; raises AddressError.

    There is exactly one mailbox in it, so names need no quotes: `U.S. Embassy, Paris
    <press@example.org>` is what people write.
    """
    text = text.strip()
    if not text.endswith(">"):
        return Mailbox(parse_address(text))
    name, bracket, address = text[:-1].rpartition("<")
    if not bracket:
        raise AddressError("there is a “>” without a “<”: write Name <name@example.org>")
    name = name.strip()
    if len(name) >= 2 and name[0] == name[-1] == '"':
        name = re.sub(r"\\(.)", r"\1", name[1:-1])
    return Mailbox(parse_address(address), clean_name(name))


def parse_sender(text: str) -> Mailbox:
    """Reads the mailbox that mail comes from or is answered to; raises AddressError.

    It stands in every copy, and only some relays and mailboxes know RFC 6531: so it must do
    without.
    """
    mailbox = parse_mailbox(text)
    if mailbox.address.needs_smtputf8:
        raise AddressError(
            f"many mail servers refuse the letters before the @ of “{mailbox.address}”: choose "
            "an address in a to z, digits and signs"
        )
    return mailbox


def format_person(address: str, name: str) -> bytes:
    """`format_mailbox` of an address in one piece, after "To: "; most need no more than a look."""
    written = f"{name} <{address}>" if name else address
    if len(written) <= LINE_MAX - len("To: ") and _SIMPLE_MAILBOX.fullmatch(written):
        return written.encode()
    local, _, domain = address.rpartition("@")
    return format_mailbox(Mailbox(Address(local, domain), name))


def format_mailbox(mailbox: Mailbox, used: int = len("To: ")) -> bytes:
    """The mailbox as a header's value: folded, ASCII except for a SMTPUTF8 local part.

    `used` is the length of the header's name, colon and space. Whatever the name holds, it
    stays a name (`mail.text.clean_name`). Raises AddressError for an Address that no
    `parse_address` made and that cannot stand in a header.
    """
    address = mailbox.address
    if not (_SAFE_LOCAL.fullmatch(address.local) and _SAFE_DOMAIN.fullmatch(address.domain)):
        raise AddressError("this address cannot stand in a header: read it with parse_address")
    written, name = f"{address.local}@{address.domain}", mailbox.name
    if not name:
        return written.encode()
    if used + len(name) + len(written) + 3 <= LINE_MAX and _SIMPLE_NAME.fullmatch(name):
        return f"{name} <{written}>".encode()
    words = phrase_words(clean_name(name), LINE_MAX - used)
    return fold([*words, f"<{written}>"] if words else [written], used).encode()

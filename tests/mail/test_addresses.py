"""What an address is, which ones are refused and how that is said, and mailboxes in headers."""

import email
import email.utils
import unicodedata
from email import policy
from email.header import decode_header, make_header

import pytest
from email_validator import EmailNotValidError, validate_email
from hypothesis import example, given
from hypothesis import strategies as st

from mail.addresses import (
    Address,
    AddressError,
    Mailbox,
    format_mailbox,
    format_person,
    parse_address,
    parse_mailbox,
)
from mail.text import NAME_MAX_CHARACTERS, clean_name, name_fault

ATEXT = "abcXYZ019!#$%&'*+/=?^_`{|}~-"
labels = st.text("abXY09-", min_size=1, max_size=65)
locals_ = st.one_of(
    st.text(ATEXT + ".", min_size=1, max_size=70),
    st.sampled_from(["INFO", "Postmaster", "x" * 64, "x" * 65, "a.b", ".a", "a..b", '"a b"', "é"]),
)
domains = st.one_of(
    st.lists(labels, min_size=1, max_size=6).map(".".join),
    st.sampled_from(["example.org", "Example.ORG", "a.test", "test", "localhost", "x.local"]),
    st.sampled_from(
        ["xn--exmple-cua.org", "xn--a.org", "ab--cd.org", "bücher.example", "例え.テスト"]
    ),
    st.sampled_from(["a.b.c1", "1.2.3.4", "[127.0.0.1]", "a.o", "a.invalid", "x" * 63 + ".org"]),
    st.just(".".join(["x" * 49] * 5) + ".org"),
)


def by_email_validator(text: str) -> str | None:
    """The address as email-validator has it, with our own three rules; None if refused."""
    try:
        valid = validate_email(text.strip(), check_deliverability=False, test_environment=True)
    except EmailNotValidError:
        return None
    if len(valid.local_part.encode()) > 64 or "." not in valid.ascii_domain:
        return None
    return f"{valid.local_part}@{valid.ascii_domain}"


@given(
    st.one_of(
        st.builds(lambda local, domain: f"{local}@{domain}", locals_, domains),
        st.emails(),
        st.text(ATEXT + ".@ \t", max_size=40),
        st.text(max_size=40),
    ),
    st.sampled_from(["", " ", "\t\r\n", "\N{NO-BREAK SPACE}"]),
)
@example("a@b.c\n", "")
@example("INFO@example.org", " ")
def test_every_address_is_taken_as_email_validator_takes_it(text: str, around: str) -> None:
    """The fast path and the checks in front accept, refuse and write exactly what it does."""
    try:
        ours: str | None = str(parse_address(around + text + around))
    except AddressError:
        ours = None
    assert ours == by_email_validator(text)


@pytest.mark.parametrize(
    ("text", "local", "domain"),
    [
        ("jane@example.org", "jane", "example.org"),
        ("  Jane.Doe+press@Example.ORG\r\n", "Jane.Doe+press", "example.org"),
        ("o'brien@news.example.co.uk", "o'brien", "news.example.co.uk"),
        ("editor@bücher.example", "editor", "xn--bcher-kva.example"),
        ("editor@XN--BCHER-KVA.example", "editor", "xn--bcher-kva.example"),
        ("editor@BÜCHER。example", "editor", "xn--bcher-kva.example"),
        ("ре\u0434@пример.рф", "ред", "xn--e1afmkfd.xn--p1ai"),
        ("Ame\u0301lie@example.org", "Amélie", "example.org"),
        ("demo@newsroom.test", "demo", "newsroom.test"),
        ("WebMaster@example.org", "webmaster", "example.org"),
        (f"{'x' * 64}@example.org", "x" * 64, "example.org"),
    ],
)
def test_good_addresses_are_kept_as_they_can_be_mailed(text: str, local: str, domain: str) -> None:
    """White space goes, local parts stay but for NFC, domains become lower-case A-labels."""
    assert parse_address(text) == Address(local, domain)


@pytest.mark.parametrize(
    ("text", "hint"),
    [
        ("", "empty"),
        (" \t ", "empty"),
        ("jane.example.org", "no @"),
        ("mailto:jane@example.org", "mailto"),
        ("Jane <jane@example.org>", "without a name"),
        ("a@example.org; b@example.org", "more than one"),
        ("a@example.org,b@example.org", "more than one"),
        ("jane doe@example.org", "white space"),
        ("jane@example,org", "comma"),
        ("jane@", "after the @"),
        ("@example.org", "before the @"),
        ("jane@example", "period"),
        ("jane@test", "no dot"),
        ("jane@localhost", "period"),
        ("jane@printer.local", "special-use"),
        ("jane@nowhere.invalid", "special-use"),
        ('"jane doe"@example.org', "white space"),
        ('"jane"@example.org', "Quoting"),
        ("jane@[192.0.2.1]", "IP address"),
        (f"{'x' * 65}@example.org", "64"),
        (f"{'é' * 33}@example.org", "64"),
        (f"jane@{'x' * 250}.org", "254"),
        ("x" * 10_000_000, "254"),
        ("jane@exa\u202emple.org", "unsafe"),
        ("ja\x00ne@example.org", "invalid"),
        ("ja\ud800ne@example.org", "unsafe"),
    ],
)
def test_bad_addresses_are_refused_with_a_reason_for_people(text: str, hint: str) -> None:
    """One plain line that says what is wrong, for whoever has to mend the list."""
    with pytest.raises(AddressError) as caught:
        parse_address(text)
    assert hint in caught.value.reason
    assert "\n" not in caught.value.reason
    assert len(caught.value.reason) < 200


@pytest.mark.parametrize(
    ("one", "other", "is_same"),
    [
        ("Jane@Example.org", "jane@example.ORG", True),
        ("AMÉLIE@example.org", "ame\u0301lie@example.org", True),
        ("STRASSE@example.org", "straße@example.org", True),
        ("a@bücher.example", "A@xn--bcher-kva.example", True),
        ("ja.ne@example.org", "jane@example.org", False),
        ("jane+news@example.org", "jane@example.org", False),
    ],
)
def test_one_key_for_one_person(one: str, other: str, is_same: bool) -> None:
    """Letter case and Unicode form do not make two people; dots and pluses do."""
    assert (parse_address(one).key == parse_address(other).key) is is_same


@given(st.emails() | st.builds(lambda local: f"{local}@example.org", st.text(max_size=12)))
def test_a_key_is_stable(text: str) -> None:
    """Reading the key as an address gives the same key again, also in another letter case."""
    try:
        address = parse_address(text)
        again, upper = parse_address(address.key), parse_address(address.key.upper())
    except AddressError:
        return
    assert again.key == address.key
    if address.local.isascii():
        assert upper.key == address.key
    assert unicodedata.is_normalized("NFC", address.key)


def test_only_a_local_part_beyond_ascii_needs_smtputf8() -> None:
    """Domains travel as A-labels, which every relay takes."""
    assert not parse_address("editor@bücher.example").needs_smtputf8
    assert parse_address("ред@example.org").needs_smtputf8


@pytest.mark.parametrize(
    ("text", "name", "address"),
    [
        ("press@example.org", "", "press@example.org"),
        ("Press Office <press@example.org>", "Press Office", "press@example.org"),
        ("<press@example.org>", "", "press@example.org"),
        ("U.S. Embassy, Paris <press@example.org>", "U.S. Embassy, Paris", "press@example.org"),
        ('"Doe, \\"Jane\\"" <jane@example.org>', 'Doe, "Jane"', "jane@example.org"),
        ('Joe "Ace" <joe@example.org>', 'Joe "Ace"', "joe@example.org"),
        ("Ministère  de la\tCulture <c@example.org>", "Ministère de la Culture", "c@example.org"),
        ("a < b <c@example.org>", "a < b", "c@example.org"),
    ],
)
def test_mailboxes_are_read_as_people_write_them(text: str, name: str, address: str) -> None:
    """A name may stand before the address, quoted or not."""
    assert parse_mailbox(text) == Mailbox(parse_address(address), name)


@pytest.mark.parametrize("text", ["", "Press", "Press <>", "press@example.org>", "P <a@b.org> x"])
def test_what_is_no_mailbox_is_refused(text: str) -> None:
    """With the same error as an address."""
    with pytest.raises(AddressError):
        parse_mailbox(text)


any_text = st.text(st.characters(), max_size=150)
nasty = st.text(st.sampled_from('\r\n\t "\\<>,;:@()=?_é文\u202e\x00a.b'), max_size=40)
names = st.one_of(any_text, nasty, st.text("abc '", max_size=200), st.just("=?utf-8?q?=0D=0A?="))
addresses = st.sampled_from(
    ["a@example.org", "x" * 64 + "@" + ".".join(["y" * 60] * 3) + ".org", "o'b@xn--bcher-kva.org"]
).map(parse_address)


@given(names, addresses)
@example("Ren\u00e9e " + "\U0001f469\u200d\U0001f4bb" * 60, Address("a", "example.org"))
@example("a" * 300, Address("a", "example.org"))
@example('"', Address("a", "example.org"))
@example("a\\", Address("a", "example.org"))
@example("John (Doe) a@b.org", Address("a", "example.org"))
def test_whatever_the_name_holds_it_stays_a_name(name: str, address: Address) -> None:
    """One header comes out, ASCII, in good lines, and two parsers read the cleaned name in it."""
    value = format_mailbox(Mailbox(address, name))
    assert format_person(str(address), name) == value
    assert value.isascii()
    lines = (b"To: " + value).split(b"\r\n")
    assert all(line.startswith(b" ") for line in lines[1:])
    assert not any(b"\r" in line or b"\n" in line or b"\0" in line for line in lines)
    for line in lines:
        assert len(line) <= 998
        assert len(line) <= 78 or line.startswith((b" <", b"To: " + str(address).encode()))
        assert all(len(word) <= 75 for word in line.split() if word.startswith(b"=?"))

    source = b"To: " + value + b"\r\nX-Next: 1\r\n\r\nBody\r\n"
    modern = email.message_from_bytes(source, policy=policy.default)
    assert modern.keys() == ["To", "X-Next"]
    (mailbox,) = modern["To"].addresses
    assert mailbox.addr_spec == str(address)
    if value.count(b"=?utf-8?") < 2:
        assert mailbox.display_name == clean_name(name)
    else:  # CPython 3.11 shows the white space between encoded words of a phrase.
        assert mailbox.display_name.replace(" ", "") == clean_name(name).replace(" ", "")

    legacy = email.message_from_bytes(source)
    phrase, spec = email.utils.parseaddr(legacy["To"])
    assert spec == str(address)
    assert str(make_header(decode_header(phrase))) == clean_name(name)


def test_a_name_beyond_reason_is_cut() -> None:
    """A spreadsheet's ten megabytes in one cell do not become ten megabytes of header."""
    value = format_mailbox(Mailbox(Address("a", "example.org"), "\u00e9" * 10_000_000))
    assert len(value) < NAME_MAX_CHARACTERS * 12


def test_a_local_part_beyond_ascii_is_the_only_thing_that_is() -> None:
    """SMTPUTF8 (RFC 6532) lets it stand in the header as UTF-8; the name stays encoded."""
    value = format_mailbox(Mailbox(parse_address("ред@пример.рф"), "Ред"))
    assert value == "=?utf-8?b?0KDQtdC0?= <ред@xn--e1afmkfd.xn--p1ai>".encode()


@pytest.mark.parametrize(
    "address",
    [
        Address("a\r\nBcc: b@example.org", "example.org"),
        Address("a", "example.org\r\nX: y"),
        Address("a b", "example.org"),
        Address("a", "Example.org"),
        Address("", "example.org"),
        Address("\ud800", "example.org"),
        Address("a>,<b", "example.org"),
    ],
)
def test_an_address_that_nobody_parsed_is_refused(address: Address) -> None:
    """An Address can be made by hand; a header cannot be broken with it."""
    with pytest.raises(AddressError):
        format_mailbox(Mailbox(address, "Name"))


@pytest.mark.parametrize(
    ("name", "fault"),
    [
        ("Jane Doe", None),
        ("  Zoë O’Neil ", None),
        ("محمد علی\u200cزاده", None),
        ("Jane\r\nBcc: x@example.org", "line break"),
        ("Jane\u2028Doe", "line break"),
        ("Jane\x00Doe", "invisible"),
        ("Jane \u202eeoD", "right-to-left override"),
        ("x" * 121, "longer than 120"),
    ],
)
def test_a_names_fault_is_said_where_it_can_be_mended(name: str, fault: str | None) -> None:
    """An import can report a strange name by its line; sending only cleans it."""
    found = name_fault(name)
    assert (found is None) if fault is None else (found is not None and fault in found)


@given(st.text(st.characters(), max_size=200))
def test_cleaning_a_name_twice_changes_nothing(name: str) -> None:
    """What is clean stays as it is, and is without fault."""
    once = clean_name(name)
    assert clean_name(once) == once
    assert name_fault(once) is None

"""Stencils: where holes may stand, what values are refused, what is stored."""

from email.message import EmailMessage
from email.policy import SMTP, compat32

import pytest
from hypothesis import given
from hypothesis import strategies as st

from mail.addresses import Address, Mailbox, parse_address
from mail.headers import HeaderError
from mail.holes import HOLES, has_marker, marker
from mail.message import build_message
from mail.stencil import (
    Stencil,
    StencilError,
    ValueRefusedError,
    compile_stencil,
    encode_message_id,
    encode_to,
    encode_token,
)
from tests.mail.samples import Person, check_wire, headers, texts

TOKEN_LINE = f"https://news.example.org/u/{marker('unsubscribe')}"


def plain(text: str = "Hello", **more: str) -> EmailMessage:
    """A text-only message, with further headers."""
    extra = [(name.replace("_", "-"), value) for name, value in more.items()]
    return build_message([*headers(), *extra], text, None)


def test_a_filled_stencil_to_the_octet() -> None:
    """Small enough to read: this is all that goes over the wire."""
    stencil = compile_stencil(
        build_message(
            [
                ("From", "press@example.org"),
                ("To", marker("to")),
                ("Message-ID", marker("message_id")),
            ],
            f"Zoë says:\n.\n{marker('why_text')}\n{TOKEN_LINE}",
            f"<p>{marker('why_html')} <a href='{TOKEN_LINE}'>Leave</a></p>",
            boundary="=_b",
        )
    )
    assert stencil.fill(Person(Mailbox(Address("zoe", "example.org"), "Zoë")).values) == (
        b"From: press@example.org\r\n"
        b"To: =?utf-8?q?Zo=C3=AB?= <zoe@example.org>\r\n"
        b"Message-ID: <abc@example.org>\r\n"
        b"MIME-Version: 1.0\r\n"
        b'Content-Type: multipart/alternative; boundary="=_b"\r\n'
        b"\r\n"
        b"--=_b\r\n"
        b'Content-Type: text/plain; charset="utf-8"\r\n'
        b"Content-Transfer-Encoding: quoted-printable\r\n"
        b"\r\n"
        b"Zo=C3=AB says:\r\n"
        b"=2E\r\n"
        b"Because.=\r\n"
        b"\r\n"
        b"https://news.example.org/u/=\r\n"
        b"u2token\r\n"
        b"\r\n"
        b"--=_b\r\n"
        b'Content-Type: text/html; charset="utf-8"\r\n'
        b"Content-Transfer-Encoding: quoted-printable\r\n"
        b"\r\n"
        b"<p>=\r\n"
        b"<i>Because.</i>=\r\n"
        b" <a href=3D'https://news.example.org/u/=\r\n"
        b"u2token'>Leave</a></p>\r\n"
        b"\r\n"
        b"--=_b--\r\n"
    )


def test_a_long_list_unsubscribe_is_never_an_encoded_word() -> None:
    """The library's own policy makes it one, which breaks one-click; ours leaves it alone."""
    url = f"https://news.example.org/{'long/' * 40}u/{marker('unsubscribe')}"
    ours = build_message([("List-Unsubscribe", f"<{url}>")], "Hello", None)
    assert f"List-Unsubscribe: <{url}>\r\n".encode() in ours.as_bytes()
    theirs = EmailMessage(policy=SMTP)
    theirs["List-Unsubscribe"] = f"<{url}>"
    assert b"=?utf-8?q?" in theirs.as_bytes()
    theirs.set_content("Hello", cte="quoted-printable")
    with pytest.raises(StencilError, match="hides a hole"):
        compile_stencil(theirs)


@pytest.mark.parametrize(
    ("text", "html", "why"),
    [
        (marker("to"), None, "cannot stand in a text/plain"),
        (marker("message_id"), None, "cannot stand in a text/plain"),
        (marker("why_html"), None, "cannot stand in a text/plain"),
        ("Hello", marker("why_text"), "cannot stand in a text/html"),
    ],
)
def test_a_hole_in_the_wrong_body_is_refused(text: str, html: str | None, why: str) -> None:
    """A reason in HTML must not reach the plain text, nor an address a body."""
    with pytest.raises(StencilError, match=why):
        compile_stencil(build_message(headers(), text, html))


@pytest.mark.parametrize(
    ("name", "value", "why"),
    [
        ("X-Why", marker("why_text"), "cannot stand in a header"),
        ("X-To", marker("to"), "must be all of To"),
        ("Cc", f"{marker('to')}, x@example.org", "must be all of To"),
        ("References", marker("message_id"), "must be all of Message-ID"),
        ("X-Long", "x" * 950 + marker("unsubscribe"), "998"),
        ("X-Long", "x" * 991, "998"),
    ],
)
def test_a_hole_in_the_wrong_header_is_refused(name: str, value: str, why: str) -> None:
    """Each has the one header that its encoding is made for; tokens may be in any."""
    with pytest.raises(StencilError, match=why):
        compile_stencil(build_message([(name, value)], "Hello", None))


def test_only_quoted_printable_utf8_text_is_taken() -> None:
    """Anything else would need another encoding of the values."""
    for charset, cte in (
        ("utf-8", "base64"),
        ("iso-8859-1", "quoted-printable"),
        ("utf-8", "7bit"),
    ):
        message = EmailMessage(policy=SMTP)
        message.set_content("Hello", charset=charset, cte=cte)
        with pytest.raises(StencilError, match="quoted-printable"):
            compile_stencil(message)
    message = EmailMessage(policy=SMTP)
    message.set_content(b"GIF89a", "image", "gif")
    with pytest.raises(StencilError, match="quoted-printable"):
        compile_stencil(message)


def test_a_boundary_that_a_body_could_hold_is_refused() -> None:
    """Ours has "=_" in it, which quoted-printable never writes."""
    with pytest.raises(StencilError, match="boundary"):
        compile_stencil(build_message(headers(), "Hello", "Hello", boundary="frontier"))


def test_an_eight_bit_header_is_refused() -> None:
    """Also when another builder has put it there."""
    message = EmailMessage(policy=SMTP.clone(utf8=True))
    message["Subject"] = "Zoë"
    message.set_content("Hello", cte="quoted-printable")
    with pytest.raises(StencilError, match="8-bit"):
        compile_stencil(message)


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("X-Bad", "a\r\nBcc: x@example.org"),
        ("X-Bad", "a\nBcc: x@example.org"),
        ("X-Bad", "a\r\n\r\nBody"),
        ("X-Bad", "a\r\n \r\n b"),
        ("X-Bad", "a\rb"),
        ("X-Bad", "a\x00b"),
        ("X-Bad", "Zoë"),
        ("X-Bad", " a"),
        ("X-Bad", "a "),
        ("X Bad", "a"),
        ("X-Bad:", "a"),
        ("X-Bad\r\nBcc", "a"),
        ("", "a"),
    ],
)
def test_a_header_cannot_begin_another(name: str, value: str) -> None:
    """What is not encoded by `mail.headers` is refused, not cleaned: it is a bug of ours."""
    with pytest.raises(HeaderError):
        build_message([(name, value)], "Hello", None)


@given(st.text(st.characters(), max_size=60))
def test_only_good_values_pass_as_header_values(value: str) -> None:
    """Whatever passes is one header for the parser."""
    try:
        message = build_message([("X-Any", value), ("X-Next", "1")], "Hello", None)
    except HeaderError:
        return
    assert message.keys()[:3] == ["X-Any", "X-Next", "MIME-Version"]


@given(texts, texts)
def test_building_is_deterministic_and_its_own_serialisation_good(text: str, html: str) -> None:
    """The same bodies give the same octets, boundary included; they keep the rules as well."""
    one, two = (build_message([("Subject", "Hi")], text, html).as_bytes() for _ in "12")
    assert one == two
    assert one.isascii()
    assert max(map(len, one.split(b"\r\n"))) <= 76


@pytest.mark.parametrize("token", ["", "A", "a" * 61, "a1", "a b", "a\r\n", "a\n", "é", "a="])
def test_what_is_no_token_is_refused(token: str) -> None:
    """The error names the value, for it is a bug of ours."""
    with pytest.raises(ValueRefusedError, match="token"):
        encode_token(token)


@pytest.mark.parametrize(
    "message_id",
    ["", "a@b", "<a@b", "<a b@c>", "<a@b>\r\nX: y", "<a@b>\n", "<a>", "<é@b>", "<a@b@c>"],
)
def test_what_is_no_message_id_is_refused(message_id: str) -> None:
    """RFC 5322's msg-id, brackets included."""
    with pytest.raises(ValueRefusedError) as caught:
        encode_message_id(message_id)
    assert caught.value.hole == "message_id"


def test_an_address_that_nobody_parsed_is_refused() -> None:
    """Whatever its name."""
    with pytest.raises(ValueRefusedError) as caught:
        encode_to(Mailbox(Address("a\r\nb", "example.org"), "Jane"))
    assert caught.value.hole == "to"


def test_smtputf8_shows_in_one_place_only() -> None:
    """The local part in To is the only thing on the wire that is not ASCII."""
    stencil = compile_stencil(plain())
    filled = stencil.fill(Person(Mailbox(parse_address("ред@пример.рф"), "Ред")).values)
    local = "ред".encode()
    assert filled.count(local) == 1
    check_wire(filled.replace(local, b"x"))


def test_a_missing_value_is_an_error() -> None:
    """Never a hole in the mail."""
    stencil = compile_stencil(plain(TOKEN_LINE))
    values = Person().values
    del values["unsubscribe"]
    with pytest.raises(KeyError, match="unsubscribe"):
        stencil.fill(values)
    with pytest.raises(KeyError, match="unsubscribe"):
        stencil.filler(["to", "message_id"])


def test_markers_survive_templates() -> None:
    """Letters and digits only, in one letter case, none within another; found in any text."""
    markers = [marker(hole) for hole in HOLES]
    assert all(text.isascii() and text.isalnum() and text.islower() for text in markers)
    assert not any(one in other for one in markers for other in markers if one is not other)
    assert all(has_marker(f"x{text}y") for text in markers)
    assert not has_marker("An ordinary release about mnholes")


def test_holes_keep_their_numbers() -> None:
    """They are in every stored stencil."""
    assert HOLES == ("to", "message_id", "unsubscribe", "preferences", "why_text", "why_html")


def test_a_stored_stencil_of_the_first_version_still_reads() -> None:
    """Pinned: a distribution may be running while the code is replaced."""
    stored = bytes.fromhex(
        "6d6e7374010002000200000004000000020000000254 6f3a200d0a0d0a".replace(" ", "")
    )
    stencil = Stencil.from_bytes(stored)
    assert stencil.holes == {"to", "unsubscribe"}
    assert stencil.to_bytes() == stored


def test_damaged_octets_are_refused() -> None:
    """Another version, a cut, something appended, a hole that does not exist: StencilError."""
    stored = compile_stencil(plain(TOKEN_LINE)).to_bytes()
    newer = stored[:4] + b"\x02" + stored[5:]
    with pytest.raises(StencilError, match="another version"):
        Stencil.from_bytes(newer)
    unknown = stored[:7] + b"\xff" + stored[8:]
    for damaged in (b"", b"{}", stored + b"x", unknown, *(stored[:n] for n in range(len(stored)))):
        with pytest.raises(StencilError):
            Stencil.from_bytes(damaged)


def test_messages_of_other_makers_compile_too() -> None:
    """As long as their parts are quoted-printable: line ends become CRLF."""
    for maker in (SMTP, SMTP.clone(linesep="\n"), compat32.clone(linesep="\n")):
        message = EmailMessage(policy=SMTP.clone(linesep=maker.linesep))
        message["To"] = marker("to")
        message.set_content(f"Hello.  \n{TOKEN_LINE}", cte="quoted-printable")
        message.add_alternative(f"<p>{TOKEN_LINE}</p>", "html", cte="quoted-printable")
        message.set_boundary("=_b")
        check_wire(compile_stencil(message).fill(Person().values))


def test_size_is_known_before_filling() -> None:
    """For the warnings about clipping; values add a few hundred octets."""
    stencil = compile_stencil(plain("x" * 1000))
    person = Person()
    filled = len(stencil.fill(person.values))
    assert 1000 < stencil.static_size_bytes < filled < stencil.static_size_bytes + 500
    assert "holes" in repr(stencil)
    assert hash(stencil) == hash(Stencil.from_bytes(stencil.to_bytes()))
    assert stencil != "stencil"

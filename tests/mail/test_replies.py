"""Replies are read wherever their octets are cut, and mean what the RFCs say."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from mail.replies import Deferred, Failed, Reply, Unsent, judge_mail, judge_recipient
from mail.reply_reader import MAX_LINE_OCTETS, MAX_LINES, ReplyReader

STREAM = (
    b"220 relay.example ESMTP\r\n"
    b"250-relay.example\r\n250-PIPELINING\r\n250 SIZE 1000\r\n"
    b"250 2.1.0 Ok\r\n250 2.1.0 Ok\r\n354\r\n"
    b"550-5.1.1 The account does not exist.\r\n550-5.1.1 Look for typos.\r\n"
    b"550 5.1.1 See example\r\n"
    b"250 2.0.0 Ok: queued as 4XYZ\r\n421 4.7.0 Bye \xc3\xa9\r\n"
)
REPLIES = [
    Reply(220, None, "relay.example ESMTP"),
    Reply(250, None, "relay.example\nPIPELINING\nSIZE 1000"),
    Reply(250, (2, 1, 0), "Ok"),
    Reply(250, (2, 1, 0), "Ok"),
    Reply(354, None, ""),
    Reply(550, (5, 1, 1), "The account does not exist.\nLook for typos.\nSee example"),
    Reply(250, (2, 0, 0), "Ok: queued as 4XYZ"),
    Reply(421, (4, 7, 0), "Bye é"),
]


@given(st.lists(st.integers(0, len(STREAM)), max_size=30).map(sorted))
def test_replies_are_the_same_however_their_octets_are_cut(cuts: list[int]) -> None:
    """Any way of splitting the stream gives the same replies."""
    reader = ReplyReader()
    replies: list[Reply] = []
    for begin, end in zip([0, *cuts], [*cuts, len(STREAM)], strict=True):
        replies += reader.feed(STREAM[begin:end])
    assert replies == REPLIES
    assert reader.is_between_replies


def test_replies_come_octet_by_octet() -> None:
    """A server that answers one octet at a time is understood."""
    reader = ReplyReader()
    assert [
        reply for i in range(len(STREAM)) for reply in reader.feed(STREAM[i : i + 1])
    ] == REPLIES


def test_a_known_line_within_a_longer_reply_is_not_a_reply_of_its_own() -> None:
    """A line that was a whole reply before is only the end of a multi-line one now."""
    reader = ReplyReader()
    reader.feed(b"250 Ok\r\n")
    assert reader.feed(b"250-more\r\n250 Ok\r\n") == [Reply(250, None, "more\nOk")]


def test_a_bare_line_feed_ends_a_line_too() -> None:
    """Servers that leave out the carriage return are understood."""
    assert ReplyReader().feed(b"250-a\n250 b\n") == [Reply(250, None, "a\nb")]


@pytest.mark.parametrize(
    "nonsense",
    [
        b"HTTP/1.1 400 Bad Request\r\n",
        b"\r\n",
        b"25\r\n",
        b"250_Ok\r\n",
        b"150 no such class\r\n",
        b"250-one\r\n251 two\r\n",
        b"250 nul \x00\r\n",
        b"\xff" * 80 + b"\r\n",
        b"SSH-2.0-OpenSSH_9.2\r\n",
    ],
)
def test_what_is_no_reply_is_refused(nonsense: bytes) -> None:
    """Nonsense is a fault in one plain line; what came before it counts, what follows does not."""
    reader = ReplyReader()
    assert reader.feed(b"250 Ok\r\n" + nonsense + b"250 Ok\r\n") == [Reply(250, None, "Ok")]
    assert reader.fault is not None
    assert reader.fault.isprintable()
    assert reader.feed(b"250 Ok\r\n") == []


@pytest.mark.parametrize(
    "endless",
    [b"x" * (MAX_LINE_OCTETS + 1), b"250 " + b"x" * MAX_LINE_OCTETS + b"\r\n"],
)
def test_a_line_has_its_bounds(endless: bytes) -> None:
    """A line without end does not fill the memory."""
    reader = ReplyReader()
    assert reader.feed(endless) == []
    assert reader.fault == "a reply line without end"


def test_a_reply_has_its_bounds() -> None:
    """A reply of ever more lines does not fill the memory."""
    reader = ReplyReader()
    assert reader.feed(b"250-again\r\n" * (MAX_LINES + 1)) == []
    assert reader.fault == "a reply of too many lines"


def test_a_reply_is_quoted_in_one_line_without_controls() -> None:
    """What a server says cannot disturb a terminal or a log."""
    (reply,) = ReplyReader().feed(b"550-5.7.1 \x1b[31mred\r\n550 5.7.1 second\tline\r\n")
    assert str(reply) == "550 5.7.1  [31mred second line".replace("  [", " [")


def test_an_enhanced_code_of_another_class_is_text() -> None:
    """A 4.x.x in a 5yz reply does not count as its status."""
    (reply,) = ReplyReader().feed(b"550 4.2.2 odd\r\n")
    assert reply == Reply(550, None, "4.2.2 odd")


@pytest.mark.parametrize(
    ("code", "enhanced", "text", "verdict"),
    [
        (450, (4, 2, 0), "Greylisted", Deferred),
        (452, (4, 2, 2), "Mailbox full", Deferred),
        (451, None, "Try again", Deferred),
        (550, (5, 1, 1), "User unknown", Failed),
        (552, None, "Exceeded storage allocation", Failed),
        (552, (5, 3, 4), "Message too big", Failed),
        (552, (5, 2, 2), "Mailbox full", Deferred),
        (554, (5, 7, 1), "Rejected as spam", Failed),
        (554, (5, 7, 1), "<a@b.example>: Relay access denied", Deferred),
        (550, None, "relay not permitted", Deferred),
        (550, (5, 7, 1), "relaying denied", Deferred),
        (530, (5, 7, 0), "Authentication required", Unsent),
        (530, (5, 7, 0), "Must issue a STARTTLS command first", Unsent),
        (421, (4, 3, 2), "Shutting down", Unsent),
        (503, (5, 5, 1), "Bad sequence", Unsent),
    ],
)
def test_a_refusal_of_a_recipient_means(
    code: int, enhanced: tuple[int, int, int] | None, text: str, verdict: type
) -> None:
    """Who is to blame for a refusal, and whether it can pass, follows the codes."""
    assert type(judge_recipient(Reply(code, enhanced, text))) is verdict


@pytest.mark.parametrize(
    ("code", "enhanced", "needs_smtputf8", "verdict"),
    [
        (550, (5, 7, 1), False, Unsent),
        (553, (5, 1, 8), False, Unsent),
        (530, (5, 7, 0), False, Unsent),
        (451, (4, 3, 0), False, Unsent),
        (452, (4, 3, 1), False, Unsent),
        (552, (5, 3, 4), False, Failed),
        (552, None, False, Failed),
        (550, (5, 6, 7), True, Failed),
        (553, (5, 6, 7), True, Failed),
        (451, (4, 6, 7), True, Deferred),
        (530, (5, 7, 0), True, Unsent),
    ],
)
def test_a_refusal_of_the_sender_fails_nobody_but_whose_message_it_is(
    code: int, enhanced: tuple[int, int, int] | None, needs_smtputf8: bool, verdict: type
) -> None:
    """The sender is the same for everyone: only what a message has of its own can fail it."""
    reply = Reply(code, enhanced, "no")
    assert type(judge_mail(reply, needs_smtputf8=needs_smtputf8)) is verdict


def test_an_unknown_user_is_no_matter_of_relaying() -> None:
    """The word alone does not make it one: Postfix names a table of recipients after relays."""
    unknown = Reply(550, (5, 1, 1), "<a@b.example>: User unknown in relay recipient table")
    assert type(judge_recipient(unknown)) is Failed
    denied = Reply(554, (5, 7, 1), "<a@b.example>: Relay access denied")
    assert type(judge_recipient(denied)) is Deferred

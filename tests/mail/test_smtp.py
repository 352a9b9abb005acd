"""Mail transactions, specified by their failures: every flow, every point, no sockets."""

from collections import deque

import pytest

from mail.replies import Accepted, Deferred, Failed
from mail.smtp import Window
from mail.smtp_items import Item
from tests.support.smtp_model import (
    ESMTP,
    Action,
    Babble,
    CutContent,
    Farewell,
    Hang,
    Say,
    Script,
    SmtpModel,
    Vanish,
    by_the_book,
)
from tests.support.smtp_pair import Pair, new_session

PLAIN = ("8BITMIME",)
CHUNKING = (*ESMTP, "CHUNKING")
FLOWS = {
    "dialogue": (PLAIN, False),
    "dialogue-bdat": (("CHUNKING",), False),
    "ahead": (ESMTP, False),
    "ahead-bdat": (CHUNKING, False),
    "flight": (CHUNKING, True),
}
BODY = b"Subject: A media note\r\n\r\n.one dot\r\n..two\r\n.\r\nend\r\n"


def item(key: int, data: bytes = BODY) -> Item:
    """An item that tells by its data whose it is."""
    return Item(
        key, f"b-{key}@press.example", f"u{key}@news.example", b"X-Key: %d\r\n" % key + data
    )


def items(count: int) -> list[Item]:
    """Some items."""
    return [item(key) for key in range(count)]


def at(verb: str, count: int, action: Action) -> Script:
    """A script that misbehaves once."""
    return lambda heard, _, counted: action if (heard, counted) == (verb, count) else None


def talk(flow: str, script: Script, count: int = 5, **model_options: object) -> Pair:
    """Send some items over one connection."""
    capabilities, flights = FLOWS[flow]
    model = SmtpModel(script=script, capabilities=capabilities, **model_options)  # type: ignore[arg-type]
    pair = Pair(new_session(flights=flights), model)
    pair.run(items(count))
    return pair


def kinds(pair: Pair, count: int = 5) -> list[str]:
    """The names of the outcomes, in the items' order; "-" for an item never submitted."""
    return [
        type(pair.outcome(key)).__name__ if key in pair.outcomes else "-" for key in range(count)
    ]


def check_envelopes(pair: Pair) -> None:
    """Whatever was taken has one recipient, and is what was meant for that recipient."""
    for envelope in pair.model.taken:
        (recipient,) = envelope.rcpt_to
        key = int(recipient.partition("@")[0][1:])
        assert envelope.mail_from == f"b-{key}@press.example"
        assert envelope.data == item(key).data


every_flow = pytest.mark.parametrize("flow", FLOWS)
pipelining_flow = pytest.mark.parametrize("flow", ["ahead", "ahead-bdat", "flight"])


@every_flow
def test_every_message_arrives_as_it_was(flow: str) -> None:
    """Dots, order and envelopes are kept, by every flow."""
    pair = talk(flow, by_the_book)
    assert kinds(pair) == ["Accepted"] * 5
    assert [envelope.rcpt_to for envelope in pair.model.taken] == [[i.rcpt_to] for i in items(5)]
    check_envelopes(pair)
    assert [begun.key for begun in pair.begun] == [0, 1, 2, 3, 4]
    first = pair.outcome(0)
    assert isinstance(first, Accepted)
    assert first.reply.text == "Ok: queued as 0000000001"


@pytest.mark.parametrize("data", [b"", b".", b".\r\n", b"no line end", b"\r\n.\r\n", b"a\r\n.."])
@every_flow
def test_odd_bodies_arrive(flow: str, data: bytes) -> None:
    """A lone dot, an empty body or a missing line end does not disturb what follows."""
    capabilities, flights = FLOWS[flow]
    pair = Pair(new_session(flights=flights), SmtpModel(capabilities=capabilities))
    sent = [Item(0, "", "a@b.example", data), Item(1, "", "c@d.example", b"next\r\n")]
    pair.run(sent)
    first, second = pair.model.taken
    assert first.data in {data, data + b"\r\n"}
    assert (second.rcpt_to, second.data) == (["c@d.example"], b"next\r\n")


def test_who_promises_that_no_line_begins_with_a_dot_is_believed() -> None:
    """Then the message goes as it is, without looking."""
    pair = Pair(new_session(), SmtpModel())
    pair.run([Item(0, "", "a@b.example", b"a.b\r\nc.\r\n", has_leading_dots=False)])
    assert pair.model.taken[0].data == b"a.b\r\nc.\r\n"


def test_the_next_envelope_travels_with_the_end_of_this_message() -> None:
    """With PIPELINING a message costs one round trip (RFC 2920)."""
    pair = talk("ahead", by_the_book, 10)
    # EHLO, the first envelope, and one for each message.
    assert pair.round_trips == 2 + 10


def test_with_chunking_a_message_costs_one_round_trip_too() -> None:
    """BDAT with the next envelope behind it (RFC 3030)."""
    pair = talk("ahead-bdat", by_the_book, 10)
    assert pair.round_trips == 2 + 10
    assert "DATA" not in pair.model.commands


def test_where_flights_are_proved_many_messages_cost_one_round_trip() -> None:
    """Whole messages fly together, up to the window."""
    pair = talk("flight", by_the_book, 10)
    assert pair.round_trips == 1 + 1


def test_a_window_is_bounded_in_messages_and_in_octets_and_refilled_in_full() -> None:
    """No more than the window is in flight; what was answered is replaced at once."""
    for window in [Window(messages=4), Window(messages=100, octets=3 * len(item(0).data) + 4)]:
        pair = Pair(new_session(flights=True, window=window), SmtpModel(capabilities=CHUNKING))
        pair.run(items(20))
        assert pair.round_trips == 1 + 20 // 4
        assert len(pair.model.taken) == 20


@pytest.mark.parametrize("verb", ["RCPT", "DATA", "CONTENT"])
@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("550 5.1.1 User unknown", Failed),
        ("452 4.2.2 Mailbox full", Deferred),
        ("552 5.2.2 Mailbox full", Deferred),
        ("552 5.3.4 Too big", Failed),
        ("552 Exceeded storage", Failed),
    ],
)
@every_flow
def test_a_refused_recipient_is_refused_alone(
    flow: str, verb: str, text: str, expected: type
) -> None:
    """In the middle of a pipeline or a flight, at RCPT, DATA or after the content."""
    if verb == "DATA" and flow not in {"dialogue", "ahead"}:
        verb = "RCPT"
    pair = talk(flow, at(verb, 2, Say(text)))
    assert kinds(pair) == ["Accepted", "Accepted", expected.__name__, "Accepted", "Accepted"]
    assert [envelope.rcpt_to for envelope in pair.model.taken] == [
        [f"u{key}@news.example"] for key in (0, 1, 3, 4)
    ]
    check_envelopes(pair)


@every_flow
def test_rset_comes_before_the_next_mail_after_an_unfinished_transaction(flow: str) -> None:
    """A refused RCPT leaves the transaction open: the next MAIL would be nested (503)."""
    pair = talk(flow, at("RCPT", 1, Say("550 5.1.1 no")))
    commands = [command.partition(" ")[0] for command in pair.model.commands]
    refused = commands.index("RCPT", commands.index("RCPT") + 1)
    assert commands.index("RSET", refused) < commands.index("MAIL", refused)
    assert kinds(pair) == ["Accepted", "Failed", "Accepted", "Accepted", "Accepted"]


@pipelining_flow
def test_data_for_nobody_is_ended_with_a_lone_dot(flow: str) -> None:
    """A server that wants the content though it refused the recipient gets an empty message."""
    script = at("RCPT", 1, Say("550 5.1.1 no"))
    pair = talk(flow, script, wants_data_for_nobody=True)
    assert kinds(pair) == ["Accepted", "Failed", "Accepted", "Accepted", "Accepted"]
    check_envelopes(pair)
    if flow == "ahead":
        assert b"DATA\r\n.\r\n" in pair.model.wire


@pytest.mark.parametrize("verb", ["MAIL", "RCPT", "DATA", "CONTENT"])
@pytest.mark.parametrize("action", [Farewell(), Vanish(), Vanish(took=True), Hang()])
@pytest.mark.parametrize("count", [0, 2])
@every_flow
def test_a_connection_that_ends_fails_nobody(
    flow: str, verb: str, action: Action, count: int
) -> None:
    """421, hanging up and silence at every point: unsent or in doubt, never failed or deferred."""
    pair = talk(flow, at(verb, count, action))
    assert set(kinds(pair)) <= {"Accepted", "Unsent", "InDoubt", "-"}
    accepted = [key for key in range(5) if kinds(pair)[key] == "Accepted"]
    taken = [int(e.rcpt_to[0].partition("@")[0][1:]) for e in pair.model.taken]
    assert taken[: len(accepted)] == accepted
    in_doubt = {key for key in range(5) if kinds(pair)[key] == "InDoubt"}
    assert set(taken[len(accepted) :]) <= in_doubt
    check_envelopes(pair)


def test_421_after_a_few_messages_leaves_no_doubt() -> None:
    """A relay that closes after some messages has not taken what came after its 421."""
    pair = talk("flight", at("MAIL", 3, Farewell("421 4.7.0 Too many messages")))
    assert kinds(pair) == ["Accepted"] * 3 + ["Unsent"] * 2
    assert pair.closed is not None
    assert "421 4.7.0 Too many messages" in pair.closed.why


def test_a_server_that_goes_on_after_421_is_believed_message_by_message() -> None:
    """Answers after a 421 count for the messages they answer."""
    pair = talk("flight", at("CONTENT", 1, Say("421 4.3.0 not this one")))
    assert kinds(pair) == ["Accepted", "Unsent", "Accepted", "Accepted", "Accepted"]


@every_flow
def test_a_message_taken_without_an_answer_is_in_doubt(flow: str) -> None:
    """The server took it and vanished before its reply."""
    pair = talk(flow, at("CONTENT", 1, Vanish(took=True)))
    assert kinds(pair)[:2] == ["Accepted", "InDoubt"]
    assert [e.rcpt_to for e in pair.model.taken] == [["u0@news.example"], ["u1@news.example"]]


@pytest.mark.parametrize("flow", ["dialogue", "ahead"])
def test_a_message_cut_in_its_middle_is_unsent(flow: str) -> None:
    """What never left completely cannot have been taken."""
    capabilities, flights = FLOWS[flow]
    model = SmtpModel(capabilities=capabilities, script=at("DATA", 0, CutContent(20)))
    pair = Pair(new_session(flights=flights), model)
    waiting = deque(items(2))
    while not pair.begun:
        if pair.to_server:
            pair.move_to_server()
        pair.move_to_client()
        pair.submit_from(waiting)
    pair.move_to_server(30)
    assert model.is_closed
    pair.cut(octets_not_sent=len(pair.to_server))
    assert kinds(pair, 1) == ["Unsent"]
    assert model.taken == []


def test_in_a_flight_only_what_left_whole_is_in_doubt() -> None:
    """The octets that were not sent tell which messages of the flight are untouched."""
    pair = Pair(new_session(flights=True), SmtpModel(capabilities=CHUNKING))
    pair.run([])
    pair.submit_from(deque(items(3)))
    last = len(items(3)[2].data)
    pair.cut(octets_not_sent=last + 1)
    assert kinds(pair, 3) == ["InDoubt", "InDoubt", "Unsent"]


@pytest.mark.parametrize("verb", ["MAIL", "RCPT", "DATA", "CONTENT", "RSET"])
@every_flow
def test_503_ends_the_connection_and_blames_nobody(flow: str, verb: str) -> None:
    """A server out of step is left: it may have mixed up its envelopes."""

    def script(heard: str, argument: str, count: int) -> Action | None:
        if heard == "RCPT" and count == 0:
            return Say("550 5.1.1 no")  # so that RSET comes, in every flow
        return Say("503 5.5.1 Bad sequence of commands") if (heard, count) == (verb, 1) else None

    pair = talk(flow, script)
    assert "Deferred" not in kinds(pair)
    assert kinds(pair).count("Failed") == 1
    check_envelopes(pair)


def test_the_trap_of_a_nested_mail_is_not_walked_into() -> None:
    """A server that answers 503 to MAIL and adds its RCPT to the open envelope gets no content."""
    model = SmtpModel(script=_refuse_first_and_ignore_rset, capabilities=ESMTP)
    pair = Pair(new_session(), model)
    pair.run(items(3))
    assert model.taken == []
    assert kinds(pair, 3)[1] == "Unsent"


def _refuse_first_and_ignore_rset(verb: str, argument: str, count: int) -> Action | None:
    if verb == "DATA" and count == 0:
        return Say("451 4.3.0 later")
    return Say("250 2.0.0 Ok") if verb == "RSET" else None


@pytest.mark.parametrize("verb", ["MAIL", "RCPT", "CONTENT"])
@every_flow
def test_more_replies_than_commands_end_the_connection(flow: str, verb: str) -> None:
    """Once the answers do not match the questions, none of them can be believed."""
    pair = talk(flow, at(verb, 4, Babble("250 2.0.0 by the way")))
    assert pair.closed is not None
    assert set(kinds(pair)) <= {"Accepted", "Unsent", "InDoubt", "-"}


@pytest.mark.parametrize("verb", ["MAIL", "RCPT", "DATA", "CONTENT"])
@pytest.mark.parametrize("text", ["Welcome!", "250-never\r\nending", "999 x", ""])
@every_flow
def test_nonsense_ends_the_connection(flow: str, verb: str, text: str) -> None:
    """A reply that is none, or of a class that does not belong there."""
    pair = talk(flow, at(verb, 1, Say(text)))
    assert not {"Failed", "Deferred"} & set(kinds(pair))
    assert kinds(pair)[0] == "Accepted"
    check_envelopes(pair)


@pytest.mark.parametrize(
    "text",
    ["550 5.7.1 Sender address rejected", "530 5.7.0 Authentication required", "451 4.3.0 disk"],
)
@every_flow
def test_a_refused_sender_fails_nobody(flow: str, text: str) -> None:
    """The relay does not take mail from us: everyone stays unsent, for the relay's reason."""
    pair = talk(flow, lambda verb, _, count: Say(text) if verb == "MAIL" else None)
    assert set(kinds(pair)) <= {"Unsent", "-"}
    assert pair.closed is not None
    assert text in pair.closed.why
    assert not pair.model.taken


@every_flow
def test_a_message_too_large_for_mail_fails_alone(flow: str) -> None:
    """552 at MAIL speaks of this message's size (RFC 1870)."""
    pair = talk(flow, at("MAIL", 1, Say("552 5.3.4 Message size exceeds fixed limit")))
    assert kinds(pair) == ["Accepted", "Failed", "Accepted", "Accepted", "Accepted"]


def test_what_a_relay_cannot_take_is_known_before() -> None:
    """Larger than SIZE, SMTPUTF8 or 8BITMIME not offered: a plain reason, without asking."""
    pair = Pair(new_session(), SmtpModel(capabilities=("SIZE 100",)))
    pair.run([])
    unfit = pair.session.unfit
    assert unfit(Item(0, "", "a@b.example", b"x" * 100)) is None
    assert unfit(Item(0, "", "a@b.example", b"x" * 101)) == (
        "the message has 101 octets, and the relay takes 100"
    )
    assert "SMTPUTF8" in str(unfit(Item(0, "", "é@b.example", b"x")))
    assert "8BITMIME" in str(unfit(Item(0, "", "a@b.example", "é".encode())))


def test_parameters_go_only_to_who_needs_them() -> None:
    """SIZE where announced, SMTPUTF8 and BODY=8BITMIME for those messages alone."""
    pair = Pair(new_session(), SmtpModel())
    pair.run(
        [
            Item(0, "", "a@b.example", b"x\r\n"),
            Item(1, "", "é@b.example", "é\r\n".encode()),
            Item(2, "", "c@d.example", b"y\r\n"),
        ]
    )
    assert [e.mail_parameters for e in pair.model.taken] == [
        "SIZE=3",
        "SIZE=4 BODY=8BITMIME SMTPUTF8",
        "SIZE=3",
    ]
    assert pair.model.taken[1].rcpt_to == ["é@b.example"]


@pytest.mark.parametrize(
    "address",
    [
        "a@b.example>\r\nRCPT TO:<evil@x.example",
        "a\r@b.example",
        "a\n@b.example",
        "a b@c.example",
        "<a@b.example",
        "a@b.example>",
        "a\x00@b.example",
        "a\x85@b.example",
        "a\u2028@b.example",
        "a\udc80@b.example",
        "a" * 400 + "@b.example",
    ],
)
def test_an_address_cannot_carry_a_command(address: str) -> None:
    """There is no item with line breaks, controls, blanks or brackets in an address."""
    with pytest.raises(ValueError, match="not usable as a recipient"):
        Item(0, "", address, b"")
    with pytest.raises(ValueError, match="not usable as a sender"):
        Item(0, address, "a@b.example", b"")


def test_a_recipient_is_not_empty() -> None:
    """The null path is for senders only."""
    with pytest.raises(ValueError, match="recipient"):
        Item(0, "", "", b"")


def test_quit_is_said_only_when_nothing_is_under_way() -> None:
    """Taking leave is polite; in the middle of something it is a cut."""
    pair = Pair(new_session(), SmtpModel())
    pair.run(items(1))
    assert pair.session.quit() == b"QUIT\r\n"
    assert new_session().quit() == b""


def opened(flow: str, count: int) -> Pair:
    """An open session with some items submitted, and what it said thrown away."""
    capabilities, flights = FLOWS[flow]
    pair = Pair(new_session(flights=flights), SmtpModel(capabilities=capabilities))
    pair.run([])
    pair.submit_from(deque(items(count)))
    return pair


def hear(pair: Pair, *lines: str) -> None:
    """Let the session hear these lines at once."""
    pair.to_client = "".join(f"{line}\r\n" for line in lines).encode()
    pair.move_to_client()


def test_an_answer_cannot_come_before_its_question() -> None:
    """What came along with the go-ahead does not answer the content, which has not left yet."""
    pair = opened("ahead-bdat", 1)
    hear(pair, "250 sender", "250 recipient", "250 queued")
    assert kinds(pair, 1) == ["Unsent"]
    assert pair.closed is not None
    assert "says more than it was asked" in pair.closed.why


def test_a_message_taken_after_its_sender_was_refused_is_in_doubt() -> None:
    """It may have gone to whomever: neither accepted, nor to be sent again without a thought."""
    pair = opened("flight", 1)
    hear(pair, "250 reset", "550 5.7.1 sender", "503 recipient", "250 queued all the same")
    assert kinds(pair, 1) == ["InDoubt"]


def test_503_in_answer_to_the_content_leaves_no_doubt() -> None:
    """The server answered: it has not taken the message."""
    pair = opened("ahead-bdat", 1)
    hear(pair, "250 sender", "250 recipient")
    pair.submit_from(deque())
    assert [begun.key for begun in pair.begun] == [0]
    hear(pair, "503 5.5.1 bad sequence")
    assert kinds(pair, 1) == ["Unsent"]


def test_503_ends_a_flight_at_once() -> None:
    """Nothing that a server out of step says afterwards counts."""
    pair = opened("flight", 2)
    hear(pair, "250 reset", "503 5.5.1 nested MAIL", "250 recipient", "250 queued")
    assert pair.is_over
    assert kinds(pair, 2) == ["InDoubt", "InDoubt"]

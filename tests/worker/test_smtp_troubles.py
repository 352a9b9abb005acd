"""Relays in trouble, and several of them: who is asked instead, and who waits."""

import pytest

from mail.replies import Accepted, Deferred, Failed
from tests.support.programs import free_port
from tests.support.smtp_model import (
    ESMTP,
    Action,
    Hang,
    Say,
    SmtpModel,
    Vanish,
)
from tests.support.smtp_server import SmtpServer
from tests.worker.smtp_office import Office, every_connection, make_items, relay_of
from worker.smtp import Item, Relay, RunState


def test_a_relay_that_can_take_others_is_not_kept_by_whom_it_cannot() -> None:
    """People whom only a relay that is down could take wait; the others do not."""
    plain = tuple(one for one in ESMTP if one not in ("SMTPUTF8", "PIPELINING"))
    contents = iter(range(1000))

    def script(verb: str, argument: str, count: int) -> Action | None:
        return Vanish() if verb == "CONTENT" and next(contents) == 5 else None

    def item(key: int) -> Item:
        name = f"josé{key}" if 5 <= key < 30 else f"b{key}"
        return Item(key, "a@x.example", f"{name}@x.example", b"X: y\r\n\r\nz\r\n")

    with SmtpServer(every_connection(script, plain)) as server:
        office = Office(relay_of(server), Relay("127.0.0.1", free_port()), connections_per_relay=1)
        office.send([item(key) for key in range(90)])
    taken = {key for key in office.outcomes if type(office.outcome(key)) is Accepted}
    assert len(taken) >= 64  # all but one of the 65 in ASCII


def test_a_relay_that_is_down_is_said_in_one_line() -> None:
    """Nobody listens: the items come back at once, with the reason and a time."""
    office = Office(Relay("127.0.0.1", free_port()))
    end = office.send(make_items(20))
    assert end.state is RunState.NO_RELAY
    assert "it refuses connections" in str(end.why)
    assert 1.0 <= end.retry_after_seconds <= 1.25
    assert set(office.kinds()) <= {"Unsent"}
    assert list(office.postman.troubles.values()) == [end.why]


def test_an_unknown_host_is_said_in_one_line() -> None:
    """A name without an address."""
    office = Office(Relay("no-such-host.invalid", 25))
    end = office.send(make_items(2))
    assert end.state is RunState.NO_RELAY
    assert "unknown host" in str(end.why)


def test_a_relay_that_says_nothing_is_given_up() -> None:
    """It accepts connections, and never greets."""
    with SmtpServer(every_connection(lambda v, a, n: Hang() if v == "CONNECT" else None)) as server:
        office = Office(relay_of(server))
        end = office.send(make_items(3))
    assert end.state is RunState.NO_RELAY
    assert "no answer within 0.5 s" in str(end.why)
    assert office.kinds() == {"Unsent": 3}


@pytest.mark.parametrize(
    ("verb", "text", "words"),
    [
        ("CONNECT", "554 5.7.1 no mail here", "554 5.7.1 no mail here"),
        ("CONNECT", "HTTP/1.0 400 Bad Request", "nonsense"),
        ("EHLO", "421 4.3.2 too busy", "421 4.3.2 too busy"),
        ("MAIL", "550 5.7.1 sender rejected", "550 5.7.1 sender rejected"),
        ("MAIL", "451 4.3.0 disk full", "451 4.3.0 disk full"),
        ("RCPT", "530 5.7.0 Authentication required", "530 5.7.0 Authentication required"),
    ],
)
def test_a_relay_in_trouble_fails_nobody(verb: str, text: str, words: str) -> None:
    """Everyone stays unsent, and one plain line says why."""
    with SmtpServer(every_connection(lambda v, a, n: Say(text) if v == verb else None)) as server:
        office = Office(relay_of(server), connections_per_relay=3)
        end = office.send(make_items(30))
    assert end.state is RunState.NO_RELAY
    assert words in str(end.why)
    assert "\n" not in str(end.why)
    assert set(office.kinds()) == {"Unsent"}
    assert len(office.outcomes) < 30


def test_another_relay_takes_over() -> None:
    """One is down, one hangs up in mid-run: the third sends everything, within the run."""

    def hangs_up(verb: str, argument: str, count: int) -> Action | None:
        return Vanish() if verb == "RCPT" and count == 3 else None

    with SmtpServer(every_connection(hangs_up)) as bad, SmtpServer() as good:
        office = Office(
            Relay("127.0.0.1", free_port()),
            relay_of(bad),
            relay_of(good),
            connections_per_relay=2,
        )
        assert office.send(make_items(100)).state is RunState.EXHAUSTED
    assert office.kinds() == {"Accepted": 100}
    assert sorted(bad.recipients + good.recipients) == sorted(i.rcpt_to for i in make_items(100))


def test_relays_share_the_load() -> None:
    """Each takes a fair part."""
    with SmtpServer(reply_delay_seconds=0.002) as one, SmtpServer(reply_delay_seconds=0.002) as two:
        office = Office(relay_of(one), relay_of(two), connections_per_relay=2)
        office.send(make_items(100))
    assert min(len(one.taken), len(two.taken)) > 20


def test_a_relay_in_trouble_is_tried_again_later_and_then_used() -> None:
    """Back-off grows from 1 s to 30 s; within it nothing is tried; then it goes on by itself."""
    now = [1000.0]
    port = free_port()
    office = Office(Relay("127.0.0.1", port), clock=lambda: now[0])
    waits = []
    for _ in range(8):
        end = office.send(make_items(1))
        waits.append(end.retry_after_seconds)
        assert office.send(make_items(1)).state is RunState.NO_RELAY
        now[0] += end.retry_after_seconds
    assert waits == sorted(waits)
    assert 1.0 <= waits[0] <= 1.25
    assert waits[-1] == 30.0
    with SmtpServer(port=port) as server:
        assert office.send(make_items(5)).state is RunState.EXHAUSTED
        assert office.postman.troubles == {}
        office.postman.close()
    assert len(server.taken) == 5


def test_within_its_back_off_no_item_is_drawn() -> None:
    """While no relay can be tried, the source is not asked."""
    office = Office(Relay("127.0.0.1", free_port()))
    office.send(make_items(1))
    office.outcomes.clear()
    assert office.send(make_items(1)).state is RunState.NO_RELAY
    assert office.outcomes == {}


def test_a_message_at_which_the_relay_always_hangs_up_does_not_stop_the_others() -> None:
    """It is put off for later; the relay works."""

    def script(verb: str, argument: str, count: int) -> Action | None:
        return Vanish() if verb == "RCPT" and "u0@" in argument else None

    with SmtpServer(every_connection(script)) as server:
        office = Office(relay_of(server), connections_per_relay=1)
        assert office.send(make_items(10)).state is RunState.EXHAUSTED
    assert isinstance(office.outcome(0), Deferred)
    assert office.kinds() == {"Accepted": 9, "Deferred": 1}


def test_who_needs_smtputf8_goes_by_a_relay_that_has_it() -> None:
    """The other relay cannot take it; nobody else is touched."""
    without = tuple(c for c in ESMTP if c != "SMTPUTF8")
    items = [*make_items(10), Item("utf8", "", "é@news.example", "é\r\n".encode())]
    with (
        SmtpServer(lambda _: SmtpModel(capabilities=without)) as one,
        SmtpServer() as two,
    ):
        office = Office(relay_of(one), relay_of(two), connections_per_relay=1)
        assert office.send(items).state is RunState.EXHAUSTED
    assert office.kinds() == {"Accepted": 11}
    assert "é@news.example" in two.recipients


def test_who_no_relay_can_serve_fails_alone_and_says_why() -> None:
    """SMTPUTF8 or size: a plain reason, without an attempt."""
    items = [
        *make_items(3),
        Item("utf8", "", "é@news.example", b"x\r\n"),
        Item("large", "", "a@news.example", b"x" * 2000),
    ]
    with SmtpServer(lambda _: SmtpModel(capabilities=("PIPELINING", "SIZE 1000"))) as server:
        office = Office(relay_of(server), connections_per_relay=2)
        assert office.send(items).state is RunState.EXHAUSTED
    assert office.kinds() == {"Accepted": 3, "Failed": 2}
    utf8, large = office.outcome("utf8"), office.outcome("large")
    assert isinstance(utf8, Failed)
    assert isinstance(large, Failed)
    assert "SMTPUTF8" in utf8.why
    assert "2000 octets" in large.why


def test_who_waits_for_a_relay_that_is_down_waits_alone() -> None:
    """The relay that works cannot take it: put off for later, while the others go on."""
    without = tuple(c for c in ESMTP if c != "SMTPUTF8")
    items = [Item("utf8", "", "é@news.example", b"x\r\n"), *make_items(10)]
    with SmtpServer(lambda _: SmtpModel(capabilities=without)) as server:
        office = Office(relay_of(server), Relay("127.0.0.1", free_port()))
        assert office.send(items).state is RunState.EXHAUSTED
    outcome = office.outcome("utf8")
    assert isinstance(outcome, Deferred)
    assert "SMTPUTF8" in outcome.why
    assert office.kinds()["Accepted"] == 10


def test_a_relay_named_twice_is_one_relay() -> None:
    """What it cannot take, it cannot take; that is found out once."""
    with SmtpServer(lambda _: SmtpModel(capabilities=())) as server:
        office = Office(relay_of(server), relay_of(server))
        assert office.send([Item(0, "", "é@a.example", b"x")]).state is RunState.EXHAUSTED
    assert office.kinds() == {"Failed": 1}


def test_the_other_address_of_a_host_is_tried() -> None:
    """localhost is ::1 and 127.0.0.1: one that refuses does not make the relay down."""
    with SmtpServer() as server:
        office = Office(Relay("localhost", server.port))
        assert office.send(make_items(20)).state is RunState.EXHAUSTED
    assert office.kinds() == {"Accepted": 20}

"""The postman over real sockets: every outcome once, whatever the relays do."""

import socket
import threading
import time
from collections import Counter
from collections.abc import Callable
from dataclasses import replace

import pytest

from mail.replies import Accepted, Deferred, Failed, InDoubt, Outcome, Unsent
from mail.smtp import Window
from tests.support.programs import free_port
from tests.support.smtp_model import (
    ESMTP,
    Action,
    CutContent,
    Farewell,
    Hang,
    Say,
    Script,
    SmtpModel,
    Vanish,
)
from tests.support.smtp_server import ModelFactory, SmtpServer
from tests.worker.smtp_office import Office, make_items, relay_of
from worker.connections import Timeouts
from worker.smtp import Item, Postman, Relay, RunEnd, RunState

CHUNKING = (*ESMTP, "CHUNKING")


def on_connection(number: int, verb: str, count: int, action: Action) -> ModelFactory:
    """Models of which one connection misbehaves once."""

    def new_model(connection: int) -> SmtpModel:
        return SmtpModel(
            script=lambda heard, _, counted: (
                action if (connection, heard, counted) == (number, verb, count) else None
            )
        )

    return new_model


def every_connection(script: Script, capabilities: tuple[str, ...] = ESMTP) -> ModelFactory:
    """Models that all follow one script."""
    return lambda number: SmtpModel(script=script, capabilities=capabilities)


def wait_for(claim: Callable[[], bool]) -> None:
    """Give the server, which has threads of its own, a moment."""
    until = time.monotonic() + 5
    while not claim():
        assert time.monotonic() < until
        time.sleep(0.005)


@pytest.mark.parametrize(
    ("capabilities", "flights"),
    [(("8BITMIME",), False), (ESMTP, False), (CHUNKING, False), (CHUNKING, True)],
)
def test_everyone_gets_their_own_message(capabilities: tuple[str, ...], flights: bool) -> None:
    """By every flow, over several connections, each message once and intact."""
    items = make_items(200, 5_000)
    with SmtpServer(lambda _: SmtpModel(capabilities=capabilities)) as server:
        office = Office(relay_of(server, flights_proved=flights))
        end = office.send(items)
        office.postman.close()
    assert end == RunEnd(RunState.EXHAUSTED)
    assert office.kinds() == {"Accepted": 200}
    assert sorted(office.begun) == list(range(200))
    assert 1 < len(server.models) <= 8
    by_recipient = {envelope.rcpt_to[0]: envelope.data for envelope in server.taken}
    assert len(server.taken) == 200
    assert all(by_recipient[item.rcpt_to] == item.data for item in items)


def test_replies_octet_by_octet_are_understood() -> None:
    """A server that answers in pieces of one octet gets everything through."""
    with SmtpServer(octet_by_octet=True) as server:
        office = Office(relay_of(server), connections_per_relay=2)
        assert office.send(make_items(20)).state is RunState.EXHAUSTED
    assert office.kinds() == {"Accepted": 20}


def test_connections_outlive_a_run() -> None:
    """The next batch goes by the same connections."""
    with SmtpServer(reply_delay_seconds=0.005) as server:
        office = Office(relay_of(server), connections_per_relay=2)
        for _ in range(3):
            office.send(make_items(10))
        assert len(server.models) == 2
        office.postman.close()
        wait_for(lambda: all("QUIT" in model.commands for model in server.models))


def test_one_message_opens_one_connection() -> None:
    """There are no more connections than messages."""
    with SmtpServer() as server:
        office = Office(relay_of(server))
        office.send(make_items(1))
        assert len(server.models) == 1


@pytest.mark.parametrize("last_words", [b"", b"421 4.4.2 Timeout exceeded\r\n"])
def test_an_idle_connection_that_the_relay_closed_is_replaced(last_words: bytes) -> None:
    """Closed with a 421 or without a word: nobody notices."""
    with SmtpServer() as server:
        office = Office(relay_of(server), connections_per_relay=2)
        for _ in range(5):
            office.send(make_items(4))
            server.hang_up(last_words)
            time.sleep(0.05)
            assert office.send(make_items(6)).state is RunState.EXHAUSTED
    assert {type(o) for found in office.outcomes.values() for o in found} == {Accepted}


def test_nothing_is_begun_before_a_full_socket() -> None:
    """What would wait for the relay to read may be begun when nobody may begin any more."""

    class Pausing(SmtpModel):
        def receive(self, octets: bytes) -> bytes:
            if len(self.taken) >= 5 and not paused:
                paused.append(True)
                time.sleep(0.6)
            return super().receive(octets)

    paused: list[bool] = []
    begun_by_then: list[int] = []

    def stop() -> None:
        office.is_open = False
        begun_by_then.append(len(office.begun))

    with SmtpServer(lambda _: Pausing(capabilities=CHUNKING), has_small_buffer=True) as server:
        office = Office(
            relay_of(server, flights_proved=True),
            connections_per_relay=1,
            timeouts=Timeouts(),
            window=Window(messages=10, octets=100_000_000),
        )
        stopping = threading.Timer(0.4, stop)
        stopping.start()
        office.send(make_items(60, 1_000_000))
        stopping.join()
    assert begun_by_then == [len(office.begun)]
    assert office.kinds()["Accepted"] == len(office.begun)


def test_who_was_in_doubt_flies_alone() -> None:
    """A message at which the relay hangs up, time and again, keeps nobody else in doubt."""

    class Poisoned(SmtpModel):
        def _misbehave(self, verb: str, argument: str) -> bool:
            at_content = verb == "CONTENT" and self._envelope is not None
            if at_content and self._envelope.rcpt_to == ["u5@news.example"]:
                self.is_closed = True
                return True
            return super()._misbehave(verb, argument)

    with SmtpServer(lambda _: Poisoned(capabilities=CHUNKING)) as server:
        relay = relay_of(server, flights_proved=True)
        items = make_items(20)
        first = Office(relay, connections_per_relay=1)
        first.send(items)
        doubtful = [item for item in items if type(first.outcome(item.key)) is InDoubt]
        assert len(doubtful) > 1  # all that flew behind it
        second = Office(relay, connections_per_relay=1)
        second.send([replace(item, goes_alone=True) for item in doubtful])
    assert {
        key for key in second.outcomes if type(second.outcome(key)) is not Accepted
    } == {5}  # fmt: skip


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


def test_an_idle_connection_is_not_kept_for_ever() -> None:
    """What was unused for long is left with QUIT, and opened anew."""
    timeouts = Timeouts(idle=0.05)
    with SmtpServer() as server:
        office = Office(relay_of(server), connections_per_relay=1, timeouts=timeouts)
        office.send(make_items(1))
        time.sleep(0.1)
        office.send(make_items(1))
        assert len(server.models) == 2
        wait_for(lambda: server.models[0].commands[-1] == "QUIT")


def test_a_relay_that_closes_after_some_messages_is_reconnected_at_once() -> None:
    """421 after N messages a connection costs nothing but a connection."""

    def script(verb: str, argument: str, count: int) -> Action | None:
        return Farewell("421 4.7.0 Too many messages") if (verb, count) == ("MAIL", 5) else None

    for flights in (False, True):
        with SmtpServer(every_connection(script, CHUNKING)) as server:
            office = Office(
                relay_of(server, flights_proved=flights),
                connections_per_relay=3,
                window=Window(messages=4),
            )
            began = time.monotonic()
            assert office.send(make_items(60)).state is RunState.EXHAUSTED
        assert office.kinds() == {"Accepted": 60}, office.outcomes
        assert sorted(server.recipients) == sorted(item.rcpt_to for item in make_items(60))
        assert time.monotonic() - began < 5


@pytest.mark.parametrize("verb", ["MAIL", "RCPT", "DATA", "CONTENT"])
@pytest.mark.parametrize("action", [Farewell(), Vanish(), Say("503 5.5.1 what?")])
def test_a_connection_lost_once_costs_nobody_their_mail(verb: str, action: Action) -> None:
    """What was not sent goes again by another connection, within the run."""
    with SmtpServer(on_connection(0, verb, 2, action)) as server:
        office = Office(relay_of(server), connections_per_relay=2)
        assert office.send(make_items(30)).state is RunState.EXHAUSTED
    kinds = office.kinds()
    assert kinds["Accepted"] + kinds["InDoubt"] == 30
    assert kinds["InDoubt"] <= (2 if action == Vanish() else 0)
    assert set(Counter(server.recipients).values()) == {1}


def test_a_message_taken_without_an_answer_is_in_doubt() -> None:
    """The server vanished after taking it: it is not sent again here."""
    with SmtpServer(on_connection(0, "CONTENT", 0, Vanish(took=True))) as server:
        office = Office(relay_of(server), connections_per_relay=1)
        office.send(make_items(3))
    assert office.kinds() == {"Accepted": 2, "InDoubt": 1}
    assert sorted(server.recipients) == [f"u{key}@news.example" for key in range(3)]


@pytest.mark.parametrize(
    ("text", "expected"), [("550 5.1.1 unknown", Failed), ("450 4.2.0 greylisted", Deferred)]
)
def test_a_refused_recipient_is_reported_alone(text: str, expected: type) -> None:
    """One refusal in the midst of others."""

    def script(verb: str, argument: str, count: int) -> Action | None:
        return Say(text) if verb == "RCPT" and "u7@" in argument else None

    with SmtpServer(every_connection(script)) as server:
        office = Office(relay_of(server))
        office.send(make_items(20))
    assert type(office.outcome(7)) is expected
    assert office.kinds()["Accepted"] == 19


def test_a_server_that_hangs_is_cut() -> None:
    """No answer to the envelope: unsent, goes elsewhere; no answer to the content: in doubt."""
    with SmtpServer(on_connection(0, "RCPT", 0, Hang())) as server:
        office = Office(relay_of(server), connections_per_relay=1)
        assert office.send(make_items(3)).state is RunState.EXHAUSTED
        assert office.kinds() == {"Accepted": 3}
    with SmtpServer(on_connection(0, "CONTENT", 0, Hang())) as server:
        office = Office(relay_of(server), connections_per_relay=1)
        office.send(make_items(3))
        assert office.kinds() == {"Accepted": 2, "InDoubt": 1}
        outcome = next(o[0] for o in office.outcomes.values() if isinstance(o[0], InDoubt))
        assert "no answer to the message within 0.7 s" in outcome.why


def test_dripping_octets_do_not_keep_a_connection_for_ever() -> None:
    """The time limit is for a reply, not for an octet."""

    def new_model(number: int) -> SmtpModel:
        return SmtpModel(
            script=lambda v, a, n: Say("250-wait\r\n" * 30 + "250-") if v == "RCPT" else None
        )

    with SmtpServer(new_model, octet_by_octet=True, reply_delay_seconds=0.01) as server:
        office = Office(relay_of(server), connections_per_relay=1)
        began = time.monotonic()
        assert office.send(make_items(1)).state is RunState.NO_RELAY
    assert time.monotonic() - began < 4


@pytest.mark.parametrize("capabilities", [ESMTP, CHUNKING])
def test_a_server_that_stops_reading_is_cut(capabilities: tuple[str, ...]) -> None:
    """Writing that blocks ends by the clock; the message cannot have been taken."""
    items = make_items(2, 10_000_000)
    with SmtpServer(
        lambda _: SmtpModel(capabilities=tuple(c for c in capabilities if "SIZE" not in c)),
        stops_reading_after=1000,
        has_small_buffer=True,
    ) as server:
        office = Office(relay_of(server), connections_per_relay=1)
        end = office.send(items)
    assert end.state is RunState.NO_RELAY
    assert "it took nothing for 0.5 s" in str(end.why)
    assert office.kinds() == {"Unsent": 2}


def test_a_message_cut_in_its_middle_goes_again() -> None:
    """The server closes while the content is on its way: it cannot have been taken."""
    items = make_items(2, 8_000_000)
    with SmtpServer(
        lambda number: SmtpModel(
            script=lambda v, a, n: (
                CutContent(100_000) if (number, v, n) == (0, "DATA", 0) else None
            ),
            capabilities=("PIPELINING",),
        ),
        has_small_buffer=True,
    ) as server:
        office = Office(relay_of(server), connections_per_relay=1, timeouts=Timeouts())
        assert office.send(items).state is RunState.EXHAUSTED
    assert office.kinds() == {"Accepted": 2}
    assert len(server.taken) == 2


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


def test_nothing_begins_once_it_may_not() -> None:
    """may_start turns false in mid-run: what has begun ends, nothing else leaves."""
    with SmtpServer(reply_delay_seconds=0.01) as server:
        office = Office(relay_of(server), connections_per_relay=2)
        stop = threading.Timer(0.15, lambda: setattr(office, "is_open", False))
        stop.start()
        end = office.send(make_items(1000))
        stop.join()
    assert end.state is RunState.STOPPED
    kinds = office.kinds()
    assert set(kinds) <= {"Accepted", "Unsent"}
    assert 0 < kinds["Accepted"] < 900
    assert len(server.taken) == kinds["Accepted"] == len(office.begun)


def test_a_callback_that_raises_ends_the_run_and_leaves_nothing_behind() -> None:
    """The next run begins with connections of its own."""
    with SmtpServer() as server:
        postman = Postman([relay_of(server)], connections_per_relay=2)
        source = iter(make_items(10))

        def burst(item: Item, outcome: Outcome) -> None:
            raise RuntimeError("the journal is full")

        with pytest.raises(RuntimeError, match="journal"):
            postman.run(lambda: next(source, None), lambda item: None, burst, lambda: True)
        seen = []
        more = iter(make_items(5))
        postman.run(
            lambda: next(more, None),
            lambda item: None,
            lambda item, outcome: seen.append(outcome),
            lambda: True,
        )
        postman.close()
    assert [type(outcome) for outcome in seen] == [Accepted] * 5


def test_every_message_is_noted_before_it_can_be_complete() -> None:
    """When the server has a message, on_begin was called for it."""
    begun: set[object] = set()
    early = []
    with SmtpServer(lambda _: SmtpModel(capabilities=CHUNKING)) as server:
        postman = Postman([relay_of(server, flights_proved=True)], connections_per_relay=2)
        source = iter(make_items(50))
        original = server.taken

        class Watched(list[object]):
            def append(self, envelope: object) -> None:
                key = int(envelope.rcpt_to[0].partition("@")[0][1:])  # type: ignore[attr-defined]
                if key not in begun:
                    early.append(key)
                super().append(envelope)

        server.taken = Watched(original)  # type: ignore[assignment]
        postman.run(
            lambda: next(source, None),
            lambda item: begun.add(item.key),
            lambda item, outcome: None,
            lambda: True,
        )
        postman.close()
        assert len(server.taken) == 50
    assert early == []


def test_the_other_address_of_a_host_is_tried() -> None:
    """localhost is ::1 and 127.0.0.1: one that refuses does not make the relay down."""
    with SmtpServer() as server:
        office = Office(Relay("localhost", server.port))
        assert office.send(make_items(20)).state is RunState.EXHAUSTED
    assert office.kinds() == {"Accepted": 20}


def test_a_relay_that_resets_the_connection_is_read_to_its_last_word() -> None:
    """What it answered before the reset counts."""
    listener = socket.create_server(("127.0.0.1", 0))

    def serve() -> None:
        connection, _ = listener.accept()
        connection.sendall(b"220 hi\r\n")
        connection.recv(1000)
        connection.sendall(b"250-hi\r\n250 PIPELINING\r\n")
        connection.recv(1000)
        connection.sendall(b"250 ok\r\n450 4.2.0 later\r\n503 no\r\n")
        connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, b"\1\0\0\0\0\0\0\0")
        connection.close()

    thread = threading.Thread(target=serve)
    thread.start()
    office = Office(Relay("127.0.0.1", listener.getsockname()[1]), connections_per_relay=1)
    office.send(make_items(1))
    thread.join()
    listener.close()
    assert isinstance(office.outcome(0), Deferred | Unsent)

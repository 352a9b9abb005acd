"""Connections of the postman: kept, replaced, cut, lost; whoever was on one goes by another."""

import socket
import threading
import time
from collections import Counter

import pytest

from mail.replies import Accepted, Deferred, InDoubt, Unsent
from mail.smtp import Window
from tests.support.smtp_model import (
    ESMTP,
    Action,
    CutContent,
    Farewell,
    Hang,
    Say,
    SmtpModel,
    Vanish,
)
from tests.support.smtp_server import SmtpServer
from tests.worker.smtp_office import (
    CHUNKING,
    Office,
    every_connection,
    make_items,
    on_connection,
    relay_of,
    wait_for,
)
from worker.connections import Timeouts
from worker.smtp import Relay, RunState


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

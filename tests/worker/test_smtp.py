"""The postman over real sockets: every item has its outcome, once, and is noted before."""

import threading
from dataclasses import replace

import pytest

from mail.replies import Accepted, Deferred, Failed, InDoubt, Outcome
from tests.support.smtp_model import (
    ESMTP,
    Action,
    Say,
    SmtpModel,
)
from tests.support.smtp_server import SmtpServer
from tests.worker.smtp_office import CHUNKING, Office, every_connection, make_items, relay_of
from worker.smtp import Item, Postman, RunEnd, RunState


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

"""Our sink (sink.c) takes what any server would take, and counts it rightly."""

import random
import socket

import pytest

from benchmarks.sinks import FastSink, fast_sink
from benchmarks.source import smtp_source
from mail.replies import Accepted, Outcome
from runtime.relays import Relay
from worker.flights import prove_flights
from worker.smtp import Item, Postman

# Lines that only look like the end of a mail, and one that is cut anywhere by reads.
TRICKY = (
    b"Subject: dots\r\n\r\n.\r\n..\r\n.x\r\n\r.\r\nx.\r\n" + b"y" * 300_000 + b"\r\n.\r\nlast\r\n"
)
ENVELOPE = b"MAIL FROM:<a@press.example>\r\nRCPT TO:<b@news.example>\r\n"
# A "\n.\r\n" without the CR before it is no end, or mail could be smuggled in.
BODY = b"Subject: x\r\n\r\n..\r\n.a\r\na\n.\r\n\r\r\n..\r\n"


def send(sink: FastSink, messages: list[bytes], **relay: bool) -> list[Outcome]:
    """Hand the messages over with our own client, over three connections."""
    numbers = iter(range(len(messages)))
    outcomes: list[Outcome] = []

    def source() -> Item | None:
        number = next(numbers, None)
        if number is None:
            return None
        address = f"user{number}@news.example"
        return Item(number, "b@press.example", address, messages[number])

    postman = Postman([Relay("127.0.0.1", sink.port, **relay)], connections_per_relay=3)
    postman.run(source, lambda _: None, lambda _, outcome: outcomes.append(outcome), lambda: True)
    postman.close()
    return outcomes


def exchange(sink: FastSink, pieces: list[bytes]) -> bytes:
    """All that the sink says to these pieces, each sent by itself."""
    with socket.create_connection(("127.0.0.1", sink.port), 20) as wire:
        wire.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        for piece in pieces:
            wire.sendall(piece)
        said = b""
        while octets := wire.recv(65536):
            said += octets
    return said


def codes(said: bytes) -> list[int]:
    """The codes of the replies, a reply of many lines counting once."""
    return [int(line[:3]) for line in said.splitlines() if line[3:4] == b" "]


def cut_at_random(octets: bytes, seed: int) -> list[bytes]:
    """The octets in pieces of one to seven."""
    source, pieces, at = random.Random(seed), [], 0
    while at < len(octets):
        size = source.randint(1, 7)
        pieces.append(octets[at : at + size])
        at += size
    return pieces


@pytest.mark.parametrize(
    ("has_chunking", "relay"),
    [(False, {}), (True, {}), (True, {"flights_proved": True})],
    ids=["PIPELINING", "CHUNKING", "flights"],
)
def test_our_client_is_understood(has_chunking: bool, relay: dict[str, bool]) -> None:
    """Every mail is taken and counted once, however it is handed over."""
    messages = [TRICKY, *(b"Subject: %d\r\n\r\nHello\r\n" % number for number in range(50))]
    with fast_sink(has_chunking=has_chunking, watch="user7@") as sink:
        outcomes = send(sink, messages, **relay)
        counts = sink.counts()
    assert [type(outcome) for outcome in outcomes] == [Accepted] * len(messages)
    assert (counts.messages, counts.watched) == (len(messages), 1)
    # With DATA a dot at a line's beginning is doubled.
    doubled = 0 if has_chunking else TRICKY.count(b"\r\n.")
    assert counts.octets == sum(map(len, messages)) + doubled
    assert 0 < counts.first_at <= counts.watched_first_at <= counts.last_at


@pytest.mark.parametrize("seed", range(3))
def test_reads_may_end_anywhere(seed: int) -> None:
    """Octets that come singly mean what they mean together."""
    dialogue = (
        b"EHLO press.example\r\n" + ENVELOPE + b"DATA\r\n" + BODY + b".\r\n"
        b"RSET\r\n" + ENVELOPE + b"BDAT 3\r\na\r\nBDAT 5 LAST\r\n.\r\n\r\n" + ENVELOPE
    ) + b"DATA\r\n.\r\nQUIT\r\n"
    with fast_sink(has_chunking=True) as sink:
        whole = exchange(sink, [dialogue])
        first = sink.counts()
        sink.reset()
        assert exchange(sink, cut_at_random(dialogue, seed)) == whole
        again = sink.counts()
    expected = [220, 250, 250, 250, 354, 250, 250, 250, 250, 250, 250, 250, 250, 354, 250, 221]
    assert codes(whole) == expected
    for counts in (first, again):
        assert (counts.messages, counts.octets) == (3, len(BODY) + 8)


def test_what_is_out_of_order_is_refused() -> None:
    """No mail without a sender and a recipient; the octets of a refused chunk are passed over."""
    dialogue = (
        b"DATA\r\nRCPT TO:<b@news.example>\r\nMAIL FROM:<a@press.example>\r\n"
        b"MAIL FROM:<c@press.example>\r\nRCPT TO:<b@news.example> NOTIFY=NEVER\r\nDATA\r\n"
        b"BDAT 6 LAST\r\nQUIT\r\nRSET\r\nNOOP\r\nVRFY x\r\nBDAT x\r\n"
    )
    with fast_sink(has_chunking=True) as sink:
        said = exchange(sink, [dialogue])
        assert sink.counts().messages == 0
    assert codes(said) == [220, 503, 503, 250, 503, 555, 503, 503, 250, 250, 500, 501]


def test_its_flights_can_be_proved() -> None:
    """Refused recipients in mid-flight get their own replies, and their mail is not taken."""
    mail = b"Subject: proof\r\n\r\nHello\r\n"
    with fast_sink(has_chunking=True) as sink:
        relay = Relay("127.0.0.1", sink.port)
        proof = prove_flights(relay, "a@press.example", "b@news.example", [mail] * 5)
        assert proof.is_safe, proof.why
        assert sink.counts().messages == 5


def test_smtp_source_sends_mails_of_the_wanted_size() -> None:
    """Its own headers, which its option leaves out, are counted in."""
    with fast_sink() as sink:
        run = smtp_source(sink.port, messages=20, size_bytes=16_000, sessions=2)
        counts = sink.counts()
    assert (run.messages, counts.messages, counts.connections) == (20, 20, 2)
    # Among the headers are this machine's name and a date.
    assert abs(counts.octets / 20 - 16_000) < 60

"""The distance (delay.c) holds each octet for its time, and limits nothing else."""

import contextlib
import socket
import threading
import time
from collections.abc import Iterator

import pytest

from benchmarks.distance import distance
from tests.support.programs import free_port


@pytest.fixture
def echo_port() -> Iterator[int]:
    """A server that says what it hears, and ends when its client does."""
    with socket.create_server(("127.0.0.1", 0)) as listener:

        def serve(wire: socket.socket) -> None:
            with wire:
                while octets := wire.recv(1 << 20):
                    wire.sendall(octets)

        def accept() -> None:
            while True:
                try:
                    wire, _ = listener.accept()
                except OSError:
                    return
                threading.Thread(target=serve, args=(wire,), daemon=True).start()

        accepting = threading.Thread(target=accept, daemon=True)
        accepting.start()
        yield listener.getsockname()[1]
        listener.shutdown(socket.SHUT_RDWR)


def round_trip(wire: socket.socket) -> float:
    """Seconds until an octet comes back."""
    began = time.monotonic()
    wire.sendall(b"x")
    assert wire.recv(1) == b"x"
    return time.monotonic() - began


def test_a_round_trip_takes_its_time_and_can_be_changed(echo_port: int) -> None:
    """Never less than was asked for, and without a distance far less."""
    with (
        distance(echo_port, 0.05) as way,
        socket.create_connection(("127.0.0.1", way.port), 20) as wire,
    ):
        assert min(round_trip(wire) for _ in range(5)) >= 0.05
        way.set(0)
        assert min(round_trip(wire) for _ in range(20)) < 0.04


def test_no_window_limits_what_is_under_way(echo_port: int) -> None:
    """Forty megabytes there and back, whole and in order, and the end of them too.

    A window of 64 kB would let through one a round trip: a minute for all of them.
    """
    sent = bytes(range(251)) * 160_000
    began = time.monotonic()
    with (
        distance(echo_port, 0.1) as way,
        socket.create_connection(("127.0.0.1", way.port), 20) as wire,
    ):

        def send() -> None:
            wire.sendall(sent)
            wire.shutdown(socket.SHUT_WR)

        sending = threading.Thread(target=send)
        sending.start()
        got = bytearray()
        while octets := wire.recv(1 << 20):
            got += octets
        sending.join()
    assert got == sent
    assert time.monotonic() - began < 20


def test_a_server_that_is_not_there_is_not_there_from_afar_either() -> None:
    """The connection ends."""
    with (
        distance(free_port(), 0.01) as way,
        socket.create_connection(("127.0.0.1", way.port), 20) as wire,
        contextlib.suppress(ConnectionResetError),
    ):
        assert wire.recv(1) == b""

"""`make bench` measures what it says, from the database to the table."""

import json
import socket
import subprocess
import sys
from pathlib import Path

import psycopg
import pytest

from benchmarks.__main__ import main
from benchmarks.people import load, plain_url
from benchmarks.relay import connections_to
from benchmarks.sinks import fast_sink

ROOT = Path(__file__).parents[2]


@pytest.mark.unmeasured
@pytest.mark.timeout(400)  # a dozen programs are started, on a machine that may be busy
def test_a_measurement_ends_in_a_table_and_a_file(tmp_path: Path) -> None:
    """One pair with flights: everyone is served once, and what it cost is told."""
    command = [sys.executable, "-m", "benchmarks", "flights", "--pairs", "1", "--people", "400"]
    done = subprocess.run(
        [*command, "--concurrency", "1", "--out", str(tmp_path)],
        cwd=ROOT,
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stdout + done.stderr
    assert "16 kB into our sink, flights, against smtp-source" in done.stdout
    (found,) = json.loads((tmp_path / "figures.json").read_text("utf-8"))["figures"].values()
    assert len(found["values"]) == 1
    details = found["details"]
    assert details["people"] == 400
    assert abs(details["octets a mail"] - 16_000) < 500
    for cost in ("our workers, µs of CPU a mail", "smtp-source, µs", "PostgreSQL, µs"):
        assert details[cost] > 0


def test_a_name_that_is_not_there_is_refused(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """And those that are there are told."""
    monkeypatch.setattr(sys, "argv", ["benchmarks", "fastest"])
    with pytest.raises(SystemExit) as ended:
        main()
    assert ended.value.code == 2
    assert "there is no fastest; there are pipeline, cpu" in capsys.readouterr().err


@pytest.mark.postgresql
def test_made_up_people_are_on_their_list_alone(postgresql_url: str) -> None:
    """So many active subscriptions, each of a subscriber with an address and a hash of its own."""
    load(postgresql_url, "press", 30)
    load(postgresql_url, "text", 7, format="text")
    with psycopg.connect(plain_url(postgresql_url)) as connection:
        rows = connection.execute(
            "SELECT slug, format, count(*), count(DISTINCT address_hash), min(address) "
            "FROM subscription JOIN subscriber ON subscriber.id = subscriber_id "
            "JOIN mailing_list ON mailing_list.id = list_id "
            "WHERE state = 'active' AND began_at <= now() GROUP BY 1, 2 ORDER BY 1"
        ).fetchall()
    assert rows == [
        ("press", "html", 30, 30, "reader0@press.example.net"),
        ("text", "text", 7, 7, "reader0@text.example.net"),
    ]


def test_connections_are_counted() -> None:
    """Those that are open to a port, as the kernel has them."""
    with fast_sink() as sink:
        wires = [socket.create_connection(("127.0.0.1", sink.port)) for _ in range(3)]
        for wire in wires:
            assert wire.recv(3) == b"220"
        assert connections_to(sink.port) == 3
        for wire in wires:
            wire.close()

"""What a worker says when it starts: one line, once it takes tasks."""

from pathlib import Path

from tests.support.fleet import fleet, settings_of, wait_until


def test_a_worker_says_that_it_is_ready(sqlite_url: str, redis_url: str, tmp_path: Path) -> None:
    """Host, processes and relays stand in one line, without a password, and nothing besides."""
    relays = "smtp://jo:hunter2@127.0.0.1:1,smtps://relay.example.org"
    environment = settings_of(sqlite_url, redis_url, relays, tmp_path / "state")
    with fleet(environment, tmp_path) as workers:
        [worker] = workers.start(concurrency=2, is_measured=True)
        wait_until(lambda: "ready" in workers.logs(), 30, workers.logs)
        [line] = workers.logs().splitlines()
        worker.end()
    assert "concurrency=2" in line
    assert "127.0.0.1:1, relay.example.org:465" in line
    assert "host=" in line
    assert "hunter2" not in line

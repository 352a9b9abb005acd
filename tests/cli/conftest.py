"""Fixtures for tests of the command."""

import pytest

from tests.cli.running import InProcess

PRODUCTION = {
    "MEDIANOTE_BROKER_URL": "redis://127.0.0.1:1/0",
    "MEDIANOTE_SMTP_URL": "smtp://127.0.0.1:1",
    "MEDIANOTE_BASE_URL": "https://press.example.org",
    "MEDIANOTE_FROM": "Press Office <press@example.org>",
    "MEDIANOTE_SECRET_KEYS": "a secret key that is long enough for a test",
    "MEDIANOTE_HASH_KEY": "a hash key that is long enough for a test",
    "MEDIANOTE_POSTAL_ADDRESS": "1 Test Street, Testville",
}


@pytest.fixture
def medianote(capsys: pytest.CaptureFixture[str]) -> InProcess:
    """The command, in this process, on the embedded default."""
    return InProcess(capsys)


@pytest.fixture
def configured(
    medianote: InProcess, database_url: str, monkeypatch: pytest.MonkeyPatch
) -> InProcess:
    """The command with a configured, migrated, empty database: SQLite, then PostgreSQL."""
    monkeypatch.setenv("MEDIANOTE_DATABASE_URL", database_url)
    for name, value in PRODUCTION.items():
        monkeypatch.setenv(name, value)
    return medianote

"""Settings: what is given is understood or refused by name; what is made is kept safe."""

import stat
import subprocess
import sys
from pathlib import Path

import pytest

from cli.shell import opened
from mail.tokens import KEY_MIN_CHARACTERS
from runtime import setting_rules as rules
from runtime.hosts import is_loopback
from runtime.settings import Settings, SettingsError, load_settings

PRODUCTION = {
    "MEDIANOTE_DATABASE_URL": "postgresql+psycopg://user@db/medianote",
    "MEDIANOTE_BROKER_URL": "redis://redis:6379/0",
    "MEDIANOTE_SMTP_URL": "smtp+starttls://user:secret@relay:587, smtps://relay2",
    "MEDIANOTE_BASE_URL": "https://press.example.org/",
    "MEDIANOTE_SECRET_KEYS": "one-key-of-sufficient-length, another-key-of-good-length",
    "MEDIANOTE_HASH_KEY": "a-hash-key-of-sufficient-length",
    "MEDIANOTE_FROM": "Press Office <press@example.org>",
    "MEDIANOTE_POSTAL_ADDRESS": "1 Example Street",
}


def test_embedded_needs_nothing(state_dir: Path) -> None:
    """Without a setting everything has a working default."""
    settings = load_settings()
    assert settings.database == f"sqlite:///{state_dir}/medianote.sqlite3"
    assert settings.has_embedded_worker
    assert settings.has_local_outbox
    assert settings.public_url == "http://127.0.0.1:8000"
    assert settings.lists_domain == "newsroom.example.org"
    assert not settings.is_production
    assert not settings.is_rehearsal


def test_keys_are_made_once_and_private(state_dir: Path) -> None:
    """Keys that are made are kept, for their owner's eyes only, and stay the same."""
    first = load_settings()
    assert first.signing_keys == load_settings().signing_keys
    assert first.suppression_key == load_settings().suppression_key
    assert first.signing_keys[0] != first.suppression_key
    for name in ("secret-key", "hash-key"):
        assert stat.S_IMODE((state_dir / name).stat().st_mode) == 0o600
    assert stat.S_IMODE(state_dir.stat().st_mode) == 0o700


def test_first_starts_at_once_share_a_key(state_dir: Path) -> None:
    """Processes that start together for the first time agree on the keys."""
    script = "from runtime.settings import load_settings as s; print(s().signing_keys[0])"
    root = Path(__file__).parents[2]
    starting = [
        subprocess.Popen(
            [sys.executable, "-c", script], cwd=root, stdout=subprocess.PIPE, stderr=subprocess.PIPE
        )
        for _ in range(6)
    ]
    said = [process.communicate(timeout=60) for process in starting]
    assert {out for out, _ in said} == {(state_dir / "secret-key").read_bytes() + b"\n"}, said
    assert [path.name for path in state_dir.iterdir()] == ["secret-key"]


def test_damaged_key_is_named(state_dir: Path) -> None:
    """A key file that lost its content is an error, never a new key that breaks old links."""
    state_dir.mkdir()
    (state_dir / "secret-key").write_text("")
    with pytest.raises(SettingsError, match="secret-key: the key kept there is damaged"):
        _ = load_settings().signing_keys


def test_production_reads_all(monkeypatch: pytest.MonkeyPatch) -> None:
    """A complete production setting is read, with commas as separators."""
    for name, value in PRODUCTION.items():
        monkeypatch.setenv(name, value)
    settings = load_settings()
    assert settings.smtp_url == ("smtp+starttls://user:secret@relay:587", "smtps://relay2")
    assert len(settings.secret_keys) == 2
    assert settings.public_url == "https://press.example.org"
    assert settings.sender_domain == "example.org"


@pytest.mark.parametrize("name", [n for n in PRODUCTION if n != "MEDIANOTE_DATABASE_URL"])
def test_production_names_what_is_unset(monkeypatch: pytest.MonkeyPatch, name: str) -> None:
    """Each variable that production needs is named when it is unset; `migrate` needs none."""
    for other, value in PRODUCTION.items():
        if other != name:
            monkeypatch.setenv(other, value)
    with pytest.raises(SettingsError, match=f"^{name}: required"):
        load_settings()
    load_settings(needs_database_only=True)


@pytest.mark.parametrize(
    ("name", "value", "says"),
    [
        ("MEDIANOTE_DATABASE_URL", "mysql://x", "must begin with sqlite:///"),
        ("MEDIANOTE_BROKER_URL", "http://x", "must begin with redis://"),
        ("MEDIANOTE_SMTP_URL", "relay:25", "begins with smtp://"),
        ("MEDIANOTE_SMTP_URL", "smtp://127.0.0.1:99999", "is not a number up to 65535"),
        ("MEDIANOTE_SMTP_URL", "smtp://u:hunter2@relay.example", "would travel unencrypted"),
        ("MEDIANOTE_SMTP_URL", "smtp://[::1", "cannot be read"),
        ("MEDIANOTE_SECRET_KEYS", "short", "at least 16 characters, and this one has 5"),
        ("MEDIANOTE_SECRET_KEYS", f"{'k' * 16},short", "`openssl rand -hex 32`"),
        ("MEDIANOTE_RETIRED_KEYS", "short", "at least 16 characters"),
        ("MEDIANOTE_HASH_KEY", "x", "at least 16 characters, and this one has 1"),
        ("MEDIANOTE_ONLY_TO", "x y z", "“x y z” is neither a domain nor an address"),
        ("MEDIANOTE_ONLY_TO", "example.org, colleagues", "“colleagues” is neither"),
        ("MEDIANOTE_ONLY_TO", "a@b@example.org", "is neither a domain nor an address"),
        ("MEDIANOTE_ONLY_TO", " , ", "there is nothing in it"),
        ("MEDIANOTE_BASE_URL", "http://press.example.org", "must begin with https://"),
        ("MEDIANOTE_BASE_URL", "press.example.org", "must be an https address"),
        ("MEDIANOTE_BASE_URL", "https://press.example.org/?x=1", "without user, query"),
        ("MEDIANOTE_BASE_URL", "https://press.example.org/news", "fragment or path"),
        ("MEDIANOTE_BASE_URL", "https://jo@press.example.org", "without user"),
        ("MEDIANOTE_BASE_URL", "https://press.example.org:abc", "must be an https address"),
        ("MEDIANOTE_BASE_URL", "https://press.example.org:0", "must be an https address"),
        ("MEDIANOTE_BASE_URL", "https://press.example.org:99999", "must be an https address"),
        ("MEDIANOTE_BASE_URL", "https://press.example.org/a b", "must be an https address"),
        ("MEDIANOTE_BASE_URL", "https://press.example\n.org", "must be an https address"),
        ("MEDIANOTE_BASE_URL", "https://[press.example.org", "must be an https address"),
        ("MEDIANOTE_BASE_URL", "https://press_office.example.org", "is not a host"),
        ("MEDIANOTE_BASE_URL", "https://presse‥example.org", "is not a host"),
        ("MEDIANOTE_BASE_URL", "https://[fe80::1%eth0]", "is not a host"),
        ("MEDIANOTE_DATABASE_URL", "postgresql+psycopg://u:pw@db:abc/m", "must be a number"),
        ("MEDIANOTE_DATABASE_URL", "postgresql+psycopg://u:pw@db:99999/m", "must be a number"),
        ("MEDIANOTE_TIMEZONE", "Brussels", "is not an IANA time zone"),
        ("MEDIANOTE_TIMEZONE", "../../etc/passwd", "is not an IANA time zone"),
        ("MEDIANOTE_TRUSTED_PROXIES", "proxy", "“proxy” is not a network"),
        ("MEDIANOTE_METRICS_PORT", "99999", "less than or equal to 65535"),
        ("MEDIANOTE_FROM", "press office", "needs an address"),
        ("MEDIANOTE_FROM", "A <a@b.org>\nBcc: x@y.org", "one line"),
        ("MEDIANOTE_BOUNCE_DOMAIN", "not a domain", "domain"),
    ],
)
def test_wrong_values_are_named(
    monkeypatch: pytest.MonkeyPatch, name: str, value: str, says: str
) -> None:
    """A value that cannot work is refused with the name of its variable and the reason."""
    monkeypatch.setenv(name, value)
    with pytest.raises(SettingsError) as raised:
        load_settings()
    assert str(raised.value).startswith(f"{name}: ")
    assert says in str(raised.value)
    assert "\n" not in str(raised.value)


@pytest.mark.parametrize(
    ("given", "expected"),
    [
        ("https://press.example.org:443/", "https://press.example.org"),
        ("HTTPS://Press.Example.ORG.", "https://press.example.org"),
        ("https://press.example.org:8443", "https://press.example.org:8443"),
        ("https://münchen.example", "https://xn--mnchen-3ya.example"),
        ("https://STRAßE.example", "https://xn--strae-oqa.example"),
        ("http://127.0.0.1:80", "http://127.0.0.1"),
        ("http://[0:0::1]:8000", "http://[::1]:8000"),
        ("https://192.0.2.1", "https://192.0.2.1"),
    ],
)
def test_base_url_is_as_browsers_write_it(
    monkeypatch: pytest.MonkeyPatch, given: str, expected: str
) -> None:
    """The base URL is kept as Host and Origin headers will name it, in ASCII."""
    monkeypatch.setenv("MEDIANOTE_BASE_URL", given)
    assert load_settings().public_url == expected


def test_migrating_needs_no_key(monkeypatch: pytest.MonkeyPatch) -> None:
    """`migrate` needs the database alone, whatever the keys are."""
    monkeypatch.setenv("MEDIANOTE_SECRET_KEYS", "short")
    load_settings(needs_database_only=True)


def test_a_key_that_settings_take_signs() -> None:
    """What settings take for a key is one for links too."""
    assert rules.KEY_MIN_CHARACTERS == KEY_MIN_CHARACTERS


@pytest.mark.parametrize(
    ("given", "kept"),
    [
        ("Example.org", "example.org"),
        ("@example.org, jo@Example.org", "@example.org jo@example.org"),
        ("münchen.example", "xn--mnchen-3ya.example"),
    ],
)
def test_whom_a_rehearsal_reaches(monkeypatch: pytest.MonkeyPatch, given: str, kept: str) -> None:
    """Domains and addresses of a rehearsal are kept as subscribers' addresses are."""
    monkeypatch.setenv("MEDIANOTE_ONLY_TO", given)
    assert load_settings().only_to == tuple(kept.split())


def test_relay_password_is_not_repeated(monkeypatch: pytest.MonkeyPatch) -> None:
    """An error about a relay's URL, and the settings' own text, do not show the password."""
    monkeypatch.setenv("MEDIANOTE_SMTP_URL", "imap://user:hunter2@relay")
    with pytest.raises(SettingsError) as raised:
        load_settings()
    assert "hunter2" not in str(raised.value)
    monkeypatch.setenv("MEDIANOTE_SMTP_URL", "smtps://user:hunter2@relay")
    monkeypatch.setenv("MEDIANOTE_SECRET_KEYS", "hunter2-hunter2-hunter2")
    assert "hunter2" not in repr(load_settings())


def test_dotenv_is_read(tmp_path: Path) -> None:
    """A `.env` file in the current folder is read."""
    (tmp_path / ".env").write_text(
        "MEDIANOTE_TIMEZONE=Europe/Brussels\nMEDIANOTE_FROM=a@b.example\n"
    )
    settings = load_settings()
    assert settings.zone.key == "Europe/Brussels"
    assert settings.sender == "a@b.example"


def test_dotenv_that_is_no_utf8(tmp_path: Path) -> None:
    """A `.env` file in another encoding is named."""
    (tmp_path / ".env").write_bytes("MEDIANOTE_FROM=Büro <a@b.example>\n".encode("latin-1"))
    with pytest.raises(SettingsError, match=r"^\.env: it is not UTF-8"):
        load_settings()


def _migrate() -> None:
    with opened():
        pass


@pytest.mark.parametrize("name", ["d?q", "d%41", "d #é", "d&x=y;z"])
def test_state_folder_of_any_name(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path, name: str
) -> None:
    """The database lies in the state folder, whatever that is called."""
    folder = tmp_path / name
    monkeypatch.setenv("MEDIANOTE_STATE_DIR", str(folder))
    _migrate()
    [made] = folder.glob("*.sqlite3")
    written_at = made.stat().st_mtime_ns
    _migrate()
    assert made.stat().st_mtime_ns == written_at
    assert [path.name for path in tmp_path.iterdir()] == [name]


def test_state_folder_that_cannot_be(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    """A state folder that cannot be made is named."""
    (tmp_path / "file").write_text("")
    monkeypatch.setenv("MEDIANOTE_STATE_DIR", str(tmp_path / "file" / "state"))
    with pytest.raises(SettingsError, match="MEDIANOTE_STATE_DIR: cannot make the folder"):
        _ = load_settings().database


@pytest.mark.parametrize(
    ("host", "expected"),
    [
        ("localhost", True),
        ("a.localhost", True),
        ("127.0.0.1", True),
        ("127.8.8.8", True),
        ("::1", True),
        ("::ffff:127.0.0.1", True),
        ("::ffff:192.0.2.1", False),
        ("192.168.0.1", False),
        ("localhost.example.org", False),
    ],
)
def test_loopback(host: str, expected: bool) -> None:
    """Only names and addresses of this machine count as loopback."""
    assert is_loopback(host) is expected


def test_settings_do_not_change() -> None:
    """Settings are values."""
    with pytest.raises(ValueError, match="frozen"):
        Settings().timezone = "UTC"  # type: ignore[misc]

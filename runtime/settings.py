"""Settings, from environment variables and a `.env` file only (docs/settings.md lists them).

Without any setting Medianote is *embedded*: SQLite, a worker in the same process, a local
outbox. With a PostgreSQL URL it is *production*, and whatever has no safe default is required.
"""

import contextlib
import functools
import ipaddress
import os
import secrets
import tempfile
from pathlib import Path
from typing import Annotated, Final
from urllib.parse import quote
from zoneinfo import ZoneInfo

from pydantic import AfterValidator, BeforeValidator, Field, ValidationError
from pydantic_settings import BaseSettings, NoDecode, SettingsConfigDict

from runtime import setting_rules as rules
from runtime.hosts import Network, origin_of

Commas = Annotated[tuple[str, ...], NoDecode, BeforeValidator(rules.split_commas)]
Domain = Annotated[str, AfterValidator(rules.one_domain)]

REQUIRED_IN_PRODUCTION: Final = (
    "broker_url",
    "smtp_url",
    "base_url",
    "from_",
    "secret_keys",
    "hash_key",
    "postal_address",
)
DEMO_FROM: Final = "Medianote demo <press@newsroom.example.org>"
DEMO_POSTAL_ADDRESS: Final = "Press Office, 1 Example Street, Exampleville"


class SettingsError(Exception):
    """Settings that cannot work; the text is one plain line that names the variable."""


def variable(field: str) -> str:
    """The environment variable of a field: `from_` → `MEDIANOTE_FROM`."""
    return f"MEDIANOTE_{field.rstrip('_').upper()}"


class Settings(BaseSettings):
    """The settings as given; what depends on several of them is a property."""

    model_config = SettingsConfigDict(
        env_prefix="MEDIANOTE_", env_file=".env", env_ignore_empty=True, extra="ignore", frozen=True
    )

    database_url: Annotated[str, AfterValidator(rules.database_url)] | None = Field(
        default=None, repr=False
    )
    broker_url: Annotated[str, AfterValidator(rules.broker_url)] | None = Field(
        default=None, repr=False
    )
    smtp_url: Annotated[Commas, AfterValidator(rules.relay_urls)] = Field(default=(), repr=False)
    base_url: Annotated[str, AfterValidator(origin_of)] | None = None
    secret_keys: Commas = Field(default=(), repr=False)
    retired_keys: Commas = Field(default=(), repr=False)
    hash_key: str | None = Field(default=None, repr=False)
    from_: Annotated[str, AfterValidator(rules.one_mailbox)] | None = Field(
        default=None, validation_alias="MEDIANOTE_FROM"
    )
    list_domain: Domain | None = None
    bounce_domain: Domain | None = None
    postal_address: str | None = None
    timezone: Annotated[str, AfterValidator(rules.zone_name)] = "UTC"
    undo_seconds: int = Field(default=0, ge=0, le=rules.UNDO_MAX_SECONDS)
    only_to: Annotated[Commas, AfterValidator(rules.domains_and_addresses)] = ()
    trusted_proxies: Annotated[Commas, AfterValidator(rules.networks)] = ()
    keep_deliveries_days: int = Field(default=400, ge=14, le=36_500)
    state_dir: Path | None = None
    metrics_port: int | None = Field(default=None, ge=1, le=65535)

    @property
    def is_production(self) -> bool:
        """True when a PostgreSQL URL is given: nothing then has a demo default."""
        return (self.database_url or "").startswith("postgresql")

    @property
    def has_embedded_worker(self) -> bool:
        """True when no broker is given: the commands host the worker themselves."""
        return self.broker_url is None

    @property
    def has_local_outbox(self) -> bool:
        """True when no relay is given: mail goes into a Maildir in the state folder."""
        return not self.smtp_url

    @property
    def is_rehearsal(self) -> bool:
        """True when only the addresses of MEDIANOTE_ONLY_TO are mailed."""
        return bool(self.only_to)

    @property
    def zone(self) -> ZoneInfo:
        """The press office's time zone."""
        return ZoneInfo(self.timezone)

    @property
    def public_url(self) -> str:
        """The base of every link in mail, without a slash at its end."""
        return self.base_url or "http://127.0.0.1:8000"

    @property
    def sender(self) -> str:
        """`Name <address>` of the sender."""
        return self.from_ or DEMO_FROM

    @property
    def office_address(self) -> str:
        """The office's postal address."""
        return self.postal_address or DEMO_POSTAL_ADDRESS

    @property
    def sender_domain(self) -> str:
        """The domain of the sender's address."""
        return self.sender.rpartition("@")[2].strip("> \t").lower()

    @property
    def lists_domain(self) -> str:
        """The domain of List-Id."""
        return self.list_domain or self.sender_domain

    @functools.cached_property
    def state_folder(self) -> Path:
        """Where files are kept (keys, journals, the outbox); made on first use, 0700."""
        folder = self.state_dir
        if folder is None:
            base = os.environ.get("XDG_STATE_HOME") or Path.home() / ".local" / "state"
            folder = Path(base) / "medianote"
        folder = folder.expanduser()
        try:
            folder.mkdir(mode=0o700, parents=True, exist_ok=True)
        except OSError as error:
            raise SettingsError(
                f"MEDIANOTE_STATE_DIR: cannot make the folder {folder}: {error.strerror}"
            ) from error
        return folder

    @property
    def database(self) -> str:
        """The SQLAlchemy URL in force."""
        if self.database_url is not None:
            return self.database_url
        # The folder may have any name, also one that an URL would end at or decode.
        return f"sqlite:///{quote(str(self.state_folder / 'medianote.sqlite3'))}"

    @property
    def signing_keys(self) -> tuple[str, ...]:
        """The keys that sign links in mail; embedded, one is made and kept."""
        return self.secret_keys or (_kept_key(self.state_folder / "secret-key"),)

    @property
    def suppression_key(self) -> str:
        """Keys the hashes of suppressed addresses."""
        return self.hash_key or _kept_key(self.state_folder / "hash-key")

    @property
    def proxy_networks(self) -> tuple[Network, ...]:
        """The networks whose forwarded headers count."""
        return tuple(ipaddress.ip_network(n, strict=False) for n in self.trusted_proxies)

    def missing_in_production(self) -> list[str]:
        """The variables that production needs and that are unset, in the order of the docs."""
        if not self.is_production:
            return []
        return [variable(field) for field in REQUIRED_IN_PRODUCTION if not getattr(self, field)]

    def key_fault(self) -> str | None:
        """Which key could be guessed, in one plain line that names its variable; None if none."""
        given = (
            ("secret_keys", self.secret_keys),
            ("retired_keys", self.retired_keys),
            ("hash_key", () if self.hash_key is None else (self.hash_key,)),
        )
        faults = (
            f"{variable(field)}: {fault}"
            for field, keys in given
            for key in keys
            if (fault := rules.key_fault(key)) is not None
        )
        return next(faults, None)


def load_settings(*, needs_database_only: bool = False) -> Settings:
    """Read the settings; raise SettingsError, one plain line, when they cannot work."""
    try:
        settings = Settings()
    except ValidationError as error:
        first = error.errors(include_url=False, include_input=False)[0]
        name = str(first["loc"][0]) if first["loc"] else ""
        name = name if name.startswith("MEDIANOTE_") else variable(name)
        raise SettingsError(f"{name}: {first['msg'].removeprefix('Value error, ')}") from None
    except UnicodeDecodeError:
        raise SettingsError(".env: it is not UTF-8: save it as UTF-8 text") from None
    if needs_database_only:
        return settings
    missing = settings.missing_in_production()
    if missing:
        raise SettingsError(
            f"{', '.join(missing)}: required with a PostgreSQL database (docs/settings.md)"
        )
    fault = settings.key_fault()
    if fault is not None:
        raise SettingsError(fault)
    return settings


def _kept_key(path: Path) -> str:
    """The key in a file; made there, readable by its owner only, when there is none yet."""
    try:
        if not path.exists():
            _keep_key(path, secrets.token_hex(32))
        key = path.read_text("ascii").strip()
    except OSError as error:
        raise SettingsError(f"{path}: cannot keep a key there: {error.strerror}") from error
    if len(key) < 32:
        raise SettingsError(f"{path}: the key kept there is damaged or empty")
    return key


def _keep_key(path: Path, key: str) -> None:
    """Put the key there, whole or not at all, unless another process was faster."""
    # The name is this process's own, and mkstemp's file is its owner's alone (0600).
    descriptor, draft = tempfile.mkstemp(dir=path.parent, prefix=f"{path.name}-")
    try:
        with os.fdopen(descriptor, "w", encoding="ascii") as file:
            file.write(key)
            file.flush()
            os.fsync(file.fileno())
        with contextlib.suppress(FileExistsError):
            os.link(draft, path)
    finally:
        os.unlink(draft)

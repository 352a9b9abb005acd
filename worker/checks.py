"""What `doctor` looks at: each check is asked once, with a short patience, and finds one thing.

A finding says in one plain line how it is and, where that is not well, what to do.
"""

import datetime as dt
import enum
import urllib.error
import urllib.request
from dataclasses import dataclass
from typing import Any, Final

import sqlalchemy as sa

from runtime.database import Database, plain_reason
from runtime.facts import read_fact
from runtime.hosts import is_loopback
from runtime.relays import Relay, Security
from runtime.schema import read_schema
from runtime.settings import Settings
from subscribers.notice_backlog import notice_backlog
from worker.connections import Timeouts
from worker.flights import RelayTroubleError, probe
from worker.presence import worker_is_running
from worker.proofs import known_proof

PATIENCE_SECONDS: Final = 5.0
TIMEOUTS: Final = Timeouts(connect=PATIENCE_SECONDS, command=PATIENCE_SECONDS)
STUCK_SECONDS: Final = 120.0
"""Notices that have been due for so long are stuck: they go within seconds."""
SIGNED_FACT: Final = "one-click-signed"
"""Remembered when a mail through the relay had both List-Unsubscribe headers signed."""


class Level(enum.StrEnum):
    """How it is."""

    OK = "ok"
    WARN = "warn"
    FAIL = "FAIL"


@dataclass(frozen=True, slots=True)
class Finding:
    """What a check found: of what, how it is, and what to do about it."""

    level: Level
    subject: str
    text: str
    todo: str = ""


def check_database(database: Database) -> Finding:
    """Reachable, migrated, UTF-8."""
    try:
        with database.engine.connect() as connection:
            if database.is_postgresql:
                version = connection.exec_driver_sql("SHOW server_version").scalar_one()
                encoding = connection.exec_driver_sql("SHOW server_encoding").scalar_one()
                name = f"PostgreSQL {version}"
            else:
                version = connection.exec_driver_sql("SELECT sqlite_version()").scalar_one()
                encoding = connection.exec_driver_sql("PRAGMA encoding").scalar_one()
                name = f"SQLite {version}"
        schema = read_schema(database)
    except sa.exc.SQLAlchemyError as error:
        return Finding(Level.FAIL, "database", plain_reason(error), "see MEDIANOTE_DATABASE_URL")
    if not schema.is_newest:
        return Finding(
            Level.FAIL,
            "database",
            f"{name}, schema {schema.found or 'none'} where {schema.newest} is needed",
            "run `medianote migrate`",
        )
    if str(encoding).upper().replace("-", "") != "UTF8":
        return Finding(
            Level.FAIL,
            "database",
            f"{name} keeps text as {encoding}: names in other scripts cannot be kept",
            "make a database with ENCODING 'UTF8'",
        )
    return Finding(Level.OK, "database", f"{name}, schema {schema.found}, {encoding}")


def check_keys(settings: Settings) -> Finding:
    """Keys that sign links and hash addresses."""
    count = len(settings.signing_keys)
    keys = "1 signing key" if count == 1 else f"{count} signing keys"
    retired = f", {len(settings.retired_keys)} retired" if settings.retired_keys else ""
    kept = "" if settings.secret_keys else f", kept in {settings.state_folder}"
    return Finding(Level.OK, "keys", f"{keys}{retired}, and a key for hashes{kept}")


def check_timezone(settings: Settings, now: dt.datetime) -> Finding:
    """The press office's zone; `now` is aware."""
    local = now.astimezone(settings.zone)
    text = f"{settings.timezone}, where it is {local:%Y-%m-%d %H:%M}"
    if settings.is_production and settings.timezone == "UTC":
        return Finding(
            Level.WARN, "time zone", text, "set MEDIANOTE_TIMEZONE to the press office's"
        )
    return Finding(Level.OK, "time zone", text)


def check_broker(settings: Settings) -> Finding:
    """It answers, within the patience that ringing has."""
    url = settings.broker_url
    if url is None:
        return Finding(Level.OK, "broker", "none: the commands host the worker themselves")
    # kombu takes a third of a second to load, and only this check needs it.
    from kombu.connection import Connection  # noqa: PLC0415

    from worker.doorbell import broker_options  # noqa: PLC0415

    made: Any = Connection  # it ships no types
    options = broker_options(url) | {"socket_timeout": PATIENCE_SECONDS}
    shown = made(url).as_uri()
    try:
        with made(url, connect_timeout=2, transport_options=options) as connection:
            connection.ensure_connection(max_retries=1, timeout=PATIENCE_SECONDS)
            channel = connection.default_channel
            if url.startswith("redis"):
                channel.client.ping()
    except Exception as error:  # whatever a broker's client may raise
        lines = str(error).splitlines() or [type(error).__name__]
        return Finding(
            Level.FAIL,
            "broker",
            f"{shown} does not answer: {lines[0]}",
            "see MEDIANOTE_BROKER_URL; until it answers nothing new starts, and nothing is lost",
        )
    return Finding(Level.OK, "broker", f"{shown} answers")


def check_relay(relay: Relay) -> Finding:
    """Connects, encrypts and logs in as a worker will; says what the relay can do."""
    subject = f"relay {relay.name}"
    try:
        can = probe(relay, timeouts=TIMEOUTS)
    except RelayTroubleError as error:
        why = str(error).removeprefix(f"{relay.name}: ")
        return Finding(Level.FAIL, subject, why, "see MEDIANOTE_SMTP_URL; mail waits meanwhile")
    offers = {
        "PIPELINING": can.has_pipelining,
        "CHUNKING": can.has_chunking,
        "8BITMIME": can.has_8bitmime,
        "SMTPUTF8": can.has_smtputf8,
        "SIZE": can.announces_size,
    }
    has = ", ".join(name for name, is_there in offers.items() if is_there)
    lacks = ", ".join(name for name, is_there in offers.items() if not is_there)
    text = f"answers{' over TLS' if relay.security is not Security.NONE else ''}"
    text += f"; has {has}" if has else ""
    text += f"; lacks {lacks}" if lacks else ""
    return Finding(Level.OK, subject, text)


def check_limits(settings: Settings) -> list[Finding]:
    """What relays and domains are given at most, and how the workers share it."""
    relays = [
        Finding(Level.OK, f"limits of {relay.name}", f"at most {relay.limits}")
        for relay in map(Relay.from_url, settings.smtp_url)
        if relay.limits
    ]
    domains = settings.limits_of_domains
    limits = list(dict.fromkeys(domains.by_domain.values()))
    if domains.others is not None:
        limits.append(domains.others)
    if limits:
        text = "; ".join(map(str, limits))
        relays.append(Finding(Level.OK, "limits of domains", text))
    if relays:
        if settings.limits_url is not None:
            how = "all workers together, through Redis; while it is away each keeps to its share"
        else:
            how = "each worker keeps to its share, by who delivers now"
        relays.append(Finding(Level.OK, "limits", how))
    return relays


def check_flights(relay: Relay, database: Database) -> Finding:
    """What is known of flights with this relay."""
    subject = f"flights to {relay.name}"
    try:
        with database.reading() as session:
            proof = known_proof(session, relay)
    except sa.exc.SQLAlchemyError as error:
        return Finding(Level.WARN, subject, f"not known: {plain_reason(error)}")
    if proof is None:
        return Finding(
            Level.WARN,
            subject,
            "never tried, so every mail costs a round trip or more",
            "`medianote doctor --prove YOUR-ADDRESS`",
        )
    if proof.is_safe:
        return Finding(Level.OK, subject, f"proved safe: {proof.why}")
    return Finding(Level.OK, subject, f"not used: {proof.why}")


def check_base_url(settings: Settings) -> Finding:
    """The pages that links in mail lead to answer there."""
    url = settings.public_url
    host = url.split("//", 1)[1].split("/")[0].rsplit(":", 1)[0].strip("[]")
    try:
        with urllib.request.urlopen(f"{url}/healthz", timeout=PATIENCE_SECONDS) as answer:  # noqa: S310 (settings allow http and https alone)
            status = answer.status
    except urllib.error.HTTPError as error:
        return Finding(
            Level.FAIL,
            "base URL",
            f"{url} answers {error.code}",
            "does it lead to `medianote web`?",
        )
    except (OSError, ValueError) as error:
        reason = getattr(error, "reason", None) or error
        reason = getattr(reason, "strerror", None) or reason
        return Finding(
            Level.WARN,
            "base URL",
            f"{url} does not answer: {reason}",
            "start `medianote web`, and see MEDIANOTE_BASE_URL",
        )
    if is_loopback(host):
        return Finding(
            Level.OK, "base URL", f"{url} answers {status}; links work on this machine only"
        )
    return Finding(Level.OK, "base URL", f"{url} answers {status}")


def check_workers(settings: Settings, database: Database) -> Finding:
    """Somebody is there to send."""
    try:
        with database.reading() as session:
            is_there = worker_is_running(session)
    except sa.exc.SQLAlchemyError as error:
        return Finding(Level.FAIL, "workers", f"not known: {plain_reason(error)}")
    if is_there:
        return Finding(Level.OK, "workers", "at least one runs")
    level = Level.WARN if settings.is_production else Level.OK
    return Finding(level, "workers", "none runs now", "start one with `medianote worker`")


def check_notices(database: Database) -> Finding:
    """Notices go out within seconds, and reach their readers."""
    try:
        with database.reading() as session:
            found = notice_backlog(session)
    except sa.exc.SQLAlchemyError as error:
        return Finding(Level.WARN, "notices", f"not known: {plain_reason(error)}")
    waiting = found.queued + found.deferred
    text = f"{waiting:,} wait{'s' * (waiting == 1)}" if waiting else "none waits"
    if found.overdue_seconds > STUCK_SECONDS:
        minutes = int(found.overdue_seconds / 60)
        return Finding(
            Level.FAIL,
            "notices",
            f"{text}, and the first should have gone {minutes:,} min ago",
            "does a worker run, and does the relay take mail? Its log says what keeps them",
        )
    given_up = found.failed + found.uncertain
    if given_up:
        return Finding(
            Level.WARN,
            "notices",
            f"{text}; given up within a day: {given_up:,}, the last as {found.reason}",
            "look whether it is one address, or all of them",
        )
    return Finding(Level.OK, "notices", text)


def check_signed(settings: Settings, database: Database) -> Finding:
    """A mail that came through the relay has shown that one-click is signed."""
    subject = "signature"
    if settings.has_local_outbox:
        return Finding(Level.OK, subject, "the local outbox signs nothing, and nobody asks it to")
    try:
        with database.reading() as session:
            fact = read_fact(session, SIGNED_FACT)
            known = None if fact is None else (fact.value, fact.known_at)
    except sa.exc.SQLAlchemyError as error:
        return Finding(Level.WARN, subject, f"not known: {plain_reason(error)}")
    if known is None:
        return Finding(
            Level.WARN,
            subject,
            "no mail has been seen whose signature covers both List-Unsubscribe headers",
            "send yourself one through the relay, save it, `medianote doctor --signed FILE.eml`",
        )
    value, known_at = known
    return Finding(
        Level.OK,
        subject,
        f"{value['domain']} signs both List-Unsubscribe headers (seen {known_at:%Y-%m-%d})",
    )

"""`medianote doctor`: is everything there that sending needs, and what to do where it is not."""

import datetime as dt
import email.policy
from email.parser import BytesParser
from pathlib import Path
from typing import Annotated

import typer

from cli.errors import FAILED, WRONG_USE, CommandError
from cli.shell import Shell, opened
from cli.typer_apps import new_app
from mail.signatures import signatures_of
from runtime.facts import remember_fact
from worker import checks
from worker.checks import SIGNED_FACT, Finding, Level
from worker.domain_checks import check_domain
from worker.relays import Relay

app = new_app()


@app.command()
def doctor(
    *,
    prove: Annotated[
        str | None,
        typer.Option(
            metavar="ADDRESS",
            help="Send a few mails in flights to ADDRESS, one refused among them.",
        ),
    ] = None,
    signed: Annotated[
        Path | None,
        typer.Option(metavar="FILE.eml", help="Read a mail that came through the relay."),
    ] = None,
) -> None:
    """Check database, broker, relays, base URL and the sending domain; say what to do.

    --prove finds out whether a relay takes several whole messages in one flight, and remembers
    it. --signed checks that a signature covers both List-Unsubscribe headers, and remembers it.
    """
    with opened() as shell:
        if signed is not None:
            finding = _remember_signature(shell, signed)
        elif prove is not None:
            raise NotImplementedError
        else:
            finding = None
        findings = [finding] if finding else _findings(shell)
    for found in findings:
        print(_line(found))
    if any(found.level is Level.FAIL for found in findings):
        raise typer.Exit(FAILED)


def _findings(shell: Shell) -> list[Finding]:
    """All checks, in the order in which things depend on each other."""
    settings, database = shell.settings, shell.database
    found = [
        checks.check_database(settings, database),
        checks.check_keys(settings),
        checks.check_timezone(settings, dt.datetime.now(dt.UTC)),
        checks.check_broker(settings),
    ]
    if settings.has_local_outbox:
        outbox = settings.state_folder / "outbox"
        found.append(Finding(Level.OK, "relay", f"none: mail goes into the local outbox {outbox}"))
    found += (checks.check_relay(Relay.from_url(url)) for url in settings.smtp_url)
    found.append(checks.check_signed(settings, database))
    found.append(checks.check_base_url(settings))
    found += check_domain(settings)
    return found


def _remember_signature(shell: Shell, file: Path) -> Finding:
    """What a mail's signatures cover; remembered when one covers what one-click needs."""
    parser: BytesParser = BytesParser(policy=email.policy.default)
    message = parser.parsebytes(file.read_bytes(), headersonly=True)
    missing = [
        name for name in ("List-Unsubscribe", "List-Unsubscribe-Post") if name not in message
    ]
    if missing:
        raise CommandError(
            f"{file}: it has no {' and no '.join(missing)}: it is no release that Medianote sent",
            WRONG_USE,
        )
    signatures = signatures_of(message)
    if not signatures:
        return Finding(
            Level.FAIL,
            "signature",
            f"{file} has no DKIM-Signature that can be read",
            "let the relay sign, and save a mail as it arrived elsewhere",
        )
    for signature in signatures:
        if signature.covers_one_click:
            value = {"domain": signature.domain, "selector": signature.selector}
            with shell.database.transaction() as session:
                remember_fact(session, SIGNED_FACT, value)
            return Finding(
                Level.OK,
                "signature",
                f"{signature.domain} ({signature.selector}) covers both List-Unsubscribe headers; "
                "remembered",
            )
    domains = ", ".join(sorted({signature.domain for signature in signatures}))
    return Finding(
        Level.FAIL,
        "signature",
        f"the signature of {domains} does not cover both List-Unsubscribe headers",
        "add List-Unsubscribe and List-Unsubscribe-Post to what the relay signs",
    )


def _line(found: Finding) -> str:
    todo = f" → {found.todo}" if found.todo else ""
    return f"{found.level:<4}  {found.subject}: {found.text}{todo}"

"""`medianote doctor`: is everything there that sending needs, and what to do where it is not."""

import datetime as dt
import email.policy
import email.utils
from email.message import EmailMessage
from email.parser import BytesParser
from pathlib import Path
from typing import Annotated, Final

import typer

from cli.errors import FAILED, WRONG_USE, CommandError
from cli.shell import Shell, opened
from cli.typer_apps import new_app
from mail.addresses import Address, Mailbox, format_mailbox, parse_address
from mail.signatures import signatures_of
from releases.sending import sender_of
from runtime.facts import remember_fact
from runtime.relays import Relay
from worker import checks
from worker.checks import SIGNED_FACT, Finding, Level
from worker.domain_checks import check_domain
from worker.flights import RelayTroubleError, prove_flights
from worker.proofs import remember_proof

PROVING_MAILS: Final = 4

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
    """Check database, broker, relays, notices, base URL and the sending domain; say what to do.

    --prove finds out whether a relay takes several whole messages in one flight, and remembers
    it. --signed checks that a signature covers both List-Unsubscribe headers, and remembers it.
    """
    with opened() as shell:
        findings = []
        if signed is not None:
            findings.append(_remember_signature(shell, signed))
        if prove is not None:
            findings += _prove(shell, prove)
        findings = findings or _findings(shell)
    for found in findings:
        print(_line(found))
    if any(found.level is Level.FAIL for found in findings):
        raise typer.Exit(FAILED)


def _findings(shell: Shell) -> list[Finding]:
    """All checks, in the order in which things depend on each other."""
    settings, database = shell.settings, shell.database
    found = [
        checks.check_database(database),
        checks.check_keys(settings),
        checks.check_timezone(settings, dt.datetime.now(dt.UTC)),
        checks.check_broker(settings),
    ]
    if settings.has_local_outbox:
        outbox = settings.state_folder / "outbox"
        found.append(Finding(Level.OK, "relay", f"none: mail goes into the local outbox {outbox}"))
    for relay in map(Relay.from_url, settings.smtp_url):
        found.append(checks.check_relay(relay))
        found.append(checks.check_flights(relay, database))
    found += checks.check_limits(settings)
    found.append(checks.check_workers(settings, database))
    found.append(checks.check_notices(database))
    found.append(checks.check_signed(settings, database))
    found.append(checks.check_base_url(settings))
    found += check_domain(settings)
    return found


def _prove(shell: Shell, address: str) -> list[Finding]:
    """Try flights with every relay, and remember what came of it."""
    settings = shell.settings
    recipient = parse_address(address)
    if settings.has_local_outbox:
        raise CommandError("there is no relay to prove: see MEDIANOTE_SMTP_URL", WRONG_USE)
    sender = sender_of(settings)
    messages = [_proving_mail(sender, recipient, number) for number in range(1, PROVING_MAILS + 1)]
    findings = []
    for relay in map(Relay.from_url, settings.smtp_url):
        subject = f"flights to {relay.name}"
        try:
            proof = prove_flights(
                relay, str(sender.address), str(recipient), messages, timeouts=checks.TIMEOUTS
            )
        except RelayTroubleError as error:
            why = str(error).removeprefix(f"{relay.name}: ")
            findings.append(Finding(Level.FAIL, subject, why, "see MEDIANOTE_SMTP_URL"))
            continue
        with shell.database.transaction() as session:
            remember_proof(session, relay, proof)
        verdict = "safe" if proof.is_safe else "not safe, and not used"
        use = "; workers started from now on use them" if proof.is_safe else ""
        findings.append(Finding(Level.OK, subject, f"{verdict}: {proof.why}; remembered{use}"))
    return findings


def _proving_mail(sender: Mailbox, recipient: Address, number: int) -> bytes:
    """A short mail that says why it came."""
    message = EmailMessage(policy=email.policy.SMTP)
    message["From"] = format_mailbox(sender, len("From: ")).decode()
    message["To"] = str(recipient)
    message["Subject"] = f"Medianote tries the relay ({number} of {PROVING_MAILS})"
    message["Date"] = email.utils.localtime()
    message["Message-ID"] = email.utils.make_msgid(domain=sender.address.domain)
    message["Auto-Submitted"] = "auto-generated"
    message.set_content(
        "`medianote doctor --prove` has sent this to find out whether the relay takes several\n"
        "whole mails at once. Nothing has to be done with it.\n"
    )
    return message.as_bytes()


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

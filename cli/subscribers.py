"""`medianote subscribers`: import, export, a subscriber's own link; the rest is beside it."""

import contextlib
import datetime as dt
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Annotated, BinaryIO

import sqlalchemy as sa
import typer

from cli import subscribers_office
from cli.errors import FAILED, WRONG_USE, CommandError, say
from cli.import_report import JsonReport, PlainReport, Report, Terms, columns_line
from cli.progress import Progress
from cli.shell import Shell, opened
from cli.typer_apps import new_app
from mail.addresses import parse_address
from mail.text import name_fault
from mail.tokens import Keyring
from runtime.database import plain_reason
from subscribers.columns import CONSENT_DATE, CONSENT_SOURCE, MAPPABLE
from subscribers.csv_text import TableError
from subscribers.exporting import export_subscribers
from subscribers.import_chunk import Consented
from subscribers.import_columns import Columns, ColumnsError, parse_mapping
from subscribers.importing import (
    Importing,
    ImportInterruptedError,
    Source,
    Totals,
    import_subscribers,
)
from subscribers.links import Links
from subscribers.models import Subscriber

app = new_app("Import, export, show, suppress, merge and erase subscribers; the consent log.")


@app.command("import")
def import_(
    file: Annotated[
        str,
        typer.Argument(
            metavar="FILE.csv",
            help="CSV; columns email, name, language, format, outlet, frequency; or -.",
        ),
    ],
    *,
    list_slug: Annotated[
        str, typer.Option("--list", metavar="SLUG", help="The list they come onto.")
    ],
    confirmed: Annotated[
        bool,
        typer.Option("--confirmed", help="They asked for it: mail may be sent to them at once."),
    ] = False,
    consent_source: Annotated[
        str | None,
        typer.Option(
            metavar="TEXT", help="Where they agreed to get mail, such as “accreditation form”."
        ),
    ] = None,
    consent_date: Annotated[
        str | None,
        typer.Option(metavar="DATE", help="When they agreed: YYYY-MM-DD."),
    ] = None,
    mapping: Annotated[
        list[str] | None,
        typer.Option(
            "--map",
            metavar="FIELD=COLUMN",
            help=f"Take this column for FIELD: {', '.join(MAPPABLE)}; once or more.",
        ),
    ] = None,
    dry_run: Annotated[
        bool, typer.Option("--dry-run", help="Say what would happen; change nothing.")
    ] = False,
    as_json: Annotated[bool, typer.Option("--json", help="Print a JSON object.")] = False,
) -> None:
    """Bring subscribers from a table onto a list; running it twice changes nothing.

    A bad row is reported with its line number, and the others go in. Who left the list, stopped
    all mail, is suspended on any list or suppressed is reported and not brought back. An empty
    cell changes nothing. Without --confirmed new rows stay pending. Sends no mail.

    Columns are found by their names, as exports of Mailchimp, listmonk and GovDelivery have
    them, too; --dry-run says which was taken for what. Who is marked there as unsubscribed,
    cleaned or blocklisted, or has a no in a column of consent, is reported and left alone, and
    so is with --confirmed who is marked as pending. The consent log gets an entry for each who
    is added or confirmed: where and when they agreed, as a column or the options say.
    """
    try:
        stated = parse_mapping(mapping or ())
    except ColumnsError as error:
        raise CommandError(str(error), WRONG_USE) from error
    with opened() as shell, _opened_file(file) as stream:
        try:
            source = Source(stream, stated)
        except TableError as error:
            raise CommandError(f"{file}: {error}") from error
        if source.note:
            say(f"{file} {source.note}")
        if told := columns_line(source.columns):
            say(f"{file}: {told}")
        today = dt.datetime.now(shell.settings.zone).date()
        terms = Terms(
            list_slug,
            source.columns,
            consent=_consent(file, source.columns, consent_source, consent_date, today),
            is_consent_stated=bool(consent_source or consent_date),
            is_dry_run=dry_run,
        )
        report: Report = JsonReport() if as_json else PlainReport()
        with Progress("rows read") as progress:
            so_far = SoFar(progress)
            importing = Importing(
                list_slug,
                shell.settings.suppression_key,
                f"import {Path(file).name}",
                report.problem,
                terms.consent,
                is_confirmed=confirmed,
                is_dry_run=dry_run,
                zone=shell.settings.zone,
                on_chunk=so_far.tell,
            )
            totals, trouble = _import(shell, source, importing, so_far)
    report.end(totals, terms, trouble)
    if trouble is not None:
        raise CommandError(trouble)
    if totals.bad:
        raise typer.Exit(FAILED)


@app.command()
def export(
    *,
    list_slug: Annotated[
        str | None,
        typer.Option("--list", metavar="SLUG", help="Only who is on this list."),
    ] = None,
) -> None:
    """Write subscribers as CSV (UTF-8) to standard output.

    With --list: who is on that list, pending and suspended ones too. Without: everybody.
    """
    with opened() as shell, shell.database.reading() as session:
        export_subscribers(session, sys.stdout, list_slug)


@app.command()
def link(
    email: Annotated[str, typer.Argument(metavar="EMAIL")],
) -> None:
    """Print the link to a subscriber's preference page; whoever has it can change them."""
    key = parse_address(email).key
    with opened() as shell:
        keyring = Keyring(shell.settings.signing_keys, shell.settings.retired_keys)
        with shell.database.reading() as session:
            subscriber_id = session.scalar(
                sa.select(Subscriber.id).where(Subscriber.address_key == key)
            )
        if subscriber_id is None:
            raise CommandError(f"nobody with the address {email} is known", WRONG_USE)
        print(Links(shell.settings.public_url, keyring).preferences_url(subscriber_id))


subscribers_office.add_to(app)


class SoFar:
    """How far an import has come: for who watches, and for who interrupts it."""

    def __init__(self, progress: Progress) -> None:
        self._progress = progress
        self.totals = Totals()

    def tell(self, totals: Totals) -> None:
        """So much is settled."""
        self.totals = totals
        self._progress.show(totals.rows)


def _consent(
    file: str, columns: Columns, source: str | None, date: str | None, today: dt.date
) -> Consented:
    """How and when they agreed, as the options state it; else that it is said by this import."""
    if source is not None and (fault := name_fault(source) if source.strip() else "it is empty"):
        raise CommandError(f"--consent-source: {fault}", WRONG_USE)
    if source and not date and CONSENT_DATE not in columns.places:
        raise CommandError(
            "a source of consent needs its date: add --consent-date YYYY-MM-DD, or "
            f"--map {CONSENT_DATE}=COLUMN",
            WRONG_USE,
        )
    if date and not source and CONSENT_SOURCE not in columns.places:
        raise CommandError(
            "a date of consent needs its source: add --consent-source TEXT, or "
            f"--map {CONSENT_SOURCE}=COLUMN",
            WRONG_USE,
        )
    return Consented(
        source.strip() if source else f"import {Path(file).name}",
        _day(date, today).isoformat() if date else today.isoformat(),
    )


def _day(text: str, today: dt.date) -> dt.date:
    try:
        day = dt.date.fromisoformat(text.strip())
    except ValueError:
        raise CommandError(
            f"--consent-date: “{text}” is no date: write it as {today.isoformat()}", WRONG_USE
        ) from None
    if day > today:
        raise CommandError(f"--consent-date: {day} has not come yet", WRONG_USE)
    return day


def _import(
    shell: Shell, source: Source, importing: Importing, so_far: SoFar
) -> tuple[Totals, str | None]:
    """What an import did, and what cut it short."""
    try:
        return import_subscribers(shell.database, source, importing), None
    except ImportInterruptedError as error:
        return error.totals, f"{plain_reason(error.cause)}; {_what_is_in(error.totals)}"
    except KeyboardInterrupt:
        say(f"interrupted; {_what_is_in(so_far.totals)}")
        raise


def _what_is_in(totals: Totals) -> str:
    if not totals.rows:
        return "nothing has been imported"
    return f"the rows up to line {totals.last_line} are in: run it again for the rest, it is safe"


@contextlib.contextmanager
def _opened_file(name: str) -> Iterator[BinaryIO]:
    if name == "-":
        yield sys.stdin.buffer
        return
    with Path(name).open("rb") as stream:
        yield stream

"""`medianote subscribers`: import, export, a subscriber's own link; the rest is beside it."""

import contextlib
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Annotated, BinaryIO

import sqlalchemy as sa
import typer

from cli import subscribers_office
from cli.errors import FAILED, WRONG_USE, CommandError, say
from cli.import_report import JsonReport, PlainReport, Report
from cli.progress import Progress
from cli.shell import Shell, opened
from cli.typer_apps import new_app
from mail.addresses import parse_address
from mail.tokens import Keyring
from runtime.database import plain_reason
from subscribers.csv_text import TableError
from subscribers.exporting import export_subscribers
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
            metavar="FILE.csv", help="CSV; columns email, name, language, format, outlet; or -."
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
    dry_run: Annotated[
        bool, typer.Option("--dry-run", help="Say what would happen; change nothing.")
    ] = False,
    as_json: Annotated[bool, typer.Option("--json", help="Print a JSON object.")] = False,
) -> None:
    """Bring subscribers from a table onto a list; running it twice changes nothing.

    A bad row is reported with its line number, and the others go in. Who left the list, stopped
    all mail, is suspended on any list or suppressed is reported and not brought back. An empty
    cell changes nothing. Without --confirmed new rows stay pending. Sends no mail.
    """
    with opened() as shell, _opened_file(file) as stream:
        try:
            source = Source(stream)
        except TableError as error:
            raise CommandError(f"{file}: {error}") from error
        for note in source.notes:
            say(f"{file} {note}")
        report: Report = JsonReport() if as_json else PlainReport()
        with Progress("rows read") as progress:
            so_far = SoFar(progress)
            importing = Importing(
                list_slug,
                shell.settings.suppression_key,
                f"import {Path(file).name}",
                report.problem,
                is_confirmed=confirmed,
                is_dry_run=dry_run,
                zone=shell.settings.zone,
                on_chunk=so_far.tell,
            )
            totals, trouble = _import(shell, source, importing, so_far)
    report.end(totals, list_slug, trouble, is_dry_run=dry_run)
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

"""`medianote status`, `pause`, `resume` and `cancel`: one distribution, by its id."""

import json
import time
from typing import Annotated

import typer
from sqlalchemy.orm import Session

from cli.errors import WRONG_USE, CommandError, one_line, say
from cli.shell import Shell, opened
from cli.status_table import print_table
from cli.status_text import status_lines, what_line
from cli.typer_apps import new_app
from releases.commands import NoSuchDistribution, cancel, pause, resume
from releases.digests.withdrawn import digests_under_way
from releases.models import DistributionState
from releases.overview import carried
from releases.queries import Status, dropped_at, misses, status
from releases.readership import digest_readers
from releases.upkeep import finish_cancelled

status_app = new_app()
pause_app = new_app()
resume_app = new_app()
cancel_app = new_app()

SETTLE_SECONDS = 2.0
ID_MAX = 2**63 - 1
"""The largest number that a database has for an id."""
TABLE_ROWS = 20
TABLE_MAX = 1_000

DistributionId = Annotated[
    int,
    typer.Argument(metavar="ID", min=1, max=ID_MAX, help="The number that publish printed."),
]


@status_app.command("status")
def show_status(
    distribution_id: Annotated[
        int | None,
        typer.Argument(
            metavar="[ID]", min=1, max=ID_MAX, help="The number that publish printed; or none."
        ),
    ] = None,
    *,
    who_failed: Annotated[
        bool, typer.Option("--failed", help="List who did not get it, and why.")
    ] = False,
    watched: Annotated[
        bool, typer.Option("--watch", help="Go on showing it, with its rate, until it is over.")
    ] = False,
    manifest: Annotated[
        str | None,
        typer.Option(metavar="FILE.csv", help="Write everyone and what became of theirs; or -."),
    ] = None,
    limit: Annotated[
        int | None,
        typer.Option(metavar="N", min=1, max=TABLE_MAX, help="Without ID: so many at most (20)."),
    ] = None,
    digests: Annotated[
        bool, typer.Option("--digests", help="Without ID: show the digests instead.")
    ] = False,
    as_json: Annotated[bool, typer.Option("--json", help="Print a JSON object.")] = False,
) -> None:
    """Show how a distribution stands: how many have it, and what became of the others.

    Without ID: a table of what waits for its time and of the newest distributions, digests
    summed up (with --json an array of objects).

    --failed lists the people instead: who failed, is uncertain, was not to be mailed or was
    cancelled, with the reason (with --json an array of objects). --watch redraws it in its place
    (a line every few seconds where that is not a terminal) until it is complete or cancelled;
    Ctrl-C ends the watching, not the distribution.

    --manifest writes a line of CSV for each person: address, outcome, time, reply, Message-ID
    and more. The SHA-256 of the first one that is written after the end is kept, and a later one
    is compared with it.
    """
    _check_one_of({"--failed": who_failed, "--watch": watched, "--manifest": manifest is not None})
    if as_json and (watched or manifest is not None):
        raise CommandError("--json goes with neither --watch nor --manifest", WRONG_USE)
    if distribution_id is None:
        for name, is_given in (
            ("--failed", who_failed),
            ("--watch", watched),
            ("--manifest", manifest is not None),
        ):
            if is_given:
                raise CommandError(f"{name} needs the ID of a distribution", WRONG_USE)
        with opened() as shell:
            print_table(shell, limit or TABLE_ROWS, are_digests=digests, as_json=as_json)
        return
    if digests or limit is not None:
        raise CommandError("--digests and --limit go without an ID", WRONG_USE)
    with opened() as shell:
        found = read_status(shell, distribution_id)
        if who_failed:
            _print_misses(shell, distribution_id, as_json=as_json)
        elif watched:
            # It reads statuses by this module, and few commands need it.
            from cli.watching import watch  # noqa: PLC0415

            watch(shell, distribution_id, _rehearsal(shell, found))
        elif manifest is not None:
            from cli.manifests import write_manifest_to  # noqa: PLC0415

            write_manifest_to(shell, distribution_id, manifest)
        else:
            print_status(shell, found, as_json=as_json)


@pause_app.command("pause")
def pause_it(distribution_id: DistributionId) -> None:
    """Pause a running or scheduled distribution until it is resumed.

    What is on its way arrives, nothing more is begun. A held one stays held.
    """
    with opened() as shell, shell.database.transaction() as session:
        state = pause(session, distribution_id)
        name = _name(session, distribution_id)
        digests = digests_under_way(session, distribution_id)
    if state == DistributionState.HELD:
        print(f"{name} is held: nothing of it is sent until it is resumed")
    else:
        print(f"{name} is {state}")
    _tell_of_digests("pause", digests)


@resume_app.command("resume")
def resume_it(distribution_id: DistributionId) -> None:
    """Let a paused or held distribution go on, or wait for its time if that is still to come."""
    with opened() as shell:
        with shell.database.transaction() as session:
            resume(session, distribution_id)
            name = _name(session, distribution_id)
        state = read_status(shell, distribution_id).state
    print(f"{name} is {state}")


@cancel_app.command("cancel")
def cancel_it(distribution_id: DistributionId) -> None:
    """End a distribution for good: nothing more is sent; what has been sent stays sent.

    One that still waits for its time (--at, --undo) ends without a single mail.
    """
    with opened() as shell:
        with shell.database.transaction() as session:
            left_out = cancel(session, distribution_id)
            digests = digests_under_way(session, distribution_id)
            name = _name(session, distribution_id)
        # A worker's sweep would do it; none may run.
        ends_at = time.monotonic() + SETTLE_SECONDS
        finish_cancelled(shell.database, distribution_id, lambda: time.monotonic() < ends_at)
        found = read_status(shell, distribution_id)
    nothing_sent = "; no mail of it was sent" if found.is_without_mail else ""
    print(f"{name} is cancelled{nothing_sent}")
    if left_out:
        people = "1 person" if left_out == 1 else f"{left_out:,} people"
        print(
            f"{people} whom other distributions left out because of this one stay out; "
            "publishing again reaches them"
        )
    _tell_of_digests("cancel", digests)


def read_status(shell: Shell, distribution_id: int) -> Status:
    """How the distribution stands; raises NoSuchDistribution."""
    with shell.database.reading() as session:
        found = status(session, distribution_id)
    if found is None:
        raise NoSuchDistribution(distribution_id)
    return found


def print_status(shell: Shell, found: Status, *, as_json: bool) -> None:
    """The contract's object, or lines for people."""
    rehearsal = _rehearsal(shell, found)
    if as_json:
        print(json.dumps(found.to_json()))
        if rehearsal:
            say(rehearsal)
        return
    if rehearsal:
        print(rehearsal)
    with shell.database.reading() as session:
        what = carried(session, [found.id])[found.id]
        by_digest = digest_readers(session, found.id)
    print("\n".join(status_lines(found, shell.settings.zone, what, by_digest)))


def _name(session: Session, distribution_id: int) -> str:
    """A distribution as people know it: by its title and lists, too."""
    what = carried(session, [distribution_id])[distribution_id]
    return f"distribution {distribution_id} ({what_line(what)})"


def _tell_of_digests(command: str, digests: list[int]) -> None:
    """Those that have not begun are taken back by the workers."""
    if digests:
        say(
            "digests that are being sent carry it, too; stop each by itself: "
            + ", ".join(f"medianote {command} {one}" for one in digests)
        )


def _check_one_of(given: dict[str, bool]) -> None:
    names = [name for name, is_given in given.items() if is_given]
    if len(names) > 1:
        raise CommandError(f"{' and '.join(names)} exclude each other: name one", WRONG_USE)


def _rehearsal(shell: Shell, found: Status) -> str | None:
    """What is said of a rehearsal: of this distribution, or of all as things are set now."""
    if shell.settings.is_rehearsal:
        return f"REHEARSAL: only {', '.join(shell.settings.only_to)} is mailed"
    if found.is_rehearsal:
        return "REHEARSAL: published while MEDIANOTE_ONLY_TO was set, and to nobody else"
    return None


def check_kept(shell: Shell, session: Session, distribution_id: int) -> None:
    """Raise CommandError when it is not kept any more who got the distribution."""
    since = dropped_at(session, distribution_id)
    if since is not None:
        raise CommandError(
            f"who got distribution {distribution_id} is not kept since "
            f"{since.astimezone(shell.settings.zone):%Y-%m-%d}; `status` has the counts"
        )


def _print_misses(shell: Shell, distribution_id: int, *, as_json: bool) -> None:
    """One person a line: address, state, reason, kept apart by tabs."""
    with shell.database.reading() as session:
        check_kept(shell, session, distribution_id)
        found = misses(session, distribution_id)
        if as_json:
            # One by one: they may be many.
            begin = "["
            for miss in found:
                said = {"email": miss.address, "state": miss.state, "reason": miss.reason}
                print(begin + json.dumps(said, ensure_ascii=False), end="")
                begin = ", "
            print("]" if begin == ", " else "[]")
            return
        for miss in found:
            shown = (miss.address or "(erased)", miss.state, miss.reason or "")
            print("\t".join(one_line(part) for part in shown))

"""`medianote status`, `pause`, `resume` and `cancel`: one distribution, by its id."""

import json
import time
from typing import Annotated

import typer

from cli.errors import CommandError, one_line, say
from cli.shell import Shell, opened
from cli.status_text import status_lines
from cli.typer_apps import new_app
from releases.commands import NoSuchDistribution, cancel, pause, resume
from releases.models import DistributionState
from releases.queries import Status, dropped_at, misses, status
from releases.upkeep import finish_cancelled

status_app = new_app()
pause_app = new_app()
resume_app = new_app()
cancel_app = new_app()

SETTLE_SECONDS = 2.0
ID_MAX = 2**63 - 1
"""The largest number that a database has for an id."""

DistributionId = Annotated[
    int,
    typer.Argument(metavar="ID", min=1, max=ID_MAX, help="The number that publish printed."),
]


@status_app.command("status")
def show_status(
    distribution_id: DistributionId,
    *,
    who_failed: Annotated[
        bool, typer.Option("--failed", help="List who did not get it, and why.")
    ] = False,
    as_json: Annotated[bool, typer.Option("--json", help="Print a JSON object.")] = False,
) -> None:
    """Show how a distribution stands: how many have it, and what became of the others.

    --failed lists the people instead: who failed, is uncertain, was not to be mailed or was
    cancelled, with the reason (with --json an array of objects).
    """
    with opened() as shell:
        found = read_status(shell, distribution_id)
        if who_failed:
            _print_misses(shell, distribution_id, as_json=as_json)
        else:
            print_status(shell, found, as_json=as_json)


@pause_app.command("pause")
def pause_it(distribution_id: DistributionId) -> None:
    """Pause a running or scheduled distribution until it is resumed.

    What is on its way arrives, nothing more is begun. A held one stays held.
    """
    with opened() as shell, shell.database.transaction() as session:
        state = pause(session, distribution_id)
    if state == DistributionState.HELD:
        print(f"distribution {distribution_id} is held: nothing of it is sent until it is resumed")
    else:
        print(f"distribution {distribution_id} is {state}")


@resume_app.command("resume")
def resume_it(distribution_id: DistributionId) -> None:
    """Let a paused or held distribution go on, or wait for its time if that is still to come."""
    with opened() as shell:
        with shell.database.transaction() as session:
            resume(session, distribution_id)
        state = read_status(shell, distribution_id).state
    print(f"distribution {distribution_id} is {state}")


@cancel_app.command("cancel")
def cancel_it(distribution_id: DistributionId) -> None:
    """End a distribution for good: nothing more is sent; what has been sent stays sent."""
    with opened() as shell:
        with shell.database.transaction() as session:
            left_out = cancel(session, distribution_id)
        # A worker's sweep would do it; none may run.
        ends_at = time.monotonic() + SETTLE_SECONDS
        finish_cancelled(shell.database, distribution_id, lambda: time.monotonic() < ends_at)
    print(f"distribution {distribution_id} is cancelled")
    if left_out:
        people = "1 person" if left_out == 1 else f"{left_out:,} people"
        print(
            f"{people} whom other distributions left out because of this one stay out; "
            "publishing again reaches them"
        )


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
    print("\n".join(status_lines(found, shell.settings.zone)))


def _rehearsal(shell: Shell, found: Status) -> str | None:
    """What is said of a rehearsal: of this distribution, or of all as things are set now."""
    if shell.settings.is_rehearsal:
        return f"REHEARSAL: only {', '.join(shell.settings.only_to)} is mailed"
    if found.is_rehearsal:
        return "REHEARSAL: published while MEDIANOTE_ONLY_TO was set, and to nobody else"
    return None


def _print_misses(shell: Shell, distribution_id: int, *, as_json: bool) -> None:
    """One person a line: address, state, reason, kept apart by tabs."""
    with shell.database.reading() as session:
        since = dropped_at(session, distribution_id)
        if since is not None:
            raise CommandError(
                f"who got distribution {distribution_id} is not kept since "
                f"{since.astimezone(shell.settings.zone):%Y-%m-%d}; `status` has the counts"
            )
        found = misses(session, distribution_id)
        if as_json:
            objects = [
                {"email": miss.address, "state": miss.state, "reason": miss.reason}
                for miss in found
            ]
            print(json.dumps(objects, ensure_ascii=False))
            return
        for miss in found:
            shown = (miss.address or "(erased)", miss.state, miss.reason or "")
            print("\t".join(one_line(part) for part in shown))

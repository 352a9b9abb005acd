"""`medianote status`, `pause`, `resume` and `cancel`: one distribution, by its id."""

import json
from typing import Annotated

import typer

from cli.errors import say
from cli.shell import Shell, opened
from cli.status_text import status_lines
from cli.typer_apps import new_app
from releases.commands import NoSuchDistribution, cancel, pause, resume
from releases.models import DistributionState
from releases.queries import Status, status

status_app = new_app()
pause_app = new_app()
resume_app = new_app()
cancel_app = new_app()

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
    as_json: Annotated[bool, typer.Option("--json", help="Print a JSON object.")] = False,
) -> None:
    """Show how a distribution stands: how many have it, and what became of the others."""
    with opened() as shell:
        found = read_status(shell, distribution_id)
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
    with opened() as shell, shell.database.transaction() as session:
        left_out = cancel(session, distribution_id)
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
    if as_json:
        print(json.dumps(found.to_json()))
        if shell.settings.is_rehearsal:
            say(f"REHEARSAL: only {', '.join(shell.settings.only_to)} is mailed")
        return
    if shell.settings.is_rehearsal:
        print(f"REHEARSAL: only {', '.join(shell.settings.only_to)} is mailed")
    print("\n".join(status_lines(found, shell.settings.zone)))

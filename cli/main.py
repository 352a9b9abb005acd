"""`medianote`: the entry of all commands, and the one place where their errors end.

A command's module is imported when that command is asked for, so that none pays for the
others' databases and servers.
"""

import importlib
import importlib.metadata
import os
import signal
import sys
from collections.abc import Sequence
from typing import Annotated, Any, Final

import typer
import typer.main
from typer.core import TyperGroup

from cli.errors import complaint_about, say
from cli.typer_apps import new_app

COMMANDS: Final = {
    # Command: the module and the name of its Typer application, and what it does.
    "demo": ("cli.demo", "app", "Try it all on this machine: a sample list and media note."),
    "migrate": ("cli.migrate", "app", "Bring the database to the newest schema."),
    "lists": ("cli.lists", "app", "Make and show mailing lists."),
    "subscribers": ("cli.subscribers", "app", "Import, export and look after subscribers."),
    "desks": ("cli.desks", "app", "Make and show desks: shared addresses with members."),
    "preview": ("cli.preview", "app", "Show what would be sent, without sending."),
    "publish": ("cli.publish", "app", "Send a release to everyone on the lists."),
    "status": ("cli.distributions", "status_app", "Show how a distribution stands."),
    "pause": ("cli.distributions", "pause_app", "Pause a running or scheduled distribution."),
    "resume": ("cli.distributions", "resume_app", "Let a paused or held distribution go on."),
    "cancel": ("cli.distributions", "cancel_app", "End a distribution; what is sent stays sent."),
    "worker": ("cli.serve", "worker_app", "Send what there is to send, until stopped."),
    "web": ("cli.serve", "web_app", "Serve the pages that links in mail lead to."),
    "doctor": ("cli.doctor", "app", "Check database, broker, relays and addresses."),
}


class Commands(TyperGroup):
    """The commands, each loaded when it is asked for."""

    def list_commands(self, ctx: Any) -> list[str]:  # noqa: ARG002 (Typer's signature)
        """Their names, in the order in which people meet them."""
        return list(COMMANDS)

    def get_command(self, ctx: Any, cmd_name: str) -> Any:
        """The command of that name, or None."""
        if cmd_name not in COMMANDS:
            return super().get_command(ctx, cmd_name)
        module, attribute, _ = COMMANDS[cmd_name]
        command = typer.main.get_command(getattr(importlib.import_module(module), attribute))
        command.name = cmd_name
        return command

    def resolve_command(self, ctx: Any, args: list[str]) -> Any:
        """As Typer does it; the names are there for its "did you mean"."""
        self.commands = dict.fromkeys(COMMANDS, self)
        return super().resolve_command(ctx, args)

    def format_commands(self, ctx: Any, formatter: Any) -> None:  # noqa: ARG002 (as above)
        """The list of commands, without loading any."""
        with formatter.section("Commands"):
            formatter.write_dl([(name, about) for name, (_, _, about) in COMMANDS.items()])


app = new_app("Distributes press releases by e-mail: complete, readable, in time, once.")


def _show_version(is_wanted: bool) -> None:
    if is_wanted:
        print(importlib.metadata.version("medianote"))
        raise typer.Exit


@app.callback(cls=Commands)
def medianote(
    *,
    version: Annotated[
        bool,
        typer.Option("--version", help="Print the version.", is_eager=True, callback=_show_version),
    ] = False,
) -> None:
    """All commands."""


def main(arguments: Sequence[str] | None = None) -> int:
    """Run a command; returns the exit status."""
    _prepare_streams()
    given = list(sys.argv[1:] if arguments is None else arguments)
    try:
        try:
            status = app(given or ["--help"], prog_name="medianote", standalone_mode=False)
        finally:
            sys.stdout.flush()
    except SystemExit:
        # Typer's way to end when nobody reads our output any more (`… | head`).
        return 128 + signal.SIGPIPE
    except BaseException as error:
        complaint = complaint_about(error)
        if complaint.text is not None:
            if sys.flags.dev_mode:
                raise
            say(complaint.text)
        _drop_unwritten()
        return complaint.status
    return status if isinstance(status, int) else 0


def _prepare_streams() -> None:
    """What scripts read is UTF-8 whatever the locale, and nothing is beyond printing."""
    for stream in (sys.stdout, sys.stderr):
        reconfigure = getattr(stream, "reconfigure", None)
        if reconfigure is not None:
            reconfigure(encoding="utf-8", errors="backslashreplace")


def _drop_unwritten() -> None:
    """Forget output that cannot be written, or the interpreter complains again at its end."""
    try:
        sys.stdout.flush()
    except (OSError, ValueError):
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())

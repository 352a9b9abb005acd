"""Every way a command can end badly, as one plain line and an exit status.

0 is done; 1: it ran and something failed; 2: wrong use or settings. Errors are matched by the
names of their classes in modules that are loaded anyway, so that `medianote --help` need not
load a database driver to know how its errors would read.
"""

import os
import signal
import sys
from dataclasses import dataclass
from typing import Final

import typer

FAILED: Final = 1
WRONG_USE: Final = 2

_STATUSES: Final = (
    # Module, class, status; the first that matches counts.
    ("runtime.settings", "SettingsError", WRONG_USE),
    ("releases.publishing", "PublishError", FAILED),
    ("releases.errors", "ReleaseError", FAILED),
    ("releases.commands", "NoSuchDistribution", WRONG_USE),
    ("releases.commands", "DistributionError", FAILED),
    ("subscribers.lists", "ListExistsError", FAILED),
    ("subscribers.list_fields", "ListError", WRONG_USE),
    ("subscribers.desks", "DeskError", WRONG_USE),
    ("subscribers.csv_text", "TableError", FAILED),
    ("mail.addresses", "AddressError", WRONG_USE),
)
_WRONG_FILES: Final = (FileNotFoundError, IsADirectoryError, NotADirectoryError, PermissionError)


class CommandError(Exception):
    """A command that cannot do what it was asked to; one plain line."""

    def __init__(self, text: str, status: int = FAILED) -> None:
        super().__init__(text)
        self.status = status


@dataclass(frozen=True, slots=True)
class Complaint:
    """What is said on standard error (None: nothing), and the exit status."""

    text: str | None
    status: int


def complaint_about(error: BaseException) -> Complaint:
    """What to say about an error, and the status to end with."""
    if isinstance(error, CommandError):
        return Complaint(str(error), error.status)
    if isinstance(error, typer.TyperException):
        return Complaint(_wrong_use(error), WRONG_USE)
    if isinstance(error, (KeyboardInterrupt, typer.Abort)):
        return Complaint(None, 128 + signal.SIGINT)
    if isinstance(error, BrokenPipeError):
        # Whoever read our output has had enough (`… | head`).
        return Complaint(None, 128 + signal.SIGPIPE)
    for module, name, status in _STATUSES:
        if isinstance(error, _loaded(module, name)):
            return Complaint(str(error), status)
    if isinstance(error, _loaded("sqlalchemy.exc", "SQLAlchemyError")):
        return Complaint(sys.modules["runtime.database"].plain_reason(error), FAILED)
    if isinstance(error, OSError):
        is_named_wrongly = isinstance(error, _WRONG_FILES)
        return Complaint(_system(error), WRONG_USE if is_named_wrongly else FAILED)
    if isinstance(error, MemoryError):
        return Complaint("there is not enough memory", FAILED)
    return Complaint(
        f"a fault in Medianote itself: {type(error).__name__}: {error} "
        "(PYTHONDEVMODE=1 shows where)",
        FAILED,
    )


def say(text: str) -> None:
    """One line on standard error, in the form that errors have."""
    print(f"medianote: {one_line(text)}", file=sys.stderr, flush=True)


def one_line(text: str) -> str:
    """The text as one line that cannot play tricks with a terminal."""
    return "".join(
        character if character.isprintable() else " " if character in "\r\n\t" else "\ufffd"
        for character in text.strip()
    )


def _loaded(module: str, name: str) -> type[BaseException] | tuple[()]:
    found = getattr(sys.modules.get(module), name, ())
    return found if isinstance(found, type) else ()


def _wrong_use(error: typer.TyperException) -> str:
    format_message = getattr(error, "format_message", None)
    text = str(format_message() if format_message else error).rstrip(".")
    context = getattr(error, "ctx", None)
    command = context.command_path if context is not None else "medianote"
    return f"{text} (see `{command} --help`)"


def _system(error: OSError) -> str:
    what = os.strerror(error.errno) if error.errno else str(error) or type(error).__name__
    name = error.filename
    if isinstance(name, bytes):
        name = os.fsdecode(name)
    return f"{name}: {what}" if name else what

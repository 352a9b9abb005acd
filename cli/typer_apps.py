"""What all commands' Typer applications have in common."""

from typing import Final

import typer

HELP_NAMES: Final = {"help_option_names": ["-h", "--help"]}


def new_app(about: str | None = None) -> typer.Typer:
    """An application for one command, or for a group of them (`about` is the group's help).

    Help and errors are plain text: they are read in terminals of any width, and by scripts.
    """
    return typer.Typer(
        help=about,
        add_completion=False,
        rich_markup_mode=None,
        pretty_exceptions_enable=False,
        context_settings=HELP_NAMES,
    )

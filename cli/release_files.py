"""Releases as files: reading one, and saying what the reader was unsure of."""

import sys
from pathlib import Path

from cli.errors import CommandError, say
from cli.tables import shortened
from releases.errors import ReleaseError
from releases.parsing import Parsed, parse

STANDARD_INPUT = "-"
_LONGEST = 160


def read_release(name: str, *, is_embargo_known: bool = False) -> Parsed:
    """The release in a file, or on standard input for "-"; raises CommandError."""
    if name == STANDARD_INPUT:
        data, filename, shown = sys.stdin.buffer.read(), None, "standard input"
    else:
        data, filename, shown = Path(name).read_bytes(), Path(name).name, name
    try:
        return parse(data, filename=filename, is_embargo_known=is_embargo_known)
    except ReleaseError as error:
        raise CommandError(f"{shown}: {error}") from error


def say_unsure(parsed: Parsed) -> None:
    """Warn of every field that was read without certainty, and of what no mail will have."""
    for unsure in parsed.unsure:
        say(f"not sure of the {unsure.field}: {unsure.why}")
    for words in parsed.left_out:
        say(f"left out: {shortened(words, _LONGEST)}")

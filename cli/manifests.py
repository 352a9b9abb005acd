"""`medianote status ID --manifest FILE`: writes it, keeps its digest, and compares it."""

import os
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import BinaryIO

from cli.distributions import check_kept, read_status
from cli.errors import CommandError, say
from cli.shell import Shell
from releases.commands import keep_manifest
from releases.manifest import Written, write_manifest
from releases.queries import Status
from releases.sending import sending_of

STANDARD_OUTPUT = "-"


def write_manifest_to(shell: Shell, distribution_id: int, name: str) -> None:
    """Write a distribution's manifest to a file, and say on standard error what it is."""
    domain = sending_of(shell.settings).from_.address.domain
    # Before the deliveries are read: what ends meanwhile is not taken for complete.
    before = read_status(shell, distribution_id)
    with shell.database.reading() as session:
        check_kept(shell, session, distribution_id)
    with _opened(name) as file, shell.database.reading() as session:
        written = write_manifest(session, distribution_id, file.write, message_id_domain=domain)
        file.flush()
        if before.is_finished and before.eligible not in (None, written.people):
            raise CommandError(
                f"distribution {distribution_id} went to {before.eligible:,} people, and of "
                f"{written.people:,} there are records: older ones may have been removed"
            )
    is_first = False
    if before.is_finished:
        with shell.database.transaction() as session:
            is_first = keep_manifest(session, distribution_id, written.sha256)
    shown = "standard output" if name == STANDARD_OUTPUT else name
    people = "1 person" if written.people == 1 else f"{written.people:,} people"
    say(f"{shown}: {people}, SHA-256 {written.sha256.hex()}")
    say(verdict(read_status(shell, distribution_id), written, is_first=is_first))


def verdict(found: Status, written: Written, *, is_first: bool) -> str:
    """How a manifest compares with the one whose digest is kept, in a line."""
    if found.manifest is None:
        return f"distribution {found.id} is {found.state}: the digest is kept once it is over"
    if is_first:
        return f"the digest is kept with distribution {found.id}"
    first = f"the first one, of {found.manifest.at:%Y-%m-%d %H:%M:%S} UTC"
    if found.manifest.sha256 == written.sha256:
        return f"it is the same as {first}"
    facts = ", ".join(
        f"{count:,} {what}"
        for count, what in (
            (found.bounced, "came back"),
            (found.complained, "complained"),
            (written.erased, "erased"),
        )
        if count
    )
    by_now = f" (by now: {facts})" if facts else ""
    return (
        f"it is not the same as {first}: later facts change it, such as bounces, complaints, "
        f"late acceptances, and addresses that were changed or erased{by_now}; so does another "
        "domain in MEDIANOTE_FROM, of which Message-IDs are made"
    )


@contextmanager
def _opened(name: str) -> Iterator[BinaryIO]:
    """Where it goes. A file appears whole or not at all, in the place of an earlier one."""
    if name == STANDARD_OUTPUT:
        yield sys.stdout.buffer
        return
    path = Path(name)
    if path.exists() and not path.is_file():  # a pipe, say, that cannot be put in place
        with path.open("wb") as file:
            yield file
        return
    draft = path.with_name(f"{path.name}.part")
    try:
        with draft.open("wb") as file:
            yield file
        os.replace(draft, path)
    finally:
        draft.unlink(missing_ok=True)

"""The journal folder of a host: known by a UUID kept in it, shared by all its workers."""

import contextlib
import os
import uuid
from pathlib import Path
from typing import Final

from worker.journal import (
    SUFFIX,
    Journal,
    JournalError,
    JournalRead,
    is_abandoned,
    read_journal,
)

ID_FILE: Final = "folder-id"


class JournalFolder:
    """`journals/` in the state folder; made on first use."""

    def __init__(self, state_folder: Path) -> None:
        self.path = state_folder / "journals"
        try:
            self.path.mkdir(mode=0o700, exist_ok=True)
            self.id = _kept_id(self.path / ID_FILE)
        except OSError as error:
            raise JournalError(
                f"no journal can be kept in {self.path}: {error.strerror}"
            ) from error

    def new_journal(self) -> Journal:
        """A journal for this process."""
        return Journal(self.path)

    def is_abandoned(self, name: str) -> bool:
        """Whether the process that wrote this journal is gone."""
        return is_abandoned(self.path / name)

    def read(self, name: str) -> JournalRead | None:
        """What a journal says; None when it is lost."""
        return read_journal(self.path / name)

    def forget(self, name: str) -> None:
        """SQL knows all of this journal, and its process is gone."""
        if is_abandoned(self.path / name):
            (self.path / name).unlink(missing_ok=True)

    def names(self) -> list[str]:
        """All journals that lie here."""
        return sorted(path.name for path in self.path.glob(f"*{SUFFIX}"))


def _kept_id(path: Path) -> str:
    """The folder's id; written beside and moved, so that nobody reads half of it."""
    with contextlib.suppress(FileNotFoundError):
        return path.read_text("ascii").strip()
    draft = path.with_name(f"{ID_FILE}.{uuid.uuid4().hex}")
    draft.write_text(uuid.uuid4().hex, "ascii")
    with contextlib.suppress(FileExistsError):
        os.link(draft, path)
    draft.unlink()
    return path.read_text("ascii").strip()

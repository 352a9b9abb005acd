"""A Maildir: mail as files that are whole or not there (cr.yp.to/proto/maildir.html).

Every Unix mail reader opens one. Writers need no lock: a file is written in `tmp` and then
renamed into `new`; its name is never used twice.
"""

import contextlib
import itertools
import os
import re
import socket
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Final

_KEY: Final = re.compile(r"[0-9]{10,}\.M[0-9]{6}P[0-9]+Q[0-9]{9}\.[A-Za-z0-9-]{1,63}")
_HOST: Final = re.sub(r"[^A-Za-z0-9-]", "-", socket.gethostname())[:63] or "localhost"
_count = itertools.count(1)


class Maildir:
    """A folder of mails, each known by a key; newer keys are greater."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder

    def make(self) -> None:
        """Make the folder and its parts, for their owner only; keeps what there is."""
        for part in ("tmp", "new", "cur"):
            (self.folder / part).mkdir(mode=0o700, parents=True, exist_ok=True)

    def deliver(self, mail: bytes) -> str:
        """File a mail; returns its key. Raises OSError, leaving nothing, when it cannot be kept."""
        key = _new_key()
        unfinished = self.folder / "tmp" / key
        try:
            unfinished.write_bytes(mail)
            # No fsync: mail to look at on this machine is worth no wait for the disk.
            unfinished.rename(self.folder / "new" / key)
        except OSError:
            with contextlib.suppress(OSError):
                unfinished.unlink()
            raise
        return key

    def keys(self) -> list[str]:
        """The keys of all mails, newest first; none when there is no such folder."""
        return sorted((key for key, _ in self._files()), key=_age, reverse=True)

    def count(self) -> int:
        """How many mails there are."""
        return sum(1 for _ in self._files())

    def read(self, key: str) -> bytes | None:
        """A mail as it was filed; None when there is no such one (any more)."""
        if not _KEY.fullmatch(key):
            return None
        # A mail reader moves what was seen to `cur` and adds flags, perhaps while we look.
        for _ in range(2):
            with contextlib.suppress(FileNotFoundError):
                return (self.folder / "new" / key).read_bytes()
            for found, path in self._files("cur"):
                if found == key:
                    with contextlib.suppress(FileNotFoundError):
                        return path.read_bytes()
        return None

    def empty(self) -> int:
        """Delete all mails; returns how many there were."""
        deleted = 0
        for _, path in list(self._files()):
            with contextlib.suppress(FileNotFoundError):
                path.unlink()
                deleted += 1
        return deleted

    def _files(self, *parts: str) -> Iterator[tuple[str, Path]]:
        for part in parts or ("new", "cur"):
            try:
                entries = os.scandir(self.folder / part)
            except FileNotFoundError:
                continue
            with entries:
                for entry in entries:
                    key = entry.name.partition(":")[0]
                    if _KEY.fullmatch(key):
                        yield key, Path(entry.path)


def _new_key() -> str:
    seconds, nanoseconds = divmod(time.time_ns(), 10**9)
    number = next(_count) % 10**9
    return f"{seconds:010}.M{nanoseconds // 1000:06}P{os.getpid()}Q{number:09}.{_HOST}"


def _age(key: str) -> tuple[int, str, str]:
    """Orders by time, then by the order in which a process filed them."""
    seconds, _, rest = key.partition(".")
    return int(seconds), rest[:7], rest.partition("Q")[2]


def filed_at_seconds(key: str) -> float:
    """When a mail was filed, in seconds since 1970."""
    seconds, _, rest = key.partition(".")
    return int(seconds) + int(rest[1:7]) / 10**6

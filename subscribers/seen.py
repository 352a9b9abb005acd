"""Which addresses a file has named already, in bounded memory however long the file is."""

import sqlite3
import struct
from collections.abc import Sequence
from typing import Final

CACHE_KIBIBYTES: Final = 16_384
_MARK: Final = struct.Struct(">q").unpack_from


class Seen:
    """Remembers a 64-bit fingerprint of each key, and the line where it was first.

    It lies in a private database of its own, which spills to a temporary file: a set of a
    million keys would take 100 MB. Any thread may use it, one at a time.
    """

    def __init__(self) -> None:
        self._connection = sqlite3.connect("", isolation_level=None, check_same_thread=False)
        for pragma in (
            "journal_mode = OFF",
            "synchronous = OFF",
            f"cache_size = -{CACHE_KIBIBYTES}",
        ):
            self._connection.execute(f"PRAGMA {pragma}")
        self._connection.execute("CREATE TABLE seen (mark INTEGER PRIMARY KEY, line INTEGER)")
        self._connection.execute("BEGIN")

    def close(self) -> None:
        """Forget all."""
        self._connection.close()

    def first_lines(self, named: Sequence[tuple[bytes, int]]) -> dict[int, int]:
        """Which of these lines name what an earlier line named, and that line's number.

        `named` are pairs of a fingerprint and its line, in the order of the file.
        """
        marks = [(_MARK(fingerprint)[0], line) for fingerprint, line in named]
        before = self._connection.total_changes
        self._connection.executemany("INSERT OR IGNORE INTO seen VALUES (?, ?)", marks)
        if self._connection.total_changes - before == len(marks):
            return {}
        earlier = {}
        for mark, line in marks:
            (first,) = self._connection.execute(
                "SELECT line FROM seen WHERE mark = ?", (mark,)
            ).fetchone()
            if first != line:
                earlier[line] = first
        return earlier

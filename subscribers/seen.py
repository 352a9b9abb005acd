"""Which addresses a file has named already, in bounded memory however long the file is."""

import sqlite3
from collections.abc import Iterator, Sequence
from typing import Final

CACHE_KIBIBYTES: Final = 16_384


class Seen:
    """Remembers a 64-bit fingerprint of each key, and the line where it was first.

    It lies in a private database of its own, which spills to a temporary file: a set of a
    million keys would take 100 MB.
    """

    def __init__(self) -> None:
        self._connection = sqlite3.connect("", isolation_level=None)
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

    def first_lines(self, named: Sequence[tuple[bytes, int]]) -> Iterator[int | None]:
        """For each fingerprint and line: the earlier line that named it too, or None."""
        marks = [
            (int.from_bytes(fingerprint[:8], "big", signed=True), line)
            for fingerprint, line in named
        ]
        before = self._connection.total_changes
        self._connection.executemany("INSERT OR IGNORE INTO seen VALUES (?, ?)", marks)
        if self._connection.total_changes - before == len(marks):
            for _ in marks:
                yield None
            return
        for mark, line in marks:
            (first,) = self._connection.execute(
                "SELECT line FROM seen WHERE mark = ?", (mark,)
            ).fetchone()
            yield first if first != line else None

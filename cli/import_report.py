"""What an import says while it runs and at its end: for people, or as one JSON object."""

import json
from typing import Any, Protocol

from cli.errors import say
from subscribers.importing import Problem, Totals


class Report(Protocol):
    """What is told of an import. Problems are told as they are met, so that none is kept."""

    def problem(self, problem: Problem) -> None:
        """A row that did not go in."""

    def end(self, totals: Totals, list_slug: str, trouble: str | None, *, is_dry_run: bool) -> None:
        """The end; `trouble` is what cut it short."""


class PlainReport:
    """Problems on standard error, a line each; the totals on standard output."""

    def problem(self, problem: Problem) -> None:
        """A row that did not go in."""
        say(f"line {problem.line}: {problem.reason}{problem.value and f': {problem.value}'}")

    def end(self, totals: Totals, list_slug: str, trouble: str | None, *, is_dry_run: bool) -> None:
        """The end; nothing where an error says it all."""
        if trouble is not None and not totals.rows:
            return
        counts = (
            (totals.added, "added"),
            (totals.confirmed, "confirmed"),
            (totals.changed, "changed"),
            (totals.unchanged, "as they were"),
            (totals.skipped, "left alone"),
            (totals.bad, "bad"),
        )
        said = ", ".join(f"{count:,} {what}" for count, what in counts if count)
        prefix = "dry run, nothing changed: " if is_dry_run else ""
        rows = "1 row" if totals.rows == 1 else f"{totals.rows:,} rows"
        print(f"{prefix}{list_slug}: {rows}{said and f': {said}'}")


class JsonReport:
    """One JSON object on standard output, written as the import goes."""

    def __init__(self) -> None:
        self._before = '{"problems": ['

    def problem(self, problem: Problem) -> None:
        """A row that did not go in."""
        said = {
            "line": problem.line,
            "reason": problem.reason,
            "value": problem.value.strip("“”") or None,
            "bad": problem.is_bad,
        }
        print(self._before, json.dumps(said, ensure_ascii=False), sep="", end="")
        self._before = ", "

    def end(self, totals: Totals, list_slug: str, trouble: str | None, *, is_dry_run: bool) -> None:
        """The end; `error` is null unless the import was cut short."""
        said: dict[str, Any] = {
            "list": list_slug,
            "dry_run": is_dry_run,
            "rows": totals.rows,
            "added": totals.added,
            "confirmed": totals.confirmed,
            "changed": totals.changed,
            "unchanged": totals.unchanged,
            "skipped": totals.skipped,
            "bad": totals.bad,
            "error": trouble,
        }
        begun = "" if self._before == ", " else self._before
        print(begun, "], ", json.dumps(said, ensure_ascii=False)[1:], sep="")

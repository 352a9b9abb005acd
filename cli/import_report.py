"""What an import says while it runs and at its end: for people, or as one JSON object."""

import json
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Protocol

from cli.errors import one_line, say
from subscribers.columns import CONSENT_DATE, CONSENT_SOURCE
from subscribers.import_chunk import Consented
from subscribers.import_columns import Columns
from subscribers.importing import Problem, Totals


@dataclass(frozen=True, slots=True)
class Terms:
    """On what terms a table comes in: onto which list, which columns say what, what consent."""

    list_slug: str
    columns: Columns
    consent: Consented
    """Of those whose rows say nothing of it."""
    is_consent_stated: bool
    is_dry_run: bool
    is_confirmed: bool
    """Whether mail may be sent at once to who is added."""


class Report(Protocol):
    """What is told of an import. Problems are told as they are met, so that none is kept."""

    def problem(self, problem: Problem) -> None:
        """A row that did not go in."""

    def end(self, totals: Totals, terms: Terms, trouble: str | None) -> None:
        """The end; `trouble` is what cut it short."""


def columns_line(columns: Columns) -> str | None:
    """Which column was taken for what, and which were ignored; None where that is plain."""
    if columns.is_plain:
        return None
    found = (f"{said} is {_named(names, ' + ')}" for said, names in columns.taken.items())
    ignored = columns.ignored
    rest = f"; has columns that are not read: {_named(ignored, ', ')}" if ignored else ""
    return one_line(f"{', '.join(found)}{rest}")


def _named(names: Sequence[str], between: str) -> str:
    return between.join(f"“{name}”" for name in names)


class PlainReport:
    """Problems on standard error, a line each; the totals on standard output."""

    def problem(self, problem: Problem) -> None:
        """A row that did not go in."""
        say(f"line {problem.line}: {problem.reason}{problem.value and f': {problem.value}'}")

    def end(self, totals: Totals, terms: Terms, trouble: str | None) -> None:
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
        prefix = "dry run, nothing changed: " if terms.is_dry_run else ""
        rows = "1 row" if totals.rows == 1 else f"{totals.rows:,} rows"
        print(f"{prefix}{terms.list_slug}: {rows}{said and f': {said}'}")
        if totals.added and not terms.is_confirmed:
            print(_pending_line(totals.added, is_dry_run=terms.is_dry_run))
        print(_consent_line(terms))


def _pending_line(added: int, *, is_dry_run: bool) -> str:
    are = "would be" if is_dry_run else "is" if added == 1 else "are"
    return (
        f"{added:,} {are} pending: no mail goes to them before they confirm; --confirmed if they "
        "have agreed"
    )


def _consent_line(terms: Terms) -> str:
    """What the consent log says of them."""
    taken, consent = terms.columns.taken, terms.consent
    source = f"“{consent.source}”"
    if CONSENT_SOURCE in taken:
        source = f"as {_named(taken[CONSENT_SOURCE], ' or ')} says, else {source}"
    date = f"on {consent.date}"
    if CONSENT_DATE in taken:
        date = f"on the day that {_named(taken[CONSENT_DATE], ' or ')} says, else {date}"
    how = (
        "" if terms.is_consent_stated else " (state it: --consent-source TEXT --consent-date DATE)"
    )
    return one_line(f"consent: {source}, {date}{how}")


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

    def end(self, totals: Totals, terms: Terms, trouble: str | None) -> None:
        """The end; `error` is null unless the import was cut short."""
        said: dict[str, Any] = {
            "list": terms.list_slug,
            "dry_run": terms.is_dry_run,
            "rows": totals.rows,
            "added": totals.added,
            "confirmed": totals.confirmed,
            "changed": totals.changed,
            "unchanged": totals.unchanged,
            "skipped": totals.skipped,
            "bad": totals.bad,
            "columns": terms.columns.taken,
            "ignored": terms.columns.ignored,
            "consent": {
                "source": terms.consent.source,
                "date": terms.consent.date,
                "stated": terms.is_consent_stated,
            },
            "error": trouble,
        }
        begun = "" if self._before == ", " else self._before
        print(begun, "], ", json.dumps(said, ensure_ascii=False)[1:], sep="")

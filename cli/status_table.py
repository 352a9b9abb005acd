"""`medianote status` without an ID: which distributions there are, a line each."""

import datetime as dt
import json
from typing import Final

from cli.shell import Shell
from cli.tables import shortened, table
from releases.overview import Carried, carried, digest_sum, newest
from releases.queries import Status, status

TITLE_CELLS: Final = 40
_NAMES: Final = (
    *("id", "kind", "title", "lists", "state", "when"),
    *("people", "have it", "waiting", "failed"),
)


def print_table(shell: Shell, limit: int, *, are_digests: bool, as_json: bool) -> None:
    """Those that wait for their time, then the newest; digests are summed up unless asked for."""
    with shell.database.reading() as session:
        ids = newest(session, limit, are_digests=are_digests)
        about = carried(session, ids)
        found = [one for one in (status(session, number) for number in ids) if one is not None]
        digests = digest_sum(session)
    if as_json:
        said = [
            one.to_json() | {"title": about[one.id].title, "lists": about[one.id].lists}
            for one in found
        ]
        print(json.dumps(said, ensure_ascii=False))
        return
    if found:
        rows = [_row(one, about[one.id], shell.settings.zone) for one in found]
        print(table(_NAMES, rows, numbers=4))
    else:
        what = "digests" if are_digests else "distributions"
        print(f"there are no {what} yet" + ("" if are_digests else ": `medianote publish FILE`"))
    if digests.count and not are_digests:
        count = "1 digest" if digests.count == 1 else f"{digests.count:,} digests"
        going = f", {digests.unfinished:,} of them not over" if digests.unfinished else ""
        print(f"and {count}{going}: `medianote status --digests`")


def _row(found: Status, what: Carried, zone: dt.tzinfo) -> tuple[str, ...]:
    more = f" and {what.releases - 1} more" if what.releases > 1 else ""
    waiting = found.queued + found.deferred
    return (
        str(found.id),
        f"{found.kind}, rehearsal" if found.is_rehearsal else found.kind,
        f"{shortened(what.title, TITLE_CELLS)}{more}",
        ", ".join(what.lists),
        found.state,
        f"{found.started_at.astimezone(zone):%Y-%m-%d %H:%M %Z}",
        "" if found.eligible is None else f"{found.eligible:,}",
        f"{found.accepted:,}",
        f"{waiting:,}",
        f"{found.failed + found.uncertain:,}",
    )

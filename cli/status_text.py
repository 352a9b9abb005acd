"""How a distribution stands, in words."""

import datetime as dt
from typing import Final

from cli.errors import one_line
from releases.overview import Carried
from releases.queries import Status

# Field, what people call it; those that are zero are left out.
_COUNTS: Final = (
    ("accepted", "taken by their mail servers"),
    ("queued", "to be sent yet"),
    ("deferred", "put off, to be tried again"),
    ("failed", "failed"),
    ("suppressed", "not to be mailed"),
    ("cancelled", "cancelled"),
    ("uncertain", "uncertain: the last attempt ended in doubt"),
    ("repeats", "perhaps sent twice"),
    ("bounced", "came back later"),
    ("complained", "complained later"),
)


_OPEN: Final = ("queued", "deferred")


def status_lines(
    found: Status, zone: dt.tzinfo, what: Carried | None = None, by_digest: int = 0
) -> list[str]:
    """The state, its reason, and the counts, a line each; times in this zone.

    `what` it carries, and how many get that by their digests, where that is to be said.
    """
    kind = f"{found.kind}, urgent" if found.is_urgent else found.kind
    lines = [f"distribution {found.id} ({kind}): {found.state}{_when(found, zone)}"]
    if what is not None:
        lines.append(f"  {what_line(what)}")
    if found.resends_id is not None:
        lines.append(f"  once more to whoever failed in distribution {found.resends_id}")
    if found.note:
        lines.append(f"  {found.note}")
    lines += (f"  slowed by a limit: {limit}" for limit in found.limits)
    is_over = found.state == "cancelled"
    if found.eligible is None:
        lines.append(
            "  not all of its people were chosen yet"
            if is_over
            else "  the audience is not known yet"
        )
    else:
        people = people_text(found.eligible)
        lines.append(f"  {people} {'at once' if by_digest else 'in all'}")
    if by_digest:
        get = "gets" if by_digest == 1 else "get"
        lines.append(f"  {people_text(by_digest)} {get} it by their daily or weekly mail")
    counts = [
        (getattr(found, field), "not to be sent any more" if is_over and field in _OPEN else what)
        for field, what in _COUNTS
    ]
    counts = [(count, what) for count, what in counts if count]
    width = max((len(f"{count:,}") for count, _ in counts), default=0)
    lines += (f"  {f'{count:,}':>{width}}  {what}" for count, what in counts)
    if found.manifest is not None:
        lines.append(f"  manifest of {moment_text(found.manifest.at, zone)}: {found.manifest}")
    return lines


def what_line(what: Carried) -> str:
    """The title, and the lists: “Ministers meet” to press, desk."""
    more = f" and {what.releases - 1} more" if what.releases > 1 else ""
    return one_line(f"“{what.title}”{more} to {', '.join(what.lists)}")


def people_text(count: int) -> str:
    """So many people."""
    return "1 person" if count == 1 else f"{count:,} people"


def undo_line(distribution_id: int, due_at: dt.datetime, zone: dt.tzinfo) -> str:
    """Until when a distribution can be stopped without a single mail, and by what."""
    return (
        f"distribution {distribution_id} is sent at {moment_text(due_at, zone)}; until then "
        f"`medianote cancel {distribution_id}` stops it without a single mail"
    )


def shortcomings(found: Status) -> str | None:
    """Why a finished distribution did not reach everybody, in a phrase; None when it did."""
    parts = [
        f"{count:,} {what}"
        for count, what in (
            (found.failed, "failed"),
            (found.uncertain, "uncertain"),
            (found.cancelled, "cancelled"),
        )
        if count
    ]
    if not parts:
        return f"distribution {found.id} was cancelled" if found.state == "cancelled" else None
    return (
        f"distribution {found.id} is {found.state}: {', '.join(parts)} of {found.eligible or 0:,}; "
        f"`medianote status {found.id} --failed` lists them"
    )


def _when(found: Status, zone: dt.tzinfo) -> str:
    if found.finished_at is not None:
        return f" since {moment_text(found.finished_at, zone)}"
    if found.state == "cancelled":
        return ""
    if found.state == "scheduled":
        return f" for {moment_text(found.started_at, zone)}"
    if found.state == "paused":  # its time may be still to come
        return f", due at {moment_text(found.started_at, zone)}"
    return f", due since {moment_text(found.started_at, zone)}"


def moment_text(moment: dt.datetime, zone: dt.tzinfo) -> str:
    """A moment in the office's zone."""
    return f"{moment.astimezone(zone):%Y-%m-%d %H:%M:%S %Z}"

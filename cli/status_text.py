"""How a distribution stands, in words."""

import datetime as dt
from typing import Final

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


def status_lines(found: Status, zone: dt.tzinfo) -> list[str]:
    """The state, its reason, and the counts, a line each; times in this zone."""
    kind = f"{found.kind}, urgent" if found.is_urgent else found.kind
    lines = [f"distribution {found.id} ({kind}): {found.state}{_when(found, zone)}"]
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
        people = "1 person" if found.eligible == 1 else f"{found.eligible:,} people"
        lines.append(f"  {people} in all")
    counts = [
        (getattr(found, field), "not to be sent any more" if is_over and field in _OPEN else what)
        for field, what in _COUNTS
    ]
    counts = [(count, what) for count, what in counts if count]
    width = max((len(f"{count:,}") for count, _ in counts), default=0)
    lines += (f"  {f'{count:,}':>{width}}  {what}" for count, what in counts)
    if found.manifest is not None:
        lines.append(f"  manifest of {_moment(found.manifest.at, zone)}: {found.manifest}")
    return lines


def undo_line(distribution_id: int, due_at: dt.datetime, zone: dt.tzinfo) -> str:
    """Until when a distribution can be stopped without a single mail, and by what."""
    return (
        f"distribution {distribution_id} is sent at {_moment(due_at, zone)}; until then "
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
        return f" since {_moment(found.finished_at, zone)}"
    if found.state == "cancelled":
        return ""
    if found.state == "scheduled":
        return f" for {_moment(found.started_at, zone)}"
    if found.state == "paused":  # its time may be still to come
        return f", due at {_moment(found.started_at, zone)}"
    return f", due since {_moment(found.started_at, zone)}"


def _moment(moment: dt.datetime, zone: dt.tzinfo) -> str:
    return f"{moment.astimezone(zone):%Y-%m-%d %H:%M:%S %Z}"

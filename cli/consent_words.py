"""Entries of the consent log in words, for the office."""

import datetime as dt
from collections.abc import Iterator, Mapping
from typing import Any

Slugs = Mapping[int, str]
"""Of mailing lists, by id."""


def entry_line(
    what: str, detail: Mapping[str, Any], page: str | None, slugs: Slugs, zone: dt.tzinfo
) -> str:
    """What was done: "preferences: joined europe; press daily instead of at-once"."""
    said = "; ".join([*_changes(detail, slugs, zone), *_acts(detail)])
    # A page's address says no more than `what`; a command is one of the office's.
    by = f" ({page})" if page and not page.startswith("/") else ""
    return f"{what}{': ' if said else ''}{said}{by}"


def lists_of(detail: Mapping[str, Any], slugs: Slugs) -> list[str]:
    """The lists that an entry is about."""
    paced = [one[0] for one in detail.get("paced", ())]
    known = (*detail.get("joined", ()), *detail.get("left", ()), *paced)
    about = dict.fromkeys((*known, *detail.get("lists", ()), *detail.get("asked", ())))
    return [_slug(one, slugs) for one in about]


def agreed(what: str, detail: Mapping[str, Any], zone: dt.tzinfo) -> tuple[str, str]:
    """Where and when somebody agreed, where an entry says so."""
    if "asked_at" in detail:
        return what, local(detail["asked_at"], zone)[:10]
    return detail.get("source", ""), detail.get("date", "")


def local(moment: str, zone: dt.tzinfo) -> str:
    """A moment (ISO 8601, aware) in the office's zone: "2026-11-29 14:03"."""
    return f"{dt.datetime.fromisoformat(moment).astimezone(zone):%Y-%m-%d %H:%M}"


def _changes(detail: Mapping[str, Any], slugs: Slugs, zone: dt.tzinfo) -> Iterator[str]:
    for name in ("joined", "left"):
        if detail.get(name):
            yield f"{name} {', '.join(_slug(one, slugs) for one in detail[name])}"
    for list_id, before, after in detail.get("paced", ()):
        yield f"{_slug(list_id, slugs)} {after} instead of {before}"
    before = detail.get("before", {})
    for name, value in detail.get("after", {}).items():
        was, now = (_value(name, one, zone) for one in (before.get(name), value))
        yield f"{name.replace('_', ' ')} {now} instead of {was}"


def _acts(detail: Mapping[str, Any]) -> Iterator[str]:
    for name, words in (
        ("suppressed", "suppressed"),
        ("lifted", "lifted (it was suppressed: %(lifted)s)"),
        ("note", "reason: %(note)s"),
        ("desk", "made the desk “%(desk)s”"),
        ("joined_desk", "joined a desk"),
        ("left_desk", "left a desk"),
        ("merged", "merged with %(address)s"),
        ("why", "%(why)s"),
        ("words", "%(words)s"),
        ("source", "agreed: %(source)s, %(date)s"),
    ):
        if name in detail:
            yield words % detail


def _slug(list_id: int, slugs: Slugs) -> str:
    return slugs.get(list_id, f"list {list_id}")


def _value(name: str, value: Any, zone: dt.tzinfo) -> str:
    if value is None:
        return "none"
    return local(value, zone) if name == "paused_until" else str(value)

"""What digests may carry: the versions that came out lately.

A version comes out when its distribution is due, its embargo lifts, or it was let go on after a
pause, whichever is last.
"""

import datetime as dt
import functools
from collections.abc import Collection, Iterable
from dataclasses import dataclass
from typing import Any, Final

import sqlalchemy as sa
from sqlalchemy.orm import Session, aliased

from releases.content import Kind
from releases.models import (
    Distribution,
    DistributionKind,
    DistributionList,
    DistributionRelease,
    DistributionState,
    ReleaseVersion,
)

WINDOW: Final = dt.timedelta(days=14)
"""How far back digests look: two Mondays, should one have been missed. Deliveries, which say who
has a version already, are kept for longer."""
_COMES_OUT: Final = (DistributionState.RUNNING, DistributionState.COMPLETE)
_BY_IMPORTANCE: Final = tuple(
    str(kind)
    for kind in (
        Kind.PRESS_RELEASE,
        Kind.PRESS_STATEMENT,
        Kind.MEDIA_NOTE,
        Kind.MEDIA_ADVISORY,
        Kind.NOTICE_TO_THE_PRESS,
        Kind.READOUT,
        Kind.REMARKS,
        Kind.FACT_SHEET,
        Kind.TRANSCRIPT,
        Kind.OTHER,
    )
)


@dataclass(frozen=True, slots=True)
class Candidate:
    """A version that a distribution has brought out on some lists."""

    version_id: int
    release_id: int
    number: int
    kind: str
    lane: int
    due_at: dt.datetime
    out_at: dt.datetime
    lists: tuple[int, ...]
    """In the officer's order."""

    @property
    def rank(self) -> tuple[int, int, float, int]:
        """Sorts by importance: what was urgent, then by kind, then the newest."""
        kind = _BY_IMPORTANCE.index(self.kind)
        return self.lane, kind, -self.out_at.timestamp(), -self.version_id


def candidates(session: Session, until: dt.datetime) -> list[Candidate]:
    """What came out in the window before a moment, by importance."""
    rows = session.execute(_statement(), {"until": until, "since": until - WINDOW}).all()
    lists = _lists(session, {row.id for row in rows})
    found = [
        Candidate(
            row.version_id,
            row.release_id,
            row.number,
            row.kind,
            row.lane,
            row.due_at,
            max(filter(None, (row.due_at, row.resumed_at, row.embargo_at))),
            lists[row.id],
        )
        for row in rows
    ]
    return sorted(found, key=lambda one: one.rank)


@functools.cache
def _statement() -> sa.Select[*tuple[Any, ...]]:
    moment = Distribution.due_at.type
    since, until = sa.bindparam("since", type_=moment), sa.bindparam("until", type_=moment)
    their_version, dropped = aliased(DistributionRelease), aliased(Distribution)
    is_forgotten = sa.exists().where(
        their_version.version_id == ReleaseVersion.id,
        dropped.id == their_version.distribution_id,
        dropped.deliveries_dropped_at.is_not(None),
    )
    return (
        sa.select(
            Distribution.id,
            Distribution.lane,
            Distribution.due_at,
            Distribution.resumed_at,
            ReleaseVersion.id.label("version_id"),
            ReleaseVersion.release_id,
            ReleaseVersion.number,
            ReleaseVersion.embargo_at,
            ReleaseVersion.content["kind"].as_string().label("kind"),
        )
        .join(DistributionRelease, DistributionRelease.distribution_id == Distribution.id)
        .join(ReleaseVersion, ReleaseVersion.id == DistributionRelease.version_id)
        .where(
            Distribution.kind != DistributionKind.DIGEST,
            Distribution.state.in_(_COMES_OUT),
            Distribution.is_rehearsal.is_(False),
            Distribution.resends_id.is_(None),
            Distribution.due_at <= until,
            sa.or_(
                Distribution.due_at > since,
                Distribution.resumed_at > since,
                ReleaseVersion.embargo_at > since,
            ),
            ~is_forgotten,
        )
    )


def out_by(found: Iterable[Candidate], moment: dt.datetime) -> list[Candidate]:
    """Those that were out by a moment; of a release only the newest version on each list."""
    out = [one for one in found if one.out_at <= moment]
    newest: dict[tuple[int, int], int] = {}
    for one in out:
        for list_id in one.lists:
            place = one.release_id, list_id
            newest[place] = max(newest.get(place, 0), one.number)
    return [
        one
        for one in out
        if any(newest[one.release_id, list_id] == one.number for list_id in one.lists)
    ]


def _lists(session: Session, distributions: Collection[int]) -> dict[int, tuple[int, ...]]:
    rows = session.execute(
        sa.select(DistributionList.distribution_id, DistributionList.list_id)
        .where(DistributionList.distribution_id.in_(distributions))
        .order_by(DistributionList.distribution_id, DistributionList.position)
    )
    found: dict[int, tuple[int, ...]] = {}
    for distribution_id, list_id in rows:
        found[distribution_id] = (*found.get(distribution_id, ()), list_id)
    return found

"""Reads: what the public may see on the web, which is what has gone out to a public list.

A release is shown once a distribution that carries one of its versions to a public list is
due and running, or has mailed somebody before it was paused, held or cancelled; never for a
rehearsal, and never before its embargo.
"""

import datetime as dt
from collections.abc import Iterable
from dataclasses import dataclass
from typing import Final

import sqlalchemy as sa
from sqlalchemy.orm import Session

from releases.content import Content
from releases.models import (
    Batch,
    Distribution,
    DistributionKind,
    DistributionList,
    DistributionRelease,
    DistributionState,
    Release,
    ReleaseVersion,
)
from runtime.database import database_now
from subscribers.models import MailingList

FEED_ENTRIES: Final = 30
_ROWS_AT_ONCE: Final = 200
"""Versions and repeats share these; so many rows hold 30 releases nearly always."""
_GOES_OUT: Final = (DistributionState.RUNNING, DistributionState.COMPLETE)
_STOPPED: Final = (DistributionState.PAUSED, DistributionState.HELD, DistributionState.CANCELLED)


@dataclass(frozen=True, slots=True)
class Published:
    """A release as the public may see it: its newest version that went out."""

    slug: str
    version: int
    content: Content
    published_at: dt.datetime
    """When the first of its versions went out."""
    updated_at: dt.datetime
    """When this version first went out."""


def published(session: Session, slug: str) -> Published | None:
    """The release of this slug; None when it may not be seen (yet), or does not exist."""
    release_id = session.scalar(sa.select(Release.id).where(Release.slug == slug))
    if release_id is None:
        return None
    return next(iter(_releases(session, [release_id])), None)


def newest(session: Session, limit: int = FEED_ENTRIES) -> list[Published]:
    """The releases that went out last (a new version counts), the newest first."""
    found: list[int] = []
    went_out = _went_out().order_by(Distribution.due_at.desc(), Distribution.id.desc())
    offset = 0
    while len(found) < limit:
        rows = session.execute(went_out.offset(offset).limit(_ROWS_AT_ONCE)).all()
        for row in rows:
            if row.release_id not in found:
                found.append(row.release_id)
        if len(rows) < _ROWS_AT_ONCE:
            break
        offset += _ROWS_AT_ONCE
    shown = _releases(session, found[:limit])
    return sorted(shown, key=lambda one: (one.updated_at, one.published_at, one.slug), reverse=True)


def public_versions(session: Session, release_ids: Iterable[int]) -> dict[int, int]:
    """Of these releases the number of the version that the public may see, where there is one."""
    of_these = _went_out().where(ReleaseVersion.release_id.in_(list(release_ids)))
    found: dict[int, int] = {}
    for row in session.execute(of_these):
        found[row.release_id] = max(found.get(row.release_id, 0), row.number)
    return found


def _releases(session: Session, release_ids: Iterable[int]) -> list[Published]:
    firsts: dict[int, dict[tuple[int, int], dt.datetime]] = {}
    of_these = _went_out().where(ReleaseVersion.release_id.in_(list(release_ids)))
    for row in session.execute(of_these.order_by(Distribution.due_at, Distribution.id)):
        versions = firsts.setdefault(row.release_id, {})
        versions.setdefault((row.number, row.version_id), row.due_at)
    chosen = {max(versions)[1]: versions for versions in firsts.values()}
    texts = session.execute(
        sa.select(ReleaseVersion, Release.slug)
        .join(Release, Release.id == ReleaseVersion.release_id)
        .where(ReleaseVersion.id.in_(list(chosen)))
    )
    return [
        Published(
            slug=slug,
            version=version.number,
            content=Content.from_json(version.content),
            published_at=min(chosen[version.id].values()),
            updated_at=chosen[version.id][version.number, version.id],
        )
        for version, slug in texts
    ]


def _went_out() -> sa.Select[int, int, int, dt.datetime]:
    """Versions with the times at which they went to the public, a row for each distribution."""
    is_to_the_public = sa.exists().where(
        DistributionList.distribution_id == Distribution.id,
        MailingList.id == DistributionList.list_id,
        MailingList.is_private.is_(False),
    )
    has_mailed = sa.exists().where(
        Batch.distribution_id == Distribution.id, Batch.accepted + Batch.uncertain > 0
    )
    return (
        sa.select(
            ReleaseVersion.release_id,
            ReleaseVersion.id.label("version_id"),
            ReleaseVersion.number,
            Distribution.due_at,
        )
        .join(DistributionRelease, DistributionRelease.distribution_id == Distribution.id)
        .join(ReleaseVersion, ReleaseVersion.id == DistributionRelease.version_id)
        .where(
            Distribution.kind != DistributionKind.DIGEST,
            Distribution.is_rehearsal.is_(False),
            Distribution.due_at <= database_now(),
            sa.or_(
                Distribution.state.in_(_GOES_OUT),
                sa.and_(Distribution.state.in_(_STOPPED), has_mailed),
            ),
            sa.or_(
                ReleaseVersion.embargo_at.is_(None), ReleaseVersion.embargo_at <= database_now()
            ),
            is_to_the_public,
        )
    )

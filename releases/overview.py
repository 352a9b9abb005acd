"""What distributions carry, and to which lists: for people, who know them by their titles."""

from collections.abc import Collection
from dataclasses import dataclass, field

import sqlalchemy as sa
from sqlalchemy.orm import Session

from releases.models import (
    Distribution,
    DistributionKind,
    DistributionList,
    DistributionRelease,
    DistributionState,
    ReleaseVersion,
)
from subscribers.models import MailingList


@dataclass(slots=True)
class Carried:
    """What a distribution is about."""

    is_again: bool
    resends_id: int | None
    title: str = ""
    """The first release's."""
    releases: int = 0
    lists: list[str] = field(default_factory=list)
    """Slugs, in the officer's order."""


def carried(session: Session, distributions: Collection[int]) -> dict[int, Carried]:
    """What each of these distributions carries."""
    found = {
        row.id: Carried(row.is_again, row.resends_id)
        for row in session.execute(
            sa.select(Distribution.id, Distribution.is_again, Distribution.resends_id).where(
                Distribution.id.in_(distributions)
            )
        )
    }
    for number, titles in titles_of(session, found).items():
        found[number].title, found[number].releases = next(iter(titles), ""), len(titles)
    lists = session.execute(
        sa.select(DistributionList.distribution_id, MailingList.slug)
        .join(MailingList, MailingList.id == DistributionList.list_id)
        .where(DistributionList.distribution_id.in_(distributions))
        .order_by(DistributionList.distribution_id, DistributionList.position)
    )
    for number, slug in lists:
        found[number].lists.append(slug)
    return found


def titles_of(session: Session, distributions: Collection[int]) -> dict[int, list[str]]:
    """The titles of what each of these distributions carries, in its order."""
    found: dict[int, list[str]] = {one: [] for one in distributions}
    rows = session.execute(
        sa.select(DistributionRelease.distribution_id, ReleaseVersion.title)
        .join(ReleaseVersion, ReleaseVersion.id == DistributionRelease.version_id)
        .where(DistributionRelease.distribution_id.in_(distributions))
        .order_by(DistributionRelease.distribution_id, DistributionRelease.position)
    )
    for number, title in rows:
        found[number].append(title)
    return found


def newest(session: Session, limit: int, *, are_digests: bool) -> list[int]:
    """The newest distributions, digests or all others; before them what waits for its time."""
    is_asked = (
        Distribution.kind == DistributionKind.DIGEST
        if are_digests
        else Distribution.kind != DistributionKind.DIGEST
    )
    waits = Distribution.state == DistributionState.SCHEDULED
    chosen = sa.select(Distribution.id).where(is_asked)
    scheduled = session.scalars(
        chosen.where(waits).order_by(Distribution.due_at, Distribution.id).limit(limit)
    ).all()
    others = session.scalars(
        chosen.where(~waits).order_by(Distribution.id.desc()).limit(limit - len(scheduled))
    )
    return [*scheduled, *others]


@dataclass(frozen=True, slots=True)
class DigestSum:
    """All digests in two figures."""

    count: int
    unfinished: int


def digest_sum(session: Session) -> DigestSum:
    """How many digests there are, and how many of them are not over."""
    is_over = Distribution.state.in_((DistributionState.COMPLETE, DistributionState.CANCELLED))
    count, unfinished = session.execute(
        sa.select(sa.func.count(), sa.func.coalesce(sa.func.sum(sa.case((is_over, 0), else_=1)), 0))
        .select_from(Distribution)
        .where(Distribution.kind == DistributionKind.DIGEST)
    ).one()
    return DigestSum(count, int(unfinished))

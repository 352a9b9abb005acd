"""Resend: the same versions to the same lists, for those whose delivery failed."""

import datetime as dt
from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import cast

import sqlalchemy as sa
from sqlalchemy.orm import Session

from releases.audience import LISTS_MAX
from releases.commands import NoSuchDistribution
from releases.content import Content
from releases.digests.membership import is_in_a_digest
from releases.models import (
    Delivery,
    DeliveryState,
    DigestMember,
    Distribution,
    DistributionKind,
    DistributionList,
    DistributionRelease,
    Release,
    ReleaseVersion,
)
from releases.prospects import Prospect, PublishError, check_audience
from releases.publishing import Published, check_embargo, due_of, insert_distribution, lane_of
from releases.resent import resent_by
from runtime.database import Database, read_clock
from subscribers.models import ListSetMember, MailingList


@dataclass(frozen=True, slots=True)
class ResendOrder:
    """What an officer asks for; as in releases.publishing.Order."""

    distribution_id: int
    at: dt.datetime | None = None
    is_urgent: bool = False
    is_rehearsal: bool = False
    undo_seconds: int = 0


@dataclass(frozen=True, slots=True)
class Resendable:
    """What a distribution carried, and to which lists (slugs, in the officer's order)."""

    contents: tuple[Content, ...]
    lists: tuple[str, ...]


def what_it_carried(session: Session, distribution_id: int) -> Resendable:
    """What resending this distribution would send; raises NoSuchDistribution."""
    if session.get(Distribution, distribution_id) is None:
        raise NoSuchDistribution(distribution_id)
    versions = _versions(session, distribution_id)
    return Resendable(
        tuple(Content.from_json(version.content) for version in versions),
        tuple(chosen.slug for chosen in _lists(session, distribution_id)),
    )


def resend(database: Database, order: ResendOrder, *, salt: bytes) -> Published:
    """Insert a distribution for who of another failed; raises NoSuchDistribution, PublishError
    or EmbargoError.

    The other may still run: who of it fails until the resend is expanded (of a digest, until it
    is resent) is in it.
    """
    with database.transaction() as session:
        resent = session.get(Distribution, order.distribution_id)
        if resent is None:
            raise NoSuchDistribution(order.distribution_id)
        if resent.is_rehearsal and not order.is_rehearsal:
            raise PublishError(
                f"distribution {resent.id} was a rehearsal (MEDIANOTE_ONLY_TO): publish the "
                "release itself"
            )
        versions, lists = _locked_versions(session, resent.id), _lists(session, resent.id)
        # Under the lock: retention takes it before it drops.
        if _is_forgotten(session, [version.id for version in versions]):
            raise PublishError(
                f"who failed in distribution {resent.id}, or has had it since, is not kept any more"
            )
        due = due_of(order.at, order.undo_seconds, read_clock(session))
        embargoes = [version.embargo_at for version in versions]
        for embargo in embargoes:
            check_embargo(embargo, lists, due.at)
        ids = [version.id for version in versions]
        if not due.is_scheduled or due.has_undo:
            check_audience(
                session,
                Prospect(
                    tuple(ids),
                    tuple(lists),
                    due.at,
                    order.is_rehearsal,
                    resent=resent_by(session, resent.id),
                    is_digest=resent.kind == DistributionKind.DIGEST,
                ),
            )
        if not due.is_scheduled:
            due = replace(due, at=read_clock(session))
        distribution = Distribution(
            kind=resent.kind,
            lane=lane_of(order.is_urgent),
            resends_id=resent.id,
            is_rehearsal=order.is_rehearsal,
            is_embargoed=any(embargo is not None and embargo > due.at for embargo in embargoes),
            salt=salt,
        )
        number = insert_distribution(
            session, distribution, due, ids, [chosen.id for chosen in lists]
        )
        if resent.kind == DistributionKind.DIGEST:
            _freeze_audience(session, resent.id, number, ids)
        slug = session.get_one(Release, versions[0].release_id).slug
    return Published(
        number, slug, versions[0].number, False, due.at, due.is_scheduled, due.has_undo
    )


def _freeze_audience(
    session: Session, digest_id: int, resend_id: int, versions: Sequence[int]
) -> None:
    """Who of a digest failed, and has had it by no other since, gets its resend through the same
    lists.
    """
    bit = sa.case(
        *(
            (DistributionList.position == place, sa.literal(1 << place, sa.BigInteger))
            for place in range(LISTS_MAX)
        )
    )
    failed = (
        sa.select(sa.literal(resend_id, sa.BigInteger), Delivery.subscriber_id, sa.func.sum(bit))
        .join(ListSetMember, ListSetMember.list_set_id == Delivery.list_set_id)
        .join(
            DistributionList,
            sa.and_(
                DistributionList.distribution_id == digest_id,
                DistributionList.list_id == ListSetMember.list_id,
            ),
        )
        .where(
            Delivery.distribution_id == digest_id,
            Delivery.state == DeliveryState.FAILED,
            ~is_in_a_digest(versions, Delivery.subscriber_id),
        )
        .group_by(Delivery.subscriber_id)
    )
    columns = ["distribution_id", "subscriber_id", "mask"]
    session.execute(
        sa.insert(cast("sa.Table", DigestMember.__table__)).from_select(columns, failed)
    )


def _is_forgotten(session: Session, versions: Sequence[int]) -> bool:
    """Whether the deliveries of any distribution of these versions were dropped."""
    dropped = session.scalar(
        sa.select(Distribution.id)
        .join(DistributionRelease, DistributionRelease.distribution_id == Distribution.id)
        .where(
            DistributionRelease.version_id.in_(versions),
            Distribution.deliveries_dropped_at.is_not(None),
        )
        .limit(1)
    )
    return dropped is not None


def _versions(session: Session, distribution_id: int) -> list[ReleaseVersion]:
    return list(
        session.scalars(
            sa.select(ReleaseVersion)
            .join(DistributionRelease, DistributionRelease.version_id == ReleaseVersion.id)
            .where(DistributionRelease.distribution_id == distribution_id)
            .order_by(DistributionRelease.position)
        )
    )


def _locked_versions(session: Session, distribution_id: int) -> list[ReleaseVersion]:
    """Of two officers who resend at once, the second one finds the first one's."""
    versions = _versions(session, distribution_id)
    session.execute(
        sa.select(ReleaseVersion.id)
        .where(ReleaseVersion.id.in_([version.id for version in versions]))
        .order_by(ReleaseVersion.id)
        .with_for_update()
    )
    return versions


def _lists(session: Session, distribution_id: int) -> list[MailingList]:
    return list(
        session.scalars(
            sa.select(MailingList)
            .join(DistributionList, DistributionList.list_id == MailingList.id)
            .where(DistributionList.distribution_id == distribution_id)
            .order_by(DistributionList.position)
        )
    )

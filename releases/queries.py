"""Reads: how a distribution stands, and who of it did not get their copy."""

import datetime as dt
from collections.abc import Iterator
from dataclasses import asdict, dataclass
from typing import Any, Final

import sqlalchemy as sa
from sqlalchemy.orm import Session

from releases.models import (
    URGENT_LANE,
    Batch,
    Delivery,
    DeliveryState,
    Distribution,
    DistributionState,
)
from releases.slowness import limits_in_the_way
from subscribers.models import Subscriber


@dataclass(frozen=True, slots=True)
class ManifestDigest:
    """What a delivery manifest was when it was first written after the end; reads as hex."""

    sha256: bytes
    at: dt.datetime

    def __str__(self) -> str:
        return f"SHA-256 {self.sha256.hex()}"


_NOT_OF_THE_CONTRACT: Final = (
    "note",
    "is_rehearsal",
    "is_urgent",
    "resends_id",
    "manifest",
    "limits",
)


@dataclass(frozen=True, slots=True)
class Status:
    """How a distribution stands: counts of deliveries by state.

    `eligible` is None until the audience is known; when `state` is complete it equals
    accepted + failed + suppressed + cancelled + uncertain. `repeats` counts mails that may
    have been sent twice.
    """

    id: int
    kind: str
    state: str
    eligible: int | None
    queued: int
    accepted: int
    deferred: int
    failed: int
    suppressed: int
    cancelled: int
    uncertain: int
    repeats: int
    bounced: int
    complained: int
    started_at: dt.datetime
    finished_at: dt.datetime | None
    note: str | None
    """Why it waits or is held, in one plain line; not part of the outer contract."""
    is_rehearsal: bool
    """Published while only some people were to be mailed; not part of it either."""
    is_urgent: bool = False
    resends_id: int | None = None
    """The distribution to whose failed deliveries this one goes."""
    manifest: ManifestDigest | None = None
    """None until its delivery manifest was written after its end."""
    limits: tuple[str, ...] = ()
    """Limits of relays and domains that slow the sending at the moment."""

    @property
    def is_finished(self) -> bool:
        """Whether nothing more will happen to its deliveries."""
        return self.state in (DistributionState.COMPLETE, DistributionState.CANCELLED) and (
            self.finished_at is not None
        )

    @property
    def is_without_mail(self) -> bool:
        """Whether it is finished, and no mail server took, or may have taken, any of it."""
        return self.is_finished and not (self.accepted or self.uncertain)

    @property
    def answered(self) -> int:
        """Deliveries for which mail servers were asked, to an end."""
        return self.accepted + self.failed + self.uncertain

    @property
    def settled(self) -> int:
        """Deliveries about which nothing more is to be done."""
        return self.answered + self.suppressed + self.cancelled

    @property
    def balances(self) -> bool:
        """Whether everyone eligible is accounted for."""
        return self.eligible == self.settled

    def to_json(self) -> dict[str, Any]:
        """The object that `status --json` prints."""
        said = asdict(self)
        for name in _NOT_OF_THE_CONTRACT:
            del said[name]
        said["started_at"] = self.started_at.isoformat()
        said["finished_at"] = self.finished_at.isoformat() if self.finished_at else None
        return said


@dataclass(frozen=True, slots=True)
class Miss:
    """Somebody who did not get their copy, or for whom it is uncertain."""

    subscriber_id: int
    address: str | None
    """None for who has been erased since."""
    state: str
    reason: str | None


MISSED: Final = (
    DeliveryState.FAILED,
    DeliveryState.UNCERTAIN,
    DeliveryState.SUPPRESSED,
    DeliveryState.CANCELLED,
)
_PAGE_ROWS: Final = 5_000


def misses(session: Session, distribution_id: int) -> Iterator[Miss]:
    """Who did not get it and why, by subscriber; read in pages, for they may be many."""
    last = 0
    while True:
        page = session.execute(
            sa.select(Delivery.subscriber_id, Subscriber.address, Delivery.state, Delivery.reason)
            .outerjoin(Subscriber, Subscriber.id == Delivery.subscriber_id)
            .where(
                Delivery.distribution_id == distribution_id,
                Delivery.subscriber_id > last,
                Delivery.state.in_(MISSED),
            )
            .order_by(Delivery.subscriber_id)
            .limit(_PAGE_ROWS)
        ).all()
        for row in page:
            yield Miss(*row)
        if len(page) < _PAGE_ROWS:
            return
        last = page[-1].subscriber_id


def dropped_at(session: Session, distribution_id: int) -> dt.datetime | None:
    """Since when it is not kept who got the distribution and who did not; None: it is kept."""
    return session.scalar(
        sa.select(Distribution.deliveries_dropped_at).where(Distribution.id == distribution_id)
    )


_COUNTED: Final = (
    "queued",
    "accepted",
    "deferred",
    "failed",
    "suppressed",
    "cancelled",
    "uncertain",
    "repeats",
    "bounced",
    "complained",
)


def status(session: Session, distribution_id: int) -> Status | None:
    """How the distribution stands; None when there is no such one."""
    distribution = session.get(Distribution, distribution_id)
    if distribution is None:
        return None
    counts = session.execute(
        sa.select(
            *(
                sa.func.coalesce(sa.func.sum(getattr(Batch, column)), 0).label(column)
                for column in _COUNTED
            )
        ).where(Batch.distribution_id == distribution_id)
    ).one()
    return Status(
        id=distribution.id,
        kind=distribution.kind,
        state=distribution.state,
        eligible=distribution.eligible,
        started_at=distribution.due_at,
        finished_at=distribution.finished_at,
        note=distribution.note,
        is_rehearsal=distribution.is_rehearsal,
        is_urgent=distribution.lane == URGENT_LANE,
        resends_id=distribution.resends_id,
        manifest=(
            ManifestDigest(distribution.manifest_digest, distribution.manifest_at)
            if distribution.manifest_digest is not None and distribution.manifest_at is not None
            else None
        ),
        limits=limits_in_the_way(session)
        if distribution.state == DistributionState.RUNNING
        else (),
        **{column: int(value) for column, value in counts._asdict().items()},
    )

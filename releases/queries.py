"""Reads: how a distribution stands."""

import datetime as dt
from dataclasses import asdict, dataclass
from typing import Any

import sqlalchemy as sa
from sqlalchemy.orm import Session

from releases.models import Batch, Distribution, DistributionState


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

    @property
    def is_finished(self) -> bool:
        """Whether nothing more will happen to its deliveries."""
        return self.state in (DistributionState.COMPLETE, DistributionState.CANCELLED) and (
            self.finished_at is not None
        )

    @property
    def balances(self) -> bool:
        """Whether everyone eligible is accounted for."""
        return self.eligible == (
            self.accepted + self.failed + self.suppressed + self.cancelled + self.uncertain
        )

    def to_json(self) -> dict[str, Any]:
        """The object that `status --json` prints."""
        said = asdict(self)
        del said["note"]
        said["started_at"] = self.started_at.isoformat()
        said["finished_at"] = self.finished_at.isoformat() if self.finished_at else None
        return said


_COUNTED = (
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
        **{column: int(value) for column, value in counts._asdict().items()},
    )

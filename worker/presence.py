"""Which workers run now, on whatever host: each holds a lease that it keeps renewing."""

from typing import Final

import sqlalchemy as sa
from sqlalchemy.orm import Session

from releases.models import Lease
from runtime.database import database_now
from worker.lease import worker_name

_LANE: Final = "(notices) "
"""Before all hosts in the alphabet: where limits leave too little for all, it comes first."""


def worker_is_running(session: Session) -> bool:
    """Whether a worker has renewed its lease within the last seconds."""
    alive = sa.select(Lease.id).where(Lease.expires_at > database_now()).limit(1)
    return session.scalar(alive) is not None


def lane_name() -> str:
    """The notices' lane of this process, as its lease names it."""
    return _LANE + worker_name()


def who_delivers(session: Session) -> frozenset[str]:
    """The processes (host:pid) and the notices' lanes that deliver now.

    The leases of processes that deliver have a journal; sweeps have leases, too.
    """
    alive = sa.select(Lease.worker).where(
        Lease.expires_at > database_now(),
        sa.or_(Lease.journal != "", Lease.worker.startswith(_LANE, autoescape=True)),
    )
    return frozenset(session.scalars(alive))

"""Which workers run now, on whatever host: each holds a lease that it keeps renewing."""

import sqlalchemy as sa
from sqlalchemy.orm import Session

from releases.models import Lease
from runtime.database import database_now


def worker_is_running(session: Session) -> bool:
    """Whether a worker has renewed its lease within the last seconds."""
    alive = sa.select(Lease.id).where(Lease.expires_at > database_now()).limit(1)
    return session.scalar(alive) is not None


def who_delivers(session: Session) -> frozenset[str]:
    """The processes (host:pid) that deliver now: their leases have a journal."""
    alive = sa.select(Lease.worker).where(Lease.expires_at > database_now(), Lease.journal != "")
    return frozenset(session.scalars(alive))

"""Whether any worker runs now, on whatever host: each holds a lease that it keeps renewing."""

import sqlalchemy as sa
from sqlalchemy.orm import Session

from releases.models import Lease
from runtime.database import database_now


def worker_is_running(session: Session) -> bool:
    """Whether a worker has renewed its lease within the last seconds."""
    alive = sa.select(Lease.id).where(Lease.expires_at > database_now()).limit(1)
    return session.scalar(alive) is not None

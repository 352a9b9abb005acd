"""Retention: since when a distribution's deliveries are not kept any more.

Revision ID: 0003
Revises: 0001
"""

import sqlalchemy as sa
from alembic import op

from runtime.database import Moment

revision = "0003"
down_revision = "0001"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.add_column("distribution", sa.Column("deliveries_dropped_at", Moment(), nullable=True))


def downgrade() -> None:
    op.drop_column("distribution", "deliveries_dropped_at")

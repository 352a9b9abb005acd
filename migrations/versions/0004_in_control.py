"""What a press officer commands: resends, and the digest of a manifest.

Revision ID: 0004
Revises: 0003
"""

import sqlalchemy as sa
from alembic import op

from runtime.database import Moment

BigId = sa.BigInteger().with_variant(sa.Integer(), "sqlite")

revision = "0004"
down_revision = "0003"
branch_labels = None
depends_on = None


def upgrade() -> None:
    # No constraint on resends_id: SQLite would have to copy the table, and distributions stay.
    op.add_column("distribution", sa.Column("resends_id", BigId, nullable=True))
    op.add_column("distribution", sa.Column("manifest_digest", sa.LargeBinary(), nullable=True))
    op.add_column("distribution", sa.Column("manifest_at", Moment(), nullable=True))


def downgrade() -> None:
    op.drop_column("distribution", "manifest_at")
    op.drop_column("distribution", "manifest_digest")
    op.drop_column("distribution", "resends_id")

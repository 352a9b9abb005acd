"""The first tables.

Revision ID: 0001
Revises:
"""

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects import postgresql

from runtime.database import Moment

BigId = sa.BigInteger().with_variant(sa.Integer(), "sqlite")
Json = sa.JSON().with_variant(postgresql.JSONB(), "postgresql")

revision = "0001"
down_revision = None
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.create_table(
        "delivery",
        sa.Column("distribution_id", BigId, autoincrement=False, nullable=False),
        sa.Column("subscriber_id", BigId, autoincrement=False, nullable=False),
        sa.Column("rendering_id", BigId, nullable=False),
        sa.Column("list_set_id", BigId, nullable=False),
        sa.Column("state", sa.Text(), nullable=False),
        sa.Column("reason", sa.Text(), nullable=True),
        sa.Column("reply", sa.Text(), nullable=True),
        sa.Column("attempts", sa.SmallInteger(), server_default="0", nullable=False),
        sa.Column("lease_id", BigId, nullable=True),
        sa.Column("is_in_doubt", sa.Boolean(), server_default=sa.text("false"), nullable=False),
        sa.Column("repeats", sa.SmallInteger(), server_default="0", nullable=False),
        sa.Column("due_at", Moment(), nullable=True),
        sa.Column("decided_at", Moment(), nullable=True),
        sa.Column("bounced_at", Moment(), nullable=True),
        sa.Column("complained_at", Moment(), nullable=True),
        sa.CheckConstraint(
            "state IN ('queued', 'accepted', 'deferred', 'failed', 'suppressed', "
            "'cancelled', 'uncertain')",
            name=op.f("ck_delivery_state"),
        ),
        sa.PrimaryKeyConstraint("distribution_id", "subscriber_id", name=op.f("pk_delivery")),
        postgresql_partition_by="RANGE (distribution_id)",
        sqlite_with_rowid=False,
    )
    op.create_table(
        "distribution",
        sa.Column("id", BigId, nullable=False),
        sa.Column("kind", sa.Text(), server_default="release", nullable=False),
        sa.Column("state", sa.Text(), nullable=False),
        sa.Column("note", sa.Text(), nullable=True),
        sa.Column("lane", sa.SmallInteger(), server_default="1", nullable=False),
        sa.Column("is_again", sa.Boolean(), server_default=sa.text("false"), nullable=False),
        sa.Column("is_rehearsal", sa.Boolean(), server_default=sa.text("false"), nullable=False),
        sa.Column("is_embargoed", sa.Boolean(), server_default=sa.text("false"), nullable=False),
        sa.Column("salt", sa.LargeBinary(), nullable=False),
        sa.Column("created_at", Moment(), nullable=False),
        sa.Column("due_at", Moment(), nullable=False),
        sa.Column("deadline_at", Moment(), nullable=False),
        sa.Column("expanded_to", BigId, server_default="0", nullable=False),
        sa.Column("is_expanded", sa.Boolean(), server_default=sa.text("false"), nullable=False),
        sa.Column("eligible", BigId, nullable=True),
        sa.Column("finished_at", Moment(), nullable=True),
        sa.CheckConstraint(
            "kind IN ('release', 'digest', 'correction')", name=op.f("ck_distribution_kind")
        ),
        sa.CheckConstraint(
            "state IN ('scheduled', 'running', 'paused', 'held', 'complete', 'cancelled')",
            name=op.f("ck_distribution_state"),
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_distribution")),
        sqlite_autoincrement=True,
    )
    op.create_index(
        "ix_distribution_unfinished",
        "distribution",
        ["state", "due_at"],
        unique=False,
        sqlite_where=sa.text("state NOT IN ('complete', 'cancelled') OR finished_at IS NULL"),
        postgresql_where=sa.text("state NOT IN ('complete', 'cancelled') OR finished_at IS NULL"),
    )
    op.create_table(
        "fact",
        sa.Column("name", sa.Text(), nullable=False),
        sa.Column("value", sa.JSON(), nullable=False),
        sa.Column("known_at", Moment(), nullable=False),
        sa.PrimaryKeyConstraint("name", name=op.f("pk_fact")),
    )
    op.create_table(
        "lease",
        sa.Column("id", BigId, nullable=False),
        sa.Column("worker", sa.Text(), nullable=False),
        sa.Column("folder", sa.Text(), nullable=False),
        sa.Column("journal", sa.Text(), nullable=False),
        sa.Column("acquired_at", Moment(), nullable=False),
        sa.Column("expires_at", Moment(), nullable=False),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_lease")),
        sqlite_autoincrement=True,
    )
    op.create_table(
        "list_set",
        sa.Column("id", BigId, nullable=False),
        sa.Column("key", sa.Text(), nullable=False),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_list_set")),
        sa.UniqueConstraint("key", name=op.f("uq_list_set_key")),
    )
    op.create_table(
        "mailing_list",
        sa.Column("id", BigId, nullable=False),
        sa.Column("slug", sa.Text(), nullable=False),
        sa.Column("title", sa.Text(), nullable=False),
        sa.Column("description", sa.Text(), nullable=True),
        sa.Column("is_private", sa.Boolean(), server_default=sa.text("false"), nullable=False),
        sa.Column("reply_to", sa.Text(), nullable=True),
        sa.Column("sender", sa.Text(), nullable=True),
        sa.Column("created_at", Moment(), nullable=False),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_mailing_list")),
        sa.UniqueConstraint("slug", name=op.f("uq_mailing_list_slug")),
    )
    op.create_table(
        "release",
        sa.Column("id", BigId, nullable=False),
        sa.Column("slug", sa.Text(), nullable=False),
        sa.Column("created_at", Moment(), nullable=False),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_release")),
        sa.UniqueConstraint("slug", name=op.f("uq_release_slug")),
    )
    op.create_table(
        "subscriber",
        sa.Column("id", BigId, nullable=False),
        sa.Column("address", sa.Text(), nullable=False),
        sa.Column("address_key", sa.Text(), nullable=False),
        sa.Column("address_hash", sa.LargeBinary(), nullable=False),
        sa.Column("name", sa.Text(), nullable=True),
        sa.Column("outlet", sa.Text(), nullable=True),
        sa.Column("language", sa.Text(), server_default="en", nullable=False),
        sa.Column("format", sa.Text(), server_default="html", nullable=False),
        sa.Column("created_at", Moment(), nullable=False),
        sa.CheckConstraint("format IN ('html', 'text')", name=op.f("ck_subscriber_format")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_subscriber")),
        sa.UniqueConstraint("address_key", name=op.f("uq_subscriber_address_key")),
        sqlite_autoincrement=True,
    )
    op.create_index(
        op.f("ix_subscriber_address_hash"), "subscriber", ["address_hash"], unique=False
    )
    op.create_table(
        "suppression",
        sa.Column("id", BigId, nullable=False),
        sa.Column("address_hash", sa.LargeBinary(), nullable=False),
        sa.Column("reason", sa.Text(), nullable=False),
        sa.Column("created_at", Moment(), nullable=False),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_suppression")),
        sa.UniqueConstraint("address_hash", name=op.f("uq_suppression_address_hash")),
    )
    op.create_table(
        "batch",
        sa.Column("id", BigId, nullable=False),
        sa.Column("distribution_id", BigId, nullable=False),
        sa.Column("first_id", BigId, nullable=False),
        sa.Column("last_id", BigId, nullable=False),
        sa.Column("state", sa.Text(), nullable=False),
        sa.Column("lane", sa.SmallInteger(), server_default="1", nullable=False),
        sa.Column("round", sa.SmallInteger(), server_default="0", nullable=False),
        sa.Column("due_at", Moment(), nullable=False),
        sa.Column("lease_id", BigId, nullable=True),
        sa.Column("size", sa.Integer(), nullable=False),
        sa.Column("queued", sa.Integer(), server_default="0", nullable=False),
        sa.Column("accepted", sa.Integer(), server_default="0", nullable=False),
        sa.Column("deferred", sa.Integer(), server_default="0", nullable=False),
        sa.Column("failed", sa.Integer(), server_default="0", nullable=False),
        sa.Column("suppressed", sa.Integer(), server_default="0", nullable=False),
        sa.Column("cancelled", sa.Integer(), server_default="0", nullable=False),
        sa.Column("uncertain", sa.Integer(), server_default="0", nullable=False),
        sa.Column("repeats", sa.Integer(), server_default="0", nullable=False),
        sa.Column("losses", sa.SmallInteger(), server_default="0", nullable=False),
        sa.Column("bounced", sa.Integer(), server_default="0", nullable=False),
        sa.Column("complained", sa.Integer(), server_default="0", nullable=False),
        sa.CheckConstraint("state IN ('open', 'leased', 'done')", name=op.f("ck_batch_state")),
        sa.ForeignKeyConstraint(
            ["distribution_id"],
            ["distribution.id"],
            name=op.f("fk_batch_distribution_id_distribution"),
        ),
        sa.ForeignKeyConstraint(["lease_id"], ["lease.id"], name=op.f("fk_batch_lease_id_lease")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_batch")),
        sa.UniqueConstraint(
            "distribution_id", "first_id", name=op.f("uq_batch_distribution_id_first_id")
        ),
    )
    op.create_index(
        "ix_batch_lease_id",
        "batch",
        ["lease_id"],
        unique=False,
        sqlite_where=sa.text("lease_id IS NOT NULL"),
        postgresql_where=sa.text("lease_id IS NOT NULL"),
    )
    op.create_index(
        "ix_batch_open",
        "batch",
        ["lane", "round", "id"],
        unique=False,
        sqlite_where=sa.text("state = 'open'"),
        postgresql_where=sa.text("state = 'open'"),
    )
    op.create_table(
        "distribution_list",
        sa.Column("distribution_id", BigId, nullable=False),
        sa.Column("list_id", BigId, nullable=False),
        sa.Column("position", sa.SmallInteger(), nullable=False),
        sa.ForeignKeyConstraint(
            ["distribution_id"],
            ["distribution.id"],
            name=op.f("fk_distribution_list_distribution_id_distribution"),
        ),
        sa.ForeignKeyConstraint(
            ["list_id"], ["mailing_list.id"], name=op.f("fk_distribution_list_list_id_mailing_list")
        ),
        sa.PrimaryKeyConstraint("distribution_id", "list_id", name=op.f("pk_distribution_list")),
    )
    op.create_table(
        "list_set_member",
        sa.Column("list_set_id", BigId, nullable=False),
        sa.Column("list_id", BigId, nullable=False),
        sa.ForeignKeyConstraint(
            ["list_id"], ["mailing_list.id"], name=op.f("fk_list_set_member_list_id_mailing_list")
        ),
        sa.ForeignKeyConstraint(
            ["list_set_id"], ["list_set.id"], name=op.f("fk_list_set_member_list_set_id_list_set")
        ),
        sa.PrimaryKeyConstraint("list_set_id", "list_id", name=op.f("pk_list_set_member")),
    )
    op.create_table(
        "release_version",
        sa.Column("id", BigId, nullable=False),
        sa.Column("release_id", BigId, nullable=False),
        sa.Column("number", sa.Integer(), nullable=False),
        sa.Column("content_digest", sa.LargeBinary(), nullable=False),
        sa.Column("content", Json, nullable=False),
        sa.Column("title", sa.Text(), nullable=False),
        sa.Column("embargo_at", Moment(), nullable=True),
        sa.Column("created_at", Moment(), nullable=False),
        sa.ForeignKeyConstraint(
            ["release_id"], ["release.id"], name=op.f("fk_release_version_release_id_release")
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_release_version")),
        sa.UniqueConstraint("content_digest", name=op.f("uq_release_version_content_digest")),
        sa.UniqueConstraint(
            "release_id", "number", name=op.f("uq_release_version_release_id_number")
        ),
    )
    op.create_table(
        "rendering",
        sa.Column("id", BigId, nullable=False),
        sa.Column("distribution_id", BigId, nullable=False),
        sa.Column("language", sa.Text(), nullable=False),
        sa.Column("format", sa.Text(), nullable=False),
        sa.Column("lead_list_id", BigId, nullable=False),
        sa.Column("subject", sa.Text(), nullable=False),
        sa.Column("html", sa.Text(), nullable=True),
        sa.Column("text", sa.Text(), nullable=False),
        sa.Column("stencil", sa.LargeBinary(), nullable=False),
        sa.Column("created_at", Moment(), nullable=False),
        sa.ForeignKeyConstraint(
            ["distribution_id"],
            ["distribution.id"],
            name=op.f("fk_rendering_distribution_id_distribution"),
        ),
        sa.ForeignKeyConstraint(
            ["lead_list_id"],
            ["mailing_list.id"],
            name=op.f("fk_rendering_lead_list_id_mailing_list"),
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_rendering")),
        sa.UniqueConstraint(
            "distribution_id",
            "language",
            "format",
            "lead_list_id",
            name=op.f("uq_rendering_distribution_id_language_format_lead_list_id"),
        ),
    )
    op.create_table(
        "subscription",
        sa.Column("id", BigId, nullable=False),
        sa.Column("subscriber_id", BigId, nullable=False),
        sa.Column("list_id", BigId, nullable=False),
        sa.Column("state", sa.Text(), nullable=False),
        sa.Column("frequency", sa.Text(), server_default="at-once", nullable=False),
        sa.Column("began_at", Moment(), nullable=True),
        sa.Column("ended_at", Moment(), nullable=True),
        sa.Column("end_reason", sa.Text(), nullable=True),
        sa.Column("source", sa.Text(), nullable=False),
        sa.Column("created_at", Moment(), nullable=False),
        sa.CheckConstraint(
            "(state = 'ended') = (ended_at IS NOT NULL)", name=op.f("ck_subscription_ended_at")
        ),
        sa.CheckConstraint(
            "frequency IN ('at-once', 'daily', 'weekly')", name=op.f("ck_subscription_frequency")
        ),
        sa.CheckConstraint(
            "state IN ('pending', 'active', 'suspended', 'ended')",
            name=op.f("ck_subscription_state"),
        ),
        sa.ForeignKeyConstraint(
            ["list_id"], ["mailing_list.id"], name=op.f("fk_subscription_list_id_mailing_list")
        ),
        sa.ForeignKeyConstraint(
            ["subscriber_id"],
            ["subscriber.id"],
            name=op.f("fk_subscription_subscriber_id_subscriber"),
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_subscription")),
    )
    op.create_index(
        "ix_subscription_list_id_subscriber_id",
        "subscription",
        ["list_id", "subscriber_id"],
        unique=False,
    )
    op.create_index(
        "ix_subscription_subscriber_id", "subscription", ["subscriber_id"], unique=False
    )
    op.create_index(
        "uq_subscription_open",
        "subscription",
        ["subscriber_id", "list_id"],
        unique=True,
        sqlite_where=sa.text("state <> 'ended'"),
        postgresql_where=sa.text("state <> 'ended'"),
    )
    op.create_table(
        "distribution_release",
        sa.Column("distribution_id", BigId, nullable=False),
        sa.Column("version_id", BigId, nullable=False),
        sa.Column("position", sa.SmallInteger(), nullable=False),
        sa.ForeignKeyConstraint(
            ["distribution_id"],
            ["distribution.id"],
            name=op.f("fk_distribution_release_distribution_id_distribution"),
        ),
        sa.ForeignKeyConstraint(
            ["version_id"],
            ["release_version.id"],
            name=op.f("fk_distribution_release_version_id_release_version"),
        ),
        sa.PrimaryKeyConstraint(
            "distribution_id", "version_id", name=op.f("pk_distribution_release")
        ),
    )
    op.create_index(
        "ix_distribution_release_version_id", "distribution_release", ["version_id"], unique=False
    )


def downgrade() -> None:
    op.drop_index("ix_distribution_release_version_id", table_name="distribution_release")
    op.drop_table("distribution_release")
    op.drop_index(
        "uq_subscription_open",
        table_name="subscription",
        sqlite_where=sa.text("state <> 'ended'"),
        postgresql_where=sa.text("state <> 'ended'"),
    )
    op.drop_index("ix_subscription_subscriber_id", table_name="subscription")
    op.drop_index("ix_subscription_list_id_subscriber_id", table_name="subscription")
    op.drop_table("subscription")
    op.drop_table("rendering")
    op.drop_table("release_version")
    op.drop_table("list_set_member")
    op.drop_table("distribution_list")
    op.drop_index(
        "ix_batch_open",
        table_name="batch",
        sqlite_where=sa.text("state = 'open'"),
        postgresql_where=sa.text("state = 'open'"),
    )
    op.drop_index(
        "ix_batch_lease_id",
        table_name="batch",
        sqlite_where=sa.text("lease_id IS NOT NULL"),
        postgresql_where=sa.text("lease_id IS NOT NULL"),
    )
    op.drop_table("batch")
    op.drop_table("suppression")
    op.drop_index(op.f("ix_subscriber_address_hash"), table_name="subscriber")
    op.drop_table("subscriber")
    op.drop_table("release")
    op.drop_table("mailing_list")
    op.drop_table("list_set")
    op.drop_table("lease")
    op.drop_table("fact")
    op.drop_index(
        "ix_distribution_unfinished",
        table_name="distribution",
        sqlite_where=sa.text("state NOT IN ('complete', 'cancelled') OR finished_at IS NULL"),
        postgresql_where=sa.text("state NOT IN ('complete', 'cancelled') OR finished_at IS NULL"),
    )
    op.drop_table("distribution")
    op.drop_table("delivery")

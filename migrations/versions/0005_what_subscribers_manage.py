"""What subscribers manage: sign-ups, notices, consent, digests, desks, merged subscribers.

Revision ID: 0005
Revises: 0004
"""

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects import postgresql

from runtime.database import Moment

BigId = sa.BigInteger().with_variant(sa.Integer(), "sqlite")
Json = sa.JSON().with_variant(postgresql.JSONB(), "postgresql")

revision = "0005"
down_revision = "0004"
branch_labels = None
depends_on = None

UNIQUE_BEFORE = "uq_rendering_distribution_id_language_format_lead_list_id"
RENDERING = ["distribution_id", "language", "format", "lead_list_id"]

# The consent log is append-only: an entry outlives everything but its subscriber's erasure.
SQLITE_TRIGGERS = (
    """
    CREATE TRIGGER consent_is_never_changed BEFORE UPDATE ON consent
    BEGIN SELECT RAISE(ABORT, 'the consent log is append-only'); END
    """,
    """
    CREATE TRIGGER consent_stays BEFORE DELETE ON consent
    WHEN EXISTS (SELECT 1 FROM subscriber WHERE id = OLD.subscriber_id)
    BEGIN SELECT RAISE(ABORT, 'the consent log is append-only'); END
    """,
)
POSTGRESQL_TRIGGERS = (
    """
    CREATE FUNCTION consent_is_append_only() RETURNS trigger LANGUAGE plpgsql AS $$
    BEGIN
        IF TG_OP = 'DELETE'
            AND NOT EXISTS (SELECT 1 FROM subscriber WHERE id = OLD.subscriber_id) THEN
            RETURN OLD;
        END IF;
        RAISE EXCEPTION 'the consent log is append-only';
    END $$
    """,
    """
    CREATE TRIGGER consent_is_append_only BEFORE UPDATE OR DELETE ON consent
    FOR EACH ROW EXECUTE FUNCTION consent_is_append_only()
    """,
    """
    CREATE TRIGGER consent_is_not_emptied BEFORE TRUNCATE ON consent
    FOR EACH STATEMENT EXECUTE FUNCTION consent_is_append_only()
    """,
)
# The office's searches: by how an address, its domain, or a word of a name or outlet begins.
SEARCHES = (
    "CREATE INDEX ix_subscriber_address_begins ON subscriber (address_key text_pattern_ops)",
    "CREATE INDEX ix_subscriber_domain_begins ON subscriber "
    "(split_part(address_key, '@', 2) text_pattern_ops)",
    "CREATE INDEX ix_subscriber_word_begins ON subscriber USING gin "
    "(to_tsvector('simple', coalesce(name, '') || ' ' || coalesce(outlet, '')))",
)


def upgrade() -> None:
    is_postgresql = op.get_bind().dialect.name == "postgresql"
    for name, kind in (
        ("topic", sa.Text()),
        ("cadence", sa.Text()),
        ("timezone", sa.Text()),
        ("digest_hour", sa.SmallInteger()),
    ):
        op.add_column("mailing_list", sa.Column(name, kind, nullable=True))
    for name, kind in (
        ("timezone", sa.Text()),
        ("digest_hour", sa.SmallInteger()),
        ("next_digest_at", Moment()),
        ("paused_until", Moment()),
    ):
        op.add_column("subscriber", sa.Column(name, kind, nullable=True))
    op.add_column(
        "subscriber",
        sa.Column("is_desk", sa.Boolean(), server_default=sa.text("false"), nullable=False),
    )
    op.create_index(
        "ix_subscriber_next_digest_at",
        "subscriber",
        ["next_digest_at"],
        sqlite_where=sa.text("next_digest_at IS NOT NULL"),
        postgresql_where=sa.text("next_digest_at IS NOT NULL"),
    )
    for name, kind in (
        ("frequency_before", sa.Text()),
        ("frequency_changed_at", Moment()),
        ("desk_id", BigId),
    ):
        op.add_column("subscription", sa.Column(name, kind, nullable=True))
    op.create_index(
        "ix_subscription_desk_id",
        "subscription",
        ["desk_id"],
        sqlite_where=sa.text("desk_id IS NOT NULL"),
        postgresql_where=sa.text("desk_id IS NOT NULL"),
    )
    op.add_column("distribution", sa.Column("resumed_at", Moment(), nullable=True))
    op.add_column("suppression", sa.Column("note", sa.Text(), nullable=True))
    with op.batch_alter_table("rendering") as batch:
        batch.add_column(
            sa.Column("is_for_desk", sa.Boolean(), server_default=sa.text("false"), nullable=False)
        )
        batch.drop_constraint(UNIQUE_BEFORE, type_="unique")
        batch.create_unique_constraint("uq_rendering", [*RENDERING, "is_for_desk"])
    op.create_table(
        "digest_member",
        sa.Column("distribution_id", BigId, autoincrement=False, nullable=False),
        sa.Column("subscriber_id", BigId, autoincrement=False, nullable=False),
        sa.Column("mask", BigId, nullable=False),
        sa.PrimaryKeyConstraint("distribution_id", "subscriber_id", name=op.f("pk_digest_member")),
        sqlite_with_rowid=False,
    )
    op.create_index(
        "ix_digest_member_subscriber_id", "digest_member", ["subscriber_id", "distribution_id"]
    )
    op.create_index("ix_distribution_finished_at", "distribution", ["finished_at"])
    op.create_index(
        "ix_distribution_due_at",
        "distribution",
        ["due_at"],
        sqlite_where=sa.text("kind <> 'digest'"),
        postgresql_where=sa.text("kind <> 'digest'"),
    )
    _create_records()
    if is_postgresql:
        for statement in (*POSTGRESQL_TRIGGERS, *SEARCHES):
            op.execute(statement)
    else:
        for statement in SQLITE_TRIGGERS:
            op.execute(statement)


def _create_records() -> None:
    op.create_table(
        "consent",
        sa.Column("id", BigId, nullable=False),
        sa.Column("subscriber_id", BigId, nullable=False),
        sa.Column("at", Moment(), nullable=False),
        sa.Column("what", sa.Text(), nullable=False),
        sa.Column("detail", Json, nullable=False),
        sa.Column("page", sa.Text(), nullable=True),
        sa.Column("network", sa.Text(), nullable=True),
        sa.Column("wording", sa.Text(), nullable=True),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_consent")),
    )
    op.create_index("ix_consent_subscriber_id_id", "consent", ["subscriber_id", "id"])
    op.create_index(
        "ix_consent_reason_id",
        "consent",
        ["id"],
        sqlite_where=sa.text("what = 'reason'"),
        postgresql_where=sa.text("what = 'reason'"),
    )
    op.create_table(
        "sign_up",
        sa.Column("id", BigId, nullable=False),
        sa.Column("address", sa.Text(), nullable=False),
        sa.Column("address_key", sa.Text(), nullable=False),
        sa.Column("address_hash", sa.LargeBinary(), nullable=False),
        sa.Column("name", sa.Text(), nullable=True),
        sa.Column("language", sa.Text(), nullable=False),
        sa.Column("format", sa.Text(), nullable=False),
        sa.Column("page", sa.Text(), nullable=True),
        sa.Column("network", sa.Text(), nullable=True),
        sa.Column("mailed_at", Moment(), nullable=True),
        sa.Column("confirmed_at", Moment(), nullable=True),
        sa.Column("subscriber_id", BigId, nullable=True),
        sa.Column("created_at", Moment(), nullable=False),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_sign_up")),
        sqlite_autoincrement=True,
    )
    op.create_index("ix_sign_up_address_hash_created_at", "sign_up", ["address_hash", "created_at"])
    op.create_index("ix_sign_up_network_created_at", "sign_up", ["network", "created_at"])
    op.create_index("ix_sign_up_created_at", "sign_up", ["created_at"])
    op.create_table(
        "sign_up_list",
        sa.Column("sign_up_id", BigId, nullable=False),
        sa.Column("list_id", BigId, nullable=False),
        sa.Column("frequency", sa.Text(), nullable=False),
        sa.Column("created_at", Moment(), nullable=False),
        sa.ForeignKeyConstraint(
            ["list_id"], ["mailing_list.id"], name=op.f("fk_sign_up_list_list_id_mailing_list")
        ),
        sa.ForeignKeyConstraint(
            ["sign_up_id"],
            ["sign_up.id"],
            name=op.f("fk_sign_up_list_sign_up_id_sign_up"),
            ondelete="CASCADE",
        ),
        sa.PrimaryKeyConstraint("sign_up_id", "list_id", name=op.f("pk_sign_up_list")),
    )
    op.create_index("ix_sign_up_list_list_id_created_at", "sign_up_list", ["list_id", "created_at"])
    op.create_table(
        "address_change",
        sa.Column("id", BigId, nullable=False),
        sa.Column("subscriber_id", BigId, nullable=False),
        sa.Column("address_before", sa.Text(), nullable=False),
        sa.Column("address", sa.Text(), nullable=False),
        sa.Column("address_key", sa.Text(), nullable=False),
        sa.Column("address_hash", sa.LargeBinary(), nullable=False),
        sa.Column("created_at", Moment(), nullable=False),
        sa.Column("confirmed_at", Moment(), nullable=True),
        sa.Column("undone_at", Moment(), nullable=True),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_address_change")),
        sqlite_autoincrement=True,
    )
    op.create_index(
        "ix_address_change_subscriber_id_created_at",
        "address_change",
        ["subscriber_id", "created_at"],
    )
    op.create_table(
        "merged_subscriber",
        sa.Column("subscriber_id", BigId, autoincrement=False, nullable=False),
        sa.Column("into_id", BigId, nullable=False),
        sa.Column("merged_at", Moment(), nullable=False),
        sa.PrimaryKeyConstraint("subscriber_id", name=op.f("pk_merged_subscriber")),
    )
    op.create_index(op.f("ix_merged_subscriber_into_id"), "merged_subscriber", ["into_id"])
    op.create_table(
        "desk",
        sa.Column("subscriber_id", BigId, autoincrement=False, nullable=False),
        sa.Column("name", sa.Text(), nullable=False),
        sa.Column("keeper_address", sa.Text(), nullable=False),
        sa.Column("created_at", Moment(), nullable=False),
        sa.PrimaryKeyConstraint("subscriber_id", name=op.f("pk_desk")),
    )
    op.create_table(
        "desk_member",
        sa.Column("id", BigId, nullable=False),
        sa.Column("desk_id", BigId, nullable=False),
        sa.Column("address", sa.Text(), nullable=False),
        sa.Column("address_key", sa.Text(), nullable=False),
        sa.Column("subscriber_id", BigId, nullable=True),
        sa.Column("state", sa.Text(), nullable=False),
        sa.Column("invited_at", Moment(), nullable=False),
        sa.Column("joined_at", Moment(), nullable=True),
        sa.Column("ended_at", Moment(), nullable=True),
        sa.CheckConstraint(
            "state IN ('invited', 'active', 'ended')", name=op.f("ck_desk_member_state")
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_desk_member")),
        sqlite_autoincrement=True,
    )
    op.create_index(
        "uq_desk_member_open",
        "desk_member",
        ["desk_id", "address_key"],
        unique=True,
        sqlite_where=sa.text("state <> 'ended'"),
        postgresql_where=sa.text("state <> 'ended'"),
    )
    op.create_index("ix_desk_member_desk_id_invited_at", "desk_member", ["desk_id", "invited_at"])
    op.create_index("ix_desk_member_subscriber_id", "desk_member", ["subscriber_id"])
    op.create_index("ix_desk_member_address_key", "desk_member", ["address_key"])
    op.create_table(
        "notice",
        sa.Column("id", BigId, nullable=False),
        sa.Column("kind", sa.Text(), nullable=False),
        sa.Column("detail", Json, nullable=False),
        sa.Column("subscriber_id", BigId, nullable=True),
        sa.Column("address", sa.Text(), nullable=False),
        sa.Column("name", sa.Text(), nullable=True),
        sa.Column("language", sa.Text(), nullable=False),
        sa.Column("state", sa.Text(), server_default="queued", nullable=False),
        sa.Column("attempts", sa.SmallInteger(), server_default="0", nullable=False),
        sa.Column("is_in_doubt", sa.Boolean(), server_default=sa.false(), nullable=False),
        sa.Column("due_at", Moment(), nullable=True),
        sa.Column("lease_id", BigId, nullable=True),
        sa.Column("losses", sa.SmallInteger(), server_default="0", nullable=False),
        sa.Column("salt", sa.LargeBinary(), nullable=False),
        sa.Column("reason", sa.Text(), nullable=True),
        sa.Column("reply", sa.Text(), nullable=True),
        sa.Column("created_at", Moment(), nullable=False),
        sa.Column("decided_at", Moment(), nullable=True),
        sa.CheckConstraint(
            "state IN ('queued', 'accepted', 'deferred', 'failed', 'cancelled', 'uncertain')",
            name=op.f("ck_notice_state"),
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_notice")),
        sqlite_autoincrement=True,
    )
    op.create_index(
        "ix_notice_due_at",
        "notice",
        ["due_at"],
        sqlite_where=sa.text("due_at IS NOT NULL"),
        postgresql_where=sa.text("due_at IS NOT NULL"),
    )
    op.create_index("ix_notice_subscriber_id_created_at", "notice", ["subscriber_id", "created_at"])
    op.create_index("ix_notice_created_at", "notice", ["created_at"])
    op.create_index(
        "ix_notice_failed",
        "notice",
        ["decided_at"],
        sqlite_where=sa.text("state IN ('failed', 'uncertain')"),
        postgresql_where=sa.text("state IN ('failed', 'uncertain')"),
    )


def downgrade() -> None:
    is_postgresql = op.get_bind().dialect.name == "postgresql"
    for table in (
        "notice",
        "desk_member",
        "desk",
        "merged_subscriber",
        "address_change",
        "sign_up_list",
        "sign_up",
        "consent",
        "digest_member",
    ):
        op.drop_table(table)
    if is_postgresql:
        op.execute("DROP FUNCTION consent_is_append_only()")
        for name in ("address_begins", "domain_begins", "word_begins"):
            op.drop_index(f"ix_subscriber_{name}", "subscriber")
    with op.batch_alter_table("rendering") as batch:
        batch.drop_constraint("uq_rendering", type_="unique")
        batch.drop_column("is_for_desk")
        batch.create_unique_constraint(UNIQUE_BEFORE, RENDERING)
    op.drop_column("suppression", "note")
    op.drop_index("ix_distribution_due_at", "distribution")
    op.drop_index("ix_distribution_finished_at", "distribution")
    op.drop_column("distribution", "resumed_at")
    op.drop_index("ix_subscription_desk_id", "subscription")
    for name in ("desk_id", "frequency_changed_at", "frequency_before"):
        op.drop_column("subscription", name)
    op.drop_index("ix_subscriber_next_digest_at", "subscriber")
    for name in ("is_desk", "paused_until", "next_digest_at", "digest_hour", "timezone"):
        op.drop_column("subscriber", name)
    for name in ("digest_hour", "timezone", "cadence", "topic"):
        op.drop_column("mailing_list", name)

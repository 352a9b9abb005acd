"""The tables of what is sent and what became of it. The constraints make the idempotency.

Deliveries are keyed by (distribution, subscriber) and nothing refers to one by a lone id: in
PostgreSQL they are partitioned by ranges of distributions and dropped by the partition.
"""

import datetime as dt
import enum
from typing import Any, Final

import sqlalchemy as sa
from sqlalchemy.dialects.postgresql import JSONB
from sqlalchemy.orm import Mapped, mapped_column

from runtime.database import Base, BigId, Moment, database_now, one_of

Json = sa.JSON().with_variant(JSONB(), "postgresql")


URGENT_LANE: Final = 0
ORDINARY_LANE: Final = 1
"""Lower lanes go first: distributions and their batches are in one."""


class DistributionKind(enum.StrEnum):
    """Why a distribution is sent."""

    RELEASE = "release"
    DIGEST = "digest"
    CORRECTION = "correction"


class DistributionState(enum.StrEnum):
    """scheduled → running ⇄ paused / held → complete / cancelled; a scheduled one pauses too."""

    SCHEDULED = "scheduled"
    RUNNING = "running"
    PAUSED = "paused"
    HELD = "held"
    COMPLETE = "complete"
    CANCELLED = "cancelled"


class DeliveryState(enum.StrEnum):
    """queued → accepted / deferred / failed / suppressed / cancelled / uncertain."""

    QUEUED = "queued"
    ACCEPTED = "accepted"
    DEFERRED = "deferred"
    FAILED = "failed"
    SUPPRESSED = "suppressed"
    CANCELLED = "cancelled"
    UNCERTAIN = "uncertain"


class BatchState(enum.StrEnum):
    """open → leased → open (something is left, from `due_at`) or done."""

    OPEN = "open"
    LEASED = "leased"
    DONE = "done"


class Release(Base):
    """A text a press office publishes, known by its slug."""

    __tablename__ = "release"

    id: Mapped[int] = mapped_column(BigId, primary_key=True)
    slug: Mapped[str] = mapped_column(sa.Text, unique=True)
    created_at: Mapped[dt.datetime] = mapped_column(Moment(), default=database_now())


class ReleaseVersion(Base):
    """A frozen version of a release, known by the hash of its parsed content."""

    __tablename__ = "release_version"
    __table_args__ = (sa.UniqueConstraint("release_id", "number"),)

    id: Mapped[int] = mapped_column(BigId, primary_key=True)
    release_id: Mapped[int] = mapped_column(sa.ForeignKey("release.id"))
    number: Mapped[int] = mapped_column(sa.Integer)
    # releases.content.Content.digest(): embargo included, and the slug where front matter has one.
    content_digest: Mapped[bytes] = mapped_column(sa.LargeBinary, unique=True)
    content: Mapped[dict[str, Any]] = mapped_column(Json)
    title: Mapped[str] = mapped_column(sa.Text)
    embargo_at: Mapped[dt.datetime | None] = mapped_column(Moment())
    created_at: Mapped[dt.datetime] = mapped_column(Moment(), default=database_now())


class Distribution(Base):
    """One act of sending: release versions × lists, with its time, audience and state."""

    __tablename__ = "distribution"
    __table_args__ = (
        one_of("kind", DistributionKind),
        one_of("state", DistributionState),
        sa.Index(
            "ix_distribution_unfinished",
            "state",
            "due_at",
            sqlite_where=sa.text("state NOT IN ('complete', 'cancelled') OR finished_at IS NULL"),
            postgresql_where=sa.text(
                "state NOT IN ('complete', 'cancelled') OR finished_at IS NULL"
            ),
        ),
        # What digests may carry.
        sa.Index(
            "ix_distribution_due_at",
            "due_at",
            sqlite_where=sa.text("kind <> 'digest'"),
            postgresql_where=sa.text("kind <> 'digest'"),
        ),
        {"sqlite_autoincrement": True},
    )

    id: Mapped[int] = mapped_column(BigId, primary_key=True)
    kind: Mapped[str] = mapped_column(sa.Text, server_default=DistributionKind.RELEASE)
    state: Mapped[str] = mapped_column(sa.Text)
    # Why it is held, or what it waits for (a relay that is down), in one plain line.
    note: Mapped[str | None] = mapped_column(sa.Text)
    # The urgent or the ordinary one.
    lane: Mapped[int] = mapped_column(sa.SmallInteger, server_default="1")
    # publish --resend-failed: its audience is who of that distribution failed. A number without
    # a constraint: SQLite could add one only by copying the table, and distributions stay.
    resends_id: Mapped[int | None] = mapped_column(BigId)
    # publish --again: who has the version already gets it anew.
    is_again: Mapped[bool] = mapped_column(server_default=sa.false())
    # Published while MEDIANOTE_ONLY_TO was set: never on the web, and never to anyone else.
    is_rehearsal: Mapped[bool] = mapped_column(server_default=sa.false())
    # Copies say that they are under embargo.
    is_embargoed: Mapped[bool] = mapped_column(server_default=sa.false())
    # Message-IDs derive from it: the same person's repeat has the same one.
    salt: Mapped[bytes] = mapped_column(sa.LargeBinary)
    created_at: Mapped[dt.datetime] = mapped_column(Moment(), default=database_now())
    # The moment from which it is due: publish's commit, or the time it was scheduled for.
    # It is also the audience's cut-off.
    due_at: Mapped[dt.datetime] = mapped_column(Moment(), default=database_now())
    # When it was let go on after a pause or a hold: who reads digests gets it from then on.
    resumed_at: Mapped[dt.datetime | None] = mapped_column(Moment())
    # Deferred deliveries are tried until then.
    deadline_at: Mapped[dt.datetime] = mapped_column(Moment())
    # Expansion: all subscribers up to this id have their rows; finished when there are no more.
    expanded_to: Mapped[int] = mapped_column(BigId, server_default="0")
    is_expanded: Mapped[bool] = mapped_column(server_default=sa.false())
    # Known when expansion has finished: the sum of what its ranges inserted.
    eligible: Mapped[int | None] = mapped_column(BigId)
    finished_at: Mapped[dt.datetime | None] = mapped_column(Moment(), index=True)
    # The SHA-256 of its delivery manifest as it was first written after the end, and when.
    manifest_digest: Mapped[bytes | None] = mapped_column(sa.LargeBinary)
    manifest_at: Mapped[dt.datetime | None] = mapped_column(Moment())
    # Since when its deliveries and renderings are not kept any more; its batches are.
    deliveries_dropped_at: Mapped[dt.datetime | None] = mapped_column(Moment())


class DistributionRelease(Base):
    """A release version that a distribution carries."""

    __tablename__ = "distribution_release"
    __table_args__ = (sa.Index("ix_distribution_release_version_id", "version_id"),)

    distribution_id: Mapped[int] = mapped_column(sa.ForeignKey("distribution.id"), primary_key=True)
    version_id: Mapped[int] = mapped_column(sa.ForeignKey("release_version.id"), primary_key=True)
    position: Mapped[int] = mapped_column(sa.SmallInteger)


class DistributionList(Base):
    """A list that a distribution goes to, in the officer's order (from 0)."""

    __tablename__ = "distribution_list"

    distribution_id: Mapped[int] = mapped_column(sa.ForeignKey("distribution.id"), primary_key=True)
    list_id: Mapped[int] = mapped_column(sa.ForeignKey("mailing_list.id"), primary_key=True)
    position: Mapped[int] = mapped_column(sa.SmallInteger)


class DigestMember(Base):
    """Who gets a digest: its audience, frozen when it was planned; kept as long as deliveries.

    By these, digests know what a person has had by digests.
    """

    __tablename__ = "digest_member"
    __table_args__ = (
        sa.Index("ix_digest_member_subscriber_id", "subscriber_id", "distribution_id"),
        {"sqlite_with_rowid": False},
    )

    distribution_id: Mapped[int] = mapped_column(BigId, primary_key=True, autoincrement=False)
    subscriber_id: Mapped[int] = mapped_column(BigId, primary_key=True, autoincrement=False)
    # A bit for each of the digest's lists, by its position, that this copy comes through.
    mask: Mapped[int] = mapped_column(BigId)


class Rendering(Base):
    """The frozen result of rendering a distribution for one language, format and audience."""

    __tablename__ = "rendering"
    __table_args__ = (
        sa.UniqueConstraint(
            "distribution_id",
            "language",
            "format",
            "lead_list_id",
            "is_for_desk",
            name="uq_rendering",
        ),
    )

    id: Mapped[int] = mapped_column(BigId, primary_key=True)
    distribution_id: Mapped[int] = mapped_column(sa.ForeignKey("distribution.id"))
    language: Mapped[str] = mapped_column(sa.Text)
    format: Mapped[str] = mapped_column(sa.Text)
    lead_list_id: Mapped[int] = mapped_column(sa.ForeignKey("mailing_list.id"))
    # A desk's copies offer no one-click: one of its readers must not end it for all.
    is_for_desk: Mapped[bool] = mapped_column(server_default=sa.false())
    subject: Mapped[str] = mapped_column(sa.Text)
    html: Mapped[str | None] = mapped_column(sa.Text)
    text: Mapped[str] = mapped_column(sa.Text)
    # As mail.stencil.Stencil writes itself.
    stencil: Mapped[bytes] = mapped_column(sa.LargeBinary)
    created_at: Mapped[dt.datetime] = mapped_column(Moment(), default=database_now())


class Lease(Base):
    """A worker process's hold on its batches; the row is deleted when they are freed."""

    __tablename__ = "lease"
    # A stalled worker comes back with its lease's id: nobody else's may be the same.
    __table_args__ = ({"sqlite_autoincrement": True},)

    id: Mapped[int] = mapped_column(BigId, primary_key=True)
    # host:pid, for people.
    worker: Mapped[str] = mapped_column(sa.Text)
    # The UUID kept in the journal folder, and the journal's file name in it.
    folder: Mapped[str] = mapped_column(sa.Text)
    journal: Mapped[str] = mapped_column(sa.Text)
    acquired_at: Mapped[dt.datetime] = mapped_column(Moment(), default=database_now())
    expires_at: Mapped[dt.datetime] = mapped_column(Moment())


class Batch(Base):
    """A range of subscriber ids of one distribution: the unit a worker leases.

    What a batch could not settle (deferred deliveries) makes it open again from `due_at` on.
    The counts are those of its deliveries' states, written anew in each transaction that
    changes one of them: live totals are sums over batches.
    """

    __tablename__ = "batch"
    __table_args__ = (
        one_of("state", BatchState),
        sa.UniqueConstraint("distribution_id", "first_id"),
        sa.Index(
            "ix_batch_open",
            "lane",
            "round",
            "id",
            sqlite_where=sa.text("state = 'open'"),
            postgresql_where=sa.text("state = 'open'"),
        ),
        sa.Index(
            "ix_batch_lease_id",
            "lease_id",
            sqlite_where=sa.text("lease_id IS NOT NULL"),
            postgresql_where=sa.text("lease_id IS NOT NULL"),
        ),
    )

    id: Mapped[int] = mapped_column(BigId, primary_key=True)
    distribution_id: Mapped[int] = mapped_column(sa.ForeignKey("distribution.id"))
    # Both inclusive.
    first_id: Mapped[int] = mapped_column(BigId)
    last_id: Mapped[int] = mapped_column(BigId)
    state: Mapped[str] = mapped_column(sa.Text)
    lane: Mapped[int] = mapped_column(sa.SmallInteger, server_default="1")
    # How often it came back with something deferred: fresh batches go first.
    round: Mapped[int] = mapped_column(sa.SmallInteger, server_default="0")
    due_at: Mapped[dt.datetime] = mapped_column(Moment())
    lease_id: Mapped[int | None] = mapped_column(sa.ForeignKey("lease.id"))
    size: Mapped[int] = mapped_column(sa.Integer)
    queued: Mapped[int] = mapped_column(sa.Integer, server_default="0")
    accepted: Mapped[int] = mapped_column(sa.Integer, server_default="0")
    deferred: Mapped[int] = mapped_column(sa.Integer, server_default="0")
    failed: Mapped[int] = mapped_column(sa.Integer, server_default="0")
    suppressed: Mapped[int] = mapped_column(sa.Integer, server_default="0")
    cancelled: Mapped[int] = mapped_column(sa.Integer, server_default="0")
    uncertain: Mapped[int] = mapped_column(sa.Integer, server_default="0")
    repeats: Mapped[int] = mapped_column(sa.Integer, server_default="0")
    # How often a lease on it was lost with work undone: a batch that ends its worker each time
    # must not do so for ever.
    losses: Mapped[int] = mapped_column(sa.SmallInteger, server_default="0")
    # Later facts about accepted ones.
    bounced: Mapped[int] = mapped_column(sa.Integer, server_default="0")
    complained: Mapped[int] = mapped_column(sa.Integer, server_default="0")


class Delivery(Base):
    """Distribution × subscriber, that pair being its key, and what became of it.

    No foreign keys and no further index: a million rows are inserted and updated while people
    wait, partitions are dropped whole, and a row outlives the subscriber it speaks of. Which
    batch it belongs to follows from the range that its subscriber's id is in.
    """

    __tablename__ = "delivery"
    __table_args__ = (
        one_of("state", DeliveryState),
        {"postgresql_partition_by": "RANGE (distribution_id)", "sqlite_with_rowid": False},
    )

    distribution_id: Mapped[int] = mapped_column(BigId, primary_key=True, autoincrement=False)
    subscriber_id: Mapped[int] = mapped_column(BigId, primary_key=True, autoincrement=False)
    rendering_id: Mapped[int] = mapped_column(BigId)
    list_set_id: Mapped[int] = mapped_column(BigId)
    state: Mapped[str] = mapped_column(sa.Text)
    # Why it failed, was suppressed or deferred: `left`, `suspended`, a suppression's reason, …
    reason: Mapped[str | None] = mapped_column(sa.Text)
    # The last reply of a mail server, as it came (bounded), and by which relay.
    reply: Mapped[str | None] = mapped_column(sa.Text)
    attempts: Mapped[int] = mapped_column(sa.SmallInteger, server_default="0")
    # The lease under which the last attempt was made: with `attempts` it says which attempt an
    # outcome belongs to, so that one applied twice counts once. No row is referred to: leases go.
    lease_id: Mapped[int | None] = mapped_column(BigId)
    # An earlier or the last attempt may have been taken although no final reply came.
    is_in_doubt: Mapped[bool] = mapped_column(server_default=sa.false())
    # Copies beyond the first that may have been sent.
    repeats: Mapped[int] = mapped_column(sa.SmallInteger, server_default="0")
    # When a deferred one is due again; None otherwise.
    due_at: Mapped[dt.datetime | None] = mapped_column(Moment())
    decided_at: Mapped[dt.datetime | None] = mapped_column(Moment())
    bounced_at: Mapped[dt.datetime | None] = mapped_column(Moment())
    complained_at: Mapped[dt.datetime | None] = mapped_column(Moment())

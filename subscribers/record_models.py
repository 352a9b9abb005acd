"""The tables of what subscribers asked for and agreed to, and of the notices that they get.

Nothing here has a foreign key to `subscriber`: what is asked for comes before there is one, and
what was agreed to is erased after it.
"""

import datetime as dt
import enum
from typing import Any

import sqlalchemy as sa
from sqlalchemy.orm import Mapped, mapped_column

from runtime.database import Base, BigId, Moment, database_now, one_of
from subscribers.models import Json


class Consent(Base):
    """One entry of the consent log: what somebody agreed to or changed, and how that was done.

    Append-only, by triggers: no entry is ever changed, and none goes while its subscriber is
    there. Erasure removes the subscriber first, then these.
    """

    __tablename__ = "consent"
    __table_args__ = (
        sa.Index("ix_consent_subscriber_id_id", "subscriber_id", "id"),
        # Why people left: few of very many entries.
        sa.Index(
            "ix_consent_reason_id",
            "id",
            sqlite_where=sa.text("what = 'reason'"),
            postgresql_where=sa.text("what = 'reason'"),
        ),
    )

    id: Mapped[int] = mapped_column(BigId, primary_key=True)
    subscriber_id: Mapped[int] = mapped_column(BigId)
    at: Mapped[dt.datetime] = mapped_column(Moment(), default=database_now())
    # By what: subscribers.consents.What.
    what: Mapped[str] = mapped_column(sa.Text)
    # What became different: subscribers.commands.Change.to_json().
    detail: Mapped[dict[str, Any]] = mapped_column(Json)
    # The page (a route's template) or command; the network that it came from, the host cut off.
    page: Mapped[str | None] = mapped_column(sa.Text)
    network: Mapped[str | None] = mapped_column(sa.Text)
    # The words that were agreed to.
    wording: Mapped[str | None] = mapped_column(sa.Text)


class SignUp(Base):
    """A form of `/subscribe` that waits for its confirmation by mail."""

    __tablename__ = "sign_up"
    __table_args__ = (
        sa.Index("ix_sign_up_address_hash_created_at", "address_hash", "created_at"),
        sa.Index("ix_sign_up_network_created_at", "network", "created_at"),
        sa.Index("ix_sign_up_created_at", "created_at"),
        # Its id is in a link.
        {"sqlite_autoincrement": True},
    )

    id: Mapped[int] = mapped_column(BigId, primary_key=True)
    address: Mapped[str] = mapped_column(sa.Text)
    address_key: Mapped[str] = mapped_column(sa.Text)
    address_hash: Mapped[bytes] = mapped_column(sa.LargeBinary)
    name: Mapped[str | None] = mapped_column(sa.Text)
    language: Mapped[str] = mapped_column(sa.Text)
    format: Mapped[str] = mapped_column(sa.Text)
    # As in Consent.
    page: Mapped[str | None] = mapped_column(sa.Text)
    network: Mapped[str | None] = mapped_column(sa.Text)
    # When a mail about it was queued; None where one had gone out shortly before.
    mailed_at: Mapped[dt.datetime | None] = mapped_column(Moment())
    confirmed_at: Mapped[dt.datetime | None] = mapped_column(Moment())
    # Who confirmed it: the subscriber that there was, or was made.
    subscriber_id: Mapped[int | None] = mapped_column(BigId)
    created_at: Mapped[dt.datetime] = mapped_column(Moment(), default=database_now())


class SignUpList(Base):
    """A list that a sign-up asks for, and how often."""

    __tablename__ = "sign_up_list"
    __table_args__ = (sa.Index("ix_sign_up_list_list_id_created_at", "list_id", "created_at"),)

    sign_up_id: Mapped[int] = mapped_column(
        sa.ForeignKey("sign_up.id", ondelete="CASCADE"), primary_key=True
    )
    list_id: Mapped[int] = mapped_column(sa.ForeignKey("mailing_list.id"), primary_key=True)
    frequency: Mapped[str] = mapped_column(sa.Text)
    created_at: Mapped[dt.datetime] = mapped_column(Moment(), default=database_now())


class AddressChange(Base):
    """A change of address that was asked for, from one address to another."""

    __tablename__ = "address_change"
    __table_args__ = (
        sa.Index("ix_address_change_subscriber_id_created_at", "subscriber_id", "created_at"),
        {"sqlite_autoincrement": True},
    )

    id: Mapped[int] = mapped_column(BigId, primary_key=True)
    subscriber_id: Mapped[int] = mapped_column(BigId)
    address_before: Mapped[str] = mapped_column(sa.Text)
    address: Mapped[str] = mapped_column(sa.Text)
    address_key: Mapped[str] = mapped_column(sa.Text)
    address_hash: Mapped[bytes] = mapped_column(sa.LargeBinary)
    created_at: Mapped[dt.datetime] = mapped_column(Moment(), default=database_now())
    confirmed_at: Mapped[dt.datetime | None] = mapped_column(Moment())
    undone_at: Mapped[dt.datetime | None] = mapped_column(Moment())


class MergedSubscriber(Base):
    """A subscriber that was merged into another: links in old mail still name it."""

    __tablename__ = "merged_subscriber"

    subscriber_id: Mapped[int] = mapped_column(BigId, primary_key=True, autoincrement=False)
    into_id: Mapped[int] = mapped_column(BigId, index=True)
    merged_at: Mapped[dt.datetime] = mapped_column(Moment(), default=database_now())


class Desk(Base):
    """A newsroom's shared address, and who looks after it."""

    __tablename__ = "desk"

    # The subscriber whose `is_desk` is true.
    subscriber_id: Mapped[int] = mapped_column(BigId, primary_key=True, autoincrement=False)
    name: Mapped[str] = mapped_column(sa.Text)
    keeper_address: Mapped[str] = mapped_column(sa.Text)
    created_at: Mapped[dt.datetime] = mapped_column(Moment(), default=database_now())


class DeskMemberState(enum.StrEnum):
    """invited → active → ended; who is invited again gets a new row."""

    INVITED = "invited"
    ACTIVE = "active"
    ENDED = "ended"


class DeskMember(Base):
    """Somebody to whom a desk forwards what they chose of it."""

    __tablename__ = "desk_member"
    __table_args__ = (
        one_of("state", DeskMemberState),
        sa.Index(
            "uq_desk_member_open",
            "desk_id",
            "address_key",
            unique=True,
            sqlite_where=sa.text("state <> 'ended'"),
            postgresql_where=sa.text("state <> 'ended'"),
        ),
        # Who was invited lately, the ended ones too.
        sa.Index("ix_desk_member_desk_id_invited_at", "desk_id", "invited_at"),
        sa.Index("ix_desk_member_subscriber_id", "subscriber_id"),
        # Erasure forgets invitations that were never accepted, too.
        sa.Index("ix_desk_member_address_key", "address_key"),
        {"sqlite_autoincrement": True},
    )

    id: Mapped[int] = mapped_column(BigId, primary_key=True)
    desk_id: Mapped[int] = mapped_column(BigId)
    address: Mapped[str] = mapped_column(sa.Text)
    address_key: Mapped[str] = mapped_column(sa.Text)
    # Known when they have accepted.
    subscriber_id: Mapped[int | None] = mapped_column(BigId)
    state: Mapped[str] = mapped_column(sa.Text)
    invited_at: Mapped[dt.datetime] = mapped_column(Moment(), default=database_now())
    joined_at: Mapped[dt.datetime | None] = mapped_column(Moment())
    ended_at: Mapped[dt.datetime | None] = mapped_column(Moment())


class NoticeState(enum.StrEnum):
    """queued → accepted / deferred / failed / cancelled / uncertain, as with deliveries."""

    QUEUED = "queued"
    ACCEPTED = "accepted"
    DEFERRED = "deferred"
    FAILED = "failed"
    CANCELLED = "cancelled"
    UNCERTAIN = "uncertain"


class Notice(Base):
    """One mail to one person that is no release, queued by the transaction that causes it."""

    __tablename__ = "notice"
    __table_args__ = (
        one_of("state", NoticeState),
        sa.Index(
            "ix_notice_due_at",
            "due_at",
            sqlite_where=sa.text("due_at IS NOT NULL"),
            postgresql_where=sa.text("due_at IS NOT NULL"),
        ),
        sa.Index("ix_notice_subscriber_id_created_at", "subscriber_id", "created_at"),
        sa.Index("ix_notice_created_at", "created_at"),
        # What people on call look for.
        sa.Index(
            "ix_notice_failed",
            "decided_at",
            sqlite_where=sa.text("state IN ('failed', 'uncertain')"),
            postgresql_where=sa.text("state IN ('failed', 'uncertain')"),
        ),
        {"sqlite_autoincrement": True},
    )

    id: Mapped[int] = mapped_column(BigId, primary_key=True)
    # subscribers.notices.NoticeKind, and what its words speak of (ids, no tokens).
    kind: Mapped[str] = mapped_column(sa.Text)
    detail: Mapped[dict[str, Any]] = mapped_column(Json)
    subscriber_id: Mapped[int | None] = mapped_column(BigId)
    address: Mapped[str] = mapped_column(sa.Text)
    name: Mapped[str | None] = mapped_column(sa.Text)
    language: Mapped[str] = mapped_column(sa.Text)
    state: Mapped[str] = mapped_column(sa.Text, server_default=NoticeState.QUEUED)
    attempts: Mapped[int] = mapped_column(sa.SmallInteger, server_default="0")
    # An attempt had no final reply: it may have come.
    is_in_doubt: Mapped[bool] = mapped_column(server_default=sa.false())
    # When it is to be tried (again); None at the end.
    due_at: Mapped[dt.datetime | None] = mapped_column(Moment())
    # The lease of the lane that tries it now; where that lease is gone, its worker was lost.
    lease_id: Mapped[int | None] = mapped_column(BigId)
    # How often that has happened.
    losses: Mapped[int] = mapped_column(sa.SmallInteger, server_default="0")
    # Its Message-ID derives from it, so that a repeat has the same one.
    salt: Mapped[bytes] = mapped_column(sa.LargeBinary)
    reason: Mapped[str | None] = mapped_column(sa.Text)
    reply: Mapped[str | None] = mapped_column(sa.Text)
    created_at: Mapped[dt.datetime] = mapped_column(Moment(), default=database_now())
    decided_at: Mapped[dt.datetime | None] = mapped_column(Moment())

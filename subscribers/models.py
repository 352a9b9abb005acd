"""The tables of who receives. The constraints here are what idempotency rests on."""

import datetime as dt
import enum
from typing import Final

import sqlalchemy as sa
from sqlalchemy.dialects.postgresql import JSONB
from sqlalchemy.orm import Mapped, mapped_column

from runtime.database import Base, BigId, Moment, database_now, one_of


class Format(enum.StrEnum):
    """What a subscriber wants to read."""

    HTML = "html"
    TEXT = "text"


class Frequency(enum.StrEnum):
    """How often a subscription is served; daily and weekly are digests."""

    AT_ONCE = "at-once"
    DAILY = "daily"
    WEEKLY = "weekly"


Json = sa.JSON().with_variant(JSONB(), "postgresql")


class SubscriptionState(enum.StrEnum):
    """pending → active ⇄ suspended → ended; a new start is a new row."""

    PENDING = "pending"
    ACTIVE = "active"
    SUSPENDED = "suspended"
    ENDED = "ended"


class MailingList(Base):
    """What one subscribes to: a topic (public) or a private list (accredited press)."""

    __tablename__ = "mailing_list"

    id: Mapped[int] = mapped_column(BigId, primary_key=True)
    slug: Mapped[str] = mapped_column(sa.Text, unique=True)
    title: Mapped[str] = mapped_column(sa.Text)
    description: Mapped[str | None] = mapped_column(sa.Text)
    is_private: Mapped[bool] = mapped_column(server_default=sa.false())
    # The heading under which pages group it, and how often something comes, in a few words.
    topic: Mapped[str | None] = mapped_column(sa.Text)
    cadence: Mapped[str | None] = mapped_column(sa.Text)
    # When its digests come, for those who have not chosen: an IANA zone, and an hour of the day.
    timezone: Mapped[str | None] = mapped_column(sa.Text)
    digest_hour: Mapped[int | None] = mapped_column(sa.SmallInteger)
    # Mailboxes, `Name <address>`: the press desk that answers, and the sender.
    reply_to: Mapped[str | None] = mapped_column(sa.Text)
    sender: Mapped[str | None] = mapped_column(sa.Text)
    created_at: Mapped[dt.datetime] = mapped_column(Moment(), default=database_now())


class Subscriber(Base):
    """A person's address and what they like to read; one per address (`address_key`)."""

    __tablename__ = "subscriber"
    # Ids are in links that work for ever, so none is given twice.
    __table_args__ = (
        one_of("format", Format),
        sa.Index(
            "ix_subscriber_next_digest_at",
            "next_digest_at",
            sqlite_where=sa.text("next_digest_at IS NOT NULL"),
            postgresql_where=sa.text("next_digest_at IS NOT NULL"),
        ),
        {"sqlite_autoincrement": True},
    )

    id: Mapped[int] = mapped_column(BigId, primary_key=True)
    # NFC local part as given, domain as lower-case A-label.
    address: Mapped[str] = mapped_column(sa.Text)
    address_key: Mapped[str] = mapped_column(sa.Text, unique=True)
    # mail.hashing.suppression_hash of the key: suppressions are found by it.
    address_hash: Mapped[bytes] = mapped_column(sa.LargeBinary, index=True)
    name: Mapped[str | None] = mapped_column(sa.Text)
    outlet: Mapped[str | None] = mapped_column(sa.Text)
    language: Mapped[str] = mapped_column(sa.Text, server_default="en")
    format: Mapped[str] = mapped_column(sa.Text, server_default=Format.HTML)
    # Chosen by the subscriber: an IANA zone, the hour of the day at which digests come there.
    timezone: Mapped[str | None] = mapped_column(sa.Text)
    digest_hour: Mapped[int | None] = mapped_column(sa.SmallInteger)
    # When the next digest is due; PLAN_ANEW where that is to be worked out; None without any.
    next_digest_at: Mapped[dt.datetime | None] = mapped_column(Moment())
    # Nothing is mailed until then: the subscriber's own pause.
    paused_until: Mapped[dt.datetime | None] = mapped_column(Moment())
    # A newsroom's shared address: only its keeper, by a link of their own, ends what it gets.
    is_desk: Mapped[bool] = mapped_column(server_default=sa.false())
    created_at: Mapped[dt.datetime] = mapped_column(Moment(), default=database_now())


PLAN_ANEW: Final = dt.datetime(1970, 1, 1, tzinfo=dt.UTC)
"""As `next_digest_at`: something that decides it has changed; the digests' turn works it out."""


class Subscription(Base):
    """Subscriber × list; at most one that has not ended."""

    __tablename__ = "subscription"
    __table_args__ = (
        one_of("state", SubscriptionState),
        one_of("frequency", Frequency),
        sa.CheckConstraint("(state = 'ended') = (ended_at IS NOT NULL)", name="ended_at"),
        sa.Index(
            "uq_subscription_open",
            "subscriber_id",
            "list_id",
            unique=True,
            sqlite_where=sa.text("state <> 'ended'"),
            postgresql_where=sa.text("state <> 'ended'"),
        ),
        # An audience is read list by list, in ranges of subscribers.
        sa.Index("ix_subscription_list_id_subscriber_id", "list_id", "subscriber_id"),
        sa.Index("ix_subscription_subscriber_id", "subscriber_id"),
        # What a desk forwards; nearly all subscriptions are people's own.
        sa.Index(
            "ix_subscription_desk_id",
            "desk_id",
            sqlite_where=sa.text("desk_id IS NOT NULL"),
            postgresql_where=sa.text("desk_id IS NOT NULL"),
        ),
    )

    id: Mapped[int] = mapped_column(BigId, primary_key=True)
    subscriber_id: Mapped[int] = mapped_column(sa.ForeignKey("subscriber.id"))
    list_id: Mapped[int] = mapped_column(sa.ForeignKey("mailing_list.id"))
    state: Mapped[str] = mapped_column(sa.Text)
    frequency: Mapped[str] = mapped_column(sa.Text, server_default=Frequency.AT_ONCE)
    # What it was before it was changed last: what came out before that is served by the old one.
    frequency_before: Mapped[str | None] = mapped_column(sa.Text)
    frequency_changed_at: Mapped[dt.datetime | None] = mapped_column(Moment())
    # The desk (a subscriber) that the subscriber gets it through; None for their own.
    desk_id: Mapped[int | None] = mapped_column(BigId)
    # Began: became active (confirmed); None while pending.
    began_at: Mapped[dt.datetime | None] = mapped_column(Moment())
    ended_at: Mapped[dt.datetime | None] = mapped_column(Moment())
    end_reason: Mapped[str | None] = mapped_column(sa.Text)
    # Where it came from: `import FILE`, `one-click`, `preferences`, …
    source: Mapped[str] = mapped_column(sa.Text)
    created_at: Mapped[dt.datetime] = mapped_column(Moment(), default=database_now())


class ListSet(Base):
    """The set of lists that a copy came through; kept for ever, for links name it."""

    __tablename__ = "list_set"

    id: Mapped[int] = mapped_column(BigId, primary_key=True)
    # The ids of its lists in rising order, comma separated: what makes it one row.
    key: Mapped[str] = mapped_column(sa.Text, unique=True)


class ListSetMember(Base):
    """A list of a list set."""

    __tablename__ = "list_set_member"

    list_set_id: Mapped[int] = mapped_column(sa.ForeignKey("list_set.id"), primary_key=True)
    list_id: Mapped[int] = mapped_column(sa.ForeignKey("mailing_list.id"), primary_key=True)


class Suppression(Base):
    """An address that must not be mailed, by its keyed hash; outlives the subscriber's row."""

    __tablename__ = "suppression"

    id: Mapped[int] = mapped_column(BigId, primary_key=True)
    address_hash: Mapped[bytes] = mapped_column(sa.LargeBinary, unique=True)
    reason: Mapped[str] = mapped_column(sa.Text)
    # What the office has noted about it.
    note: Mapped[str | None] = mapped_column(sa.Text)
    created_at: Mapped[dt.datetime] = mapped_column(Moment(), default=database_now())

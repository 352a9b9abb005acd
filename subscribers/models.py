"""The tables of who receives. The constraints here are what idempotency rests on."""

import datetime as dt
import enum

import sqlalchemy as sa
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
    # Mailboxes, `Name <address>`: the press desk that answers, and the sender.
    reply_to: Mapped[str | None] = mapped_column(sa.Text)
    sender: Mapped[str | None] = mapped_column(sa.Text)
    created_at: Mapped[dt.datetime] = mapped_column(Moment(), default=database_now())


class Subscriber(Base):
    """A person's address and what they like to read; one per address (`address_key`)."""

    __tablename__ = "subscriber"
    # Ids are in links that work for ever, so none is given twice.
    __table_args__ = (one_of("format", Format), {"sqlite_autoincrement": True})

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
    created_at: Mapped[dt.datetime] = mapped_column(Moment(), default=database_now())


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
    )

    id: Mapped[int] = mapped_column(BigId, primary_key=True)
    subscriber_id: Mapped[int] = mapped_column(sa.ForeignKey("subscriber.id"))
    list_id: Mapped[int] = mapped_column(sa.ForeignKey("mailing_list.id"))
    state: Mapped[str] = mapped_column(sa.Text)
    frequency: Mapped[str] = mapped_column(sa.Text, server_default=Frequency.AT_ONCE)
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
    created_at: Mapped[dt.datetime] = mapped_column(Moment(), default=database_now())

"""Search: whose address, domain, name or outlet begins like this; each way by an index.

On PostgreSQL the indexes are those of migration 0005, and the expressions here must be theirs to
the letter. SQLite's lists are short enough to be read.
"""

import re
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Final

import sqlalchemy as sa
from sqlalchemy.orm import Session

from mail.addresses import AddressError, parse_address
from runtime.database import is_postgresql
from subscribers.lists import list_by_slug
from subscribers.models import (
    MailingList,
    Subscriber,
    Subscription,
    SubscriptionState,
    Suppression,
)

WORDS_MAX: Final = 8
_WORD: Final = re.compile(r"[^\W_]+")
_ESCAPE: Final = "\\"


@dataclass(frozen=True, slots=True)
class Found:
    """Somebody who was found, and what they are on."""

    subscriber_id: int
    address: str
    name: str | None
    outlet: str | None
    language: str
    suppressed: str | None
    """Why nothing may be mailed to them."""
    lists: dict[str, str]
    """By the list's slug: the state of what has not ended."""

    def to_json(self) -> dict[str, Any]:
        """The object that `subscribers search --json` prints for each."""
        return {
            "address": self.address,
            "name": self.name,
            "outlet": self.outlet,
            "language": self.language,
            "suppressed": self.suppressed,
            "lists": self.lists,
        }


def search(
    session: Session, text: str, *, list_slug: str | None = None, limit: int
) -> tuple[Found, ...]:
    """Who is found, in the order of their addresses, at most `limit`; raises UnknownListError.

    `@example.org` is looked for among domains, what has another @ among addresses, anything else
    among addresses and among the words of names and outlets.
    """
    list_id = None if list_slug is None else list_by_slug(session, list_slug).id
    found: dict[int, Any] = {}
    for way in _ways(text.strip(), is_postgresql=is_postgresql(session)):
        found |= {row.id: row for row in session.execute(_query(way, list_id, limit))}
    rows = sorted(found.values(), key=lambda row: str(row.address_key))[:limit]
    lists = _lists(session, [row.id for row in rows])
    return tuple(
        Found(
            row.id,
            row.address,
            row.name,
            row.outlet,
            row.language,
            row.reason,
            lists.get(row.id, {}),
        )
        for row in rows
    )


def _ways(text: str, *, is_postgresql: bool) -> list[sa.ColumnElement[bool]]:
    """The conditions of which any is enough; each is answered by an index of its own."""
    if not text.strip("@"):
        return []
    if text.startswith("@"):
        return [_begins(_domain(is_postgresql), _domain_key(text[1:]))]
    if "@" in text:
        return [_begins(Subscriber.address_key, _address_key(text))]
    by_address = _begins(Subscriber.address_key, text.lower())
    words = _WORD.findall(text)[:WORDS_MAX]
    return [by_address, _has_words(words, is_postgresql=is_postgresql)] if words else [by_address]


def _query(way: sa.ColumnElement[bool], list_id: int | None, limit: int) -> sa.Select[Any]:
    query = (
        sa.select(
            Subscriber.id,
            Subscriber.address,
            Subscriber.address_key,
            Subscriber.name,
            Subscriber.outlet,
            Subscriber.language,
            # Looked up one by one: few are found.
            sa.select(Suppression.reason)
            .where(Suppression.address_hash == Subscriber.address_hash)
            .scalar_subquery()
            .label("reason"),
        )
        .where(way)
        .order_by(Subscriber.address_key)
        .limit(limit)
    )
    if list_id is None:
        return query
    # An aggregate, and no EXISTS, which could be answered by reading all of the list.
    is_on = (
        sa.select(sa.func.count() > 0)
        .where(
            Subscription.subscriber_id == Subscriber.id,
            Subscription.list_id == list_id,
            Subscription.state != SubscriptionState.ENDED,
        )
        .scalar_subquery()
    )
    return query.where(is_on)


def _lists(session: Session, ids: Sequence[int]) -> dict[int, dict[str, str]]:
    if not ids:
        return {}
    found: dict[int, dict[str, str]] = {}
    for person, slug, state in session.execute(
        sa.select(Subscription.subscriber_id, MailingList.slug, Subscription.state)
        .join(MailingList, MailingList.id == Subscription.list_id)
        .where(Subscription.subscriber_id.in_(ids), Subscription.state != SubscriptionState.ENDED)
        .order_by(MailingList.slug)
    ):
        found.setdefault(person, {})[slug] = state
    return found


def _begins(column: Any, text: str) -> sa.ColumnElement[bool]:
    escaped = re.sub(r"([\\%_])", r"\\\1", text)
    begins: sa.ColumnElement[bool] = column.like(f"{escaped}%", escape=_ESCAPE)
    return begins


def _domain(is_postgresql: bool) -> sa.ColumnElement[str]:
    if is_postgresql:
        return sa.func.split_part(Subscriber.address_key, *map(sa.literal_column, ("'@'", "2")))
    key = Subscriber.address_key
    return sa.func.substr(key, sa.func.instr(key, "@") + 1)


def _has_words(words: Sequence[str], *, is_postgresql: bool) -> sa.ColumnElement[bool]:
    """Each word begins one of the name or the outlet."""
    if is_postgresql:
        vector = sa.text("to_tsvector('simple', coalesce(name, '') || ' ' || coalesce(outlet, ''))")
        query = " & ".join(f"'{word}':*" for word in words)
        return sa.literal_column(f"({vector})", sa.Text).bool_op("@@")(
            sa.func.to_tsquery("simple", query)
        )
    text: Any = sa.literal(" ").concat(sa.func.coalesce(Subscriber.name, "")).concat(" ")
    text = text.concat(sa.func.coalesce(Subscriber.outlet, ""))
    for between in "-'’(/":
        text = sa.func.replace(text, between, " ", type_=sa.Text)
    return sa.and_(
        # SQLite knows letter case in ASCII alone.
        *(
            sa.or_(*(text.contains(f" {form}", autoescape=True) for form in _forms(word)))
            for word in words
        )
    )


def _forms(word: str) -> list[str]:
    return list(dict.fromkeys((word, word.lower(), word.capitalize(), word.upper())))


def _address_key(text: str) -> str:
    try:
        return parse_address(text).key
    except AddressError:
        return text.lower()


def _domain_key(domain: str) -> str:
    """The domain as it is kept; what is no whole one yet, as it is written."""
    return _address_key(f"x@{domain}").rpartition("@")[2]

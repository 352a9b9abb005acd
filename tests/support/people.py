"""People and lists for tests: written as an import would have left them."""

import datetime as dt
from collections.abc import Iterable

from sqlalchemy.orm import Session

from mail.addresses import parse_address
from mail.hashing import suppression_hash
from subscribers.models import (
    ListSet,
    ListSetMember,
    MailingList,
    Subscriber,
    Subscription,
    Suppression,
)

HASH_KEY = "a hash key for tests, long enough"
SINCE = dt.datetime(2024, 3, 9, 8, 30, tzinfo=dt.UTC)


def add_list(
    session: Session,
    slug: str,
    title: str = "",
    *,
    is_private: bool = False,
    description: str | None = None,
) -> MailingList:
    """A mailing list."""
    made = MailingList(
        slug=slug,
        title=title or slug.capitalize(),
        is_private=is_private,
        description=description,
    )
    session.add(made)
    session.flush()
    return made


def add_person(
    session: Session,
    address: str,
    lists: Iterable[MailingList] = (),
    *,
    state: str = "active",
    language: str = "en",
    format: str = "html",  # noqa: A002  # the glossary's noun
) -> Subscriber:
    """A subscriber, on these lists since March 2024 (pending ones: since never)."""
    parsed = parse_address(address)
    made = Subscriber(
        address=str(parsed),
        address_key=parsed.key,
        address_hash=suppression_hash(HASH_KEY, parsed.key),
        language=language,
        format=format,
    )
    session.add(made)
    session.flush()
    for followed in lists:
        session.add(
            Subscription(
                subscriber_id=made.id,
                list_id=followed.id,
                state=state,
                began_at=None if state == "pending" else SINCE,
                source="import people.csv",
            )
        )
    session.flush()
    return made


def add_list_set(session: Session, lists: Iterable[MailingList]) -> ListSet:
    """The set of lists that a copy came through."""
    ids = sorted(one.id for one in lists)
    made = ListSet(key=",".join(map(str, ids)))
    session.add(made)
    session.flush()
    session.add_all(ListSetMember(list_set_id=made.id, list_id=one) for one in ids)
    session.flush()
    return made


def suppress(session: Session, subscriber: Subscriber, reason: str = "hard bounce") -> None:
    """Forbid mail to the subscriber's address."""
    session.add(Suppression(address_hash=subscriber.address_hash, reason=reason))
    session.flush()

"""Who opens `/p/TOKEN`: whoever holds a release's mail, or the subscriber for certain."""

import datetime as dt
from dataclasses import dataclass

from mail.tokens import BadSignatureError, RetiredKeyError
from subscribers.links import ExpiredLinkError, Links


@dataclass(frozen=True, slots=True)
class Visitor:
    """Whose page it is, and how certain it is that they are looking at it themselves."""

    subscriber_id: int
    is_private: bool
    """By a private link, mailed to them within a day; otherwise by one that may have been passed
    on with the mail that it came with."""


@dataclass(frozen=True, slots=True)
class LateVisitor:
    """Whose link was genuine once: a new one may be mailed to them."""

    subscriber_id: int


def read_visitor(links: Links, token: str, now: dt.datetime) -> Visitor | LateVisitor:
    """Who holds this token; raises TokenError for what was never a link to preferences."""
    try:
        return _read(links, token, now)
    except ExpiredLinkError as error:
        return LateVisitor(error.subscriber_id)
    except RetiredKeyError as error:
        return LateVisitor(error.subject[0])


def _read(links: Links, token: str, now: dt.datetime) -> Visitor:
    try:
        return Visitor(links.preferring(token), is_private=False)
    except BadSignatureError:
        return Visitor(links.managing(token, now), is_private=True)

"""The consent log: what somebody agreed to or changed, when, how, and at which words.

Append-only (the database refuses anything else); an entry holds what an undo needs, too.
"""

import datetime as dt
import enum
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Final

import sqlalchemy as sa
from sqlalchemy.orm import Session

from runtime.database import Base, execute
from subscribers.changes import Change, fields_from_json, paced_from_json
from subscribers.record_models import Consent


class By(enum.StrEnum):
    """By what something began, changed or ended: on the log, and in a subscription's row."""

    ONE_CLICK = "one-click"
    UNSUBSCRIBE_PAGE = "unsubscribe page"
    PREFERENCES = "preferences"
    STOP_ALL = "stop all"
    UNDO = "undo"
    REASON = "reason"
    SIGN_UP = "sign-up"
    ADDRESS_CHANGE = "address change"
    DESK = "desk"
    OFFICE = "office"
    IMPORT = "import"
    MERGE = "merge"


@dataclass(frozen=True, slots=True)
class Via:
    """How something was asked for."""

    page: str
    """A route's template, such as `/p/{token}`, or a command, such as `subscribers suppress`."""
    network: str | None = None
    """Where it came from, the host cut off: `203.0.113.0/24`."""
    wording: str | None = None
    """The words that were agreed to."""


_log: Final = Base.metadata.tables[Consent.__tablename__]
_ADD: Final = sa.insert(_log).returning(_log.c.id)


def record(
    session: Session,
    subscriber_id: int,
    what: By,
    detail: Mapping[str, Any],
    via: Via,
    at: dt.datetime,
) -> int:
    """Add an entry to the log; its id. `detail` is JSON."""
    values = {
        "subscriber_id": subscriber_id,
        "at": at,
        "what": what.value,
        "detail": dict(detail),
        "page": via.page,
        "network": via.network,
        "wording": via.wording,
    }
    entry_id: int = execute(session, _ADD, values).scalar_one()
    return entry_id


def change_of(entry: Consent) -> Change:
    """The change that an entry of the consent log speaks of."""
    said = entry.detail
    return Change(
        entry.subscriber_id,
        entry.at,
        joined=tuple(said.get("joined", ())),
        left=tuple(said.get("left", ())),
        paced=paced_from_json(said.get("paced", [])),
        before=fields_from_json(said.get("before", {})),
        after=fields_from_json(said.get("after", {})),
        entry_id=entry.id,
    )

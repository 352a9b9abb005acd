"""What a subscriber is told by mail about links of theirs: changes made by them, and new ones.

A link of a release's mail may have been forwarded. Nobody who holds one can fill a mailbox:
an hour has so many notices, and no more.
"""

import datetime as dt
from typing import Final

from sqlalchemy.orm import Session

from subscribers.changes import Change
from subscribers.locking import lock
from subscribers.merged import current_id
from subscribers.notices import NoticeKind, queue_few

CHANGES_MAX: Final = 10
PRIVATE_LINKS_MAX: Final = 3
_HOUR: Final = dt.timedelta(hours=1)


class TooManyChanges(Exception):
    """So many changes were told of in an hour that another must wait: roll it back."""


def tell(session: Session, change: Change) -> None:
    """Queue the notice of a change that was made by a link of a release's mail.

    In the transaction of the change, which holds the subscriber's lock. Raises TooManyChanges.
    """
    if change.is_nothing:
        return
    is_told = queue_few(
        session,
        change.subscriber_id,
        NoticeKind.CHANGED,
        change.at - _HOUR,
        CHANGES_MAX,
        {"entry_id": change.entry_id},
    )
    if not is_told:
        raise TooManyChanges


def mail_private_link(session: Session, subscriber_id: int) -> None:
    """Queue the notice with a private link, unless three went out within the hour."""
    subscriber_id = current_id(session, subscriber_id)
    now = lock(session, subscriber_id)
    queue_few(session, subscriber_id, NoticeKind.PRIVATE_LINK, now - _HOUR, PRIVATE_LINKS_MAX)

"""Why somebody left, if they cared to say: an entry of the consent log after that of leaving."""

import datetime as dt
import enum
from collections import Counter
from typing import Final

import sqlalchemy as sa
from sqlalchemy.orm import Session

from subscribers.changes import Change
from subscribers.consents import By, Via, change_of, record
from subscribers.locking import lock
from subscribers.merged import current_id, ids_of
from subscribers.models import MailingList
from subscribers.record_models import Consent
from subscribers.undo import UNDO_DAYS, Undo

WORDS_MAX_CHARACTERS: Final = 300


class Why(enum.StrEnum):
    """The reasons that the page offers, as the log keeps them."""

    TOO_MUCH = "too much mail"
    OTHER_TOPICS = "not my topics"
    NEVER_ASKED = "never signed up"
    OTHER_JOB = "changed jobs"
    OTHER = "other"


def give_reason(session: Session, left: Undo, why: Why, words: str, via: Via) -> Change | None:
    """Note why a leaving came about; the first reason that is given for it counts.

    Returns what was left; None where it is not known (any more).
    """
    person = current_id(session, left.subscriber_id)
    now = lock(session, person)
    entry = session.get(Consent, left.entry_id)
    if entry is None or entry.subscriber_id != left.subscriber_id:
        return None
    change = change_of(entry)
    if not change.left or now - entry.at > dt.timedelta(days=UNDO_DAYS):
        return None
    if not _is_given(session, person, left.entry_id):
        detail = {"of": left.entry_id, "lists": list(change.left), "why": why.value}
        if words:
            detail["words"] = words
        record(session, person, By.REASON, detail, via, now)
    return change


def reason_counts(session: Session) -> dict[str, Counter[Why]]:
    """How often each reason was given, by the slug of the list that was left."""
    slugs = {
        row.id: row.slug for row in session.execute(sa.select(MailingList.id, MailingList.slug))
    }
    counts: dict[str, Counter[Why]] = {}
    given = sa.select(Consent.detail).where(_IS_REASON).execution_options(yield_per=1_000)
    for detail in session.scalars(given):
        for list_id in detail["lists"]:
            counts.setdefault(slugs[list_id], Counter())[Why(detail["why"])] += 1
    return counts


# Written out, so that PostgreSQL finds the index of the few.
_IS_REASON: Final = sa.and_(Consent.what == sa.literal_column(f"'{By.REASON.value}'"))


def _is_given(session: Session, person: int, entry_id: int) -> bool:
    given = session.scalars(
        sa.select(Consent.detail).where(
            Consent.subscriber_id.in_(ids_of(session, person)), _IS_REASON
        )
    )
    return any(detail["of"] == entry_id for detail in given)

"""A notice's mail, made at the moment when it is sent, in no transaction that writes."""

import datetime as dt
from typing import Final

import sqlalchemy as sa
from sqlalchemy.orm import Session

from mail.addresses import parse_address
from mail.hashing import suppression_hash
from mail.smtp_items import Item
from releases.outcomes import GivenUp
from releases.rehearsal import Rehearsal
from releases.rendering import Sending
from runtime.database import DATABASE_IS_AWAY, Database, read_clock
from runtime.logging import get_logger
from subscribers.links import Links
from subscribers.models import Suppression
from subscribers.notices import NoticeKind
from subscribers.record_models import Notice
from worker.notice_ledger import Held
from worker.notice_mail import notice_mail
from worker.notice_words import Said, say

# What somebody asked for at this very address, just now.
_TO_SUPPRESSED: Final = frozenset(
    {
        NoticeKind.CONFIRM_SIGN_UP,
        NoticeKind.NOT_BY_FORM,
        NoticeKind.CONFIRM_ADDRESS,
        NoticeKind.PRIVATE_LINK,
        NoticeKind.ERASED,
    }
)

log = get_logger("worker")


class NoticeMaker:
    """Makes mails of notices, with what this installation signs and sends with."""

    def __init__(
        self,
        database: Database,
        links: Links,
        sending: Sending,
        rehearsal: Rehearsal,
        *,
        hash_key: str,
    ) -> None:
        self._database = database
        self._links = links
        self._sending = sending
        self._rehearsal = rehearsal
        self._hash_key = hash_key

    def make(self, held: Held) -> Item | GivenUp | None:
        """The mail, or why there is none; None where the notice itself is gone.

        Whatever is wrong with one notice concerns it alone. Raises what DATABASE_IS_AWAY lists.
        """
        try:
            return self._make(held)
        except DATABASE_IS_AWAY:
            raise
        except Exception as error:  # nobody can foresee what a row may hold
            log.exception("a notice cannot be made into a mail", notice=held.id)
            why = f"it cannot be made into a mail: {type(error).__name__}: {error}"
            return GivenUp(is_cancelled=False, reason=why)

    def _make(self, held: Held) -> Item | GivenUp | None:
        with self._database.reading() as session:
            notice = session.get(Notice, held.id)
            if notice is None:
                return None
            said = self._say(session, notice, read_clock(session))
            session.expunge(notice)
        if isinstance(said, GivenUp):
            return said
        data = notice_mail(notice, said, self._sending, notice.created_at)
        return Item(held, str(self._sending.from_.address), notice.address, data)

    def _say(self, session: Session, notice: Notice, now: dt.datetime) -> Said | GivenUp:
        """What it says, or why it is not to be sent."""
        why = self._rehearsal.why_withheld(notice.address, False) or self._why_not(session, notice)
        if why is not None:
            return GivenUp(is_cancelled=True, reason=why)
        said = say(session, notice, self._links, self._sending.timezone, now)
        return said or GivenUp(is_cancelled=True, reason="what it speaks of is gone")

    def _why_not(self, session: Session, notice: Notice) -> str | None:
        """Why nothing is mailed to the address that this very notice goes to."""
        if NoticeKind(notice.kind) in _TO_SUPPRESSED:
            return None
        address_hash = suppression_hash(self._hash_key, parse_address(notice.address).key)
        return session.scalar(
            sa.select(Suppression.reason).where(Suppression.address_hash == address_hash)
        )

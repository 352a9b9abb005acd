"""A relay for notices, and lanes that send through it."""

import datetime as dt
from collections.abc import Callable
from email import policy
from email.parser import BytesParser

import sqlalchemy as sa

from mail.tokens import Keyring
from releases.leasing import release_lease, take_lease
from releases.rehearsal import Rehearsal
from runtime.database import Database
from runtime.relays import Relay
from subscribers.links import Links
from subscribers.notices import NoticeKind, queue
from subscribers.record_models import Notice
from tests.support.office import SENDING
from tests.support.people import HASH_KEY
from tests.support.smtp_model import SmtpModel
from tests.support.smtp_server import SmtpServer
from worker.notice_ledger import Held, take_next
from worker.notice_making import NoticeMaker
from worker.notices import CONNECTIONS, WINDOW, NoticeLane
from worker.smtp import Postman

LINKS = Links("https://press.example.org", Keyring(["a signing key for tests"]))
LONG_AGO = dt.datetime(2020, 1, 1, tzinfo=dt.UTC)


class Relaying:
    """A relay (to be entered), the database, and lanes between them."""

    def __init__(self, database: Database, script: Callable[..., object] | None = None) -> None:
        self.database = database
        self.server = SmtpServer(lambda _: SmtpModel(script=script) if script else SmtpModel())

    def maker(
        self, only_to: tuple[str, ...] = (), kind: type[NoticeMaker] = NoticeMaker
    ) -> NoticeMaker:
        """Makes mails as a worker does."""
        return kind(self.database, LINKS, SENDING, Rehearsal(only_to), hash_key=HASH_KEY)

    def lane(
        self, only_to: tuple[str, ...] = (), *, port: int = 0, maker: NoticeMaker | None = None
    ) -> NoticeLane:
        """A lane of some worker."""
        relay = Relay("127.0.0.1", port or self.server.port)
        return NoticeLane(
            self.database,
            Postman([relay], connections_per_relay=CONNECTIONS, window=WINDOW),
            maker or self.maker(only_to),
            "a folder",
            is_stopping=lambda: False,
        )

    def queue(self, address: str, kind: NoticeKind = NoticeKind.NOT_BY_FORM, **more: object) -> int:
        """Queue a notice; its id."""
        with self.database.transaction() as session:
            return queue(session, kind, address=address, language="en", **more)  # type: ignore[arg-type]

    def lose(self) -> Held:
        """What a worker leaves that is lost with the next notice in its hands."""
        with self.database.transaction() as session:
            lease_id = take_lease(session, "lost", "another folder", "")
            held = take_next(session, lease_id)
            assert held is not None
        with self.database.transaction() as session:
            release_lease(session, lease_id)
        return held

    def make_due(self) -> None:
        """Whatever is put off is due."""
        with self.database.transaction() as session:
            session.execute(
                sa.update(Notice).where(Notice.due_at.is_not(None)).values(due_at=LONG_AGO)
            )

    def notice(self, notice_id: int) -> Notice:
        """How one stands."""
        with self.database.reading() as session:
            found = session.get_one(Notice, notice_id)
            session.expunge(found)
            return found

    def states(self) -> list[tuple[str, str]]:
        """Kind and state of all, in the order in which they were queued."""
        with self.database.reading() as session:
            rows = session.execute(sa.select(Notice.kind, Notice.state).order_by(Notice.id))
            return [(row.kind, row.state) for row in rows]

    @property
    def mails(self) -> list[bytes]:
        """What the relay took."""
        return [envelope.data for envelope in self.server.taken]

    def message_ids(self) -> list[str]:
        """Of what the relay took."""
        parse = BytesParser(policy=policy.default).parsebytes
        return [parse(octets)["Message-ID"] for octets in self.mails]

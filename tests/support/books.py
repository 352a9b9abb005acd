"""The books of an office: the functions of the ledger on a database, a transaction each."""

import datetime as dt
import random
import secrets
from collections.abc import Sequence

import sqlalchemy as sa

from mail.replies import Accepted, Deferred, Failed, InDoubt, Outcome, Reply
from releases.leasing import Leased, take_lease
from releases.ledger import Report, Turn, take_turn
from releases.models import Batch, Delivery, Distribution, Lease
from releases.queries import Status, status
from releases.recording import Entry
from releases.resending import ResendOrder, resend
from releases.settling import settle
from runtime.database import Database, read_clock
from tests.support.office import Office

OK = Accepted(Reply(250, (2, 0, 0), 'Ok: "queued" as \\4XyZ'))
NOT_NOW = Deferred(Reply(450, (4, 2, 0), "Greylisted"), "450 4.2.0 Greylisted")
NEVER = Failed(Reply(550, (5, 1, 1), "No such user"), "550 5.1.1 No such user")
DOUBT = InDoubt("the connection was lost")


class Books:
    """An office with one list, and the ledger's functions on it, a transaction each."""

    def __init__(self, url: str, people: int = 10) -> None:
        self.office = Office(Database(url))
        self.database = self.office.database
        self.list_id = self.office.lists("press")["press"]
        self.people = self.office.people(people)
        self.office.subscribe(self.people, self.list_id)

    def publish(self, **order: object) -> int:
        """Publish and expand; the distribution's id."""
        distribution = self.office.publish("press", **order)
        self.office.expand(distribution)
        return distribution

    def resend(self, distribution: int, **order: object) -> int:
        """Order a resend; its id."""
        published = resend(
            self.database, ResendOrder(distribution, **order), salt=secrets.token_bytes(16)
        )
        return published.distribution_id

    def rows(self, distribution: int) -> dict[int, str]:
        """State by subscriber."""
        with self.database.reading() as session:
            return dict(
                session.execute(
                    sa.select(Delivery.subscriber_id, Delivery.state).where(
                        Delivery.distribution_id == distribution
                    )
                ).all()
            )

    def lease(self, folder: str = "here", journal: str = "j") -> int:
        """A new lease."""
        with self.database.transaction() as session:
            return take_lease(session, "tests:1", folder, journal)

    def turn(
        self,
        lease: int,
        *reports: Report,
        wants_next: bool = False,
        in_hand: Sequence[int] = (),
    ) -> Turn:
        """One turn of the ledger."""
        with self.database.transaction() as session:
            return take_turn(
                session,
                lease,
                reports,
                wants_next=wants_next,
                jitter=random.Random(1),
                why_withheld=lambda address, is_rehearsal: None,
                in_hand=in_hand,
            )

    def next(self, lease: int) -> Leased | None:
        """Lease a batch."""
        return self.turn(lease, wants_next=True).leased

    def report(
        self, lease: int, leased: Leased, outcomes: Sequence[Outcome | None], **more: object
    ) -> Turn:
        """Report outcomes for the batch's recipients, in their order, and give it back."""
        entries = [
            Entry(recipient.subscriber_id, recipient.attempts + 1, outcome)
            for recipient, outcome in zip(leased.recipients, outcomes, strict=False)
            if outcome is not None
        ]
        return self.turn(lease, Report(leased.batch_id, entries, **{"is_done": True, **more}))

    def run_out(self, lease: int) -> None:
        """The lease has run out."""
        with self.database.transaction() as session:
            session.execute(
                sa.update(Lease)
                .where(Lease.id == lease)
                .values(expires_at=read_clock(session) - dt.timedelta(seconds=1))
            )

    def make_due(self) -> None:
        """Whatever waits is due."""
        with self.database.transaction() as session:
            moment = read_clock(session)
            session.execute(sa.update(Batch).values(due_at=moment))
            session.execute(
                sa.update(Delivery).where(Delivery.due_at.is_not(None)).values(due_at=moment)
            )

    def status(self, distribution: int) -> Status:
        """How it stands; the batches' books agree with the deliveries."""
        with self.database.reading() as session:
            found = status(session, distribution)
            counted = dict(
                session.execute(
                    sa.select(Delivery.state, sa.func.count())
                    .where(Delivery.distribution_id == distribution)
                    .group_by(Delivery.state)
                ).all()
            )
        assert found is not None
        for state in ("queued", "accepted", "deferred", "failed", "suppressed", "cancelled"):
            assert getattr(found, state) == counted.get(state, 0)
        return found

    def settle(self, distribution: int) -> object:
        """Settle it."""
        with self.database.transaction() as session:
            return settle(session, distribution)

    def batch(self) -> Batch:
        """The only batch."""
        with self.database.transaction() as session:
            return session.scalars(sa.select(Batch)).one()

    def change(self, distribution: int, **values: object) -> None:
        """Change the distribution's row."""
        with self.database.transaction() as session:
            session.execute(
                sa.update(Distribution).where(Distribution.id == distribution).values(**values)
            )

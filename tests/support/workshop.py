"""An engine and what surrounds it, without Celery."""

from collections.abc import Callable
from pathlib import Path

import sqlalchemy as sa

from mail.tokens import Keyring
from releases.models import Batch, Delivery, Lease
from releases.rehearsal import Rehearsal
from releases.rendering import Sending
from releases.settling import settle
from releases.upkeep import keep_pulse
from runtime.database import Database
from tests.support.fleet import status_of
from tests.support.office import SENDING, Office
from tests.support.smtp_model import ESMTP, SmtpModel
from worker.connections import Timeouts
from worker.engine import Engine
from worker.filling import Filling
from worker.journal_folder import JournalFolder
from worker.limits.gate import Gate
from worker.smtp import Postman, Relay

KEYRING = Keyring(["s" * 32])
QUICK = Timeouts(connect=1, command=2, content=2, write=2, farewell=0.3)


class Workshop:
    """An office and an engine, without Celery."""

    def __init__(self, url: str, state: Path) -> None:
        self.office = Office(Database(url))
        self.database = self.office.database
        self.list_id = self.office.lists("press")["press"]
        self.state = state
        self.state.mkdir()
        self.is_stopping = False
        self.engines: list[Engine] = []
        with self.database.transaction() as session:
            keep_pulse(session)

    def people(self, count: int, **values: str) -> list[int]:
        """Subscribers on the list."""
        made = self.office.people(count, **values)
        self.office.subscribe(made, self.list_id)
        return made

    def publish(self, **order: object) -> int:
        """Publish and expand."""
        distribution = self.office.publish("press", **order)
        self.office.expand(distribution)
        return distribution

    def engine(
        self,
        *ports: int,
        only_to: tuple[str, ...] = (),
        why_withheld: Callable[[str, bool], str | None] | None = None,
        postman: type[Postman] = Postman,
        timeouts: Timeouts = QUICK,
        sending: Sending = SENDING,
        gate: Gate | None = None,
        on_given_back: Callable[[], None] = lambda: None,
    ) -> Engine:
        """An engine that sends to these ports of this machine."""
        engine = Engine(
            self.database,
            Filling(self.database, KEYRING, sending, "newsroom.example.org"),
            postman([Relay("127.0.0.1", port) for port in ports], timeouts=timeouts),
            JournalFolder(self.state),
            why_withheld=why_withheld or Rehearsal(only_to).why_withheld,
            is_stopping=lambda: self.is_stopping,
            gate=gate,
            on_given_back=on_given_back,
        )
        self.engines.append(engine)
        return engine

    def settle(self, distribution: int) -> str:
        """Settle; the state."""
        with self.database.transaction() as session:
            settle(session, distribution)
        return status_of(self.office, distribution).state

    def make_due(self) -> None:
        """Whatever waits is due."""
        with self.database.transaction() as session:
            past = sa.func.strftime("%Y-01-01 00:00:00.000000", "now")
            if self.database.is_postgresql:
                past = sa.func.now() - sa.text("interval '1 second'")
            session.execute(sa.update(Batch).values(due_at=past))
            session.execute(
                sa.update(Delivery).where(Delivery.due_at.is_not(None)).values(due_at=past)
            )

    def left_behind(self) -> tuple[int, list[str]]:
        """Leases and journals that are still there."""
        with self.database.reading() as session:
            leases = session.scalar(sa.select(sa.func.count()).select_from(Lease))
        assert leases is not None
        return leases, JournalFolder(self.state).names()


def scripted(script: object, capabilities: tuple[str, ...] = ESMTP):
    """Every connection follows the script."""
    return lambda _number: SmtpModel(script=script, capabilities=capabilities)  # type: ignore[arg-type]

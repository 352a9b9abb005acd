"""What a worker process has: settings, a database, keys, a doorbell, an engine.

One per process, made in it: nothing here outlives a fork.
"""

import contextlib
import mmap
import threading
import time
from collections.abc import Callable, Collection, Sequence
from typing import Final

import sqlalchemy as sa
from celery import Celery

from mail.tokens import Keyring
from releases.audience import Combination
from releases.errors import ReleaseError
from releases.expansion import Copies, expand
from releases.partitions import build_partitions
from releases.rehearsal import Rehearsal
from releases.renderings import make_copies
from releases.sending import sending_of
from releases.settling import Unbalanced, settle
from releases.upkeep import hold
from runtime.database import Database
from runtime.limits import DomainLimits
from runtime.logging import get_logger
from runtime.relays import Relay
from runtime.settings import Settings
from subscribers.links import Links
from worker.doorbell import Doorbell
from worker.engine import Engine
from worker.filling import Filling
from worker.journal_folder import JournalFolder
from worker.lease import clock_that_never_stops, worker_name
from worker.limits.gate import Gate
from worker.limits.keeper import LimitKeeper
from worker.notice_making import NoticeMaker
from worker.notices import CONNECTIONS, WINDOW, NoticeLane
from worker.presence import lane_name, who_delivers
from worker.proofs import with_proofs
from worker.smtp import Postman

EXPAND_SECONDS: Final = 2.0
"""How long a task expands before it rings and ends, so that others get their turn."""
IDLE_IN_TRANSACTION: Final = "-c idle_in_transaction_session_timeout=6000"
"""A worker that is stopped in the middle of a transaction must not keep its locks."""

log = get_logger("worker")


class Stopping:
    """Says to a worker and to the children it forks that they shall end soon."""

    def __init__(self) -> None:
        # Anonymous and shared: a child sees what its parent sets.
        self._flag = mmap.mmap(-1, 1)

    def set(self) -> None:
        """End soon."""
        self._flag[0] = 1

    def __call__(self) -> bool:
        """Whether to end soon."""
        return self._flag[0] == 1


def worker_database(settings: Settings) -> Database:
    """The database, as a worker uses it."""
    url = sa.engine.make_url(settings.database)
    if url.get_backend_name() == "postgresql" and "options" not in url.query:
        url = url.update_query_dict({"options": IDLE_IN_TRANSACTION})
    return Database(url.render_as_string(hide_password=False))


class Context:
    """A worker process; `app` is what it rings with."""

    def __init__(
        self,
        settings: Settings,
        relay_urls: tuple[str, ...],
        app: Celery,
        is_stopping: Callable[[], bool],
    ) -> None:
        self.settings = settings
        self.database = worker_database(settings)
        self.doorbell = Doorbell(app)
        self.folder = JournalFolder(settings.state_folder)
        self.is_stopping = is_stopping
        self._relay_urls = relay_urls
        self._sending = sending_of(settings)
        self._engine: Engine | None = None
        self._notice_lane: NoticeLane | None = None
        self._limits: list[LimitKeeper] = []
        self._making = threading.Lock()

    @property
    def engine(self) -> Engine:
        """This process's engine; made on first use."""
        with self._making:
            if self._engine is None:
                self._engine = self._make_engine()
            return self._engine

    @property
    def notice_lane(self) -> NoticeLane:
        """This worker's lane for notices; made on first use. It waits behind no release."""
        with self._making:
            if self._notice_lane is None:
                self._notice_lane = self._make_notice_lane()
            return self._notice_lane

    def expand(self, distribution_id: int, seconds: float = EXPAND_SECONDS) -> bool:
        """Render and expand for so long at most; whether something is left to expand."""
        ends_at = time.monotonic() + seconds
        build_partitions(self.database, distribution_id)

        def make(combinations: Collection[Combination]) -> Copies:
            return make_copies(self.database, distribution_id, combinations, self._sending)

        try:
            return expand(
                self.database,
                distribution_id,
                make_copies=make,
                on_batches=self.doorbell.deliver,
                may_go_on=lambda: time.monotonic() < ends_at and not self.is_stopping(),
            )
        except (ReleaseError, ValueError) as error:
            # It has rendered when it was published, if not for every list: somebody has to look
            # at it. What cannot stand in a header is a ValueError.
            log.exception("a distribution cannot be rendered", distribution=distribution_id)
            with self.database.transaction() as session:
                hold(session, distribution_id, f"it cannot be rendered: {error}")
            return False

    def settle(self, distribution_id: int) -> None:
        """Complete a distribution when everything adds up."""
        with self.database.transaction() as session:
            settlement = settle(session, distribution_id)
        if isinstance(settlement, Unbalanced):
            log.error("held", distribution=distribution_id, reason=settlement.note)

    def close(self) -> None:
        """Take leave of the relays, then of the database."""
        for limits in self._limits:
            limits.close()
        if self._engine is not None:
            with contextlib.suppress(Exception):
                self._engine.close()
        self.database.dispose()

    def _make_engine(self) -> Engine:
        settings = self.settings
        keyring = Keyring(settings.signing_keys, settings.retired_keys)
        domain = self._sending.from_.address.domain
        with self.database.reading() as session:
            relays = with_proofs(session, map(Relay.from_url, self._relay_urls))
        gate = self._make_gate(relays)
        engine = Engine(
            self.database,
            Filling(self.database, keyring, self._sending, domain),
            Postman(relays, gate=gate),
            self.folder,
            why_withheld=Rehearsal(settings.only_to).why_withheld,
            is_stopping=self.is_stopping,
            gate=gate,
            on_given_back=self.doorbell.deliver,
        )
        if gate is not None:
            self._keep_limits(gate, worker_name(), on_turn=engine.let_go_of_connections)
        return engine

    def _make_notice_lane(self) -> NoticeLane:
        """With connections of its own, which count where a relay is limited."""
        settings = self.settings
        with self.database.reading() as session:
            relays = with_proofs(session, map(Relay.from_url, self._relay_urls))
        gate = None
        if any(relay.limits for relay in relays):
            gate = Gate(relays, DomainLimits(), clock=clock_that_never_stops)
            self._keep_limits(gate, lane_name(), is_patient=True)
        maker = NoticeMaker(
            self.database,
            Links(settings.public_url, Keyring(settings.signing_keys, settings.retired_keys)),
            self._sending,
            Rehearsal(settings.only_to),
            hash_key=settings.suppression_key,
        )
        return NoticeLane(
            self.database,
            Postman(
                relays,
                # Where connections are counted, each is one less for releases.
                connections_per_relay=1 if gate else CONNECTIONS,
                window=WINDOW,
                gate=gate,
            ),
            maker,
            self.folder.id,
            is_stopping=self.is_stopping,
            is_limited=gate is not None,
        )

    def _keep_limits(
        self,
        gate: Gate,
        process: str,
        *,
        on_turn: Callable[[], None] = lambda: None,
        is_patient: bool = False,
    ) -> None:
        self._limits.append(
            LimitKeeper(
                gate,
                process,
                self._who_delivers,
                redis_url=self.settings.limits_url,
                on_turn=on_turn,
                is_patient=is_patient,
            )
        )

    def _make_gate(self, relays: Sequence[Relay]) -> Gate | None:
        """None where nothing is limited: then no mail pays for it."""
        domains = self.settings.limits_of_domains
        if not domains and not any(relay.limits for relay in relays):
            return None
        return Gate(relays, domains, clock=clock_that_never_stops)

    def _who_delivers(self) -> frozenset[str]:
        with self.database.reading() as session:
            return who_delivers(session)

"""`/healthz`, `/readyz`, and the metrics on a loopback port of their own."""

import contextlib
import functools
from collections.abc import Iterable, Iterator
from typing import Any, Final

import sqlalchemy as sa
from fastapi import Request
from prometheus_client import CollectorRegistry, Counter, Histogram, start_http_server
from prometheus_client.core import GaugeMetricFamily
from prometheus_client.multiprocess import MultiProcessCollector
from prometheus_client.registry import Collector
from starlette.responses import PlainTextResponse, Response

from releases.models import Batch, BatchState, Distribution
from runtime.database import Database, plain_reason
from runtime.logging import get_logger
from runtime.schema import read_schema
from subscribers.notice_backlog import notice_backlog

COUNTED: Final = ("queued", "accepted", "deferred", "failed", "suppressed", "uncertain")
UNUSABLE: Final = "the database cannot be used: "
NO_STORE: Final = {"Cache-Control": "no-store", "X-Content-Type-Options": "nosniff"}
log = get_logger("web")


class OperationPages:
    """What load balancers and people on call ask."""

    def __init__(self, database: Database) -> None:
        self._database = database

    async def health(self, request: Request) -> Response:  # noqa: ARG002 (every page gets it)
        """Whether this process answers at all, whatever its threads wait for."""
        return PlainTextResponse("alive\n", headers=NO_STORE)

    def ready(self, request: Request) -> Response:  # noqa: ARG002 (every page gets it)
        """Whether it can do its work; what is not as it should be, in a plain line."""
        fault = database_fault(self._database)
        if fault is None:
            return PlainTextResponse("ready\n", headers=NO_STORE)
        log.warning("not_ready", why=fault)
        # After the colon a driver names hosts and users: that is for the log alone.
        told = fault.partition(": ")[0] if fault.startswith(UNUSABLE) else fault
        return PlainTextResponse(f"not ready: {told}\n", 503, headers=NO_STORE)


def database_fault(database: Database) -> str | None:
    """Why the database cannot be worked with; None when it is there and migrated."""
    try:
        return read_schema(database).fault
    except sa.exc.SQLAlchemyError as error:
        return plain_reason(error)


class Served:
    """Metrics that can be served: what the database says when it is asked, and counts."""

    def __init__(self, database: Database) -> None:
        self.registry = CollectorRegistry()
        self.registry.register(_Queue(database))

    @contextlib.contextmanager
    def served(self, port: int | None) -> Iterator[None]:
        """Serve them on a loopback port (None: not at all); raises OSError when it is taken."""
        if port is None:
            yield
            return
        server, thread = start_http_server(port, addr="127.0.0.1", registry=self.registry)
        try:
            yield
        finally:
            server.shutdown()
            server.server_close()
            thread.join()


class CountsOfProcesses(Served):
    """The requests of several processes together, which they count into files of a folder."""

    def __init__(self, database: Database, folder: str) -> None:
        super().__init__(database)
        MultiProcessCollector(self.registry, folder)  # type: ignore[no-untyped-call]


class Metrics(Served):
    """The requests of this process."""

    def __init__(self, database: Database) -> None:
        super().__init__(database)
        labels = ("method", "route", "status")
        self._requests = Counter(
            "medianote_http_requests",
            "Requests by route template.",
            labels,
            registry=self.registry,
        )
        self._seconds = Histogram(
            "medianote_http_request_seconds",
            "Time to answer, by route template.",
            ("route",),
            registry=self.registry,
            buckets=(0.002, 0.005, 0.01, 0.02, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 10),
        )
        # Looking for a counter by its labels takes longer than counting.
        self._counting = functools.cache(self._requests.labels)
        self._timing = functools.cache(self._seconds.labels)

    def observe(self, method: str, route: str, status: int, seconds: float) -> None:
        """Count a request that has been answered."""
        self._counting(method, route, status).inc()
        self._timing(route).observe(seconds)


class _Queue(Collector):
    """Reads the queue when it is scraped; sums over batches, never over deliveries."""

    def __init__(self, database: Database) -> None:
        self._database = database

    def describe(self) -> Iterable[Any]:
        """Nothing beforehand: registering must not need a database."""
        return []

    def collect(self) -> Iterable[Any]:
        """The gauges, as of now."""
        up = GaugeMetricFamily("medianote_database_up", "1 when the database answers.")
        depth = GaugeMetricFamily("medianote_queue_depth", "Deliveries that are still to be made.")
        deliveries = GaugeMetricFamily(
            "medianote_deliveries", "Deliveries of unfinished distributions.", labels=("state",)
        )
        distributions = GaugeMetricFamily(
            "medianote_distributions", "Unfinished distributions.", labels=("state",)
        )
        batches = GaugeMetricFamily("medianote_batches", "Unfinished batches.", labels=("state",))
        notices = GaugeMetricFamily(
            "medianote_notices",
            "Notices that wait (queued, deferred), or were given up within a day.",
            labels=("state",),
        )
        oldest = GaugeMetricFamily(
            "medianote_notices_oldest_seconds", "Age of the oldest notice that waits."
        )
        overdue = GaugeMetricFamily(
            "medianote_notices_overdue_seconds", "How long the first notice due has been due."
        )
        try:
            counts = _read(self._database)
            with self._database.reading() as session:
                backlog = notice_backlog(session)
        except sa.exc.SQLAlchemyError as error:
            log.warning("metrics_without_database", why=plain_reason(error))
            up.add_metric([], 0)
            return [up]
        up.add_metric([], 1)
        depth.add_metric([], counts["delivery", "queued"] + counts["delivery", "deferred"])
        families = {"delivery": deliveries, "distribution": distributions, "batch": batches}
        for (family, state), count in counts.items():
            families[family].add_metric([state], count)
        for state in ("queued", "deferred", "failed", "uncertain"):
            notices.add_metric([state], getattr(backlog, state))
        oldest.add_metric([], backlog.oldest_seconds)
        overdue.add_metric([], backlog.overdue_seconds)
        return [up, depth, deliveries, distributions, batches, notices, oldest, overdue]


def _read(database: Database) -> dict[tuple[str, str], int]:
    # The same condition as the partial index on distributions, so that it is used.
    unfinished = sa.text(
        "distribution.state NOT IN ('complete', 'cancelled') OR distribution.finished_at IS NULL"
    )
    with database.reading() as session:
        sums = session.execute(
            sa.select(
                *(
                    sa.func.coalesce(sa.func.sum(getattr(Batch, state)), 0).label(state)
                    for state in COUNTED
                )
            )
            .join(Distribution, Distribution.id == Batch.distribution_id)
            .where(unfinished)
        ).one()
        counts = {("delivery", state): int(getattr(sums, state)) for state in COUNTED}
        for state, count in session.execute(
            sa.select(Distribution.state, sa.func.count())
            .where(unfinished)
            .group_by(Distribution.state)
        ):
            counts["distribution", state] = count
        for state, count in session.execute(
            sa.select(Batch.state, sa.func.count())
            .where(Batch.state != BatchState.DONE)
            .group_by(Batch.state)
        ):
            counts["batch", state] = count
    return counts

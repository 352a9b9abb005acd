"""The Celery application of a worker: its tasks, its sweep, and how it meets the broker."""

import contextlib
import socket
from collections.abc import Callable
from typing import Any

from celery import Celery, bootsteps
from celery.worker.consumer import Consumer
from celery.worker.state import maybe_shutdown, reserved_requests
from kombu.entity import Queue

from runtime.logging import get_logger
from runtime.relays import Relay
from runtime.settings import Settings
from worker import doorbell, tasks
from worker.context import Context
from worker.sweep import Sweep

log = get_logger("worker")


class PatientConsumer(Consumer):  # type: ignore[misc]  # Celery ships no types
    """Celery's consumer, but it tries the broker again every second, and for ever.

    Its own retries wait 2, 4 … 30 s.
    """

    def ensure_connected(self, conn: Any) -> Any:
        is_told = False

        def on_error(error: Exception, _interval: float) -> None:
            nonlocal is_told
            if not is_told:
                is_told = True
                log.warning(
                    "the broker does not answer; trying every second", reason=str(error)[:200]
                )

        conn = conn.ensure_connection(
            on_error,
            None,
            interval_start=1,
            interval_step=0,
            interval_max=1,
            callback=maybe_shutdown,
        )
        if is_told:
            log.info("the broker answers again")
        self.first_connection_attempt = False
        channel = conn.default_channel
        if hasattr(channel, "do_restore"):
            # A ring that was fetched and not begun is not put back: the sweep rings anew.
            channel.do_restore = False
        return conn

    def on_connection_error_after_connected(self, exc: Exception) -> None:
        log.warning("the connection to the broker is lost", reason=str(exc)[:200])
        with contextlib.suppress(Exception):
            self.connection.collect()


class SweepStep(bootsteps.StartStopStep):  # type: ignore[misc]  # Celery ships no types
    """Starts the sweep when the pool is there, whether or not the broker answers."""

    requires = frozenset({"celery.worker.components:Pool"})

    def start(self, parent: Any) -> None:
        """Celery's name for it: the worker is starting."""
        app = parent.app
        self._sweep = app.medianote_sweep(lambda: parent.concurrency - len(reserved_requests))
        self._sweep.start()

    def stop(self, _parent: Any) -> None:
        """The worker is stopping."""
        self._sweep.stop()

    terminate = stop


def make_app(
    broker_url: str,
    *,
    queue_prefix: str,
    here: Callable[[], Context],
    sweep: Callable[[Callable[[], int]], Sweep],
) -> Celery:
    """The application of a worker: its tasks, its sweep, and how it meets the broker."""
    app = Celery("medianote", broker=broker_url, set_as_current=False)
    doorbell.configure(app, broker_url, queue_prefix=queue_prefix)
    app.conf.update(
        task_queues=[_queue(f"{queue_prefix}.prepare"), _queue(f"{queue_prefix}.deliver")],
        task_acks_late=False,
        worker_prefetch_multiplier=1,
        worker_consumer=PatientConsumer,
        # Concerns tasks that are acknowledged late, which ours are not; saying so spares a warning.
        worker_cancel_long_running_tasks_on_connection_loss=True,
        worker_enable_prefetch_count_reduction=False,
        worker_enable_remote_control=False,
        worker_send_task_events=False,
        worker_redirect_stdouts=False,
        worker_hijack_root_logger=False,
        broker_connection_retry=True,
        broker_connection_retry_on_startup=True,
        broker_connection_max_retries=None,
        broker_channel_error_retry=True,
    )
    app.steps["worker"].add(SweepStep)
    app.medianote_sweep = sweep
    tasks.register(app, here)
    return app


def tell_ready(settings: Settings, *, processes: int) -> None:
    """One line in the log: a worker takes tasks, on which host and for which relays."""
    relays = [Relay.from_url(url).name for url in settings.smtp_url]
    log.info(
        "ready",
        host=socket.gethostname(),
        concurrency=processes,
        relays=", ".join(relays) or "the local outbox",
    )


def _queue(name: str) -> Any:
    queue: Any = Queue
    return queue(name)

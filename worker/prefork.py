"""`medianote worker`: with a broker, prefork children and the sweep in their parent."""

import contextlib
import gc
import os
import signal
import sys
import threading
import time
import warnings
from collections.abc import Callable
from typing import Any, Final

import sqlalchemy as sa
from celery import signals
from celery.exceptions import SecurityWarning

from releases.sending import sending_of
from runtime.logging import get_logger
from runtime.settings import Settings
from worker.app import make_app, tell_ready
from worker.context import Context, Stopping
from worker.embedded import run_embedded
from worker.outbox_host import hosted_outbox
from worker.sweep import Sweep
from worker.warming import warm_up

SWITCH_SECONDS: Final = 0.0005
"""The thread that sends gives way at each system call, and wants back soon: not after Python's
5 ms, in which the connections would be idle."""
CLEAN_STOP_SECONDS: Final = 8.0
"""SIGTERM: after this long whoever still waits for a mail server is ended; the journal knows."""

log = get_logger("worker")


def run_worker(settings: Settings, concurrency: int | None = None) -> int:
    """`medianote worker`: run until SIGTERM or SIGINT; returns the exit status.

    With a broker: `concurrency` child processes (as many as there are processors when None).
    Without one: the embedded worker, in this process.
    """
    if settings.broker_url is None:
        return run_embedded(settings)
    with hosted_outbox(settings) as relay_urls:
        return _run_prefork(settings, relay_urls, settings.broker_url, concurrency)


def _run_prefork(
    settings: Settings, relay_urls: tuple[str, ...], broker_url: str, concurrency: int | None
) -> int:
    stopping = Stopping()
    held: dict[int, Context] = {}

    def here() -> Context:
        # Nothing of the parent's is touched by a child: it makes its own.
        pid = os.getpid()
        if pid not in held:
            held.clear()
            held[pid] = Context(settings, relay_urls, app, stopping)
        return held[pid]

    def sweep(free_slots: Callable[[], int]) -> Sweep:
        return Sweep(Context(settings, relay_urls, app, stopping), free_slots)

    def end_soon(**_: Any) -> None:
        stopping.set()
        threading.Thread(target=_end_by_force, args=(worker,), daemon=True).start()

    def child_starts(**_: Any) -> None:
        sys.setswitchinterval(SWITCH_SECONDS)
        with contextlib.suppress(sa.exc.SQLAlchemyError):
            assert here().engine

    def child_ends(**_: Any) -> None:
        if os.getpid() in held:
            held[os.getpid()].close()

    app = make_app(broker_url, queue_prefix="medianote", here=here, sweep=sweep)
    signals.worker_shutting_down.connect(end_soon, weak=False)
    signals.worker_process_init.connect(child_starts, weak=False)
    signals.worker_process_shutdown.connect(child_ends, weak=False)
    # Ours is set up already.
    signals.setup_logging.connect(_leave_logging, weak=False)
    with warnings.catch_warnings():
        # Containers run everything as root, and what travels is JSON, which runs nothing.
        warnings.simplefilter("ignore", SecurityWarning)
        worker: Any = app.Worker(
            pool="prefork",
            concurrency=concurrency,
            quiet=True,
            without_gossip=True,
            without_mingle=True,
            without_heartbeat=True,
            hostname=f"medianote-{os.getpid()}@%h",
        )
    signals.worker_ready.connect(
        lambda **_: tell_ready(settings, processes=worker.concurrency), weak=False
    )
    warm_up(sending_of(settings))
    # What is there by now stays: neither looked at nor copied by each child's collector.
    gc.collect()
    gc.freeze()
    worker.start()
    exit_code: int = worker.exitcode or 0
    return exit_code


def _leave_logging(**_: Any) -> None:
    """Celery sets up logging unless somebody listens here."""


def _end_by_force(worker: Any) -> None:
    time.sleep(CLEAN_STOP_SECONDS)
    log.warning("a mail server keeps us waiting; ending by force, the journals are applied later")
    for child in worker.pool.info["processes"]:
        os.kill(child, signal.SIGKILL)
    os._exit(0)

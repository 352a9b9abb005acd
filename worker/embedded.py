"""The embedded worker: the same Celery tasks, in threads of this process.

kombu's memory transport is the broker, so a ring reaches this process only; what another
process publishes is found by the sweep. `demo`, `web`, `worker` and `publish --wait` host it.
"""

import contextlib
import signal
import threading
import time
import uuid
from collections.abc import Callable, Iterator
from typing import Any, Final

from celery.worker import WorkController
from celery.worker import state as celery_state

from runtime.logging import get_logger
from runtime.settings import Settings
from worker import doorbell
from worker.app import make_app, tell_ready
from worker.context import Context, Stopping
from worker.doorbell import Doorbell
from worker.outbox_host import hosted_outbox
from worker.sweep import Sweep

THREADS: Final = 3
"""One delivers, the others render, expand and settle meanwhile."""
START_SECONDS: Final = 20.0
STOP_SECONDS: Final = 9.0

log = get_logger("worker")


class EmbeddedWorker:
    """A worker that runs in this process."""

    def __init__(self, settings: Settings, relay_urls: tuple[str, ...]) -> None:
        self.relay_urls = relay_urls
        self._is_stopping = Stopping()
        self._ready = threading.Event()
        self._failure: BaseException | None = None
        # Queues in memory belong to the process: each worker has names of its own.
        prefix = f"medianote-{uuid.uuid4().hex}"
        self._app = make_app(
            "memory://localhost/", queue_prefix=prefix, here=self._here, sweep=self._sweep
        )
        self._settings = settings
        self._context = Context(settings, relay_urls, self._app, self._is_stopping)
        self._worker: Any = None
        self._thread = threading.Thread(target=self._run, name="medianote-worker", daemon=True)

    @property
    def doorbell(self) -> Doorbell:
        """Rings for this worker."""
        return self._context.doorbell

    def start(self) -> None:
        """Start it, and return when it takes tasks; raises what keeps it from starting."""
        self._thread.start()
        self._ready.wait(START_SECONDS)
        if self._failure is not None:
            raise self._failure

    def stop(self) -> None:
        """End it: what is being sent is finished, nothing new begins."""
        self._is_stopping.set()
        celery_state.should_stop = 0
        ends_at = time.monotonic() + STOP_SECONDS
        while self._thread.is_alive() and time.monotonic() < ends_at:
            # Celery's loop looks at the flag only between messages, or every two seconds.
            self._context.doorbell.deliver()
            self._thread.join(0.05)
        celery_state.should_stop = None
        self._context.close()

    def _here(self) -> Context:
        return self._context

    def _sweep(self, _free_slots: Callable[[], int]) -> Sweep:
        context = Context(self._settings, self.relay_urls, self._app, self._is_stopping)
        # A second deliverer would find the engine busy.
        return Sweep(context, lambda: 0 if self._context.engine.is_busy else 1)

    def _run(self) -> None:
        try:
            # Threads of the pool look their tasks up there; an earlier worker may have been it.
            self._app.set_default()
            self._worker = WorkController(
                app=self._app,
                pool_cls="threads",
                concurrency=THREADS,
                loglevel="WARNING",
                without_gossip=True,
                without_mingle=True,
                without_heartbeat=True,
                ready_callback=lambda _consumer: self._ready.set(),
            )
            self._worker.start()
        except BaseException as error:
            self._failure = error
            log.exception("the embedded worker has ended")
        finally:
            self._ready.set()


@contextlib.contextmanager
def running_worker(settings: Settings) -> Iterator[EmbeddedWorker]:
    """A worker in this process while the block runs, with the local outbox if no relay is set.

    `doorbell.ring_prepare` rings for it meanwhile. One at a time in a process.
    """
    with hosted_outbox(settings) as relay_urls:
        worker = EmbeddedWorker(settings, relay_urls)
        worker.start()
        doorbell.host(worker.doorbell)
        try:
            yield worker
        finally:
            doorbell.unhost(worker.doorbell)
            worker.stop()


def run_embedded(settings: Settings) -> int:
    """`medianote worker` without a broker: until SIGTERM or SIGINT; returns the exit status."""
    ended = threading.Event()
    for number in (signal.SIGTERM, signal.SIGINT):
        signal.signal(number, lambda *_: ended.set())
    with running_worker(settings):
        tell_ready(settings, processes=1)
        ended.wait()
    return 0

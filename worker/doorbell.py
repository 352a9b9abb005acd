"""Doorbells: a broker message that says "there is work", and nothing else.

The database is the queue, so a ring that is lost loses nothing: the sweep finds the work and
rings again. That is why ringing never waits for a broker: a thread of its own does it, equal
rings become one, and a broker that is down or never answers costs a line in the log.
"""

import contextlib
import os
import threading
import time
from typing import Any, Final

from celery import Celery

from runtime.logging import get_logger
from runtime.settings import Settings

PREPARE: Final = "medianote.prepare"
DELIVER: Final = "medianote.deliver"
SETTLE: Final = "medianote.settle"
TASKS: Final = (PREPARE, DELIVER, SETTLE)
_NOTHING: Final = "nothing"  # to ring for, as yet

RING_EXPIRES_SECONDS: Final = 10
"""A ring that no worker has heard by then is dropped: the sweep has rung anew."""
PATIENCE_SECONDS: Final = 1.0
"""The longest that a caller waits for the broker."""
DELIVERS_MAX: Final = 64

log = get_logger("worker")


class Doorbell:
    """Rings through a broker, from a thread of its own in each process that rings."""

    def __init__(self, app: Celery) -> None:
        self._app = app
        self._pid = 0
        self._ringer: threading.Thread | None = None
        self._reset()

    def prepare(self, distribution_id: int) -> None:
        """There is something to render and expand."""
        self._ring(PREPARE, distribution_id)

    def deliver(self, count: int = 1) -> None:
        """There are `count` batches, or more, that could be delivered side by side."""
        self._ring(DELIVER, None, count)

    def settle(self, distribution_id: int) -> None:
        """A distribution may be complete."""
        self._ring(SETTLE, distribution_id)

    def get_ready(self) -> None:
        """Connect to the broker meanwhile, so that the next ring takes milliseconds."""
        self._ring(_NOTHING, None, 0)

    def flush(self, timeout_seconds: float = PATIENCE_SECONDS) -> bool:
        """Wait until all has been rung, or the time is up; whether it has."""
        with self._changed:
            return self._changed.wait_for(
                lambda: not self._pending and not self._is_ringing, timeout_seconds
            )

    def _ring(self, task: str, distribution_id: int | None, count: int = 1) -> None:
        if self._pid != os.getpid():
            self._reset()
        with self._changed:
            key = (task, distribution_id)
            self._pending[key] = min(max(self._pending.get(key, 0), count), DELIVERS_MAX)
            if self._ringer is None:
                self._ringer = threading.Thread(
                    target=self._ring_on, name="medianote-doorbell", daemon=True
                )
                self._ringer.start()
            self._changed.notify_all()

    def _reset(self) -> None:
        # Neither threads nor locks survive a fork.
        self._pid = os.getpid()
        self._changed = threading.Condition()
        self._pending: dict[tuple[str, int | None], int] = {}
        self._ringer = None
        self._is_ringing = False
        self._quiet_until = 0.0

    def _ring_on(self) -> None:
        while True:
            with self._changed:
                self._is_ringing = False
                self._changed.notify_all()
                self._changed.wait_for(lambda: bool(self._pending))
                pending, self._pending = self._pending, {}
                self._is_ringing = True
            for (task, distribution_id), count in pending.items():
                if task == _NOTHING:
                    self._connect()
                    continue
                args = [] if distribution_id is None else [distribution_id]
                if not self._send(task, args, count):
                    break

    def _connect(self) -> None:
        # What stands in the way is told when there is something to ring for.
        with (
            contextlib.suppress(Exception),
            self._app.producer_pool.acquire(block=True) as producer,
        ):
            assert self._app.backend is not None
            assert self._app.amqp.queues
            assert producer.channel

    def _send(self, task: str, args: list[int], count: int) -> bool:
        try:
            for _ in range(count):
                self._app.send_task(
                    task, args, expires=RING_EXPIRES_SECONDS, retry=False, ignore_result=True
                )
        except Exception as error:
            now = time.monotonic()
            if now >= self._quiet_until:
                self._quiet_until = now + 30
                log.warning(
                    "the broker does not take a doorbell; work goes on when it answers",
                    reason=_first_line(error),
                )
            return False
        self._quiet_until = 0.0
        return True


def _first_line(error: Exception) -> str:
    return (str(error) or type(error).__name__).splitlines()[0]


_hosted: list[Doorbell] = []
_remote: dict[tuple[int, str], Doorbell] = {}


def host(doorbell: Doorbell) -> None:
    """From now on `ring_prepare` rings for the worker inside this process."""
    _hosted.append(doorbell)


def unhost(doorbell: Doorbell) -> None:
    """The worker inside this process has ended."""
    _hosted.remove(doorbell)


def ring_prepare(settings: Settings, distribution_id: int) -> bool:
    """Ring for a new distribution, after its commit; whether anyone was reached within a second.

    Without a broker and without a worker in this process there is nobody to ring for: the
    sweep of the process that hosts the worker finds it within a second.
    """
    doorbell = _doorbell(settings)
    if doorbell is None:
        return False
    doorbell.prepare(distribution_id)
    return doorbell.flush()


def get_ready(settings: Settings) -> None:
    """`ring_prepare` is to come soon: what takes long is done beside whatever comes before it."""
    doorbell = _doorbell(settings)
    if doorbell is not None:
        doorbell.get_ready()


def _doorbell(settings: Settings) -> Doorbell | None:
    if _hosted:
        return _hosted[-1]
    if settings.broker_url is None:
        return None
    key = (os.getpid(), settings.broker_url)
    if key not in _remote:
        _remote[key] = Doorbell(make_ringer(settings.broker_url))
    return _remote[key]


def broker_options(broker_url: str) -> dict[str, Any]:
    """How a broker's client is set up so that neither an outage nor silence blocks us."""
    if broker_url.startswith(("redis", "rediss")):
        return {
            "socket_connect_timeout": 2,
            "socket_timeout": 5,
            "socket_keepalive": True,
            "health_check_interval": 5,
            "retry_on_timeout": False,
            # A ring that is lost with its worker is rung again by a sweep, so Redis need not
            # know what was acknowledged. It must not either: kombu 5.7 takes no more messages
            # for ever when Redis is away at the moment of an acknowledgement.
            "ack_emulation": False,
            "max_retries": 1,
            "interval_start": 0,
            "interval_step": 0,
            "interval_max": 0,
        }
    return {"connect_timeout": 2, "read_timeout": 5, "write_timeout": 5}


def make_ringer(broker_url: str) -> Celery:
    """A Celery application that can only send: for processes that host no worker."""
    app = Celery("medianote", broker=broker_url, set_as_current=False)
    configure(app, broker_url, queue_prefix="medianote")
    return app


def configure(app: Celery, broker_url: str, *, queue_prefix: str) -> None:
    """What senders and workers agree on: JSON only, no results, a queue for each pace."""
    app.conf.update(
        task_serializer="json",
        accept_content=["json"],
        task_ignore_result=True,
        task_store_errors_even_if_ignored=False,
        task_default_queue=queue_prefix,
        # An urgent release is not prepared behind a thousand rings to deliver.
        task_routes={
            PREPARE: {"queue": f"{queue_prefix}.prepare"},
            SETTLE: {"queue": f"{queue_prefix}.prepare"},
            DELIVER: {"queue": f"{queue_prefix}.deliver"},
        },
        task_publish_retry=False,
        broker_transport_options=(
            {"polling_interval": 0.05}
            if broker_url.startswith("memory")
            else broker_options(broker_url)
        ),
        broker_connection_timeout=2,
        broker_pool_limit=2,
    )

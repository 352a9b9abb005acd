"""The tasks: each takes ids only, and reads as a table of contents.

They are acknowledged before they run and may be lost or run twice: what they do is guarded by
rows in SQL, and the sweep rings for whatever is left to do.
"""

from collections.abc import Callable

from celery import Celery

from runtime.database import DATABASE_IS_AWAY, plain_reason
from runtime.logging import get_logger
from worker import doorbell
from worker.context import Context

log = get_logger("worker")


def register(app: Celery, here: Callable[[], Context]) -> None:
    """Give the application its tasks; `here` is the context of the process they run in."""

    def prepare(distribution_id: int) -> None:
        """Render what a distribution's audience needs, and expand it, range by range."""
        context = here()
        is_more_left = context.expand(distribution_id)
        if is_more_left:
            context.doorbell.prepare(distribution_id)
        else:
            context.doorbell.settle(distribution_id)

    def deliver() -> None:
        """Send the most urgent batches, for two seconds at most."""
        context = here()
        delivered = context.engine.deliver()
        for distribution_id in delivered.to_settle:
            context.doorbell.settle(distribution_id)
        if delivered.is_more_left:
            context.doorbell.deliver()

    def settle(distribution_id: int) -> None:
        """Complete a distribution when everything adds up."""
        here().settle(distribution_id)

    def task(name: str, function: Callable[..., None]) -> None:
        def run(*ids: int) -> None:
            try:
                function(*ids)
            except DATABASE_IS_AWAY as error:
                reason = plain_reason(error)
                log.warning("a task ended early; the sweep rings again", task=name, reason=reason)

        # Celery would otherwise give it to every other application in the process as well.
        app.task(name=name, shared=False)(run)

    task(doorbell.PREPARE, prepare)
    task(doorbell.DELIVER, deliver)
    task(doorbell.SETTLE, settle)

"""Who hosts a worker without a configured relay hosts the local outbox too."""

import contextlib
from collections.abc import Iterator
from pathlib import Path

from runtime.settings import Settings
from worker.outbox import LocalOutbox


def outbox_folder(settings: Settings) -> Path:
    """The Maildir of the local outbox."""
    return settings.state_folder / "outbox"


@contextlib.contextmanager
def hosted_outbox(settings: Settings) -> Iterator[tuple[str, ...]]:
    """The URLs of the relays: those of the settings, or of an outbox that runs meanwhile."""
    if not settings.has_local_outbox:
        yield settings.smtp_url
        return
    outbox = LocalOutbox(outbox_folder(settings))
    outbox.start()
    try:
        yield (outbox.url,)
    finally:
        outbox.stop()

"""Several processes that serve the same socket, where one processor is not enough.

The one that was started listens, counts for `/metrics` and sees to the others; it answers
nobody itself. Each of the others is this module, run anew: it has the socket from its parent
and ends with it. One that ends by itself is replaced, and what waits on the socket waits for it.
"""

import contextlib
import os
import signal
import socket
import subprocess
import sys
import tempfile
import threading
import time
from collections.abc import Callable, Iterator
from typing import Final, NoReturn

from runtime.database import Database
from runtime.logging import configure_logging, get_logger
from runtime.settings import Settings, load_settings, variable
from web.operations import CountsOfProcesses
from web.server import serve_without_metrics, serving_metrics

COUNTS_FOLDER: Final = "PROMETHEUS_MULTIPROC_DIR"
"""Where the Prometheus client keeps the counts of several processes, if it is set."""
LOOK_SECONDS: Final = 0.2
REPLACED_AFTER_SECONDS: Final = 1.0
END_SECONDS: Final = 10.0
log = get_logger("web")


def serve_by_processes(
    settings: Settings,
    database: Database,
    listener: socket.socket,
    count: int,
    *,
    on_bound: Callable[[], None] = lambda: None,
) -> NoReturn:
    """Serve what `listening` gave by so many processes, until an exception ends it.

    `on_bound` is called when every port is had. Raises SettingsError for a metrics port in use.
    """
    with tempfile.TemporaryDirectory(prefix="medianote-web-") as folder:
        counts = CountsOfProcesses(database, folder)
        with serving_metrics(counts, settings), _kept(settings, listener, count, folder) as kept:
            on_bound()
            while True:
                time.sleep(LOOK_SECONDS)
                kept.see_to()


class _Kept:
    """So many processes, as they are now."""

    def __init__(self, arguments: list[str], environment: dict[str, str], *fds: int) -> None:
        self._arguments = arguments
        self._environment = environment
        self._fds = fds
        self._running: list[subprocess.Popen[bytes]] = []
        self._due_at: list[float] = []

    def start(self) -> None:
        """Start one more."""
        self._running.append(
            subprocess.Popen(  # noqa: S603 (ourselves)
                self._arguments,
                env=self._environment,
                stdin=subprocess.DEVNULL,
                pass_fds=self._fds,
                # Ctrl-C goes to a whole group; we end them, and not while they still begin.
                process_group=0,
            )
        )

    def see_to(self) -> None:
        """Replace those that have ended, after a moment: what ends at once would do so again."""
        now = time.monotonic()
        for one in [one for one in self._running if one.poll() is not None]:
            log.error("web_process_ended", pid=one.pid, status=one.returncode)
            self._running.remove(one)
            self._due_at.append(now + REPLACED_AFTER_SECONDS)
        due = [at for at in self._due_at if at <= now]
        self._due_at = [at for at in self._due_at if at > now]
        for _ in due:
            self.start()

    def end(self) -> None:
        """Have them answer what they have begun, and end."""
        for one in self._running:
            one.terminate()
        give_up_at = time.monotonic() + END_SECONDS
        for one in self._running:
            try:
                one.wait(max(0, give_up_at - time.monotonic()))
            except subprocess.TimeoutExpired:
                one.kill()
                one.wait()


@contextlib.contextmanager
def _kept(settings: Settings, listener: socket.socket, count: int, folder: str) -> Iterator[_Kept]:
    # The write end lives as long as this process: its end is how the others learn of that.
    lives, holds = os.pipe()
    environment = os.environ | {
        COUNTS_FOLDER: folder,
        variable("base_url"): settings.public_url,
    }
    fds = (listener.fileno(), lives)
    # Without -P a folder called `web` in the working folder would be run instead.
    arguments = [sys.executable, "-P", "-m", __name__, *map(str, fds)]
    kept = _Kept(arguments, environment, *fds)
    try:
        for _ in range(count):
            kept.start()
        yield kept
    finally:
        kept.end()
        os.close(lives)
        os.close(holds)


def _serve_beside_others(listener_fd: int, parent_fd: int) -> None:
    configure_logging()
    # Uvicorn ends in order and then repeats the signal, which must not end us in disorder.
    for number in (signal.SIGTERM, signal.SIGINT):
        signal.signal(number, lambda *_: sys.exit(0))
    threading.Thread(target=_end_with, args=(parent_fd,), name="parent", daemon=True).start()
    settings = load_settings()
    database = Database(settings.database)
    try:
        with socket.socket(fileno=listener_fd) as listener:
            serve_without_metrics(settings, database, listener)
    finally:
        database.dispose()


def _end_with(parent_fd: int) -> None:
    os.read(parent_fd, 1)  # nobody writes: it returns when the parent is gone, however it ended
    os.kill(os.getpid(), signal.SIGTERM)


if __name__ == "__main__":
    _serve_beside_others(*map(int, sys.argv[1:]))

"""Serves the pages: for the `web` command, and beside other work in a thread."""

import contextlib
import errno
import gc
import socket
import threading
import time
from collections.abc import Callable, Iterator

import uvicorn
from fastapi import FastAPI

from runtime.database import Database
from runtime.settings import Settings, SettingsError, variable
from web.app import create_app
from web.http import BoundedHttp
from web.operations import Served
from web.warming import warm_up

BACKLOG = 2048
START_SECONDS = 15.0


def serve(
    settings: Settings,
    database: Database,
    listener: socket.socket,
    *,
    on_bound: Callable[[], None] = lambda: None,
) -> None:
    """Serve what `listening` gave until SIGINT or SIGTERM.

    `on_bound` is called when every port is had. Raises SettingsError for a metrics port in use.
    """
    app = create_app(settings, database)
    with serving_metrics(app.state.metrics, settings):
        on_bound()
        _run(app, listener)


def serve_without_metrics(settings: Settings, database: Database, listener: socket.socket) -> None:
    """`serve` for one of several processes, whose parent serves the metrics of all."""
    _run(create_app(settings, database), listener)


def _run(app: FastAPI, listener: socket.socket) -> None:
    warm_up(app.state.site)
    # What is there by now stays: going through it anew would hold up a page for 0.1 s.
    gc.collect()
    gc.freeze()
    _server(app).run(sockets=[listener])


@contextlib.contextmanager
def serving(
    settings: Settings, database: Database, host: str = "127.0.0.1", port: int = 0
) -> Iterator[str]:
    """Serve in a thread for the length of the block; gives the address (port 0: a free one).

    Raises OSError when the address cannot be had, and SettingsError for the metrics port.
    """
    app = create_app(settings, database)
    with serving_metrics(app.state.metrics, settings), serving_app(app, host, port) as url:
        yield url


@contextlib.contextmanager
def serving_app(app: FastAPI, host: str = "127.0.0.1", port: int = 0) -> Iterator[str]:
    """`serving`, for an application that has been made already, and without its metrics."""
    with listening(host, port) as listener:
        server = _server(app)
        thread = threading.Thread(
            target=server.run, kwargs={"sockets": [listener]}, name="web", daemon=True
        )
        thread.start()
        try:
            give_up_at = time.monotonic() + START_SECONDS
            while not server.started:
                if not thread.is_alive() or time.monotonic() > give_up_at:
                    raise OSError("the pages could not be served")
                time.sleep(0.005)
            name = f"[{host}]" if ":" in host else host
            yield f"http://{name}:{listener.getsockname()[1]}"
        finally:
            server.should_exit = True
            thread.join()


def _server(app: FastAPI) -> uvicorn.Server:
    return uvicorn.Server(
        uvicorn.Config(
            app,
            loop="uvloop",
            http=BoundedHttp,
            ws="none",
            # Paths hold tokens: our own log has route templates.
            access_log=False,
            log_config=None,
            lifespan="off",
            # Forwarded headers are web.security.Proxies's.
            proxy_headers=False,
            server_header=False,
            timeout_graceful_shutdown=5,
        )
    )


@contextlib.contextmanager
def listening(host: str, port: int) -> Iterator[socket.socket]:
    """A socket that listens there (port 0: a free one); raises OSError when it cannot be had."""
    try:
        family, _, _, _, address = socket.getaddrinfo(
            host, port, type=socket.SOCK_STREAM, flags=socket.AI_PASSIVE
        )[0]
    except socket.gaierror as error:
        raise OSError(errno.EADDRNOTAVAIL, error.strerror, host) from error
    with socket.socket(family, socket.SOCK_STREAM) as listener:
        listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            listener.bind(address)
        except OSError as error:
            raise OSError(error.errno, error.strerror, f"{host}:{port}") from error
        listener.listen(BACKLOG)
        yield listener


@contextlib.contextmanager
def serving_metrics(metrics: Served, settings: Settings) -> Iterator[None]:
    """Serve metrics on their port, if they have one; raises SettingsError for one in use."""
    with contextlib.ExitStack() as stack:
        try:
            stack.enter_context(metrics.served(settings.metrics_port))
        except OSError as error:
            is_taken = error.errno == errno.EADDRINUSE
            why = "is in use already: choose another one" if is_taken else error.strerror
            raise SettingsError(
                f"{variable('metrics_port')}: 127.0.0.1:{settings.metrics_port} {why}"
            ) from error
        yield

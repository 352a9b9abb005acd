"""`medianote worker` and `medianote web`: what runs until it is stopped."""

import contextlib
import errno
import signal
import sys
from collections.abc import Iterator
from typing import Annotated, NoReturn
from urllib.parse import urlsplit

import typer

from cli.errors import CommandError
from cli.shell import check_schema, opened
from cli.typer_apps import new_app
from runtime.hosts import is_loopback, origin_of
from runtime.logging import configure_logging
from runtime.settings import Settings, SettingsError, variable

DEFAULT_HOST = "127.0.0.1"
DEFAULT_PORT = 8000
WEB_PROCESSES_MAX = 64

worker_app = new_app()
web_app = new_app()


@worker_app.command("worker")
def worker(
    *,
    concurrency: Annotated[
        int | None,
        typer.Option(min=1, metavar="N", help="Processes side by side; as many as processors."),
    ] = None,
) -> None:
    """Send what there is to send, until SIGTERM or Ctrl-C.

    Start as many as you like, on as many hosts; there is no other process to run. Without a
    broker it is the embedded worker, in one process.
    """
    # Celery and the SMTP client load in half a second, which `web --help` need not wait for.
    from worker.prefork import run_worker  # noqa: PLC0415

    configure_logging()
    with opened() as shell:
        check_schema(shell)
    status = run_worker(shell.settings, concurrency)
    if status:
        raise typer.Exit(status)


@web_app.command("web")
def web(
    *,
    host: Annotated[
        str,
        typer.Option(
            metavar="H", help="Address to listen on; what others reach needs MEDIANOTE_BASE_URL."
        ),
    ] = DEFAULT_HOST,
    port: Annotated[
        int | None,
        typer.Option(
            metavar="P",
            min=0,
            max=65535,
            help=f"Port to listen on; otherwise that of a MEDIANOTE_BASE_URL on this machine, else "
            f"{DEFAULT_PORT}.",
        ),
    ] = None,
    workers: Annotated[
        int,
        typer.Option(
            metavar="N",
            min=1,
            max=WEB_PROCESSES_MAX,
            help="Processes side by side; one that ends is replaced.",
        ),
    ] = 1,
) -> None:
    """Serve the pages that links in mail lead to, until SIGTERM or Ctrl-C.

    Without a broker it hosts the embedded worker too, and without a relay the local outbox.
    """
    # FastAPI loads in a second.
    from web.processes import serve_by_processes  # noqa: PLC0415
    from web.server import listening, serve  # noqa: PLC0415

    configure_logging()
    with opened() as shell, contextlib.ExitStack() as stack:
        check_schema(shell)
        check_mail_settings(shell.settings, host)
        chosen = port_of(shell.settings, host) if port is None else port
        try:
            listener = stack.enter_context(listening(host, chosen))
        except OSError as error:
            raise port_trouble(error, host, chosen) from error
        # Port 0 has become a port by now.
        address = address_to_open(host, listener.getsockname()[1])
        settings = at_address(shell.settings, address)
        if settings.has_embedded_worker:
            from worker.embedded import running_worker  # noqa: PLC0415 (as above)

            stack.enter_context(running_worker(settings))
        # Uvicorn ends in order and then repeats the signal, which must not end us in disorder.
        stack.enter_context(stopped_by_signals())

        def bound() -> None:
            tell(settings, address)

        if workers > 1:
            serve_by_processes(settings, shell.database, listener, workers, on_bound=bound)
        serve(settings, shell.database, listener, on_bound=bound)


def tell(settings: Settings, address: str) -> None:
    """Say where it listens, where links in mail lead, and where the outbox is."""
    lines = [f"listening on {address}, pages at {settings.public_url}"]
    if settings.has_local_outbox and shows_outbox(settings, address):
        lines.append(f"the outbox is at {address}/outbox")
    if leads_past(settings, address):
        lines.append(
            f"links lead to {settings.public_url}, where this does not listen: make "
            f"{variable('base_url')} and --port agree, unless something passes requests on"
        )
    print("\n".join(lines), file=sys.stderr, flush=True)


def port_of(settings: Settings, host: str) -> int:
    """The port to listen on where none is given: where links lead, if that is on this machine.

    On addresses that others reach it stays the usual one: a container's is mapped by others.
    """
    parts = urlsplit(settings.base_url or "")
    is_here = is_loopback(host) and is_loopback(parts.hostname or "")
    return (is_here and parts.port) or DEFAULT_PORT


def leads_past(settings: Settings, address: str) -> bool:
    """Whether links lead to this machine, and to another port of it than that of the address."""
    pages, here = urlsplit(settings.public_url), urlsplit(address)
    wanted = pages.port or (443 if pages.scheme == "https" else 80)
    return is_loopback(pages.hostname or "") and wanted != here.port


def address_to_open(host: str, port: int) -> str:
    """The address at which people on this machine open what is served at host and port."""
    name = DEFAULT_HOST if host in {"0.0.0.0", "::", ""} else host  # noqa: S104 (compared only)
    return f"http://[{name}]:{port}" if ":" in name else f"http://{name}:{port}"


def check_mail_settings(settings: Settings, host: str) -> None:
    """Raise SettingsError for what cannot stand in mail that is sent beside the pages."""
    from releases.sending import sender_of  # noqa: PLC0415 (as above)

    sender_of(settings)
    if settings.base_url is None and not is_loopback(host):
        raise SettingsError(
            f"{variable('base_url')}: required with --host {host or repr(host)}: links in mail "
            "lead to the address at which people reach these pages"
        )


def at_address(settings: Settings, address: str) -> Settings:
    """Settings whose links lead to this address, unless a base URL is configured."""
    if settings.base_url is not None:
        return settings
    return settings.model_copy(update={"base_url": origin_of(address)})


def shows_outbox(settings: Settings, address: str) -> bool:
    """Whether the outbox answers there: on this machine, under names of its own alone."""
    hosts = (urlsplit(url).hostname or "" for url in (settings.public_url, address))
    return all(map(is_loopback, hosts))


def port_trouble(error: OSError, host: str, port: int) -> Exception:
    """A plain line for a port that cannot be had; other errors stay as they are."""
    if error.errno == errno.EADDRINUSE:
        return CommandError(f"{host}:{port} is in use already: choose another one with --port")
    return error


@contextlib.contextmanager
def stopped_by_signals() -> Iterator[None]:
    """SIGTERM and Ctrl-C end the block in order, as what was wanted."""

    def stop(*_: object) -> NoReturn:
        raise _Stopped

    before = {number: signal.signal(number, stop) for number in (signal.SIGTERM, signal.SIGINT)}
    try:
        yield
    except _Stopped:
        pass
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)


class _Stopped(BaseException):
    """A signal has asked to end."""

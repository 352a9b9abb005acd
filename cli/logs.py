"""Logs as commands show them: what goes wrong in the background, in the form that errors have."""

import logging
from collections.abc import MutableMapping
from typing import Any

import structlog

from cli.errors import say


def quiet_logs() -> None:
    """For commands that host or ring for workers: errors as plain lines, nothing else.

    What is worth a warning (a relay that is down, a broker that is silent) such a command says
    itself, once.
    """
    structlog.configure(
        processors=[_plain],
        wrapper_class=structlog.make_filtering_bound_logger(logging.ERROR),
        logger_factory=structlog.ReturnLoggerFactory(),
        cache_logger_on_first_use=False,
    )
    # Libraries log what we say ourselves, and better.
    logging.basicConfig(level=logging.CRITICAL, force=True)


def _plain(_logger: Any, _method: str, event: MutableMapping[str, Any]) -> str:
    """Says it, and is the last processor."""
    event.pop("room", None)
    error = event.pop("exc_info", None)
    text = str(event.pop("event", ""))
    details = ", ".join(f"{name}: {value}" for name, value in event.items())
    if isinstance(error, BaseException):
        details = f"{details}, {type(error).__name__}: {error}".removeprefix(", ")
    say(f"{text} ({details})" if details else text)
    return ""

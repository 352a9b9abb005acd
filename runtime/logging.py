"""Logs: structured lines on standard error; secrets and tokens never get here."""

import logging
import sys
from typing import Any

import structlog


def configure_logging(*, is_verbose: bool = False, as_json: bool = False) -> None:
    """Set up structlog and the standard library's logging once, in a shell's entry."""
    level = logging.DEBUG if is_verbose else logging.INFO
    renderer: Any = (
        structlog.processors.JSONRenderer()
        if as_json
        else structlog.dev.ConsoleRenderer(colors=sys.stderr.isatty())
    )
    structlog.configure(
        processors=[
            structlog.contextvars.merge_contextvars,
            structlog.processors.add_log_level,
            structlog.processors.TimeStamper(fmt="iso", utc=True),
            structlog.processors.format_exc_info,
            renderer,
        ],
        wrapper_class=structlog.make_filtering_bound_logger(level),
        # Looked up at each line, so that a test or a shell may replace the stream.
        logger_factory=lambda *_: structlog.PrintLogger(sys.stderr),
        cache_logger_on_first_use=False,
    )
    logging.basicConfig(level=logging.WARNING, stream=sys.stderr, force=True)


def get_logger(room: str) -> Any:
    """The logger of a room of the house."""
    return structlog.get_logger(room=room)

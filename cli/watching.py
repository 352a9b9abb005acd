"""`medianote status ID --watch`: how a distribution stands, again and again, to its end."""

import os
import sys
import time
from types import TracebackType
from typing import Any, Final

from cli.errors import say
from cli.interrupts import heeding_interrupts
from cli.pace import Pace, pace_text, progress_line
from cli.shell import Shell
from cli.status_text import status_lines
from cli.waiting import Told, hindrance, look
from releases.queries import Status

EVERY_SECONDS: Final = 0.5
LINE_EVERY_SECONDS: Final = 5.0
"""Where nothing can be redrawn, a line so often at most."""


def watch(shell: Shell, distribution_id: int, rehearsal: str | None) -> None:
    """Return when the distribution is complete or cancelled, and all of it is decided."""
    told = Told(distribution_id)
    pace = Pace()
    found: Status | None = None
    try:
        with heeding_interrupts() as heed, _canvas(shell, rehearsal) as canvas:
            while True:
                heed()
                found = look(shell, distribution_id, told)
                if found is not None:
                    pace.look(time.monotonic(), found)
                    canvas.show(found, pace)
                    if found.is_finished:
                        return
                    told.tell(None if canvas.says_why else hindrance(found))
                time.sleep(EVERY_SECONDS)
    except KeyboardInterrupt:
        say(f"distribution {distribution_id} is not finished; only the watching has ended")
        raise


def _canvas(shell: Shell, rehearsal: str | None) -> "Canvas | Lines":
    if sys.stdout.isatty() and os.environ.get("TERM", "dumb") != "dumb":
        return Canvas(shell, rehearsal)
    if rehearsal:
        print(rehearsal)
    return Lines()


class Canvas:
    """A few lines of a terminal, drawn anew in their place."""

    says_why = True
    """The lines themselves say what it waits for."""

    def __init__(self, shell: Shell, rehearsal: str | None) -> None:
        self._zone = shell.settings.zone
        self._above = [rehearsal] if rehearsal else []
        self._live: Any = None

    def __enter__(self) -> "Canvas":
        # Loaded for who watches only.
        from rich.live import Live  # noqa: PLC0415

        self._live = Live(auto_refresh=False)
        self._live.start()
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        self._live.stop()

    def show(self, found: Status, pace: Pace) -> None:
        """Draw it."""
        from rich.text import Text  # noqa: PLC0415

        lines = [*self._above, *status_lines(found, self._zone)]
        told = pace_text(pace, found)
        if told is not None and not found.is_finished:
            lines.append(f"  {told}")
        self._live.update(Text("\n".join(lines), no_wrap=True, overflow="ellipsis"), refresh=True)


class Lines:
    """A line on standard output when something has changed, and not too often."""

    says_why = False

    def __init__(self) -> None:
        self._last: tuple[str, int] | None = None
        self._next_at = 0.0

    def __enter__(self) -> "Lines":
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        """Nothing is left to do."""

    def show(self, found: Status, pace: Pace) -> None:
        """Print it, if it says something new."""
        now = time.monotonic()
        news = found.state, found.settled
        is_new_state = self._last is None or self._last[0] != found.state
        if news == self._last or not (is_new_state or found.is_finished or now >= self._next_at):
            return
        self._last = news
        self._next_at = now + LINE_EVERY_SECONDS
        print(progress_line(found, pace), flush=True)

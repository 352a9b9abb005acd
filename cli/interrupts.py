"""Ctrl-C, for what goes on until it is pressed."""

import contextlib
import signal
import threading
from collections.abc import Callable, Iterator
from types import FrameType


@contextlib.contextmanager
def heeding_interrupts() -> Iterator[Callable[[], None]]:
    """Gives a function that raises KeyboardInterrupt where Ctrl-C was pressed in the block.

    Python raises it wherever it is at that moment. Where that is a destructor or a weak
    reference's callback it is printed and forgotten: so whoever loops asks as well.
    """
    is_pressed = False

    def pressed(number: int, frame: FrameType | None) -> None:  # noqa: ARG001 (its signature)
        nonlocal is_pressed
        is_pressed = True
        raise KeyboardInterrupt

    def heed() -> None:
        if is_pressed:
            raise KeyboardInterrupt

    if threading.current_thread() is not threading.main_thread():
        yield heed  # signals are the main thread's
        return
    before = signal.signal(signal.SIGINT, pressed)
    try:
        yield heed
    finally:
        signal.signal(signal.SIGINT, before)

"""Ctrl-C is not lost, wherever Python was when it was pressed."""

import os
import signal
import threading
import weakref

import pytest

from cli.interrupts import heeding_interrupts


class Thing:
    """Something that a weak reference can point to."""


def test_one_that_comes_at_once() -> None:
    """As ever; and afterwards the handler is as before."""
    before = signal.getsignal(signal.SIGINT)
    with pytest.raises(KeyboardInterrupt), heeding_interrupts():
        os.kill(os.getpid(), signal.SIGINT)
    assert signal.getsignal(signal.SIGINT) is before


@pytest.mark.filterwarnings("ignore::pytest.PytestUnraisableExceptionWarning")
def test_one_that_python_forgets() -> None:
    """In a weak reference's callback it is printed only: the next look raises it."""
    with heeding_interrupts() as heed:
        heed()
        thing = Thing()
        reference = weakref.ref(thing, lambda _: os.kill(os.getpid(), signal.SIGINT))
        del thing
        assert reference() is None
        with pytest.raises(KeyboardInterrupt):
            heed()


def test_beside_the_main_thread() -> None:
    """There are no signals there, and nothing to be heeded."""
    heeded: list[bool] = []

    def look() -> None:
        with heeding_interrupts() as heed:
            heed()
            heeded.append(True)

    thread = threading.Thread(target=look)
    thread.start()
    thread.join()
    assert heeded == [True]

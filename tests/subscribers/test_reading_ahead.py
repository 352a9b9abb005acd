"""Reading ahead: the same pieces in order, one of them early, and trouble in its turn."""

import threading
from collections.abc import Iterator

import pytest

from subscribers.reading_ahead import one_ahead


def test_one_piece_is_made_ahead() -> None:
    """While the caller works on a piece the next one is made, and not the one after it."""
    made = threading.Semaphore(0)
    begun: list[int] = []

    def pieces() -> Iterator[int]:
        for number in range(4):
            begun.append(number)
            made.release()
            yield number

    ahead = one_ahead(pieces())
    assert begun == []
    for number in range(4):
        assert next(ahead) == number
        for _ in range(2 if number == 0 else number < 3):
            assert made.acquire(timeout=5)
        assert begun == list(range(min(number + 2, 4)))
    assert list(ahead) == []


def test_trouble_comes_in_its_turn() -> None:
    """What was made before it is had first."""

    def pieces() -> Iterator[str]:
        yield "good"
        raise ValueError("bad")

    ahead = one_ahead(pieces())
    assert next(ahead) == "good"
    with pytest.raises(ValueError, match="bad"):
        next(ahead)


def test_who_ends_early_waits_for_the_piece_being_made() -> None:
    """After closing, no thread reads any more."""
    go_on, reached = threading.Event(), threading.Event()
    ended: list[str] = []

    def pieces() -> Iterator[int]:
        yield 1
        reached.set()
        go_on.wait(5)
        ended.append("the second")
        yield 2

    ahead = one_ahead(pieces())
    assert next(ahead) == 1
    assert reached.wait(5)
    threading.Timer(0.1, go_on.set).start()
    ahead.close()
    assert ended == ["the second"]

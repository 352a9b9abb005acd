"""Reading ahead: the next piece is made ready in a thread while the caller works on this one.

Worth it where the caller mostly waits, as for a database: then both go on at once.
"""

from collections.abc import Generator, Iterator
from concurrent.futures import ThreadPoolExecutor
from typing import TypeVar

T = TypeVar("T")


def one_ahead(pieces: Iterator[T]) -> Generator[T]:
    """The same pieces, in order, one of them ahead; what making one raises comes in its turn.

    Closing it waits for the piece that is being made; no other thread touches `pieces` then.
    """
    with ThreadPoolExecutor(1, thread_name_prefix="medianote-reading") as reader:
        coming = reader.submit(next, pieces, None)
        while (piece := coming.result()) is not None:
            coming = reader.submit(next, pieces, None)
            yield piece

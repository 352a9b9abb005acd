"""A run of measurements: what was asked for, where files go, and what is measured only once."""

import contextlib
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, TypeVar, cast

from benchmarks.notes import body_for, mail_size, note
from benchmarks.pairs import Load
from benchmarks.plant import Plant, plant

_T = TypeVar("_T")


@dataclass
class Bench:
    """What was asked for.

    `people` is how many a measurement sends to, and `many` where a sink takes them as fast as they
    come: what stands around the sending counts for little then. `scale` is the size of the large
    list, `wire_seconds` how long a run over a distance takes
    at least, `relay` are options of the relay's URL, and `settings` are further environment
    variables of all our commands.
    """

    folder: Path
    people: int
    many: int
    pairs: int
    concurrency: int
    size_bytes: int
    scale: int
    wire_seconds: float
    relay: str = ""
    deliveries: int = 10_000_000
    settings: dict[str, str] = field(default_factory=dict)
    _found: dict[str, object] = field(default_factory=dict)

    def once(self, name: str, measure: Callable[[Path], _T]) -> _T:
        """What `measure` returns, measured once however many figures are taken from it.

        It gets a new folder of that name. What failed once is not tried again: it raises anew.
        """
        if name not in self._found:
            try:
                self._found[name] = measure(self.folder / name)
            except Exception as error:
                self._found[name] = error
        found: Any = self._found[name]
        if isinstance(found, Exception):
            raise found
        return cast(_T, found)

    def plant(self, folder: Path, port: int) -> contextlib.AbstractContextManager[Plant]:
        """What a measurement runs on, with the relay at this port of 127.0.0.1."""
        options = f"?{self.relay}" if self.relay else ""
        return plant(folder, f"smtp://127.0.0.1:{port}{options}", **self.settings)

    def load(self, *, people: int | None = None) -> Load:
        """The usual load: mails of HTML and text, of the size that was asked for."""
        body = body_for(self.size_bytes)
        return Load(people or self.people, self.pairs, body, mail_size(note(body), "press"))

"""A wall clock that can be set while a program runs, by libfaketime; monotonic ones go on."""

from pathlib import Path

from tests.support.programs import MissingProgramError


class WallClock:
    """The wall clock of the programs that are started with its `environment`."""

    def __init__(self, file: Path) -> None:
        self._file = file
        self.set_forward(0)
        file.chmod(0o644)

    @property
    def environment(self) -> dict[str, str]:
        """What a program needs to be started with."""
        return {
            "LD_PRELOAD": _library(),
            "FAKETIME_TIMESTAMP_FILE": str(self._file),
            "FAKETIME_NO_CACHE": "1",
            "FAKETIME_DONT_FAKE_MONOTONIC": "1",
            "FAKETIME_DONT_RESET": "1",
        }

    def set_forward(self, seconds: int) -> None:
        """From now on it goes so far ahead of the true time; behind when negative."""
        self._file.write_text(f"{seconds:+d}\n")


def _library() -> str:
    for found in sorted(Path("/usr/lib").glob("*/faketime/libfaketimeMT.so.1")):
        return str(found)
    raise MissingProgramError(["faketime"])

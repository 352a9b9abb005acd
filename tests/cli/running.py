"""Runs the real command: in a process of its own, or in this one where time counts."""

import json
import os
import subprocess
import sys
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest
import structlog

from cli.main import main

COMMAND = Path(sys.executable).with_name("medianote")


@dataclass(frozen=True)
class Ended:
    """How a command ended."""

    status: int
    out: str
    err: str

    @property
    def json(self) -> Any:
        """What it printed, read as JSON."""
        return json.loads(self.out)

    @property
    def errors(self) -> list[str]:
        """The lines on standard error, each of which must be plain."""
        lines = self.err.splitlines()
        for line in lines:
            assert line.startswith("medianote: "), self.err
        return [line.removeprefix("medianote: ") for line in lines]


def run(
    *arguments: str, stdin: str | bytes = b"", seconds: float = 60, **environment: str
) -> Ended:
    """The command in a process of its own, with these settings besides the test's state folder."""
    done = subprocess.run(
        [str(COMMAND), *arguments],
        input=stdin.encode() if isinstance(stdin, str) else stdin,
        env=os.environ | environment,
        capture_output=True,
        timeout=seconds,
        check=False,
    )
    return Ended(done.returncode, done.stdout.decode(), done.stderr.decode())


class InProcess:
    """The command in this process: the same code without the time to load it."""

    def __init__(self, capsys: pytest.CaptureFixture[str]) -> None:
        self._capsys = capsys

    def __call__(self, *arguments: str) -> Ended:
        self._capsys.readouterr()
        logs = structlog.get_config()
        try:
            status = main(arguments)
        finally:
            # A command sets up its process's logs; this process is the tests'.
            structlog.configure(**logs)
        said = self._capsys.readouterr()
        return Ended(status, said.out, said.err)

"""Our own servers in C: compiled on first use, started, and ended by their process ids."""

import contextlib
import hashlib
import os
import subprocess
import tempfile
from collections.abc import Iterator, Sequence
from pathlib import Path

from tests.support.programs import as_user, find_program

_HERE = Path(__file__).parent
_CACHE = _HERE.parent / ".cache" / "benchmarks"
# What we start ends when we do, however that is.
WITH_US = as_user(None, "--pdeathsig=TERM")


def compiled(name: str) -> Path:
    """The program made from `benchmarks/NAME.c`; kept in .cache, or where that cannot be written
    in a temporary folder, under the hash of its source."""
    source = _HERE / f"{name}.c"
    program = f"{name}-{hashlib.sha256(source.read_bytes()).hexdigest()[:16]}"
    made = _folder() / program
    if not made.exists():
        draft = made.with_name(f"{program}.{os.getpid()}")
        command = [
            find_program("cc", "gcc", "clang"),
            "-O2",
            "-Wall",
            "-o",
            str(draft),
            str(source),
        ]
        done = subprocess.run(command, capture_output=True, text=True, check=False)
        if done.returncode:
            raise RuntimeError(f"{source.name} does not compile: {done.stderr.strip()[-2000:]}")
        draft.rename(made)
    return made


def _folder() -> Path:
    try:
        _CACHE.mkdir(parents=True, exist_ok=True)
    except OSError:
        return Path(tempfile.mkdtemp(prefix="medianote-bench-"))
    return _CACHE if os.access(_CACHE, os.W_OK) else Path(tempfile.mkdtemp())


@contextlib.contextmanager
def listening(name: str, options: Sequence[str]) -> Iterator[tuple[subprocess.Popen[str], int]]:
    """One of our servers, and the port on 127.0.0.1 that it has found free and printed."""
    server = subprocess.Popen(
        [*WITH_US, compiled(name), *options],
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        text=True,
    )
    try:
        assert server.stdout is not None
        port = server.stdout.readline()
        if not port:
            raise RuntimeError(f"{name} did not start (status {server.wait()})")
        yield server, int(port)
    finally:
        server.kill()
        server.wait()
        assert server.stdout is not None
        server.stdout.close()

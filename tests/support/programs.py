"""Finds, starts and ends the real programs that tests use."""

import contextlib
import fcntl
import os
import shutil
import socket
import subprocess
import time
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path


class MissingProgramError(AssertionError):
    """A program that tests need is not installed: a failure, never a skip."""

    def __init__(self, names: Sequence[str]) -> None:
        super().__init__(f"{' or '.join(names)} is not installed; `make test` installs it")


class StartError(AssertionError):
    """A program was started and did not come up; the message holds what it logged."""


def find_program(*names: str) -> str:
    """The path of the first of these programs that is installed; Debian's server folders count."""
    versions = sorted(Path("/usr/lib/postgresql").glob("*/bin"), key=lambda p: float(p.parent.name))
    folders = [*os.get_exec_path(), "/usr/sbin", "/sbin", *map(str, reversed(versions))]
    for name in names:
        if found := shutil.which(name, path=os.pathsep.join(folders)):
            return found
    raise MissingProgramError(names)


def free_port() -> int:
    """A TCP port on loopback that nobody listens on now."""
    with socket.socket() as listener:
        listener.bind(("127.0.0.1", 0))
        port: int = listener.getsockname()[1]
        return port


def unmeasured_environment() -> dict[str, str]:
    """Our environment, for commands whose coverage is not measured: that takes as long as they."""
    return {name: said for name, said in os.environ.items() if not name.startswith("COVERAGE_")}


class Program:
    """A server of ours: started, ended by its own process id, and gone when we die.

    It can be ended and started again on the same port, as an outage would.
    """

    def __init__(
        self,
        command: Sequence[str],
        log: Path,
        is_up: Callable[[], bool],
        *,
        user: str | None = None,
        start_seconds: float = 30,
    ) -> None:
        self.command = list(command)
        self.log = log
        self._is_up = is_up
        self.environment: dict[str, str] = {}
        """What is added to ours when it is started the next time."""
        self._user = user
        self._start_seconds = start_seconds
        self._process: subprocess.Popen[bytes] | None = None

    @property
    def pid(self) -> int:
        """The process id of the running server."""
        assert self._process is not None, "not started"
        return self._process.pid

    def start(self) -> None:
        """Start it, and return when it answers."""
        assert self._process is None, "already started"
        # Should we be killed, the kernel ends it for us.
        with self.log.open("ab") as log:
            self._process = subprocess.Popen(
                [
                    *as_user(self._user, "--pdeathsig=KILL"),
                    *("env", *(f"{name}={value}" for name, value in self.environment.items())),
                    *self.command,
                ],
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=log,
                cwd="/",
                start_new_session=True,
            )
        deadline = time.monotonic() + self._start_seconds
        while not self._is_up():
            if self._process.poll() is not None or time.monotonic() > deadline:
                self.kill()
                raise StartError(f"{self.command[0]} did not start:\n{self._last_words()}")
            time.sleep(0.02)

    def terminate(self) -> None:
        """End it the friendly way (SIGTERM), and the hard way after ten seconds."""
        if self._process is not None:
            self._process.terminate()
            try:
                self._process.wait(10)
            except subprocess.TimeoutExpired:
                self._process.kill()
                self._process.wait()
            self._process = None

    def kill(self) -> None:
        """End it as a power cut would (SIGKILL)."""
        if self._process is not None:
            self._process.kill()
            self._process.wait()
            self._process = None

    def send(self, signal: int) -> None:
        """Send it a signal, such as SIGSTOP for a server that accepts and never answers."""
        os.kill(self.pid, signal)

    def _last_words(self) -> str:
        return self.log.read_text(errors="replace")[-2000:]


def as_user(user: str | None, *options: str) -> list[str]:
    """The beginning of a command line that runs the rest as this user."""
    command = [find_program("setpriv"), *options]
    if user is not None:
        command += [f"--reuid={user}", f"--regid={user}", "--init-groups"]
    return command


@contextlib.contextmanager
def only_one(lock: Path) -> Iterator[None]:
    """Holds a lock file, so that of several test processes one does the work."""
    lock.parent.mkdir(parents=True, exist_ok=True)
    with lock.open("w") as handle:
        fcntl.flock(handle, fcntl.LOCK_EX)
        yield

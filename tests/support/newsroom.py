"""A newsroom for whole journeys: the installed command, its servers, and where mail arrives."""

import csv
import json
import os
import shutil
import socket
import subprocess
import sys
import time
import urllib.request
from collections import Counter
from collections.abc import Iterable, Sequence
from email import message_from_bytes, policy
from email.message import EmailMessage, Message
from pathlib import Path
from typing import Any

from tests.support.postfix import LOCAL_DOMAIN, Postfix
from tests.support.programs import (
    Program,
    as_user,
    find_program,
    free_port,
    unmeasured_environment,
)

MEDIANOTE = Path(sys.executable).with_name("medianote")


class Sink:
    """An smtp-sink that files every message it takes."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        folder.mkdir(parents=True)
        self.port = free_port()
        user = []
        if os.geteuid() == 0:
            user = ["-u", "postfix", "-R", str(folder)]
            shutil.chown(folder, "postfix")
            for parent in folder.parents:
                if parent.stat().st_uid == os.geteuid() and parent != Path("/"):
                    parent.chmod(parent.stat().st_mode | 0o011)
        self._program = Program(
            [
                find_program("smtp-sink"),
                *user,
                *("-d", "mail.", f"127.0.0.1:{self.port}", "100"),
            ],
            folder.parent / "sink.log",
            self._answers,
        )
        self._program.start()

    @property
    def url(self) -> str:
        """What MEDIANOTE_SMTP_URL is set to."""
        return f"smtp://127.0.0.1:{self.port}"

    def mails(self) -> list[tuple[str, EmailMessage]]:
        """Every mail taken, with the recipient of its envelope."""
        taken = []
        for file in sorted(self.folder.glob("mail.*")):
            message = message_from_bytes(file.read_bytes(), policy=policy.default)
            recipients = message.get_all("X-Rcpt-Args")
            if recipients:
                taken.append((str(recipients[0]).split(">")[0].strip("< "), message))
        return taken

    def counted(self, expected: int) -> Counter[str]:
        """How many mails each recipient has."""
        return Counter(recipient for recipient, _ in self.mails())

    def empty(self) -> None:
        """Forget what was taken."""
        for file in self.folder.glob("mail.*"):
            file.unlink()

    def close(self) -> None:
        """End it."""
        self._program.kill()

    def _answers(self) -> bool:
        try:
            with socket.create_connection(("127.0.0.1", self.port), 1) as connection:
                return connection.recv(3) == b"220"
        except OSError:
            return False


class PostfixSink:
    """A stock Postfix that delivers to a Maildir, looked at as `Sink` is."""

    def __init__(self) -> None:
        self._postfix = Postfix()
        self._postfix.__enter__()
        self._seen: set[str] = set()

    @property
    def url(self) -> str:
        """What MEDIANOTE_SMTP_URL is set to."""
        return f"smtp://127.0.0.1:{self._postfix.port}"

    def counted(self, expected: int) -> Counter[str]:
        """How many mails each recipient has; waits until there are as many in all."""
        mails = self._postfix.messages(expected, self._is_new)
        return Counter(str(mail["Delivered-To"]) for mail in mails)

    def empty(self) -> None:
        """Forget what was delivered until now."""
        self._seen |= {str(mail["Message-ID"]) for mail in self._postfix.messages(0)}

    def close(self) -> None:
        """End it."""
        self._postfix.__exit__()

    def _is_new(self, mail: Message) -> bool:
        return str(mail["Message-ID"]) not in self._seen


class Newsroom:
    """The installed command with an environment of its own."""

    def __init__(self, folder: Path, **settings: str) -> None:
        self.folder = folder
        clean = {
            name: said
            for name, said in unmeasured_environment().items()
            if not name.startswith("MEDIANOTE_")
        }
        named = {f"MEDIANOTE_{name.upper()}": value for name, value in settings.items()}
        self.environment = clean | {"MEDIANOTE_STATE_DIR": str(folder / "state")} | named
        self._processes: list[subprocess.Popen[bytes]] = []

    def run(
        self, *arguments: str | Path, status: int = 0, text: str | None = None
    ) -> subprocess.CompletedProcess[str]:
        """Run a command to its end and check its exit status."""
        done = subprocess.run(
            [MEDIANOTE, *arguments],
            env=self.environment,
            cwd=self.folder,
            input=text,
            capture_output=True,
            text=True,
            check=False,
            timeout=120,
        )
        assert done.returncode == status, (arguments, done.returncode, done.stdout, done.stderr)
        return done

    def json(self, *arguments: str | Path, status: int = 0) -> dict[str, Any]:
        """Run a command with --json and read what it prints."""
        read: dict[str, Any] = json.loads(self.run(*arguments, "--json", status=status).stdout)
        return read

    def start(self, *arguments: str) -> subprocess.Popen[bytes]:
        """Start a command that stays up."""
        log = (self.folder / f"{arguments[0]}-{len(self._processes)}.log").open("wb")
        with log:
            process = subprocess.Popen(
                [*as_user(None, "--pdeathsig=TERM"), MEDIANOTE, *arguments],
                env=self.environment,
                cwd=self.folder,
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=log,
                start_new_session=True,
            )
        self._processes.append(process)
        return process

    def serve(self) -> str:
        """Start the pages on the port of the base URL, and wait until they answer."""
        base = self.environment["MEDIANOTE_BASE_URL"]
        self.start("web", "--port", base.rpartition(":")[2])
        deadline = time.monotonic() + 30
        while True:
            try:
                with urllib.request.urlopen(f"{base}/healthz", timeout=2):
                    return base
            except OSError:
                assert time.monotonic() < deadline, "the pages did not come up"
                time.sleep(0.1)

    def list_of(self, slug: str, people: Iterable[str], *options: str) -> None:
        """A list with these people on it, confirmed."""
        file = self.folder / f"{slug}.csv"
        with file.open("w", newline="", encoding="utf-8") as out:
            writer = csv.writer(out)
            writer.writerow(["email", "name"])
            writer.writerows((address, address.partition("@")[0].title()) for address in people)
        self.run("lists", "create", slug, "--title", slug.capitalize(), *options)
        self.run("subscribers", "import", file, "--list", slug, "--confirmed")

    def close(self) -> None:
        """End what was started, by its process id."""
        for process in self._processes:
            process.terminate()
        for process in self._processes:
            try:
                process.wait(15)
            except subprocess.TimeoutExpired:
                process.kill()
                process.wait()


def addresses(numbers: Sequence[int]) -> list[str]:
    """Addresses of made-up readers."""
    return [f"reader{number}@{LOCAL_DOMAIN}" for number in numbers]

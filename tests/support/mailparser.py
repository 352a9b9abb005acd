"""What Node's mailparser reads in a message: a second opinion beside Python's `email`."""

import base64
import hashlib
import json
import os
import shutil
import subprocess
from pathlib import Path
from typing import Any

from tests.support.programs import find_program, only_one

SOURCE = Path(__file__).parent / "node"
CACHE = Path(__file__).resolve().parents[2] / ".cache"


class Mailparser:
    """Reads messages with mailparser, in the version that package-lock.json pins."""

    def __init__(self) -> None:
        self._node = find_program("node", "nodejs")
        self._folder = node_folder()

    def read(self, *messages: bytes) -> list[dict[str, Any]]:
        """What it reads in each message.

        Keys: subject, text, html, message_id, date (ISO), from, to and reply_to (lists of
        {address, name}), header_lines (list of {key, line}), list (List-… headers, parsed).
        """
        sources = json.dumps([base64.b64encode(message).decode() for message in messages])
        done = subprocess.run(
            [self._node, "read.mjs"],
            input=sources.encode(),
            capture_output=True,
            cwd=self._folder,
            check=False,
        )
        assert done.returncode == 0, done.stderr.decode(errors="replace")
        read: list[dict[str, Any]] = json.loads(done.stdout)
        return read


def node_folder() -> Path:
    """The folder with the tests' Node packages, installed once for each state of the lock."""
    sources = sorted(path for path in SOURCE.iterdir() if path.is_file())
    digest = hashlib.sha256(b"\0".join(path.read_bytes() for path in sources)).hexdigest()
    folder = CACHE / f"mailparser-{digest[:16]}"
    with only_one(CACHE / "mailparser.lock"):
        if not (folder / "done").exists():
            shutil.rmtree(folder, ignore_errors=True)
            folder.mkdir(parents=True)
            for path in sources:
                shutil.copy(path, folder)
            done = subprocess.run(
                [find_program("npm"), "ci", "--no-audit", "--no-fund"],
                cwd=folder,
                env=os.environ | {"NODE_ENV": "production"},
                capture_output=True,
                text=True,
                check=False,
            )
            assert done.returncode == 0, f"mailparser could not be installed:\n{done.stderr}"
            (folder / "done").touch()
    return folder

"""What is wrong with a page by the HTML standard, as html-validate reads it."""

import json
import subprocess

from tests.support.mailparser import node_folder
from tests.support.programs import find_program


class HtmlStandard:
    """Checks pages, one after the other, in one process of Node; a context manager."""

    def __init__(self) -> None:
        self._node = subprocess.Popen(
            [find_program("node", "nodejs"), "validate.mjs"],
            cwd=node_folder(),
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
            encoding="utf-8",
        )

    def faults(self, page: str) -> list[str]:
        """Each as a line: the rule, the line of the page, and what is wrong."""
        assert self._node.stdin is not None
        assert self._node.stdout is not None
        self._node.stdin.write(f"{json.dumps(page)}\n")
        self._node.stdin.flush()
        found: list[str] = json.loads(self._node.stdout.readline())
        return found

    def __enter__(self) -> "HtmlStandard":
        return self

    def __exit__(self, *_: object) -> None:
        self._node.communicate()

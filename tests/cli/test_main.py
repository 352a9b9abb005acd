"""What every command promises: help, one plain line for each error, a telling exit status."""

import importlib
import os
import re
import signal
import subprocess
import time

import pytest
import typer.main

from cli.demo import SAMPLES
from cli.main import COMMANDS
from tests.cli.running import COMMAND, InProcess, run

NOTE = str(SAMPLES / "media-note.txt")


def test_help_is_quick_and_names_every_command() -> None:
    """`medianote --help` loads no database and no server, and lists all commands."""
    started = time.monotonic()
    ended = run("--help")
    assert time.monotonic() - started < 5
    assert ended.status == 0
    assert all(f"\n  {name} " in ended.out for name in COMMANDS)
    loaded = run("--help", PYTHONPROFILEIMPORTTIME="1").err
    assert "sqlalchemy" not in loaded
    assert "celery" not in loaded


@pytest.mark.parametrize("name", COMMANDS)
def test_each_command_has_help(name: str, medianote: InProcess) -> None:
    """Each command says what it does; every argument and option of it says what it is for."""
    ended = medianote(name, "--help")
    assert (ended.status, ended.err) == (0, "")
    module, attribute, _ = COMMANDS[name]
    command = typer.main.get_command(getattr(importlib.import_module(module), attribute))
    children = getattr(command, "commands", None) or {name: command}
    for child in children.values():
        assert child.help
        for parameter in child.params:
            if parameter.param_type_name == "option":
                assert getattr(parameter, "help", None), f"{name}: {parameter.name}"


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (["listen"], "No such command 'listen'. Did you mean 'lists'?"),
        (["lists"], "Missing command (see `medianote lists --help`)"),
        (["lists", "create"], "Missing argument"),
        (["lists", "create", "press"], "Missing option '--title'"),
        (["status", "one"], "Invalid value for"),
        (["status", "0"], "Invalid value for"),
        (["status", "99999999999999999999"], "Invalid value for"),
        (["status", "1", "--jsn"], "No such option: --jsn"),
        (["--nonsense"], "No such option: --nonsense"),
    ],
)
def test_wrong_use(arguments: list[str], said: str, medianote: InProcess) -> None:
    """Wrong use is status 2, and one line that says what and where help is."""
    ended = medianote(*arguments)
    assert (ended.status, ended.out, len(ended.errors)) == (2, "", 1)
    assert said in ended.errors[0]


def test_the_version(medianote: InProcess) -> None:
    """--version prints it, alone."""
    assert re.fullmatch(r"\d+\.\d+\.\d+\n", medianote("--version").out)


def test_no_arguments_show_help(medianote: InProcess) -> None:
    """`medianote` alone shows what there is."""
    assert medianote() == medianote("--help")


def test_settings_that_cannot_work() -> None:
    """Bad and missing settings are named, in one line, with status 2."""
    ended = run("status", "1", MEDIANOTE_DATABASE_URL="mysql://x")
    assert (ended.status, len(ended.errors)) == (2, 1)
    assert "MEDIANOTE_DATABASE_URL" in ended.errors[0]
    ended = run("status", "1", MEDIANOTE_DATABASE_URL="postgresql+psycopg://x@127.0.0.1/x")
    assert (ended.status, len(ended.errors)) == (2, 1)
    assert "MEDIANOTE_BROKER_URL, MEDIANOTE_SMTP_URL, MEDIANOTE_BASE_URL" in ended.errors[0]


@pytest.mark.parametrize(
    ("sender", "why"),
    [
        ("Press <büro@example.org>", "choose an address in a to z"),
        ("Press <press@localhost>", "should have a period"),
    ],
)
@pytest.mark.parametrize("command", [["preview", NOTE], ["worker"], ["web"]])
def test_a_sender_that_cannot_stand_in_mail(
    command: list[str], sender: str, why: str, medianote: InProcess, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A sender that not every mail server takes is a setting that cannot work, and named."""
    monkeypatch.setenv("MEDIANOTE_FROM", sender)
    ended = medianote(*command)
    assert (ended.status, ended.out) == (2, "")
    [line] = [line for line in ended.err.splitlines() if line.startswith("medianote: ")]
    assert line.startswith("medianote: MEDIANOTE_FROM: ")
    assert why in line


def test_a_reader_who_has_had_enough() -> None:
    """`… | head` ends it without a word."""
    run("lists", "create", "press", "--title", "Press")
    reader, writer = os.pipe()
    os.close(reader)
    with os.fdopen(writer, "wb") as closed:
        done = subprocess.run(
            [str(COMMAND), "lists", "show"], stdout=closed, stderr=subprocess.PIPE, check=False
        )
    assert (done.returncode, done.stderr) == (128 + signal.SIGPIPE, b"")


def test_output_that_cannot_be_written() -> None:
    """A full disk behind standard output is said."""
    with open("/dev/full", "wb") as full:
        done = subprocess.run(
            [str(COMMAND), "lists", "show"], stdout=full, stderr=subprocess.PIPE, check=False
        )
    assert (done.returncode, done.stderr) == (1, b"medianote: No space left on device\n")


def test_utf_8_whatever_the_locale() -> None:
    """Output is UTF-8 for scripts, also where the locale is another one."""
    run("lists", "create", "press", "--title", "Presse – Δελτία")
    assert "Presse – Δελτία" in run("lists", "show", LC_ALL="POSIX", PYTHONCOERCECLOCALE="0").out

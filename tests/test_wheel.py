"""The wheel is whole: what is in it does the main job elsewhere, without this folder."""

import csv
import email
import email.policy
import io
import mailbox
import subprocess
import sys
import zipfile
from collections import Counter
from collections.abc import Sequence
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parent.parent
UV = Path(sys.executable).with_name("uv")


def run(command: Sequence[str | Path], **options: object) -> str:
    """Standard output of a command that must succeed."""
    done = subprocess.run(command, capture_output=True, text=True, check=False, **options)  # type: ignore[call-overload]
    assert done.returncode == 0, f"{command}\n{done.stdout}\n{done.stderr}"
    output: str = done.stdout
    return output


@pytest.fixture(scope="module")
def wheel(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The wheel, built from this folder."""
    folder = tmp_path_factory.mktemp("wheel")
    run([sys.executable, "-m", "hatchling", "build", "-t", "wheel", "-d", folder], cwd=ROOT)
    [wheel] = folder.glob("*.whl")
    return wheel


@pytest.fixture(scope="module")
def medianote(wheel: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The command, installed from the wheel and the lock into an empty environment."""
    environment = tmp_path_factory.mktemp("elsewhere") / "environment"
    run([UV, "venv", "--quiet", "--python", sys.executable, environment])
    install = [UV, "pip", "install", "--quiet", "--python", environment, "--no-deps"]
    run([*install, "--require-hashes", "-r", ROOT / "requirements.lock"])
    run([*install, wheel])
    return environment / "bin" / "medianote"


def test_the_wheel_holds_the_rooms_with_their_templates_and_migrations(wheel: Path) -> None:
    """Every file of a room is in it; tests and benchmarks are not."""
    rooms = ("cli", "mail", "migrations", "releases", "runtime", "subscribers", "templates")
    rooms += ("web", "worker")
    wanted = {
        str(path.relative_to(ROOT))
        for room in rooms
        for path in (ROOT / room).rglob("*")
        if path.is_file() and "__pycache__" not in path.parts
    }
    names = set(zipfile.ZipFile(wheel).namelist())
    assert wanted <= names, f"missing: {sorted(wanted - names)}"
    assert {"templates/email/release.html", "migrations/env.py"} <= names
    assert {name.partition("/")[0] for name in names if ".dist-info/" not in name} == set(rooms)


@pytest.mark.timeout(300)
def test_the_demo_runs_from_the_wheel_alone(medianote: Path, tmp_path: Path) -> None:
    """From `/`, with nothing but HOME set, everyone on the sample list has one mail."""
    home = tmp_path / "home"
    home.mkdir()
    alone = {"cwd": "/", "env": {"HOME": str(home)}}
    run([medianote, "demo", "--once"], **alone)

    export = run([medianote, "subscribers", "export"], **alone)
    subscribers = Counter(row["email"] for row in csv.DictReader(io.StringIO(export)))
    outbox = mailbox.Maildir(home / ".local" / "state" / "medianote" / "outbox", create=False)
    mails = [
        email.message_from_bytes(outbox.get_bytes(key), policy=email.policy.default)
        for key in outbox.keys()  # noqa: SIM118 (a Maildir iterates over messages)
    ]
    recipients = Counter(mail["To"].addresses[0].addr_spec for mail in mails)
    assert subscribers
    assert recipients == subscribers
    for mail in mails:
        assert mail.get_body(("plain",)) is not None
    assert any(mail.get_body(("html",)) is not None for mail in mails)

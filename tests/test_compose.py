"""The image and the compose file keep to the project's own settings, and to what is safe."""

import re
from pathlib import Path
from typing import Any

import pytest
import yaml

from runtime.settings import REQUIRED_IN_PRODUCTION, Settings, variable
from worker.prefork import CLEAN_STOP_SECONDS

ROOT = Path(__file__).resolve().parent.parent
COMPOSE = yaml.safe_load((ROOT / "compose.yaml").read_text(encoding="utf-8"))
SERVICES: dict[str, dict[str, Any]] = COMPOSE["services"]
OURS = ("migrate", "web", "worker")
INSTRUCTIONS = [
    (name, rest.strip())
    for name, rest in re.findall(
        r"^([A-Z]+)[ \t]+((?:.*\\\n)*.*)$",
        (ROOT / "Dockerfile").read_text(encoding="utf-8"),
        re.MULTILINE,
    )
]
SETTINGS = {variable(field) for field in Settings.model_fields}
REQUIRED = {variable(field) for field in REQUIRED_IN_PRODUCTION}

# Where each of these comes from is compose.yaml's own business: they name other services.
NAMED_BY_COMPOSE = {"MEDIANOTE_BROKER_URL"}


def test_every_variable_is_a_setting() -> None:
    """What compose.yaml hands on, and the image presets, is something that is read."""
    for file in ("compose.yaml", "Dockerfile", "docs/compose.md"):
        named = set(re.findall(r"\bMEDIANOTE_[A-Z_]+", (ROOT / file).read_text(encoding="utf-8")))
        assert named
        assert named <= SETTINGS, file


@pytest.mark.parametrize("name", OURS)
def test_every_required_setting_is_given_or_asked_for(name: str) -> None:
    """Nothing that production needs has a default: what is unset is told before it starts."""
    environment = SERVICES[name]["environment"]
    assert environment.keys() >= REQUIRED | {"MEDIANOTE_DATABASE_URL"}
    assert environment["MEDIANOTE_DATABASE_URL"].startswith("postgresql+psycopg://")
    for setting in REQUIRED - NAMED_BY_COMPOSE:
        assert re.fullmatch(rf"\$\{{{setting}:\?[^}}]+\}}", environment[setting]), setting


def test_a_setting_that_is_not_required_may_be_left_out() -> None:
    """Optional ones are handed on as they are; those of one container's inside are the image's."""
    handed_on = SERVICES["web"]["environment"].keys()
    inside = {"MEDIANOTE_STATE_DIR", "MEDIANOTE_METRICS_PORT"}
    assert handed_on | inside == SETTINGS
    for setting in handed_on - REQUIRED - {"MEDIANOTE_DATABASE_URL"}:
        assert re.fullmatch(
            rf"\$\{{{setting}:-[^}}]*\}}", SERVICES["web"]["environment"][setting]
        ), setting


def test_no_secret_stands_in_it() -> None:
    """A password or key is always a variable without a default."""
    text = (ROOT / "compose.yaml").read_text(encoding="utf-8")
    secrets = re.findall(r"\$\{(\w*(?:PASSWORD|KEYS?|SMTP_URL))(:.)", text)
    assert {name for name, _ in secrets} >= {"POSTGRES_PASSWORD", "MEDIANOTE_SECRET_KEYS"}
    assert all(sign == ":?" or name == "MEDIANOTE_RETIRED_KEYS" for name, sign in secrets)


def test_ports_are_published_on_this_machine_only() -> None:
    """A proxy with TLS stands in front; the database and the broker are not published at all."""
    published = {name: service["ports"] for name, service in SERVICES.items() if "ports" in service}
    assert published.keys() == {"web"}
    assert all(port.startswith("127.0.0.1:") for ports in published.values() for port in ports)
    assert not any("network_mode" in service for service in SERVICES.values())


def test_nothing_of_ours_runs_as_root() -> None:
    """The image's last word is a user by number; no service takes it back or asks for more."""
    last_stage = INSTRUCTIONS[
        max(i for i, (name, _) in enumerate(INSTRUCTIONS) if name == "FROM") :
    ]
    users = [rest for name, rest in last_stage if name == "USER"]
    assert users
    assert int(users[-1].partition(":")[0]) > 0
    for name in (*OURS, "outbox"):
        assert SERVICES[name]["image"] == "medianote"
        assert "user" not in SERVICES[name]
        assert SERVICES[name]["cap_drop"] == ["ALL"]
    assert not any(service.get("privileged") for service in SERVICES.values())


def test_the_image_installs_what_is_pinned_and_nothing_else() -> None:
    """Packages come by hash from the lock, the project itself without the network."""
    installs = [
        line
        for name, rest in INSTRUCTIONS
        if name == "RUN"
        for line in rest.split("&&")
        if "pip install" in line
    ]
    assert len(installs) == 2
    assert "--require-hashes" in installs[0]
    assert "-r requirements.lock" in installs[0]
    assert "--no-index" in installs[1]
    assert not [rest for name, rest in INSTRUCTIONS if name in {"ADD", "ARG"}]


def test_what_the_image_is_built_from_leaves_secrets_and_history_out() -> None:
    """Everything is ignored but what the wheel is made from."""
    lines = (ROOT / ".dockerignore").read_text(encoding="utf-8").splitlines()
    rules = [line for line in lines if line and not line.startswith("#")]
    assert rules[0] == "*"
    taken = {rule.removeprefix("!") for rule in rules if rule.startswith("!")}
    assert all((ROOT / name).exists() for name in taken)
    rooms = {path.parent.name for path in ROOT.glob("*/__init__.py")} - {"benchmarks", "tests"}
    others = {"templates", "LICENSE", "README.md", "pyproject.toml", "requirements.lock"}
    assert taken == rooms | others


def test_one_service_alone_builds_the_image() -> None:
    """Builders that work side by side would make the same image twice, and fail."""
    assert [name for name, service in SERVICES.items() if "build" in service] == ["migrate"]


def test_who_waits_for_whom() -> None:
    """The schema is there before anything works with it; the migration runs once."""
    assert SERVICES["migrate"]["restart"] == "no"
    for name in ("web", "worker"):
        waits_for = SERVICES[name]["depends_on"]
        assert waits_for["migrate"] == {"condition": "service_completed_successfully"}
    for name in SERVICES.keys() - {"migrate"}:
        assert SERVICES[name]["restart"] == "unless-stopped", name
        assert "healthcheck" in SERVICES[name] or name == "web", name
    assert "HEALTHCHECK" in dict(INSTRUCTIONS)


def test_workers_share_their_journals_and_end_cleanly() -> None:
    """Two of them, one folder, and more time to stop than a clean stop takes."""
    worker = SERVICES["worker"]
    assert worker["scale"] == 2
    [state_folder] = re.findall(r"MEDIANOTE_STATE_DIR=(\S+)", dict(INSTRUCTIONS)["ENV"])
    assert worker["volumes"] == [f"state:{state_folder}"]
    assert int(worker["stop_grace_period"].removesuffix("s")) > CLEAN_STOP_SECONDS + 2


def test_the_outbox_is_there_only_when_it_is_asked_for() -> None:
    """In production mail goes to the relay that was configured, or nowhere."""
    assert [name for name, service in SERVICES.items() if "profiles" in service] == ["outbox"]
    assert SERVICES["outbox"]["profiles"] == ["demo"]

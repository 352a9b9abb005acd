"""The house keeps its own rules: who imports whom, how long a module may be, what is said where."""

import ast
import re
import subprocess
import sys
import tomllib
from collections.abc import Iterator
from pathlib import Path

import pytest

from cli.main import main
from runtime.settings import Settings, variable

ROOT = Path(__file__).resolve().parent.parent
ROOMS = ("cli", "web", "worker", "releases", "subscribers", "mail", "runtime")
MODULES = sorted(path for room in ROOMS for path in (ROOT / room).rglob("*.py"))
MOST_LINES = 350

COMMANDS = """demo; migrate; lists; lists create; lists show; subscribers; subscribers import;
subscribers export; subscribers link; desks; desks create; desks show; desks keeper;
desks invite; desks remove; publish; preview; status; pause; resume; cancel; worker; web;
doctor"""

modules = pytest.mark.parametrize("module", MODULES, ids=lambda path: str(path.relative_to(ROOT)))


def tracked_files() -> list[Path]:
    """Every file of the project that holds text, and no cache."""
    done = subprocess.run(
        [
            "git",
            "-c",
            "safe.directory=*",
            "ls-files",
            "--cached",
            "--others",
            "--exclude-standard",
            "-z",
        ],
        cwd=ROOT,
        capture_output=True,
        check=True,
        text=True,
    )
    files = [ROOT / name for name in done.stdout.split("\0") if name]
    return [path for path in files if path.is_file() and path.suffix not in {".png", ".ico"}]


def public_definitions(tree: ast.Module) -> Iterator[ast.FunctionDef | ast.ClassDef]:
    """The module's own public functions and classes, and the public methods of these classes."""
    for node in tree.body:
        if isinstance(node, ast.FunctionDef | ast.ClassDef) and not node.name.startswith("_"):
            yield node


def imported(tree: ast.Module) -> Iterator[str]:
    """The top-level names of what a module imports, in functions too."""
    for node in ast.walk(tree):
        if isinstance(node, ast.Import):
            for name in node.names:
                yield name.name.partition(".")[0]
        elif isinstance(node, ast.ImportFrom) and node.module and not node.level:
            yield node.module.partition(".")[0]


def test_imports_run_one_way() -> None:
    """The staircase is walked downwards only, and `mail` knows nothing of the world."""
    done = subprocess.run(
        [Path(sys.executable).with_name("lint-imports"), "--no-cache"],
        cwd=ROOT,
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stdout + done.stderr


@modules
def test_a_module_fits_in_one_reading(module: Path) -> None:
    """No module is longer than can be read at once; a longer one hides a concept."""
    lines = len(module.read_text(encoding="utf-8").splitlines())
    assert lines <= MOST_LINES, f"{lines} lines"


@modules
def test_what_is_public_says_what_it_is(module: Path) -> None:
    """Every module, public class and public function has a docstring."""
    tree = ast.parse(module.read_text(encoding="utf-8"))
    silent = [node.name for node in public_definitions(tree) if not ast.get_docstring(node)]
    assert ast.get_docstring(tree), "the module has no docstring"
    assert not silent


@pytest.mark.parametrize("module", sorted((ROOT / "mail").glob("*.py")), ids=lambda path: path.name)
def test_the_pure_core_reads_no_clock(module: Path) -> None:
    """`mail` asks nobody for the time, for chance or for the environment."""
    source = module.read_text(encoding="utf-8")
    calls = re.findall(r"\b(?:datetime\.now|utcnow|today|os\.environ|getenv)\(", source)
    names = set(imported(ast.parse(source)))
    assert not calls
    assert not names & {"os", "time", "random", "secrets", "socket", "threading"}


def test_one_noun_per_concept() -> None:
    """Names of classes and functions use the glossary's nouns, not their synonyms."""
    synonyms = re.compile(
        r"(?:^|_)(?:recipient_list|campaign|newsletter|contact_list|mailout|blast|blacklist)s?(?:_|$)"
    )
    wrong = [
        f"{module.relative_to(ROOT)}: {node.name}"
        for module in MODULES
        for node in ast.walk(ast.parse(module.read_text(encoding="utf-8")))
        if isinstance(node, ast.FunctionDef | ast.ClassDef)
        and synonyms.search(re.sub(r"(?<=[a-z])(?=[A-Z])", "_", node.name).lower())
    ]
    assert not wrong


def test_what_is_imported_is_declared() -> None:
    """Nothing is used that only happens to be installed because something else wanted it."""
    project = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["project"]
    distributions = {
        re.split(r"[\[<>=!~ ]", line)[0].lower().replace("-", "_")
        for line in project["dependencies"]
    }
    import_names = {
        "dnspython": "dns",
        "markdown_it_py": "markdown_it",
        "python_multipart": "multipart",
        "pyyaml": "yaml",
        # What these hand out as part of their own interface.
        "fastapi": "fastapi starlette",
        "pydantic_settings": "pydantic_settings pydantic",
        "premailer": "premailer cssutils lxml",
        "jinja2": "jinja2 markupsafe",
        "celery": "celery billiard",
        "typer": "typer click",
    }
    known = {name for d in distributions for name in import_names.get(d, d).split()}
    known |= {*ROOMS, "migrations", "templates"} | sys.stdlib_module_names
    used = {name for m in MODULES for name in imported(ast.parse(m.read_text(encoding="utf-8")))}
    assert used <= known, f"not declared in pyproject.toml: {sorted(used - known)}"


def test_no_file_names_a_registry_or_somebodys_machine() -> None:
    """Locks and sources are the same wherever they are used."""
    hosts = ["pypi" + ".org", "python" + "hosted.org", "npmjs" + ".org", "yarnpkg" + ".com"]
    places = re.compile("|".join([*map(re.escape, hosts), r"(?<![\w.~/-])/(?:home|Users)/\w+/"]))
    found = [
        f"{path.relative_to(ROOT)}: {match.group()}"
        for path in tracked_files()
        if (match := places.search(path.read_text(encoding="utf-8", errors="replace")))
    ]
    assert not found
    if len(ROOT.parts) > 2:  # "/app" may well be written somewhere
        here = [p for p in tracked_files() if str(ROOT).encode() in p.read_bytes()]
        assert not here


@pytest.mark.parametrize("command", [" ".join(name.split()) for name in COMMANDS.split(";")])
def test_every_command_explains_itself(command: str, capsys: pytest.CaptureFixture[str]) -> None:
    """Whoever asks a command for --help gets its usage."""
    assert main([*command.split(), "--help"]) == 0
    assert f"Usage: medianote {command}" in capsys.readouterr().out


@pytest.mark.parametrize("page", ["README.md", "docs/settings.md"])
def test_every_setting_is_documented(page: str) -> None:
    """Whatever can be set is listed, and what is listed can be set."""
    listed = set(re.findall(r"`(MEDIANOTE_[A-Z_]+)`", (ROOT / page).read_text(encoding="utf-8")))
    assert listed == {variable(name) for name in Settings.model_fields}


def test_links_between_pages_lead_somewhere() -> None:
    """A page of documentation links to no file that is not there."""
    pages = [path for path in tracked_files() if path.suffix == ".md"]
    broken = [
        f"{page.relative_to(ROOT)}: {target}"
        for page in pages
        for target in re.findall(r"\]\(([^)#:]+)(?:#[^)]*)?\)", page.read_text(encoding="utf-8"))
        if not (page.parent / target).exists()
    ]
    assert not broken


def test_both_locks_pin_every_package_by_hash_and_agree() -> None:
    """What runs in production is what was tested, to the byte."""
    versions = {}
    for lock in ("requirements.lock", "requirements-dev.lock"):
        text = (ROOT / lock).read_text(encoding="utf-8")
        entries = re.findall(r"^([a-z0-9.-]+)==(\S+)(.*?)(?=^[a-z]|\Z)", text, re.M | re.S)
        assert entries
        assert all("--hash=sha256:" in rest for _, _, rest in entries)
        versions[lock] = {(name, version) for name, version, _ in entries}
    assert versions["requirements.lock"] <= versions["requirements-dev.lock"]

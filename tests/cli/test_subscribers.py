"""What `lists` and `subscribers` promise, driven as the real command."""

import csv
import io
from pathlib import Path

import pytest

from cli.main import main
from tests.cli.running import InProcess, run

TABLE = (
    "email,name,language,format,outlet,frequency\n"
    '=1+1@example.org,"Díaz, Ana",es,text,"=HYPERLINK(""http://x"")",weekly\n'
    "bo@bücher.example,@Bo,zh-Hant,html,-,\n"
)


@pytest.fixture
def table(tmp_path: Path) -> Path:
    """A file with two good rows that look like formulas."""
    file = tmp_path / "people.csv"
    file.write_text(TABLE, encoding="utf-8")
    return file


def test_lists(configured: InProcess) -> None:
    """A list is made once, and shown with how many people are on it."""
    made = configured("lists", "create", "press", "--title", "Press releases")
    assert (made.status, made.out, made.err) == (0, "press\n", "")
    again = configured("lists", "create", "press", "--title", "Other")
    assert (again.status, again.errors) == (
        1,
        ["the list press exists already; its title is “Press releases”"],
    )
    desk = configured(
        "lists", "create", "desk", "--title", "Desk", "--private", "--reply-to", "D <d@example.org>"
    )
    assert desk.status == 0
    shown = configured("lists", "show", "--json").json
    assert [(found["slug"], found["private"], found["reply_to"]) for found in shown] == [
        ("desk", True, "D <d@example.org>"),
        ("press", False, None),
    ]
    assert "press  Press releases  public" in configured("lists", "show").out


@pytest.mark.parametrize(
    "slug", ["Press", "-press", "press-", "pr ess", "pr.ess", "é", "x" * 64, ""]
)
def test_a_slug_that_cannot_stand_in_list_id(slug: str, medianote: InProcess) -> None:
    """A slug is a label of a domain name, and anything else is wrong use, said in one line."""
    ended = medianote("lists", "create", "--title", "Title", "--", slug)
    assert (ended.status, ended.out, len(ended.errors)) == (2, "", 1)


@pytest.mark.parametrize(
    ("options", "said"),
    [
        (["--title", " "], "needs a title"),
        (["--title", "Press", "--sender", "nobody"], "--sender: "),
        (["--title", "Press", "--sender", "Evil\nX <a@example.org>"], "--sender: there is a line"),
        (["--title", "Press", "--reply-to", "E\u2028X <a@example.org>"], "--reply-to: there is a"),
        (["--title", "Press", "--reply-to", "Büro <büro@example.org>"], "--reply-to: "),
    ],
)
def test_a_list_that_cannot_be_mailed(options: list[str], said: str, medianote: InProcess) -> None:
    """A title or mailbox that cannot stand in a mail is wrong use, said in one line."""
    ended = medianote("lists", "create", "press", *options)
    assert (ended.status, ended.out, len(ended.errors)) == (2, "", 1)
    assert said in ended.errors[0]


def test_import_export_and_back(configured: InProcess, table: Path, tmp_path: Path) -> None:
    """What is exported comes in again as it was, and no cell of it is a formula."""
    for slug in ("press", "europe"):
        configured("lists", "create", slug, "--title", slug)
    done = configured("subscribers", "import", str(table), "--list", "press", "--confirmed")
    assert (done.status, done.out.splitlines()[0]) == (0, "press: 2 rows: 2 added")
    assert done.err == ""
    first = configured("subscribers", "export", "--list", "press")
    rows = list(csv.DictReader(io.StringIO(first.out)))
    assert [row["state"] for row in rows] == ["active", "active"]
    assert [row["frequency"] for row in rows] == ["weekly", "at-once"]
    assert not any(value[:1] in "=+-@" for row in rows for value in row.values() if value)
    exported = tmp_path / "exported.csv"
    exported.write_text(first.out, encoding="utf-8")
    again = configured("subscribers", "import", str(exported), "--list", "press", "--confirmed")
    assert (again.status, again.out.splitlines()[0]) == (0, "press: 2 rows: 2 as they were")
    other = configured("subscribers", "import", str(exported), "--list", "europe", "--json")
    assert other.json["added"] == 2
    europe = csv.DictReader(
        io.StringIO(configured("subscribers", "export", "--list", "europe").out)
    )
    assert [row["frequency"] for row in europe] == ["weekly", "at-once"]
    assert configured("subscribers", "export", "--list", "press").out == first.out
    everybody = list(csv.DictReader(io.StringIO(configured("subscribers", "export").out)))
    assert [row["lists"] for row in everybody] == ["europe press", "europe press"]


def test_bad_rows(configured: InProcess, tmp_path: Path) -> None:
    """Bad rows are lines on standard error with their numbers; the good ones are in; status 1."""
    configured("lists", "create", "press", "--title", "Press")
    file = tmp_path / "people.csv"
    file.write_bytes(b"email,name\ngood@example.org,G\nbad,B\n\nGOOD@example.org,G\n")
    done = configured("subscribers", "import", str(file), "--list", "press")
    assert (done.status, done.out.splitlines()[0]) == (1, "press: 3 rows: 1 added, 2 bad")
    assert done.errors == [
        "line 3: there is no @ in it: an address looks like name@example.org: “bad”",
        "line 5: the same address as on line 2: “GOOD@example.org”",
    ]
    as_json = configured("subscribers", "import", str(file), "--list", "press", "--json")
    assert as_json.status == 1
    assert [(problem["line"], problem["bad"]) for problem in as_json.json["problems"]] == [
        (3, True),
        (5, True),
    ]


@pytest.mark.parametrize(
    ("content", "said"),
    [
        (b"", "the file is empty"),
        (b"name\nx\n", "no column “email”; the columns are: “name”"),
        (b"x" * 10_000_000, "longer than 65,536 characters (10,000,000)"),
    ],
)
def test_no_table(content: bytes, said: str, medianote: InProcess, tmp_path: Path) -> None:
    """A file that is no table is one line that names it, and status 1."""
    medianote("lists", "create", "press", "--title", "Press")
    file = tmp_path / "people.csv"
    file.write_bytes(content)
    ended = medianote("subscribers", "import", str(file), "--list", "press")
    assert (ended.status, ended.out, len(ended.errors)) == (1, "", 1)
    assert said in ended.errors[0]
    assert "people.csv" in ended.errors[0]


def test_what_is_not_there(medianote: InProcess, table: Path) -> None:
    """A file, a list and a subscriber that do not exist are status 2 and one line each."""
    missing = medianote("subscribers", "import", "none.csv", "--list", "press")
    assert (missing.status, missing.errors) == (2, ["none.csv: No such file or directory"])
    unknown = medianote("subscribers", "import", str(table), "--list", "press")
    assert (unknown.status, unknown.errors) == (
        2,
        ["no list is called “press”; there are no lists yet (`medianote lists create`)"],
    )
    assert medianote("subscribers", "export", "--list", "press").status == 2
    nobody = medianote("subscribers", "link", "nobody@example.org")
    assert (nobody.status, nobody.errors) == (
        2,
        ["nobody with the address nobody@example.org is known"],
    )
    assert medianote("subscribers", "link", "no address").status == 2


def test_a_dry_run(medianote: InProcess, table: Path) -> None:
    """--dry-run tells what would happen, and changes nothing."""
    medianote("lists", "create", "press", "--title", "Press")
    dry = medianote("subscribers", "import", str(table), "--list", "press", "--dry-run")
    assert dry.status == 0
    assert dry.out.splitlines()[0] == "dry run, nothing changed: press: 2 rows: 2 added"
    assert len(medianote("subscribers", "export").out.splitlines()) == 1


def test_from_a_pipe() -> None:
    """`-` is standard input, which need not be a file."""
    run("lists", "create", "press", "--title", "Press")
    done = run("subscribers", "import", "-", "--list", "press", stdin=TABLE)
    assert (done.status, done.out.splitlines()[0]) == (0, "press: 2 rows: 2 added")


def test_a_preference_link(medianote: InProcess, table: Path) -> None:
    """A subscriber's link is printed, whatever the letter case or form of the address."""
    medianote("lists", "create", "press", "--title", "Press")
    medianote("subscribers", "import", str(table), "--list", "press")
    link = medianote("subscribers", "link", "BO@xn--bcher-kva.example").out
    assert link.startswith("http://127.0.0.1:8000/p/")
    assert medianote("subscribers", "link", "bo@BÜCHER.example").out == link


def test_what_could_fool_a_terminal(medianote: InProcess, tmp_path: Path) -> None:
    """No control character of a file reaches the terminal."""
    main(["lists", "create", "press", "--title", "Press"])
    file = tmp_path / "people.csv"
    file.write_bytes(b"email,\x1b]0;owned\x07\n\x1b[31mbad,x\n")
    ended = medianote("subscribers", "import", str(file), "--list", "press")
    assert ended.status == 1
    assert "\x1b" not in ended.err + ended.out
    assert "\x07" not in ended.err + ended.out


def test_an_export_of_another_program(medianote: InProcess, tmp_path: Path) -> None:
    """It says which columns were taken for what, before and at the end, and of what consent."""
    medianote("lists", "create", "press", "--title", "Press")
    file = tmp_path / "audience.csv"
    file.write_text(
        "Email Address,First Name,Last Name,OPTIN_TIME,TAGS\n"
        "ana@example.org,Ana,Díaz,2019-03-04 10:11:12,x\n",
        encoding="utf-8",
    )
    order = ("subscribers", "import", str(file), "--list", "press", "--dry-run")
    plain = medianote(*order)
    assert plain.errors == [
        f"{file}: email is “Email Address”, name is “First Name” + “Last Name”, consent-date is "
        "“OPTIN_TIME”; has columns that are not read: “TAGS”"
    ]
    [_, _, consent] = plain.out.splitlines()
    assert consent.startswith(
        "consent: “import audience.csv”, on the day that “OPTIN_TIME” says, else on 20"
    )
    assert consent.endswith("(state it: --consent-source TEXT --consent-date DATE)")
    said = medianote(
        *order, "--json", "--map", "name=First Name", "--consent-source", "the accreditation form"
    ).json
    assert said["columns"] == {
        "name": ["First Name"],
        "email": ["Email Address"],
        "consent-date": ["OPTIN_TIME"],
    }
    assert said["ignored"] == ["Last Name", "TAGS"]
    assert (said["consent"]["source"], said["consent"]["stated"]) == (
        "the accreditation form",
        True,
    )


@pytest.mark.parametrize(
    ("options", "said"),
    [
        (["--map", "phone=x"], "--map phone=x: write it as FIELD=COLUMN; the fields are email"),
        (["--consent-source", "a form"], "needs its date: add --consent-date YYYY-MM-DD"),
        (["--consent-date", "2024-01-01"], "needs its source: add --consent-source TEXT"),
        (["--consent-source", " ", "--consent-date", "2024-01-01"], "--consent-source: it is e"),
        (["--consent-source", "x", "--consent-date", "1.2."], "“1.2.” is no date: write it as 20"),
        (["--consent-source", "x", "--consent-date", "2999-01-01"], "2999-01-01 has not come yet"),
    ],
)
def test_terms_that_cannot_be(
    options: list[str], said: str, medianote: InProcess, table: Path
) -> None:
    """Consent that is half stated, or a mapping of no use, is wrong use, and how to mend it."""
    medianote("lists", "create", "press", "--title", "Press")
    ended = medianote("subscribers", "import", str(table), "--list", "press", *options)
    assert (ended.status, ended.out, len(ended.errors)) == (2, "", 1)
    assert said in ended.errors[0]
    assert len(medianote("subscribers", "export").out.splitlines()) == 1


def test_people_who_have_not_confirmed(medianote: InProcess, table: Path) -> None:
    """Without --confirmed it says that nobody of them gets mail, and what to do."""
    medianote("lists", "create", "press", "--title", "Press")
    order = ("subscribers", "import", str(table), "--list", "press")
    said = "pending: no mail goes to them before they confirm; --confirmed if they have agreed"
    assert medianote(*order, "--dry-run").out.splitlines()[1] == f"2 would be {said}"
    assert medianote(*order).out.splitlines()[1] == f"2 are {said}"
    assert said not in medianote(*order, "--confirmed").out


def test_languages_without_words(medianote: InProcess, tmp_path: Path) -> None:
    """Whose mail is English around the text is said once, and in which languages we have words."""
    medianote("lists", "create", "press", "--title", "Press")
    file = tmp_path / "people.csv"
    file.write_text(
        "email,language\na@b.org,de\nc@b.org,pt-BR\nd@b.org,fr-CA\ne@b.org,en-GB\nf@b.org,\n",
        encoding="utf-8",
    )
    done = medianote("subscribers", "import", str(file), "--list", "press", "--confirmed")
    assert done.errors == [
        "de, pt-BR: the mail's surroundings come in English; there are words for "
        "en, fr, es, ru, ar, zh"
    ]

"""What holds a release back counts at the end of a text as it does on top."""

import pytest

from releases.parsing import EmbargoError, parse

TEXT = """Ferry line opens on the river

Saltmouth, 29 November 2026

The ferry line opens today. It runs every hour until ten.

It will carry two hundred people a day across the river, and more in summer.
"""

READ = [
    "For release: 30 November 2026, 06:00 CET",
    "FOR RELEASE AT 06:00 CET, 30 November 2026",
    "For publication from 06:00 CET on 30 November 2026",
    "To be released on 30 November 2026 at 06:00 CET",
    "Not before 30 November 2026, 06:00 CET",
    "Not to be published before 06:00 CET on Monday, 30 November 2026",
    "Please do not publish this before 06:00 CET on 30 November 2026.",
    "Release time: 30 November 2026, 06:00 CET",
    "Zur Ver\u00f6ffentlichung am 30. November 2026, 06:00 Uhr MEZ",
    "Hold for release until 30 November 2026, 06:00 CET",
]
REFUSED = [
    "Not to be released before Monday 06:00 CET",
    "For release: Monday 06:00 CET",
    "For release on Monday at 06:00 CET",
    "Not to be published before noon",
    "For release: 30 November 2026, 06:00",
]


def _placed(line: str, place: str) -> str:
    match place:
        case "top":
            return f"{line}\n\n{TEXT}"
        case "end":
            return f"{TEXT}\n{line}\n"
        case "right below":
            return f"{TEXT}{line}\n"
        case "above a contact":
            return f"{TEXT}\n{line}\n\nContact: Ada Reed, +32 2 555 01 02\n"
        case "above a telephone":
            return f"{TEXT}\n{line}\nAda Reed\n+32 2 555 01 02\n"
        case "between contacts":
            return f"{TEXT}\nContact:\nAda Reed\n{line}\n+32 2 555 01 02\n"
        case "above long notes":
            return f"{TEXT}\n{line}\n\nNotes to editors\n" + "\nThe pier is old.\n" * 9
        case _:
            return f"{TEXT}\n###\n\n{line}\n"


PLACES = [
    *("top", "end", "right below", "above a contact", "above a telephone", "between contacts"),
    *("above long notes", "below the end mark"),
]


@pytest.mark.parametrize("place", PLACES)
@pytest.mark.parametrize("line", READ)
def test_an_embargo_is_read_wherever_it_stands(line: str, place: str) -> None:
    """The same line is the same embargo on top, below the text and below its end mark."""
    embargo = parse(_placed(line, place)).content.embargo
    assert embargo is not None
    assert embargo.isoformat() == "2026-11-30T06:00:00+01:00"


@pytest.mark.parametrize("place", PLACES)
@pytest.mark.parametrize("line", REFUSED)
def test_an_unclear_embargo_is_refused_wherever_it_stands(line: str, place: str) -> None:
    """What is refused on top is not passed over at the end."""
    with pytest.raises(EmbargoError):
        parse(_placed(line, place))


@pytest.mark.parametrize(
    "line",
    [
        "For immediate release",
        "Do not use the water before 18:00 on Monday.",
        "Please do not use tap water until the tests are done.",
        "The report will be published on Monday, and the minister will speak at 18:00.",
        "For more, call +32 2 555 01 02 before noon.",
        "The port lifted its grain embargo at 18:00 on Monday.",
    ],
)
def test_other_last_lines_hold_nothing_back(line: str) -> None:
    """A last paragraph that speaks of times, and not of this release, is no embargo."""
    assert parse(f"{TEXT}\n{line}\n").content.embargo is None


def test_an_embargo_on_top_and_at_the_end_must_agree() -> None:
    """Two lines that name two moments are refused, as they are side by side."""
    text = f"{READ[0]}\n\n{TEXT}\nNot to be released before 30 November 2026, 07:00 CET\n"
    with pytest.raises(EmbargoError, match="several"):
        parse(text)
    assert parse(text.replace("07:00 CET", "05:00 UTC")).content.embargo is not None


@pytest.mark.parametrize("line", READ)
def test_the_end_of_markdown_is_read_as_well(line: str) -> None:
    """The last paragraph of a release in Markdown holds it back just so."""
    text = f"# {TEXT}\n{line}\n"
    embargo = parse(text, filename="note.md").content.embargo
    assert embargo is not None
    assert embargo.isoformat() == "2026-11-30T06:00:00+01:00"
    with pytest.raises(EmbargoError):
        parse(f"# {TEXT}\n{REFUSED[0]}\n", filename="note.md")

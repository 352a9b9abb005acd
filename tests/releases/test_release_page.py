"""What docs/release.md says of a release's file is what is read."""

import re
from pathlib import Path

import pytest

from releases.content import Kind
from releases.embargo import parse_moment
from releases.errors import EmbargoError
from releases.parsing import parse
from releases.reading.front_matter import KEYS

PAGE = (Path(__file__).parents[2] / "docs" / "release.md").read_text(encoding="utf-8")
TITLE = "Nine Ministers to Sign a Plan for Safer Ferries"


def example(language: str) -> str:
    found = re.search(rf"```{language}\n(.*?)```", PAGE, re.DOTALL)
    assert found is not None
    return found[1]


def test_every_key_and_kind_is_named() -> None:
    """In the tables, and each key in the example, too."""
    for word in (*KEYS, *Kind):
        assert f"`{word}`" in PAGE, word
    for key in KEYS:
        assert re.search(rf"^{key}:", example("markdown"), re.MULTILINE), key


def test_the_plain_text_is_read() -> None:
    """As the page says: all that it prints, and nothing is unsure."""
    parsed = parse(example("text"))
    found = parsed.content
    assert (found.title, found.kind, found.place) == (TITLE, Kind.MEDIA_NOTE, "PORT ELLIS")
    assert (found.office, str(found.date)) == ("Office of the Spokesperson", "2026-03-03")
    assert "press@example.org" in found.contacts[0]
    assert not parsed.unsure


def test_the_markdown_is_read() -> None:
    """By its front matter."""
    found = parse(example("markdown")).content
    assert (found.title, found.kind, found.slug) == (TITLE, Kind.MEDIA_NOTE, "safer-ferries")
    assert found.embargo is not None
    assert found.embargo.isoformat() == "2026-03-05T18:00:00+01:00"
    assert len(found.contacts) == 2


def test_front_matter_turns_the_reading_off() -> None:
    """What it does not say is not looked for in the text, but for an embargo."""
    text = "---\ntitle: Ferries\n---\nMedia Note\n\nPORT ELLIS – They met.\n"
    found = parse(text).content
    assert (found.kind, found.place) == (Kind.PRESS_RELEASE, None)
    embargoed = parse(f"{text}\nEMBARGOED UNTIL 5 March 2026, 18:00 CET\n").content
    assert embargoed.embargo is not None


def test_the_times_are_read() -> None:
    """Every one that the page names, as the same moment where it is."""
    written = re.findall(r"^- (`20.*)$", PAGE, re.MULTILINE)
    times = [parse_moment(text) for line in written for text in re.findall(r"`([^`]*)`", line)]
    assert [f"{time.utctimetuple().tm_hour}" for time in times] == ["17", "17", "17", "17", "23"]
    with pytest.raises(EmbargoError):
        parse_moment("3/4/2026 18:00 CET")

"""What a release says keeps its value through JSON, and is known by its digest."""

import datetime
import json
from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from releases.content import (
    Block,
    Break,
    Content,
    Heading,
    Kind,
    Lines,
    Listing,
    Paragraph,
    Quotation,
    Run,
    Table,
)

words = st.text(st.characters(exclude_categories=["Cs"]), max_size=20)
optional_words = st.none() | words
languages = st.sampled_from([None, "en", "ar", "zh-Hant"])
links = st.sampled_from([None, None, "https://example.org/a?b=c", "mailto:press@example.org"])
inline = st.lists(st.builds(Run, words, st.booleans(), st.booleans(), links), max_size=3).map(tuple)
paragraphs = st.builds(Paragraph, inline, optional_words, languages)
rows = st.lists(inline, max_size=3).map(tuple)
blocks: st.SearchStrategy[Block] = st.one_of(
    paragraphs,
    st.builds(Heading, inline, st.integers(2, 4), languages),
    st.builds(Listing, rows, st.just(True), st.integers(0, 9), languages),
    st.builds(Listing, rows, language=languages),
    st.builds(Quotation, st.lists(paragraphs, max_size=2).map(tuple)),
    st.builds(Lines, rows),
    st.builds(Table, rows, st.lists(rows, max_size=2).map(tuple)),
    st.just(Break()),
)
zones = st.sampled_from([datetime.UTC, datetime.timezone(datetime.timedelta(hours=-5))])
contents = st.builds(
    Content,
    title=words,
    body=st.lists(blocks, max_size=4).map(tuple),
    kind=st.sampled_from(Kind),
    kind_label=optional_words,
    series=optional_words,
    subtitle=optional_words,
    office=optional_words,
    place=optional_words,
    date=st.none() | st.dates(),
    embargo=st.none() | st.datetimes(timezones=zones),
    language=languages,
    contacts=st.lists(words, max_size=2).map(tuple),
    footer=optional_words,
    slug=optional_words,
)


@given(contents)
def test_json_keeps_every_value(content: Content) -> None:
    """What was stored as JSON comes back equal, with the same digest."""
    back = Content.from_json(json.loads(json.dumps(content.to_json())))
    assert back == content
    assert back.digest() == content.digest()


def test_digest_is_of_all_that_is_said() -> None:
    """Any change of what a release says is a new version, the embargo included."""
    content = Content("A title", (Paragraph((Run("Words."),)),))
    moment = datetime.datetime(2024, 3, 5, 12, tzinfo=datetime.UTC)
    changed = [
        replace(content, title="Another"),
        replace(content, body=(Paragraph((Run("Words"),)),)),
        replace(content, body=(Heading((Run("Words."),)),)),
        replace(content, embargo=moment),
        replace(content, embargo=moment + datetime.timedelta(hours=1)),
        replace(content, contacts=("Press desk",)),
        replace(content, footer="Standing text"),
    ]
    assert len({version.digest() for version in (content, *changed)}) == len(changed) + 1
    assert len(content.digest()) == 32


def test_digest_ignores_how_a_moment_is_written_and_where_a_release_is_kept() -> None:
    """The same moment in another offset, or a slug, makes no new version."""
    content = Content("A title", (), embargo=datetime.datetime(2024, 3, 5, 12, tzinfo=datetime.UTC))
    east = datetime.timezone(datetime.timedelta(hours=3))
    elsewhere = replace(content, embargo=datetime.datetime(2024, 3, 5, 15, tzinfo=east), slug="a")
    assert elsewhere.digest() == content.digest()


def test_a_link_is_never_a_script() -> None:
    """A run refuses a link that is not http, https, mailto or tel."""
    for href in ("javascript:alert(1)", "data:text/html,x", "/relative", "", " https://a.example"):
        with pytest.raises(ValueError, match="a link must be"):
            Run("here", href=href)


def test_an_embargo_has_a_zone() -> None:
    """A moment without a zone is refused."""
    with pytest.raises(ValueError, match="zone"):
        Content("A title", (), embargo=datetime.datetime(2024, 3, 5, 12))  # noqa: DTZ001 - the point


def test_plain_paragraphs_show_every_block() -> None:
    """The plain body has speakers, bullets, numbers and rows, and no trace of a break."""
    cell = (Run("a", is_strong=True), Run("b", href="https://example.org"))
    content = Content(
        "A title",
        (
            Paragraph(cell, speaker="Q"),
            Heading((Run("Next"),)),
            Listing((cell, cell)),
            Listing((cell,), is_ordered=True, start=3),
            Quotation((Paragraph(cell),)),
            Lines((cell, (Run("c"),))),
            Break(),
            Table(((Run("x"),), (Run("y"),)), ((cell, cell),)),
        ),
    )
    assert content.plain_paragraphs() == [
        "Q: ab",
        "Next",
        "• ab",
        "• ab",
        "3. ab",
        "ab",
        "ab\nc",
        "x | y",
        "ab | ab",
    ]

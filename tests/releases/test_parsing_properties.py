"""Whatever comes in, reading it labels all of it and loses no words."""

import re
import time
from pathlib import Path

import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from releases.content import Content
from releases.parsing import Label, ReleaseError, parse

CORPUS = Path(__file__).with_name("corpus")
SAMPLES = sorted(path.read_text("utf-8") for path in CORPUS.glob("*.txt"))
MAILED = (
    Label.TITLE,
    Label.SUBTITLE,
    Label.BODY,
    Label.FOOTER,
    Label.CONTACT,
)
lines = st.sampled_from(sorted({line for text in SAMPLES for line in text.splitlines(True)}))
oddities = st.sampled_from(
    [
        "\f",
        "\r\n",
        "\xa0",
        "\xad",
        "\t",
        "   ",
        "\u2028",
        "###\n",
        "-more-\n",
        "Q   Why?\n",
        "* * *\n",
    ]
)
mixtures = st.lists(lines | oddities | st.text(max_size=12), max_size=40).map("".join)


def _words(text: str) -> list[str]:
    """Letters and digits alone: joining, bullets and removed hyphens change nothing of them."""
    return re.findall(r"[^\W_]+", text.replace("\xad", "").replace("\u200b", ""))


def _said(content: Content) -> str:
    parts = [content.title, content.series, content.subtitle, content.kind_label, content.place]
    parts += [content.office, content.footer, *content.contacts, *content.plain_paragraphs()]
    return " ".join(part for part in parts if part)


def _check(text: str) -> None:
    try:
        parsed = parse(text)
    except ReleaseError as error:
        assert str(error)
        assert "\n" not in str(error)
        return
    assert "".join(text[span.start : span.end] for span in parsed.spans) == parsed.text == text
    said = "".join(_words(_said(parsed.content)))
    for span in parsed.spans:
        if span.label in (Label.TITLE, Label.SUBTITLE, Label.BODY, Label.FOOTER):
            for word in _words(text[span.start : span.end]):
                assert word in said, (word, span.label)


@given(st.text(max_size=400))
@settings(max_examples=300, deadline=None)
def test_any_text_is_covered_by_its_spans(text: str) -> None:
    """Spans of arbitrary text join to the text, and what is body reaches the content."""
    _check(text)


@given(mixtures)
@settings(max_examples=400, deadline=None)
def test_any_mixture_of_lines_is_covered_by_its_spans(text: str) -> None:
    """Lines of real releases in any order and company lose no words either."""
    _check(text)


@given(
    st.sampled_from(SAMPLES), st.integers(0, 4000), st.sampled_from(["", "\n", "\n\n", " ", "\f"])
)
@settings(max_examples=300, deadline=None)
def test_mutated_samples_are_covered_by_their_spans(text: str, place: int, inserted: str) -> None:
    """A cut, or a break in the wrong place, loses no words."""
    place %= len(text)
    _check(text[:place] + inserted + text[place + (not inserted) :])


@given(st.binary(max_size=300))
@settings(max_examples=200, deadline=None)
@example(b"\xff\xfe")
@example(b"\xef\xbb\xbf")
def test_any_octets_are_read_or_refused(data: bytes) -> None:
    """No octets bring the parser down: a release, or one plain line."""
    try:
        parse(data)
    except ReleaseError as error:
        assert "\n" not in str(error)


@given(st.text(max_size=300))
@settings(max_examples=200, deadline=None)
def test_any_markdown_is_read_or_refused(text: str) -> None:
    """No Markdown brings the parser down either."""
    try:
        parsed = parse(f"---\ntitle: A title\n---\n{text}", filename="a.md")
    except ReleaseError as error:
        assert "\n" not in str(error)
    else:
        assert "".join(parsed.text[span.start : span.end] for span in parsed.spans) == parsed.text

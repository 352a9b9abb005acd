"""Whatever comes in, reading it labels all of it and loses no words."""

import re
from pathlib import Path

from hypothesis import example, given, settings
from hypothesis import strategies as st

from releases.content import Content
from releases.parsing import Label, Parsed, ReleaseError, parse

CORPUS = Path(__file__).with_name("corpus")
SAMPLES = sorted(path.read_text("utf-8") for path in CORPUS.glob("*.txt"))
MAILED = (
    Label.TITLE,
    Label.SUBTITLE,
    Label.BODY,
    Label.FOOTER,
)
NAMED = (Label.NUMBER, Label.AGENCY, Label.TIME, Label.MAIL_HEADER, Label.LIST_FOOTER)
FIELDS = ("from", "published", "updated", "dated")
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


def _read(data: str | bytes, filename: str | None = None) -> Parsed | None:
    """What was read; None for what was refused, in one line."""
    refusal = "-"
    try:
        return parse(data, filename=filename)
    except ReleaseError as error:
        refusal = str(error)
    assert refusal
    assert "\n" not in refusal
    return None


def _covers(parsed: Parsed) -> bool:
    pieces = [parsed.text[span.start : span.end] for span in parsed.spans]
    return "".join(pieces) == parsed.text and all(pieces)


def _check(text: str) -> None:
    parsed = _read(text)
    if parsed is None:
        return
    assert parsed.text == text
    assert _covers(parsed)
    said = "".join(_words(_said(parsed.content)))
    for span in parsed.spans:
        if span.label in MAILED:
            for word in _words(text[span.start : span.end]):
                assert word in said, (word, span.label)
    known = (said + "".join(_words(" ".join(parsed.left_out)))).casefold()
    for span in parsed.spans:
        if span.label in NAMED:
            for line in text[span.start : span.end].splitlines():
                words = [word for word in _words(line.casefold()) if word not in FIELDS]
                assert all(word in known for word in words), (line, span.label)


@given(st.text(max_size=400))
@settings(max_examples=300, deadline=None)
def test_any_text_is_covered_by_its_spans(text: str) -> None:
    """Spans of arbitrary text join to the text, and what is body reaches the content."""
    _check(text)


@given(mixtures)
@example("¸May 10, 2021\n")
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
    _read(data)


@given(st.text(max_size=300))
@settings(max_examples=200, deadline=None)
def test_any_markdown_is_read_or_refused(text: str) -> None:
    """No Markdown brings the parser down either."""
    parsed = _read(f"---\ntitle: A title\n---\n{text}", "a.md")
    assert parsed is None or _covers(parsed)

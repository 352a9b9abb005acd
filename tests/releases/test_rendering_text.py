"""The text part: for people who read mail in a terminal, and for everyone's search."""

import re
from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from releases.content import Content, Paragraph, Run, Table
from releases.links import says_its_target, uri
from releases.plaintext import COLUMNS, body_text, columns, underlined, with_colon, wrap
from tests.support.samples import ARABIC, CHINESE, NOTE, REMARKS, rendered, text

SAMPLES = [NOTE, REMARKS, ARABIC, CHINESE]


def body(*blocks: object) -> str:
    """The body's text of these blocks alone."""
    return body_text(replace(NOTE, body=blocks))  # type: ignore[arg-type]


def squeezed(words: str) -> str:
    """The words without white space, bullets and rules."""
    return re.sub(r"[\s•|*-]+", "", words)


@pytest.mark.parametrize("content", SAMPLES)
def test_every_word_is_there_in_its_order(content: Content) -> None:
    """The text says all that the release says, in the same order."""
    said = squeezed(re.sub(r" <[!-~]+>", "", re.sub(r"\s+", " ", body_text(content))))
    assert said == squeezed("".join(content.plain_paragraphs()))


@pytest.mark.parametrize("content", SAMPLES)
@pytest.mark.parametrize("language", ["en", "fr", "es", "ru", "ar", "zh"])
def test_lines_are_short_and_clean(content: Content, language: str) -> None:
    """No line is wider than 72 columns or ends in a blank; no HTML shows through."""
    copy = rendered(content, language=language, format="text")
    for line in copy.text.splitlines():
        assert columns(line) <= COLUMNS or " " not in line.strip()
        assert line == "-- " or line == line.rstrip()
    assert not re.search(r"</?[a-z]+[ >]|&[a-z#0-9]+;", copy.text)
    assert "\n\n\n" not in copy.text
    assert copy.text.endswith("\n")


@pytest.mark.parametrize("content", SAMPLES)
def test_links_agree_with_the_html(content: Content) -> None:
    """Where the HTML leads, the text leads too: each target is written out."""
    copy = rendered(content)
    for target in re.findall(r'href="([^"]+)"', str(copy.html)):
        bare = re.sub(r"^(mailto|tel):", "", target.replace("&amp;", "&"))
        assert re.sub(r"\s", "", bare) in re.sub(r"\s", "", copy.text)


def test_a_reply_leaves_out_the_personal_links() -> None:
    """What is a person's own stands below the signature separator, where replies cut."""
    above, _, below = rendered().text.partition("\n-- \n")
    assert "mnhole" not in above
    assert "/u/" in below
    assert "/p/" in below
    assert below.rstrip().endswith("Port Ellis 20520")


def test_a_link_follows_its_words() -> None:
    """A target stands in angle brackets, unless the words are the target already."""
    link = Run("the report", href="https://example.org/a b/é")
    itself = Run("www.example.org", href="https://www.example.org/")
    mail = Run("press@example.org", href="mailto:press@example.org")
    phone = Run("+1 (555) 010-0123", href="tel:+15550100123")
    printed = body(Paragraph((Run("See "), link, Run("; "), itself, Run(" "), mail, phone)))
    assert printed.replace("\n", " ") == (
        "See the report <https://example.org/a%20b/%C3%A9>; "
        "www.example.org press@example.org+1 (555) 010-0123"
    )


def test_urls_are_never_broken() -> None:
    """A URL longer than a line has a line of its own, in Chinese text too."""
    url = "https://example.org/" + "long-path/" * 12
    for words in ("see {} for more", "详见{}。完整报告已公布，列出了施工内容与费用。"):
        lines = wrap(words.format(url)).split("\n")
        assert sum(url in line for line in lines) == 1


def test_wide_characters_count_as_two() -> None:
    """Chinese lines end at the same column as English ones, and not with an opening mark."""
    lines = wrap("北港将自星期五起重新接待夜间渡轮，比原计划（提前）两个月。" * 9).split("\n")
    assert len(lines) > 5
    assert all(columns(line) <= COLUMNS for line in lines)
    assert all(columns(line) >= COLUMNS - 4 for line in lines[:-1])
    assert not any(line[0] in "，。）" or line[-1] in "（“" for line in lines)


def test_marks_that_combine_take_no_column() -> None:
    """Vowel signs and accents stand on their letters."""
    assert columns("é") == columns("e\u0301") == 1
    assert columns("عبّارات") == 6


def test_no_break_spaces_hold() -> None:
    """What the office tied together is not torn apart at the end of a line."""
    for line in wrap("figure 41\xa0million " * 20).split("\n"):
        assert not line.startswith("million")


def test_tables_are_aligned_or_listed() -> None:
    """A table that fits has columns; one that does not becomes lines that name their column."""
    narrow = Table((text("Line"), text("Leaves")), ((text("N1"), text("21:40")),))
    assert body(narrow) == "Line  Leaves\n----  ------\nN1    21:40"
    wide = Table(
        (text("Line"), text("Remarks")),
        ((text("N1"), text("long words " * 10)), (text("N2"), text("short"))),
    )
    assert body(wide) == (
        "Line: N1\nRemarks: long words long words long words long words long words long\n"
        "  words long words long words long words long words\n\nLine: N2\nRemarks: short"
    )
    bare = Table((), ((text("a"), text("b")), (text("ccc"),)))
    assert body(bare) == "a    b\nccc"
    assert body(Table((), ())) == ""


def test_labels_end_as_their_language_does() -> None:
    """A colon is written as readers of the language expect it, and never twice."""
    assert with_colon("Links", "en") == "Links:"
    assert with_colon("Liens", "fr") == "Liens\xa0:"
    assert with_colon("链接", "zh-Hant") == "链接："
    assert with_colon("Q:", "en") == "Q:"


def test_a_rule_is_as_wide_as_its_heading() -> None:
    """Headings are underlined to the last column, wide characters counted."""
    assert underlined("变化") == "变化\n----"


@given(
    st.text(alphabet=st.characters(exclude_categories=["Cs"]), max_size=300),
    st.sampled_from(["", "    ", "12. "]),
)
def test_wrapping_only_moves_white_space(words: str, indent: str) -> None:
    """Whatever is wrapped, its characters are all there, and no line with a blank is too wide."""
    printed = wrap(words, indent, " " * len(indent))
    assert "".join(printed.split()) == "".join((indent + words).split())
    assert all(line == line.rstrip() for line in printed.split("\n")[1:-1])


@given(st.text(max_size=40), st.sampled_from(["https://", "mailto:", "tel:", "HTTP://"]))
def test_a_uri_is_printable_ascii(rest: str, scheme: str) -> None:
    """Any link becomes a URI that stands in one word, and stays the same when done again."""
    once = uri(scheme + rest)
    assert re.fullmatch(r"[!-~]+", once)
    assert not re.search(r'[<>"]', once)
    assert uri(once) == once


@pytest.mark.parametrize(
    ("href", "expected"),
    [
        ("https://münchen.example/straße?q=ä#ö", "https://xn--mnchen-3ya.example/stra%C3%9Fe?q=%C3%A4#%C3%B6"),
        ("https://example.org/100%25", "https://example.org/100%25"),
        ("https://example.org/a\nb", "https://example.org/ab"),
        ("https://[::1]:8000/x", "https://[::1]:8000/x"),
        ("https://ex ample/", "https://ex%20ample/"),
        ("mailto:jörg@example.org", "mailto:j%C3%B6rg@example.org"),
    ],
)  # fmt: skip
def test_international_links_become_uris(href: str, expected: str) -> None:
    """Hosts travel as A-labels, everything else percent-encoded."""
    assert uri(href) == expected


def test_words_that_are_their_target_are_known() -> None:
    """Only words that lead to the same place by themselves make the target needless."""
    assert says_its_target("example.org/a", "https://example.org/a/")
    assert not says_its_target("example.org", "https://evil.example.net/")
    assert not says_its_target("", "https://example.org/")

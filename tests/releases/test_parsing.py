"""Releases are read for what they say: a corpus of many styles and languages, and its edges."""

import codecs
import json
import time
from collections.abc import Callable
from pathlib import Path

import pytest

from releases.content import Content, Kind, Paragraph
from releases.parsing import EmbargoError, Label, ReleaseError, parse

CORPUS = Path(__file__).with_name("corpus")
SAMPLES = sorted(path for path in CORPUS.iterdir() if path.suffix != ".json")
NOTE = (CORPUS / "web-media-note-one-line.txt").read_text("utf-8")
REMARKS = (CORPUS / "white-house-style-remarks.txt").read_text("utf-8")


@pytest.mark.parametrize("path", SAMPLES, ids=lambda path: path.stem)
def test_a_sample_is_read_as_a_careful_reader_would(path: Path) -> None:
    """Every sample of the corpus gives exactly what stands beside it."""
    expected = json.loads(path.with_suffix(".json").read_text("utf-8"))
    unsure = expected.pop("unsure")
    parsed = parse(path.read_bytes(), filename=path.name)
    assert parsed.content.to_json() == expected
    assert [{"field": doubt.field, "why": doubt.why} for doubt in parsed.unsure] == unsure
    assert parsed.content == Content.from_json(expected)


def test_preview_is_the_contracts_object() -> None:
    """The preview has the contract's fields, null where the text does not say."""
    preview = parse(NOTE).to_preview()
    assert list(preview) == [
        "series",
        "title",
        "kind",
        "office",
        "place",
        "date",
        "embargo",
        "language",
        "contacts",
        "body",
        "footer",
        "unsure",
    ]
    assert preview["kind"] == "media-note"
    assert preview["date"] == "2021-03-04"
    assert preview["embargo"] is None
    assert json.loads(json.dumps(preview)) == preview


@pytest.mark.parametrize(
    "data",
    [
        NOTE.encode(),
        codecs.BOM_UTF8 + NOTE.encode(),
        codecs.BOM_UTF16_LE + NOTE.encode("utf-16-le"),
        codecs.BOM_UTF16_BE + NOTE.encode("utf-16-be"),
        NOTE.replace("\n", "\r\n").encode(),
        NOTE.replace("\n", "\r").encode(),
        NOTE.replace(" of ", "\xa0of ").encode(),
        NOTE.replace("Partner", "Part\xadner").encode(),
        ("\u200b\n\n\n" + NOTE + "\n\n \n").encode(),
    ],
    ids=[
        "utf-8",
        "bom",
        "utf-16-le",
        "utf-16-be",
        "crlf",
        "cr",
        "nbsp",
        "soft-hyphen",
        "zero-width",
    ],
)
def test_the_encoding_says_nothing(data: bytes) -> None:
    """The same text in another encoding, or with other line ends, is the same release."""
    assert parse(data).content == parse(NOTE).content


def test_windows_1252_is_read() -> None:
    """Typographic quotes and accents of Windows-1252 arrive as what they are."""
    text = NOTE.replace("the Foreign Minister", "the “Foreign” Minister – Renée –")
    assert parse(text.encode("windows-1252")).content == parse(text).content


@pytest.mark.parametrize(
    ("data", "says"),
    [
        (b"", "nothing in it"),
        (b" \n\t\r\n", "nothing in it"),
        (b"%PDF-1.7 ...", "PDF"),
        (b"PK\x03\x04...", "Word"),
        (b"<!DOCTYPE html><html>", "HTML"),
        (b"a\x00b", "NUL"),
        ("Речной музей открывает выставку.".encode("windows-1251"), "save it as UTF-8"),
        (b"x" * 20_000_001, "more than any release"),
        (b"A title and nothing else\n", "no body"),
        (b"FOR IMMEDIATE RELEASE\nMarch 5, 2024\n", "no title"),
        (NOTE.split("\n\n", 3)[-1].encode(), "no title"),
    ],
)
def test_what_cannot_be_read_is_refused_in_one_line(data: bytes, says: str) -> None:
    """No text, no title or no body: one plain line says what was looked for."""
    with pytest.raises(ReleaseError, match=says) as caught:
        parse(data)
    assert "\n" not in str(caught.value)


def test_furniture_is_labelled_and_not_mailed() -> None:
    """Release numbers, end marks and list footers have labels, and are in no mail."""
    text = (CORPUS / "agency-contacts-on-top.txt").read_text("utf-8")
    parsed = parse(text)
    found = {span.label: text[span.start : span.end].strip() for span in parsed.spans}
    assert found[Label.NUMBER] == "RELEASE: 01-078"
    assert "unsubscribe" in found[Label.LIST_FOOTER]
    said = json.dumps(parsed.content.to_json())
    for words in ("01-078", "- end -", "subscribe"):
        assert words not in said


def test_a_hyphen_goes_only_where_the_text_shows_the_word_whole() -> None:
    """Hard-wrapped words are mended by the text's own words, never by a guess."""
    text = (
        "New rules for shipping\n\nBerlin, 5 March 2024\n\n"
        "The transport ministry published its rules today. They concern the trans-\n"
        "port of oil, the non-\nvoting members of the board and the low-\nwater mark.\n"
    )
    (paragraph,) = parse(text).content.plain_paragraphs()
    assert "the transport of oil" in paragraph
    assert "the non-voting members" in paragraph
    assert "low-water mark" in paragraph


def test_links_are_runs_without_the_punctuation_after_them() -> None:
    """Web and mail addresses become links; a full stop or bracket after them does not."""
    text = (
        "Port of Saltmouth opens\n\n5 March 2024\n\n"
        "See https://port.example/a_(b), or www.port.example.\n"
        "Questions go to desk@port.example; see also (http://port.example/x?y=1&z=2).\n"
    )
    paragraphs = [block for block in parse(text).content.body if isinstance(block, Paragraph)]
    links = {run.text: run.href for block in paragraphs for run in block.runs if run.href}
    assert links == {
        "https://port.example/a_(b)": "https://port.example/a_(b)",
        "www.port.example": "https://www.port.example",
        "desk@port.example": "mailto:desk@port.example",
        "http://port.example/x?y=1&z=2": "http://port.example/x?y=1&z=2",
    }


def test_what_is_in_doubt_is_named() -> None:
    """An ambiguous date, and a weekday that is not the date's, are read and named."""
    text = "Ferry line opens\n\n{}\n\nThe ferry line opens today. It runs every hour until ten.\n"
    ambiguous = parse(text.format("03/04/2019"))
    assert [doubt.field for doubt in ambiguous.unsure if doubt.field == "date"] == ["date"]
    wrong = parse(text.format("Monday, 5 March 2024"))
    assert any("Tuesday" in doubt.why for doubt in wrong.unsure)


EMBARGOED = """Crab found in the upper river

{}

London, 5 March 2024

A new crab was found. It is the size of a coin.
"""


@pytest.mark.parametrize(
    "line",
    [
        "EMBARGOED UNTIL 6 March 2024",
        "EMBARGOED UNTIL 6 March 2024, 10:00",
        "EMBARGOED UNTIL 6 March 2024, 10:00 CST",
        "EMBARGOED UNTIL Thursday 6 March 2024, 10:00 GMT",
        "EMBARGOED UNTIL the end of the press conference",
        "STRICTLY EMBARGOED",
        "Embargo: 30 February 2024, 10:00 GMT",
        "Not for release before Wednesday",
        "HOLD UNTIL WEDNESDAY",
        "Sperrfrist: Beginn der Rede",
        "SOUS EMBARGO",
        "For release on delivery",
        "禁发",
    ],
)
def test_an_embargo_that_cannot_be_read_is_never_passed_over(line: str) -> None:
    """Whatever smells of an embargo is understood beyond doubt, or refused."""
    with pytest.raises(EmbargoError) as caught:
        parse(EMBARGOED.format(line))
    assert "\n" not in str(caught.value)


@pytest.mark.parametrize(
    "text",
    [
        EMBARGOED.format("").replace(
            "Crab found in the upper river", "EMBARGOED: Crab found in the river"
        ),
        EMBARGOED.format("") + "\nEMBARGOED UNTIL WEDNESDAY\n",
        EMBARGOED.format("") + "\n###\n\nEmbargoed until Wednesday\n",
        EMBARGOED.format("").replace(
            "A new crab", "This text is under embargo until noon. A new crab"
        ),
    ],
    ids=["in the title", "below the text", "below the end mark", "in the first paragraph"],
)
def test_an_embargo_is_seen_wherever_it_stands(text: str) -> None:
    """An embargo in a headline, a sentence near the top or a loud line below counts too."""
    with pytest.raises(EmbargoError):
        parse(text)


@pytest.mark.parametrize(
    "title",
    [
        "COUNCIL EXTENDS ARMS EMBARGO ON VALDORIA UNTIL 31 MAY 2025",
        "Valdoria lifts its grain embargo",
        "EMBARGO ON VALDORIAN OIL TAKES EFFECT",
    ],
)
def test_other_embargoes_are_news(title: str) -> None:
    """A release about an arms or oil embargo is not itself embargoed."""
    assert (
        parse(EMBARGOED.format("").replace("Crab found in the upper river", title)).content.embargo
        is None
    )


def test_an_embargo_outranks_immediate_release() -> None:
    """Where a text says both, the embargo is kept, and the contradiction is named."""
    parsed = parse(
        "FOR IMMEDIATE RELEASE\n\n" + EMBARGOED.format("Embargo: 6 March 2024, 10:00 GMT")
    )
    assert parsed.content.embargo is not None
    assert [doubt.field for doubt in parsed.unsure] == ["embargo"]


def test_two_embargoes_must_agree() -> None:
    """Two embargo lines that name different moments are refused."""
    text = (
        EMBARGOED.format("Embargo: 6 March 2024, 10:00 GMT")
        + "\nEMBARGO: 6 MARCH 2024, 11:00 GMT\n"
    )
    with pytest.raises(EmbargoError, match="several"):
        parse(text)
    assert parse(text.replace("11:00 GMT", "11:00 CET")).content.embargo is not None


def _repeated(text: str, start: str, end: str, octets: int) -> str:
    first, last = text.index(start), text.index(end)
    body = text[first:last]
    return text[:first] + body * (octets // len(body) + 1) + text[last:]


SMALL, LARGE = 125_000, 1_000_000


def _seconds(text: str) -> float:
    """Of this thread's own processor time."""
    data = text.encode()
    before = time.thread_time()
    parsed = parse(data)
    taken = time.thread_time() - before
    assert parsed.content.kind in (Kind.REMARKS, Kind.MEDIA_NOTE)
    return taken


@pytest.mark.parametrize(
    "text",
    [
        lambda size: _repeated(
            REMARKS, "     THE PRESIDENT: I want", "                               END", size
        ),
        lambda size: _repeated(NOTE, "The two ministers", "The Office of Digital", size),
        lambda size: NOTE + "word " * (size // 5),
        lambda size: NOTE + "\n" * size + "The end.\n",
        lambda size: NOTE + "  \n" * (size // 3),
        *(
            lambda size, sign=sign: NOTE + sign * (size // len(sign))
            for sign in ("-", ". ", "(", "* ", "a@", "http://", "“”")
        ),
    ],
    ids=[
        *("remarks", "one line of text", "words", "blank lines", "lines of blanks"),
        *("dashes", "stops", "brackets", "stars", "at signs", "links", "quotes"),
    ],
)
def test_size_costs_time_in_proportion(text: Callable[[int], str]) -> None:
    """Eight times the text takes about eight times as long, whatever it is full of.

    How long 5 MB take is measured by `make bench`.
    """
    few, many = _seconds(text(SMALL)), _seconds(text(LARGE))
    assert many < 3 * (LARGE / SMALL) * max(few, 0.005)


@pytest.mark.parametrize("line", ["EMBARGOED", "EMBARGOED UNTIL DELIVERY", "UNDER EMBARGO"])
def test_an_embargo_known_from_elsewhere_need_not_be_printed(line: str) -> None:
    """EMBARGOED alone is refused, unless whoever publishes it says until when."""
    text = f"{line}\n\n{NOTE}"
    with pytest.raises(EmbargoError):
        parse(text)
    assert parse(text, is_embargo_known=True).content.embargo is None


@pytest.mark.parametrize("text", ["# Embargoed plan\n\nWords.", "# A plan\n\nEMBARGOED\n\nWords."])
def test_an_embargo_known_from_elsewhere_counts_in_markdown(text: str) -> None:
    """As in plain text."""
    with pytest.raises(EmbargoError):
        parse(text, filename="plan.md")
    assert parse(text, filename="plan.md", is_embargo_known=True).content.embargo is None


@pytest.mark.parametrize("line", ["EMBARGOED UNTIL NOON", "EMBARGOED UNTIL 6:00 P.M. TODAY"])
def test_what_an_embargo_line_says_must_be_readable_all_the_same(line: str) -> None:
    """A time that cannot be read is never passed over for one from elsewhere."""
    with pytest.raises(EmbargoError):
        parse(f"{line}\n\n{NOTE}", is_embargo_known=True)

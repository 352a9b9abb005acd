"""No line of a release goes in silence: it is in the mail, or named as left out."""

import pytest

from releases.blocks import Heading, plain
from releases.parsing import parse

TEXT = """{}

Old ferry keeps running until January

Saltmouth, 29 November 2026

The old ferry keeps running. It costs 2 euro, and tickets are sold at the pier.
"""


@pytest.mark.parametrize(
    ("top", "office"),
    [
        ("MINISTRY OF PUBLIC WORKS\nPRESS OFFICE", "MINISTRY OF PUBLIC WORKS, PRESS OFFICE"),
        (
            "Ministry of Public Works\nDirectorate for Roads\nPress Office",
            "Ministry of Public Works, Directorate for Roads, Press Office",
        ),
        ("Ministry of Public Works\n\nPress Office", "Ministry of Public Works, Press Office"),
        ("DIRECTORATE FOR ROADS", "DIRECTORATE FOR ROADS"),
        ("THE GREEN HOUSE\nOffice of the Press Secretary", "Office of the Press Secretary"),
        ("Press Office", "Press Office"),
    ],
)
def test_a_press_office_says_whose_it_is(top: str, office: str) -> None:
    """An office that every organisation has is named with the organisations above it."""
    assert parse(TEXT.format(top)).content.office == office


@pytest.mark.parametrize(
    ("top", "left_out"),
    [
        ("Ministry of Public Works\nNo. 17/2026", ("No. 17/2026",)),
        ("Press Release 45/26", ("45/26",)),
        ("THE GREEN HOUSE\nOffice of the Press Secretary", ("THE GREEN HOUSE",)),
        ("Ministry of Public Works\nPress Office\nPress release", ()),
    ],
)
def test_what_is_in_no_mail_is_named(top: str, left_out: tuple[str, ...]) -> None:
    """Numbers and letterheads that are not mailed are named; what was understood is not."""
    assert parse(TEXT.format(top)).left_out == left_out


def test_what_stands_below_is_named_too() -> None:
    """A list's own footer and a number at the end are left out, and said to be."""
    text = TEXT.format("Press release") + "\nNr. 12/2026\n\nUnsubscribe from this list\n"
    assert parse(text).left_out == ("Nr. 12/2026", "Unsubscribe from this list")


@pytest.mark.parametrize(
    "line",
    ["Release: 30 November 2026, 06:00 CET", "Publication: 30 November 2026, 06:00 CET"],
)
def test_a_time_of_release_that_is_no_embargo_is_doubted(line: str) -> None:
    """A line that may mean an embargo, and does not say so, is never passed over in silence."""
    parsed = parse(TEXT.format(line))
    assert parsed.content.embargo is None
    assert [doubt.why for doubt in parsed.unsure if doubt.field == "embargo"] == [
        f"none is read in «{line}»: is it for later?"
    ]


SHORT = "{}\n\n{}\n\n{}\n\n{}"
ENDINGS = [
    "",
    "For release: 30 November 2026, 06:00 CET\n",
    "Contact: Ada Reed, +32 2 555 01 02\n",
    "No. 17/2026\n",
]


@pytest.mark.parametrize("ending", ENDINGS, ids=["nothing", "embargo", "contact", "number"])
@pytest.mark.parametrize(
    "lines",
    [
        ("Does it stay?", "The old ferry keeps running.", "It costs 2 euro"),
        ("EL FERRY SIGUE", "El viejo ferry sigue en servicio.", "Cuesta 2 euros."),
        ("ПАРОМ ОСТАЁТСЯ", "Старый паром продолжает работать.", "Билет стоит 2 евро."),
        ("渡轮保留", "旧渡轮继续运行。", "票价为2欧元。"),
        ("العبارة باقية", "تستمر العبارة القديمة في العمل.", "التذكرة بسعر 2 يورو."),
    ],
    ids=["question", "es", "ru", "zh", "ar"],
)
def test_a_short_text_is_kept_whole(lines: tuple[str, str, str], ending: str) -> None:
    """Headline and two sentences are that in any language, whatever stands below."""
    parsed = parse(SHORT.format(*lines, ending))
    assert parsed.content.title == lines[0]
    assert parsed.content.subtitle is None
    assert parsed.content.plain_paragraphs() == list(lines[1:])
    assert (parsed.content.embargo is not None) == ending.startswith("For release")


@pytest.mark.parametrize(
    "text",
    [
        "FERRY STAYS\n\nThe old ferry keeps running.\n\nIt costs 2 euro\n",
        "FERRY STAYS\n\nThe old ferry keeps running.\n\nIt costs 2 euro.\n",
        "FERRY STAYS\nThe old ferry keeps running.\nIt costs 2 euro\n",
        "Press release\n\nFERRY STAYS\n\nThe old ferry keeps running.\n\nIt costs 2 euro.\n",
        "Ministry of Works\nPress Office\n\nFERRY STAYS\n\nThe old ferry keeps running.\n\n"
        "It costs 2 euro, and tickets are sold at the pier, where the office opens at eight.\n",
    ],
    ids=["no stop", "stops", "without blank lines", "below the kind", "below the office"],
)
def test_a_short_headline_is_the_title(text: str) -> None:
    """Two words alone above the text are its headline, and the first sentence is text."""
    parsed = parse(text)
    assert parsed.content.title == "FERRY STAYS"
    assert " ".join(parsed.content.plain_paragraphs()).startswith(
        "The old ferry keeps running. It costs 2 euro"
    )
    assert not [doubt for doubt in parsed.unsure if doubt.field == "title"]
    assert parsed.left_out == ()


def test_a_line_on_top_that_may_be_a_headline_is_doubted() -> None:
    """Two lines above the text: the shorter may be who sends it, or the headline."""
    text = "{}\n\nThe old ferry keeps running\n\nIt costs 2 euro, and tickets are sold there.\n"
    doubted = {
        top: [doubt.field for doubt in parse(text.format(top)).unsure if doubt.field == "office"]
        for top in ("FERRY STAYS", "The River Bank plc", "Ministry of Works")
    }
    assert doubted == {"FERRY STAYS": ["office"], "The River Bank plc": [], "Ministry of Works": []}


def test_a_sentence_for_a_title_is_doubted() -> None:
    """A title with a full stop may be the first sentence of a text that has none."""
    text = "{}The old ferry keeps running.\n\n{}Tickets cost 2 euro and are sold there.\n"
    for above, below, why in (
        ("", "It costs 2 euro.\n\n", ""),
        ("Globetech\n\n", "SALTMOUTH, 29 November 2026 – ", "; above it stands «Globetech»"),
    ):
        parsed = parse(text.format(above, below))
        assert parsed.content.title == "The old ferry keeps running."
        doubts = [doubt.why for doubt in parsed.unsure if doubt.field == "title"]
        assert doubts == [f"it is a sentence with a full stop: «{parsed.content.title}»{why}"]


@pytest.mark.parametrize(
    ("line", "is_heading"),
    [
        ("Tickets", True),
        ("What does it cost?", True),
        ("No. 3 Pier and U.S. Ferries", True),
        ("The old ferry runs until 31 January 2027. Timetables: https://ferry.example/t", False),
        ("See also https://ferry.example/more", False),
        ("Read more: www.ferry.example", False),
        ("Timetables at ferry.example/times", False),
        ("Write to desk@ferry.example", False),
        ("It costs 2 euro", False),
        ("The ferry stays. Tickets stay cheap", False),
        ("The old ferry is older than the pier that it leaves from every hour", False),
    ],
)
def test_a_heading_is_short_and_no_sentence(line: str, is_heading: bool) -> None:
    """No heading has an address, a full stop inside, or a sentence's many words."""
    text = TEXT.format("Press release") + f"\n{line}\n\nThe pier opens at eight every morning.\n"
    headings = [
        plain(block.runs) for block in parse(text).content.body if isinstance(block, Heading)
    ]
    assert headings == [line] * is_heading


def test_a_line_of_two_columns_may_begin_the_body() -> None:
    """What stands beside a heading of the text goes with it."""
    text = (
        "Pilot Reed will command the first mission with a crew to the ice\n"
        "Headquarters, Capital City                          August 6, 1996\n"
        "0                                    Weekly Address\na\n"
    )
    parsed = parse(text)
    assert parsed.content.title.startswith("Pilot Reed")
    assert parsed.content.plain_paragraphs() == ["0 Weekly Address a"]

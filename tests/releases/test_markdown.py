"""Markdown with front matter is read as written, and errors name the line."""

import datetime

import pytest

from releases.content import (
    Break,
    Heading,
    Kind,
    Lines,
    Listing,
    Paragraph,
    Quotation,
    Run,
    Table,
)
from releases.parsing import EmbargoError, ReleaseError, parse

FULL = """---
title: Nordkontoret åpner
subtitle: Ferjer hver time
series: Press Releases
kind: Media Note
office: Press Office
place: Oslo
date: 5 March 2024
embargo: 2024-03-05T10:00:00+01:00
language: no
contacts:
  - Kari Lund, kari@example.org
  - Ola
footer: |
  About us.

  More.
slug: north-office
---

# Nordkontoret åpner

The **office** opens *today*; see [the plan](https://example.org/a?b=1), [this](javascript:alert(1))
or www.example.org. <script>x</script>

## Hours

- one
- two

3. three
4. four

> quoted

Main Street 1\\
Oslo

| x | y |
| - | - |
| 1 | 2 |

---

The end.
"""


def test_front_matter_and_markdown_become_content() -> None:
    """Every key reaches its field and every kind of Markdown its block."""
    content = parse(FULL).content
    assert content.title == "Nordkontoret åpner"
    assert content.subtitle == "Ferjer hver time"
    assert content.series == "Press Releases"
    assert (content.kind, content.kind_label) == (Kind.MEDIA_NOTE, "Media Note")
    assert (content.office, content.place) == ("Press Office", "Oslo")
    assert content.date == datetime.date(2024, 3, 5)
    assert content.embargo == datetime.datetime(2024, 3, 5, 9, tzinfo=datetime.UTC)
    assert content.language == "no"
    assert content.contacts == ("Kari Lund, kari@example.org", "Ola")
    assert content.footer == "About us.\n\nMore."
    assert content.slug == "north-office"
    assert content.body == (
        Paragraph(
            (
                Run("The "),
                Run("office", is_strong=True),
                Run(" opens "),
                Run("today", is_emphasised=True),
                Run("; see "),
                Run("the plan", href="https://example.org/a?b=1"),
                Run(", this or "),
                Run("www.example.org", href="https://www.example.org"),
                Run(". <script>x</script>"),
            )
        ),
        Heading((Run("Hours"),)),
        Listing(((Run("one"),), (Run("two"),))),
        Listing(((Run("three"),), (Run("four"),)), is_ordered=True, start=3),
        Quotation((Paragraph((Run("quoted"),)),)),
        Lines(((Run("Main Street 1"),), (Run("Oslo"),))),
        Table(((Run("x"),), (Run("y"),)), (((Run("1"),), (Run("2"),)),)),
        Break(),
        Paragraph((Run("The end."),)),
    )


def test_every_value_is_a_string() -> None:
    """`no` is Norwegian, 2024 a title and 1e3 a place: nothing is taken for another type."""
    content = parse("---\ntitle: 2024\nlanguage: no\nplace: 1e3\noffice: ~\n---\nWords.\n").content
    assert (content.title, content.language, content.place) == ("2024", "no", "1e3")
    assert content.office == "~"


def test_markdown_without_front_matter_has_its_title_on_top() -> None:
    """A file named .md takes its title from the first heading."""
    content = parse("# Ferry line opens\n\nThe line **opens** today.\n", filename="a.md").content
    assert content.title == "Ferry line opens"
    assert content.plain_paragraphs() == ["The line opens today."]


def test_plain_text_keeps_its_signs() -> None:
    """Without front matter or the name of a Markdown file, stars and hashes are text."""
    text = (
        "Ferry line opens\n\n5 March 2024\n\nThe *new* line opens today. It has a # on its bow.\n"
    )
    assert parse(text, filename="a.txt").content.plain_paragraphs() == [
        "The *new* line opens today. It has a # on its bow."
    ]


@pytest.mark.parametrize(
    ("text", "says"),
    [
        ("---\ntitel: x\n---\nbody", "line 2: unknown key «titel»"),
        ("---\ntitle: x\nplace: a\ntitle: y\n---\nbody", "line 4: «title» is given twice"),
        ("---\ntitle: &a x\n---\nbody", "line 2: aliases"),
        ("---\ntitle: x\nplace: *a\n---\nbody", "line 3: aliases"),
        ("---\ntitle: !!str x\n---\nbody", "line 2: tags"),
        ("---\ntitle: !!python/object:os.system x\n---\nbody", "line 2: tags"),
        ("---\ntitle: x\n", "no line «---» closes"),
        ("---\ntitle: [a, b]\n---\nbody", "takes one value"),
        ("---\ntitle: {a: b}\n---\nbody", "must be plain text"),
        ("---\ncontacts: [[a]]\ntitle: x\n---\nbody", "must hold plain values"),
        ("---\ntitle: 'x\n---\nbody", "line 3: "),
        ("---\ntitle: x\n---\n", "no body"),
        ("---\nplace: x\n---\nbody", "no title"),
        ("---\nkind: poem\ntitle: x\n---\nbody", "write one of press-release"),
        ("---\ntitle: x\ndate: 03/04/2019\n---\nbody", "write 2024-03-05"),
        ("---\ntitle: x\ndate: soon\n---\nbody", "cannot be read"),
        ("---\ntitle: x\ndate: Monday, 5 March 2024\n---\nbody", "not the weekday"),
        ("---\ntitle: x\nlanguage: Norwegian!\n---\nbody", "language tag"),
        ("---\ntitle: x\nslug: A B\n---\nbody", "the slug"),
    ],
)
def test_wrong_front_matter_is_refused_with_its_line(text: str, says: str) -> None:
    """What front matter cannot mean is one plain line that says where and what to write."""
    with pytest.raises(ReleaseError, match=says) as caught:
        parse(text, filename="a.md")
    assert "\n" not in str(caught.value)


def test_an_embargo_in_front_matter_needs_its_zone() -> None:
    """The embargo of front matter is read as strictly as any other."""
    with pytest.raises(EmbargoError, match="no time zone"):
        parse("---\ntitle: x\nembargo: 2024-03-05T10:00\n---\nbody")


@pytest.mark.parametrize(
    "text",
    [
        "---\ntitle: EMBARGOED crabs\n---\nWords of the release.\n",
        "---\ntitle: Crabs\n---\n**EMBARGOED UNTIL WEDNESDAY**\n\nWords of the release.\n",
        "---\ntitle: Crabs\nembargo: 2024-03-05T10:00Z\n---\n"
        "EMBARGOED UNTIL 5 March 2024 10:00 CET\n",
    ],
    ids=["in the title", "in the text", "another in the text"],
)
def test_an_embargo_in_the_text_counts_too(text: str) -> None:
    """Markdown whose words speak of an embargo is refused unless that is understood."""
    with pytest.raises(EmbargoError):
        parse(text)

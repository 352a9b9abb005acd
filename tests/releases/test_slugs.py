"""Slugs: readable, lasting, and safe in an address."""

import datetime as dt
import re

import pytest
from hypothesis import given
from hypothesis import strategies as st

from releases.content import Content, Paragraph, Run
from releases.slugs import MAX_LENGTH, numbered, slug_of

BODY = (Paragraph((Run("Text."),)),)


@pytest.mark.parametrize(
    ("title", "slug"),
    [
        ("Meeting of Foreign Ministers", "meeting-of-foreign-ministers"),
        ("Spokesperson’s remarks: “Straße” & Øresund", "spokespersons-remarks-strasse-oresund"),
        ("La ministre reçoit l'Élysée", "la-ministre-recoit-lelysee"),
        ("word " * 40, "-".join(["word"] * 16)),
    ],
)
def test_slug_of_latin_title(title: str, slug: str) -> None:
    """A Latin title gives its words, whole ones, without marks."""
    assert slug_of(Content(title, BODY)) == slug


def test_slug_of_other_scripts() -> None:
    """A title in another script gives kind, date and a piece of the digest."""
    content = Content("外交部发言人就 G20 答记者问", BODY, date=dt.date(2024, 3, 5))
    assert re.fullmatch(r"press-release-2024-03-05-[0-9a-f]{8}", slug_of(content))


@given(st.text(min_size=1, max_size=300))
def test_slug_is_always_safe(title: str) -> None:
    """Whatever the title, the slug is a short run of lower-case words parted by hyphens."""
    slug = slug_of(Content(title, BODY))
    assert re.fullmatch(r"[a-z0-9]+(-[a-z0-9]+)*", slug)
    assert len(slug) <= MAX_LENGTH
    assert len(numbered(slug, 12)) <= MAX_LENGTH

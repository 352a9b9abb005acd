"""Addresses and numbers in contacts become links."""

import time

import pytest
from hypothesis import given
from hypothesis import strategies as st

from releases.content import plain
from releases.links import uri, with_links


def links(words: str) -> list[str | None]:
    """The targets found in the words."""
    return [run.href for run in with_links(words) if run.href]


@pytest.mark.parametrize(
    ("words", "targets"),
    [
        (
            "Press desk, +1 555 010 0123, press@example.org",
            ["tel:+15550100123", "mailto:press@example.org"],
        ),
        ("Call (202) 555-0123 or 202.555.0124.", ["tel:2025550123", "tel:2025550124"]),
        ("Tel. +49 (0)30 1234-5678", ["tel:+4903012345678"]),
        (
            "see www.example.org/press, or https://example.org/a_(b).",
            ["https://www.example.org/press", "https://example.org/a_(b)"],
        ),
        ("(https://example.org/x)", ["https://example.org/x"]),
        (
            "电话：+86 10 6512 3456，press@example.cn。",
            ["tel:+861065123456", "mailto:press@example.cn"],
        ),
        ("jörg@example.org", ["mailto:jörg@example.org"]),
        ("联系press@x.org", ["mailto:press@x.org"]),
        ("邮箱press@x.org，电话+86 10 6512 3456。", ["mailto:press@x.org", "tel:+861065123456"]),
        (
            "网址：https://x.org/a，欢迎访问。见https://x.org/b",
            ["https://x.org/a", "https://x.org/b"],
        ),
        ("请访问www.x.org了解", ["https://www.x.org"]),
        ("홈페이지 https://x.org/a에서", ["https://x.org/a"]),
        ("انظر https://x.org/a، وشكرا؛", ["https://x.org/a"]),
        (
            "(see https://example.org/report.) [https://x.org/a]",
            ["https://example.org/report", "https://x.org/a"],
        ),
        ("Watch at https://[insert link here]", []),
        ("Release 2011/1860 of 2011-11-02, 14:30, room 555-01-23", []),
        ("PRN: 2011-193-2011 and $1,234,567", []),
        ("no one@ here", []),
        ("", []),
    ],
)
def test_addresses_and_numbers_are_found(words: str, targets: list[str]) -> None:
    """Mail, web and telephone become links; dates and release numbers do not."""
    assert links(words) == targets


def test_a_host_in_any_letter_case_is_an_a_label() -> None:
    """A host beyond ASCII travels as A-labels, and the rest percent-encoded."""
    assert uri("https://www.MÜNCHEN.de/Straße?a=ä") == (
        "https://www.xn--mnchen-3ya.de/Stra%C3%9Fe?a=%C3%A4"
    )


@given(st.text(alphabet=st.sampled_from(" a1@.+-()/:é中wh tps"), max_size=120))
def test_no_word_is_lost(words: str) -> None:
    """Linking changes nothing that can be read."""
    assert plain(with_links(words)) == words


@pytest.mark.parametrize("piece", ["a", "a@", "a.", "www.", "+1 ", "(202) ", "1-", "https://", "@"])
def test_no_text_makes_it_slow(piece: str) -> None:
    """A megabyte of anything costs a pass, not a square."""
    begun = time.perf_counter()
    with_links(piece * (1_000_000 // len(piece)))
    assert time.perf_counter() - begun < 10

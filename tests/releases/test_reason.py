"""The sentence that says why this mail came."""

import datetime as dt

import pytest

from releases.plaintext import COLUMNS, columns
from releases.reason import why

SINCE = dt.date(2024, 3, 9)


@pytest.mark.parametrize(
    ("language", "sentence"),
    [
        ("en", "You get this because you follow Press releases and Europe, since March 2024."),
        (
            "fr",
            "Vous recevez ce message parce que vous suivez "
            "Press releases et Europe, depuis mars 2024.",
        ),
        ("es", "Recibe este mensaje porque sigue Press releases y Europe desde marzo de 2024."),
        (
            "ru",
            "Вы получаете это письмо, потому что следите за рассылками: "
            "Press releases и Europe — с марта 2024 г.",
        ),
        ("zh", "您收到此邮件，是因为您自2024年3月起关注Press releases和Europe。"),
        ("pt-BR", "You get this because you follow Press releases and Europe, since March 2024."),
    ],
)
def test_it_is_a_sentence_of_the_readers_language(language: str, sentence: str) -> None:
    """Lists are joined and months written as the language does."""
    reason = why(("Press releases", "Europe"), SINCE, language)
    assert " ".join(reason.text.split()) == sentence
    assert all(columns(line) <= COLUMNS for line in reason.text.split("\n"))


def test_one_list_and_three() -> None:
    """However many lists, the sentence reads well."""
    assert why(("Europe",), SINCE, "en").text.startswith("You get this because you follow Europe,")
    assert "A, B, and C," in why(("A", "B", "C"), SINCE, "en").text


def test_a_title_that_runs_the_other_way_is_isolated() -> None:
    """An English title in an Arabic sentence does not turn the words around it."""
    reason = why(("Europe", "أوروبا"), SINCE, "ar")
    assert "\u2068Europe\u2069" in reason.text
    assert "\u2068أوروبا" not in reason.text
    assert reason.html.count("<bdi>") == 2


@pytest.mark.parametrize("title", ["<b>", "{0} {lists} %(month)s %s", 'a"b', "x\r\ny\x00"])
def test_titles_are_words_and_nothing_else(title: str) -> None:
    """Markup and placeholders in a list's title are shown as they are."""
    reason = why((title, "Europe"), SINCE, "en")
    assert "<b>" not in reason.html
    shown = title.replace("\r\n", " ").replace("\x00", "")
    assert shown in " ".join(reason.text.split("\n"))


def test_people_who_share_a_reason_share_the_work() -> None:
    """The hot path asks for the same sentence a thousand times and pays once."""
    first = why(("Press releases",), dt.date(2025, 1, 2), "fr")
    assert why(("Press releases",), dt.date(2025, 1, 30), "fr") is first


def test_nobody_gets_a_release_without_a_list() -> None:
    """A reason without a list would be a lie."""
    with pytest.raises(ValueError, match="list"):
        why((), SINCE, "en")

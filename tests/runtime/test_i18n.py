"""Our own words in the reader's language."""

import datetime as dt
import functools
from collections.abc import Iterator
from pathlib import Path
from zoneinfo import ZoneInfo

import pytest
from babel.messages.extract import extract
from babel.messages.pofile import read_po

from releases.rendering import KIND_LABELS
from runtime.i18n import (
    SUPPORTED,
    best_language,
    direction_of,
    locales_folder,
    supported,
    words,
)

HOUSE = Path(__file__).parent.parent.parent
ROOMS = ("cli", "web", "worker", "releases", "subscribers", "runtime")
TRANSLATED = [language for language in SUPPORTED if language != "en"]
MOMENT = dt.datetime(2019, 1, 29, 14, 0, tzinfo=ZoneInfo("America/New_York"))


@functools.cache
def messages_in_use() -> frozenset[str | tuple[str, ...]]:
    """Every message that templates and code ask for; all files are read once."""
    return frozenset(read_messages())


def read_messages() -> Iterator[str | tuple[str, ...]]:
    """Every message, as often as it is asked for."""
    yield from KIND_LABELS.values()
    keywords: dict[str, tuple[int, ...] | None] = {"_": None, "gettext": None, "ngettext": (1, 2)}
    files = [(path, "jinja2.ext:babel_extract") for path in (HOUSE / "templates").rglob("*.*")]
    files += [(path, "python") for room in ROOMS for path in (HOUSE / room).rglob("*.py")]
    for path, method in files:
        if path.suffix in {".html", ".txt", ".py"}:
            with path.open("rb") as file:
                for _, message, _, _ in extract(method, file, keywords=keywords):
                    if message:
                        yield message if isinstance(message, str) else tuple(message)


@pytest.mark.parametrize("language", TRANSLATED)
def test_every_message_is_translated(language: str) -> None:
    """No reader meets an English label in a mail or page of their language."""
    with (locales_folder() / f"{language}.po").open("rb") as file:
        catalogue = read_po(file, locale=language)
    for message in messages_in_use():
        singular = message if isinstance(message, str) else message[0]
        found = catalogue.get(singular)
        assert found is not None, f"{language}.po lacks {singular!r}"
        forms = found.string if isinstance(found.string, tuple) else (found.string,)
        assert all(forms), f"{language}.po leaves {singular!r} empty"
        assert not found.fuzzy
        assert [str(error) for error in found.check(catalogue)] == []


@pytest.mark.parametrize("language", TRANSLATED)
def test_translations_keep_the_placeholders(language: str) -> None:
    """A translation names every value that its English names, and no other."""
    with (locales_folder() / f"{language}.po").open("rb") as file:
        for message in read_po(file, locale=language):
            if message.id and message.python_format:
                forms = message.string if isinstance(message.string, tuple) else (message.string,)
                for form in forms:
                    assert _placeholders(str(form)) == _placeholders(str(message.id))


def _placeholders(text: str) -> set[str]:
    return {part.partition(")")[0] for part in text.split("%(")[1:]}


@pytest.mark.parametrize(
    ("wanted", "best"),
    [
        ("fr", "fr"),
        ("fr-CA", "fr"),
        ("FR_ca", "fr"),
        ("zh-Hant-TW", "zh"),
        ("ar-EG", "ar"),
        ("pt-BR", "en"),
        ("", "en"),
        (None, "en"),
        ("french!", "en"),
    ],
)
def test_the_nearest_language_is_found(wanted: str | None, best: str) -> None:
    """Any tag leads to a language we have; English when nothing is nearer."""
    assert best_language(wanted) == best
    assert words(wanted).language == best


@pytest.mark.parametrize(
    ("language", "text", "direction"),
    [
        ("ar", "", "rtl"),
        ("he-IL", "", "rtl"),
        ("fa", "English words", "rtl"),
        ("az-Arab", "", "rtl"),
        ("ar-Latn", "", "ltr"),
        ("sr-Cyrl-RS", "", "ltr"),
        ("en", "بيان", "ltr"),
        (None, "12 — بيان صحفي", "rtl"),
        (None, "«Сегодня»", "ltr"),
        (None, "12:30", "ltr"),
        (None, "", "ltr"),
    ],
)
def test_directions(language: str | None, text: str, direction: str) -> None:
    """A language says how it is written; without one, the first letter does."""
    assert direction_of(language, text) == direction


def test_moments_are_told_in_the_zone_and_in_utc() -> None:
    """An embargo's time can be read in one way only, wherever its reader is."""
    english = words("en")
    new_york, dubai = ZoneInfo("America/New_York"), ZoneInfo("Asia/Dubai")
    assert english.moment(MOMENT, new_york) == "January 29, 2019, 14:00 EST (19:00 UTC)"
    assert english.moment(MOMENT, dubai) == "January 29, 2019, 23:00 UTC+04:00 (19:00 UTC)"
    assert english.moment(MOMENT, ZoneInfo("UTC")) == "January 29, 2019, 19:00 UTC"
    late = MOMENT.replace(hour=23)
    assert (
        english.moment(late, new_york)
        == "January 29, 2019, 23:00 EST (January 30, 2019, 04:00 UTC)"
    )


def test_dates_are_written_as_the_language_does() -> None:
    """Dates are words of the reader's language, with plain spaces and European figures."""
    written = {language: words(language).date(MOMENT) for language in supported()}
    assert written == {
        "en": "January 29, 2019",
        "fr": "29 janvier 2019",
        "es": "29 de enero de 2019",
        "ru": "29 января 2019 г.",
        "ar": "29 يناير 2019",
        "zh": "2019年1月29日",
    }


def test_plural_forms_follow_the_language() -> None:
    """Russian and Arabic count otherwise than English, and get their own forms."""
    message = ("Press contact", "Press contacts")
    assert [words("en").ngettext(*message, n) for n in (1, 2)] == list(message)
    assert words("ru").ngettext(*message, 1) == words("ru").ngettext(*message, 21)
    assert words("ar").ngettext(*message, 2) != words("ar").ngettext(*message, 1)


def test_languages_are_called_by_their_own_names() -> None:
    """Whoever looks for their language finds it written as they write it."""
    assert [words(language).own_name() for language in ("fr", "ar", "zh")] == [
        "français",
        "العربية",
        "中文",
    ]

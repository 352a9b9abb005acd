"""Our own words in the reader's language: catalogues, dates, lists and writing directions.

The catalogues are gettext `.po` files (`templates/locales/LANGUAGE.po`), read with Babel when
they are first needed and kept; English is the source and needs none. Only our words are
translated: a press office's text is never touched.
"""

import datetime as dt
import functools
import gettext
import io
import unicodedata
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Final, Literal

from babel import Locale
from babel.dates import format_date
from babel.lists import format_list
from babel.messages.mofile import write_mo
from babel.messages.pofile import read_po

Direction = Literal["ltr", "rtl"]

SOURCE: Final = "en"
SUPPORTED: Final = ("en", "fr", "es", "ru", "ar", "zh")

# Written right to left, by language (when the tag names no script) and by script (ISO 15924).
_RTL_LANGUAGES: Final = frozenset(
    {"ar", "arc", "ary", "arz", "ckb", "dv", "fa", "glk", "he", "iw", "ji", "ks"}
    | {"mzn", "nqo", "pnb", "ps", "rhg", "sd", "syr", "ug", "ur", "yi"}
)
_RTL_SCRIPTS: Final = frozenset(
    {"adlm", "arab", "aran", "hebr", "mand", "nkoo", "rohg", "samr", "syrc", "thaa"}
)


def locales_folder() -> Path:
    """Where the catalogues lie, in a checkout as in an installed wheel."""
    return Path(__file__).parent.parent / "templates" / "locales"


@dataclass(frozen=True, slots=True)
class Words:
    """Our words in one language. `language` is one of `supported()`."""

    language: str
    direction: Direction
    _translations: gettext.NullTranslations

    def gettext(self, message: str) -> str:
        """The message in this language; English where the catalogue has none."""
        return self._translations.gettext(message)

    def ngettext(self, singular: str, plural: str, number: int) -> str:
        """The form of the message that this language uses with `number`."""
        return self._translations.ngettext(singular, plural, number)

    def date(self, day: dt.date) -> str:
        """A date in words: "January 29, 2019"."""
        # Moments that are equal may be of two days, each in its zone.
        return _long_date(dt.date(day.year, day.month, day.day), self.language)

    def month(self, day: dt.date) -> str:
        """Month and year as they stand inside a sentence: "March 2024", "марта 2024 г."."""
        pattern = self.gettext("MMMM y")
        return _plain_spaces(format_date(day, format=pattern, locale=self.language))

    def moment(self, moment: dt.datetime, zone: dt.tzinfo) -> str:
        """An aware moment in the zone and in UTC: "January 29, 2019, 14:00 EST (19:00 UTC)".

        Hours are 0 to 23 in every language: "12:00 a.m." has been misread too often.
        """
        local, utc = moment.astimezone(zone), moment.astimezone(dt.UTC)
        here = self._day_and_time(local, zone_name(local))
        if zone_name(local) == "UTC":
            return here
        there = f"{utc:%H:%M} UTC"
        if utc.date() != local.date():
            there = self._day_and_time(utc, "UTC")
        return f"{here} ({there})"

    def _day_and_time(self, moment: dt.datetime, zone: str) -> str:
        return self.gettext("%(date)s, %(time)s") % {
            "date": self.date(moment),
            "time": f"{moment:%H:%M} {zone}",
        }

    def listing(self, items: Sequence[str]) -> str:
        """The items as a phrase: "Press releases, Europe and Travel warnings"."""
        return format_list(items, style="standard", locale=self.language)

    def own_name(self) -> str:
        """What the language calls itself: "français"."""
        return _own_name(self.language)


def supported() -> tuple[str, ...]:
    """The languages our own words exist in, English first."""
    return SUPPORTED


def best_language(wanted: str | None) -> str:
    """The supported language nearest to a tag (BCP 47): "fr-CA" → "fr", "pt-BR" → "en"."""
    primary = (wanted or "").strip().replace("_", "-").partition("-")[0].lower()
    return primary if primary in SUPPORTED else SOURCE


def words(language: str | None) -> Words:
    """Our words in the supported language nearest to the tag."""
    return _words(best_language(language))


def direction_of(language: str | None, text: str = "") -> Direction:
    """How a language (BCP 47) is written; without one, how the text begins (UAX #9, P2, P3)."""
    if language:
        primary, *subtags = language.lower().replace("_", "-").split("-")
        scripts = [subtag for subtag in subtags if len(subtag) == 4 and subtag.isalpha()]
        if scripts:
            return "rtl" if scripts[0] in _RTL_SCRIPTS else "ltr"
        return "rtl" if primary in _RTL_LANGUAGES else "ltr"
    for character in text:
        match unicodedata.bidirectional(character):
            case "L":
                return "ltr"
            case "R" | "AL":
                return "rtl"
    return "ltr"


@functools.lru_cache(1_000)
def _long_date(day: dt.date, language: str) -> str:
    return _plain_spaces(format_date(day, format="long", locale=language))


@functools.cache
def _own_name(language: str) -> str:
    return Locale.parse(language).get_display_name(language) or language


@functools.cache
def _words(language: str) -> Words:
    return Words(language, direction_of(language), _read_catalogue(language))


def _read_catalogue(language: str) -> gettext.NullTranslations:
    if language == SOURCE:
        return gettext.NullTranslations()
    with (locales_folder() / f"{language}.po").open("rb") as file:
        catalogue = read_po(file, locale=language, abort_invalid=True)
    compiled = io.BytesIO()
    write_mo(compiled, catalogue)
    compiled.seek(0)
    return gettext.GNUTranslations(compiled)


def zone_name(moment: dt.datetime) -> str:
    """The zone's letters, such as EST, or UTC+03:00 where it has none."""
    name = moment.tzname() or ""
    if name[:1].isalpha():
        return name
    offset = f"{moment:%z}"
    return f"UTC{offset[:3]}:{offset[3:5]}"


def _plain_spaces(text: str) -> str:
    """CLDR's no-break spaces as plain ones: they would end up in subjects and wrapped text."""
    return text.replace("\u202f", " ").replace("\xa0", " ")

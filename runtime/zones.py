"""Time zones as people choose one: by country and city, in their language."""

import datetime as dt
import functools
import unicodedata
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError, available_timezones

from babel import Locale
from babel.core import get_global

_NOWHERE = frozenset({"001", "ZZ"})
_WITHOUT_ALPHABET = frozenset({"zh"})


@functools.cache
def known_zones() -> frozenset[str]:
    """The IANA names that there are; looking for them reads a folder."""
    return frozenset(available_timezones())


@functools.cache
def zone_of(name: str) -> ZoneInfo | None:
    """The zone of this name; None where this machine's tables have none, or none any more."""
    try:
        return ZoneInfo(name)
    except (ZoneInfoNotFoundError, ValueError, OSError):
        # The last is for a folder of zones, such as Europe.
        return None


def zone_or(name: str | None, otherwise: dt.tzinfo) -> dt.tzinfo:
    """The zone that somebody has chosen; the other where they have not, or it is not known here."""
    return (zone_of(name) if name else None) or otherwise


def zone_label(name: str, language: str) -> str:
    """A zone's country and city in a language: "France – Paris"; its name where it has none."""
    country = get_global("zone_territories").get(name, "001")
    return name if country in _NOWHERE else _label(name, country, language)


@functools.cache
def zone_labels(language: str) -> tuple[tuple[str, str], ...]:
    """Names and labels of UTC and of the zones of all countries, in the order of the labels."""
    places = {
        name: country
        for name, country in get_global("zone_territories").items()
        if country not in _NOWHERE and name in known_zones()
    }
    order = "en" if language in _WITHOUT_ALPHABET else language
    names = sorted(places, key=lambda name: _sort_key(_place(name, places[name], order)))
    return ("UTC", "UTC"), *((name, _label(name, places[name], language)) for name in names)


def _label(name: str, country: str, language: str) -> str:
    # A country and its only city may share a name.
    return " – ".join(dict.fromkeys(_place(name, country, language)))


def _place(name: str, country: str, language: str) -> tuple[str, str]:
    locale = Locale.parse(language)
    city = locale.time_zones.get(name, {}).get("city") or name.rpartition("/")[2].replace("_", " ")
    return locale.territories.get(country, country), city


@functools.cache
def zone_city(name: str, language: str) -> str | None:
    """The city that a zone is named after, in a language; None for UTC and the like."""
    country = get_global("zone_territories").get(name, "001")
    return None if country in _NOWHERE else _place(name, country, language)[1]


def _sort_key(place: tuple[str, str]) -> tuple[str, ...]:
    """Without accents: Åland stands with A."""
    plain = [unicodedata.normalize("NFKD", word.casefold()) for word in place]
    return tuple("".join(one for one in word if not unicodedata.combining(one)) for word in plain)

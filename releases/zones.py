"""Time zones as people write them, and what a wall clock says in them.

Decisions: ET, CT, MT, PT and the like are the zones of the United States and always clear.
A seasonal abbreviation (EST, EDT, CET, BST …) is taken at its word: on a day when the zone has
the other one it is refused, for either the letters or the hour must be wrong. BST is British
Summer Time. CST, IST, AST and SST mean different zones to different desks and are refused.
"""

import datetime
import re
from collections.abc import Iterator
from dataclasses import dataclass
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

from releases.errors import EmbargoError

# Abbreviation: zone, and hours from UTC where the letters say more than the zone.
_ABBREVIATIONS: dict[str, tuple[str, float | None]] = {
    **dict.fromkeys(("UTC", "GMT", "Z", "TU", "TUC"), ("UTC", 0)),
    **dict.fromkeys(("ET", "EPT"), ("America/New_York", None)),
    "EST": ("America/New_York", -5), "EDT": ("America/New_York", -4),
    "CT": ("America/Chicago", None), "CDT": ("America/Chicago", -5),
    "MT": ("America/Denver", None), "MST": ("America/Denver", -7), "MDT": ("America/Denver", -6),
    "PT": ("America/Los_Angeles", None), "PST": ("America/Los_Angeles", -8),
    "PDT": ("America/Los_Angeles", -7),
    "AKST": ("America/Anchorage", -9), "AKDT": ("America/Anchorage", -8),
    "HST": ("Pacific/Honolulu", -10),
    "ADT": ("America/Halifax", -3),
    "NST": ("America/St_Johns", -3.5), "NDT": ("America/St_Johns", -2.5),
    "BRT": ("America/Sao_Paulo", -3), "ART": ("America/Argentina/Buenos_Aires", -3),
    "CLT": ("America/Santiago", -4), "CLST": ("America/Santiago", -3),
    "COT": ("America/Bogota", -5), "PET": ("America/Lima", -5),
    "BST": ("Europe/London", 1),
    "WET": ("Europe/Lisbon", 0), "WEST": ("Europe/Lisbon", 1),
    "CET": ("Europe/Brussels", 1), "CEST": ("Europe/Brussels", 2),
    "MEZ": ("Europe/Berlin", 1), "MESZ": ("Europe/Berlin", 2),
    "HNEC": ("Europe/Paris", 1), "HAEC": ("Europe/Paris", 2),
    "EET": ("Europe/Athens", 2), "EEST": ("Europe/Athens", 3),
    "MSK": ("Europe/Moscow", 3), "МСК": ("Europe/Moscow", 3), "TRT": ("Europe/Istanbul", 3),
    "WAT": ("Africa/Lagos", 1), "CAT": ("Africa/Maputo", 2), "EAT": ("Africa/Nairobi", 3),
    "SAST": ("Africa/Johannesburg", 2), "IDT": ("Asia/Jerusalem", 3),
    "GST": ("Asia/Dubai", 4), "PKT": ("Asia/Karachi", 5), "NPT": ("Asia/Kathmandu", 5.75),
    "WIB": ("Asia/Jakarta", 7), "ICT": ("Asia/Bangkok", 7), "SGT": ("Asia/Singapore", 8),
    "MYT": ("Asia/Kuala_Lumpur", 8), "HKT": ("Asia/Hong_Kong", 8), "PHT": ("Asia/Manila", 8),
    "AWST": ("Australia/Perth", 8), "JST": ("Asia/Tokyo", 9), "KST": ("Asia/Seoul", 9),
    "ACST": ("Australia/Adelaide", 9.5), "ACDT": ("Australia/Adelaide", 10.5),
    "AEST": ("Australia/Sydney", 10), "AEDT": ("Australia/Sydney", 11),
    "NZST": ("Pacific/Auckland", 12), "NZDT": ("Pacific/Auckland", 13),
}  # fmt: skip
_SEVERAL_MEANINGS = {
    "CST": "US Central, China and Cuba: write CT, Asia/Shanghai or an offset such as UTC+8",
    "IST": "India, Israel and Ireland: write Asia/Kolkata, Asia/Jerusalem or Europe/Dublin",
    "AST": "Atlantic and Arabia: write America/Halifax, Asia/Riyadh or an offset",
    "SST": "Samoa and Singapore: write Pacific/Pago_Pago, SGT or an offset",
    "AMT": "Amazon and Armenia: write America/Manaus, Asia/Yerevan or an offset",
    "ECT": "Ecuador and the Caribbean: write an offset such as UTC-5",
}
_US = r"(?:u\.?s\.? )?"
_TIME = r"(?: (?:(?P<season>standard|daylight|summer|savings?) )?time)"
_PHRASES = (
    (rf"{_US}eastern{_TIME}?", "America/New_York"),
    (rf"{_US}pacific{_TIME}?", "America/Los_Angeles"),
    (rf"{_US}mountain{_TIME}?", "America/Denver"),
    (rf"(?:{_US}central{_TIME})|us central", "America/Chicago"),
    (r"central european(?: (?P<season>standard|summer|daylight))? time", "Europe/Brussels"),
    (r"british(?: (?P<season>summer))? time|uk(?: local)? time", "Europe/London"),
    (r"hora (?:oficial )?peninsular", "Europe/Madrid"),
    (r"ora italiana", "Europe/Rome"),
    (r"по московскому времени|московское время|по москве|moscow time", "Europe/Moscow"),
    (r"по киевскому времени|за київським часом|kyiv time", "Europe/Kyiv"),
    (r"北京时间|北京時間|中國時間|中国时间", "Asia/Shanghai"),
    (r"香港时间|香港時間", "Asia/Hong_Kong"),
    (r"台北時間|臺北時間", "Asia/Taipei"),
    (r"日本時間", "Asia/Tokyo"),
    (r"한국\s?시간", "Asia/Seoul"),
    (r"(?:بتوقيت|توقيت) (?:مكة(?: المكرمة)?|الرياض|السعودية)", "Asia/Riyadh"),
    (r"(?:بتوقيت|توقيت) القاهرة", "Africa/Cairo"),
    (r"(?:بتوقيت|توقيت) (?:أبوظبي|أبو ظبي|دبي|الإمارات)", "Asia/Dubai"),
    (r"(?:بتوقيت|توقيت) (?:غرينتش|جرينتش)|格林尼治(?:标准)?时间", "UTC"),
)
_CITIES = {
    "london": "Europe/London", "londres": "Europe/London", "londra": "Europe/London",
    "paris": "Europe/Paris", "brussels": "Europe/Brussels", "bruxelles": "Europe/Brussels",
    "bruselas": "Europe/Brussels", "brussel": "Europe/Brussels", "geneva": "Europe/Zurich",
    "genève": "Europe/Zurich", "ginebra": "Europe/Zurich", "zurich": "Europe/Zurich",
    "bern": "Europe/Zurich", "berlin": "Europe/Berlin", "vienna": "Europe/Vienna",
    "wien": "Europe/Vienna", "madrid": "Europe/Madrid", "rome": "Europe/Rome",
    "roma": "Europe/Rome", "lisbon": "Europe/Lisbon", "lisboa": "Europe/Lisbon",
    "amsterdam": "Europe/Amsterdam", "the hague": "Europe/Amsterdam", "dublin": "Europe/Dublin",
    "stockholm": "Europe/Stockholm", "oslo": "Europe/Oslo", "copenhagen": "Europe/Copenhagen",
    "helsinki": "Europe/Helsinki", "warsaw": "Europe/Warsaw", "prague": "Europe/Prague",
    "athens": "Europe/Athens", "istanbul": "Europe/Istanbul", "ankara": "Europe/Istanbul",
    "moscow": "Europe/Moscow", "new york": "America/New_York", "nueva york": "America/New_York",
    "washington": "America/New_York", "chicago": "America/Chicago", "toronto": "America/Toronto",
    "ottawa": "America/Toronto", "los angeles": "America/Los_Angeles",
    "mexico city": "America/Mexico_City", "ciudad de méxico": "America/Mexico_City",
    "bogotá": "America/Bogota", "lima": "America/Lima", "santiago": "America/Santiago",
    "buenos aires": "America/Argentina/Buenos_Aires", "brasília": "America/Sao_Paulo",
    "são paulo": "America/Sao_Paulo", "cairo": "Africa/Cairo", "nairobi": "Africa/Nairobi",
    "lagos": "Africa/Lagos", "johannesburg": "Africa/Johannesburg", "dakar": "Africa/Dakar",
    "riyadh": "Asia/Riyadh", "dubai": "Asia/Dubai", "jerusalem": "Asia/Jerusalem",
    "tehran": "Asia/Tehran", "karachi": "Asia/Karachi", "delhi": "Asia/Kolkata",
    "new delhi": "Asia/Kolkata", "india": "Asia/Kolkata", "bangkok": "Asia/Bangkok",
    "jakarta": "Asia/Jakarta", "singapore": "Asia/Singapore", "hong kong": "Asia/Hong_Kong",
    "beijing": "Asia/Shanghai", "china": "Asia/Shanghai", "taipei": "Asia/Taipei",
    "manila": "Asia/Manila", "seoul": "Asia/Seoul", "tokyo": "Asia/Tokyo", "japan": "Asia/Tokyo",
    "sydney": "Australia/Sydney", "canberra": "Australia/Sydney", "wellington": "Pacific/Auckland",
    "auckland": "Pacific/Auckland",
}  # fmt: skip
_CITY_NAMES = "|".join(sorted(_CITIES, key=len, reverse=True))
_CITY = re.compile(
    rf"\b(?P<before>{_CITY_NAMES})(?:er)?(?: (?:local )?time|-?zeit| zeit)\b"
    rf"|\b(?:heure(?: locale)?|hora(?: local)?|ora(?: locale)?|tijd|uhrzeit)"
    rf" (?:de |d'|di |in |à )?(?P<after>{_CITY_NAMES})\b",
    re.IGNORECASE,
)
_OFFSET = re.compile(
    r"(?:\b(?:UTC|GMT"
    r"|ET)\s?)?(?<![\d/])(?P<sign>[+\-−–])(?P<hours>\d{1,2})(?::?(?P<minutes>\d\d))?(?![\d/])"
)
_IANA = re.compile(r"\b(?:[A-Z][A-Za-z]+/[A-Z][A-Za-z_]+(?:/[A-Z][A-Za-z_]+)?)")
_LETTERS = re.compile(r"\b[^\W\d_]{1,4}\b")
_LOCAL = re.compile(
    r"\b(?:local time|ortszeit|heure locale|hora local|ora locale|plaatselijke tijd)\b|местно",
    re.IGNORECASE,
)
_SEASON_HOURS = {"standard": 0, "daylight": 1, "summer": 1, "saving": 1, "savings": 1}


@dataclass(frozen=True, slots=True)
class Mention:
    """A zone that a text names, at `[start, end)`."""

    start: int
    end: int
    zone: datetime.tzinfo
    offset_hours: float | None = None
    """What the letters claim, where the zone's clock changes through the year."""
    is_summer: bool | None = None


def find_zones(text: str, *, letters_from: int = 0) -> list[Mention]:
    """The zones a short text names, left to right; raises EmbargoError for an ambiguous one.

    Abbreviations count from `letters_from` on, where the time ends: in a line of capitals
    other words look like them.
    """
    found: list[Mention] = []
    for mention in _mentions(text, letters_from):
        if not any(mention.start < other.end and other.start < mention.end for other in found):
            found.append(mention)
    if not found and (local := _LOCAL.search(text)):
        raise EmbargoError(f"{local.group()!r} is no time zone: name one, such as Europe/Paris")
    return sorted(found, key=lambda mention: mention.start)


def _mentions(text: str, letters_from: int) -> Iterator[Mention]:
    for match in _IANA.finditer(text):
        try:
            yield Mention(match.start(), match.end(), ZoneInfo(match.group()))
        except (ZoneInfoNotFoundError, ValueError, OSError):
            continue
    for match in _OFFSET.finditer(text):
        minutes = int(match["hours"]) * 60 + int(match["minutes"] or 0)
        if minutes <= 15 * 60:
            sign = 1 if match["sign"] == "+" else -1
            offset = datetime.timezone(datetime.timedelta(minutes=sign * minutes))
            yield Mention(match.start(), match.end(), offset)
    for pattern, name in _PHRASES:
        for match in re.finditer(pattern, text, re.IGNORECASE):
            season = match.groupdict().get("season")
            is_summer = bool(_SEASON_HOURS[season.lower()]) if season else None
            yield Mention(match.start(), match.end(), ZoneInfo(name), None, is_summer)
    for match in _CITY.finditer(text):
        city = (match["before"] or match["after"]).lower()
        yield Mention(match.start(), match.end(), ZoneInfo(_CITIES[city]))
    yield from _abbreviations(text, letters_from)


def _abbreviations(text: str, letters_from: int) -> Iterator[Mention]:
    """In capitals; in small letters too where they follow a time ("6:00 am et")."""
    for match in _LETTERS.finditer(text, letters_from):
        letters = match.group()
        after_time = re.search(
            r"(?:\d|[ap]\.?\s?m\.?)\s?\(?$", text[: match.start()], re.IGNORECASE
        )
        if not (letters.isupper() or (after_time and letters not in ("et", "Et"))):
            continue
        name = letters.upper()
        if name == "Z" and not after_time:
            continue
        if name in _SEVERAL_MEANINGS:
            if not _OFFSET.search(text):
                raise EmbargoError(f"{name} is the time of {_SEVERAL_MEANINGS[name]}")
        elif name in _ABBREVIATIONS and (name != "ET" or letters.isupper()):
            zone, hours = _ABBREVIATIONS[name]
            yield Mention(match.start(), match.end(), ZoneInfo(zone), hours)


def localise(wall: datetime.datetime, mention: Mention, printed: str) -> datetime.datetime:
    """The moment a naive `wall` clock shows in a mentioned zone.

    Raises EmbargoError where the clock skips that time, shows it twice, or is at that date not
    the one that the letters claim (EST in July).
    """
    readings = [wall.replace(tzinfo=mention.zone, fold=fold) for fold in (0, 1)]
    earlier, later = readings
    if earlier.utcoffset() != later.utcoffset():
        back = earlier.astimezone(datetime.UTC).astimezone(mention.zone).replace(tzinfo=None)
        if back != wall:
            raise EmbargoError(
                f"{wall:%H:%M} does not exist on {wall:%d %B %Y} in {mention.zone}:"
                " clocks go forward over it"
            )
        readings = [moment for moment in readings if _fits(moment, mention)]
        if len(readings) > 1:
            raise EmbargoError(
                f"{wall:%H:%M} comes twice on {wall:%d %B %Y} in {mention.zone}, as clocks go"
                " back: give an offset, such as UTC+1"
            )
    for moment in readings:
        if _fits(moment, mention):
            # A fixed offset says the same in every library, now and after a change of law.
            return moment.replace(
                tzinfo=datetime.timezone(moment.utcoffset() or datetime.timedelta()), fold=0
            )
    raise EmbargoError(
        f"{printed} is not in force on {wall:%d %B %Y} ({earlier:%Z} is):"
        " write the right one, or an offset"
    )


def _fits(moment: datetime.datetime, mention: Mention) -> bool:
    offset = moment.utcoffset()
    if mention.offset_hours is not None:
        return offset == datetime.timedelta(hours=mention.offset_hours)
    if mention.is_summer is not None:
        return bool(moment.dst()) == mention.is_summer
    return True

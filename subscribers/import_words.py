"""What cells of other programs' exports say: how often, whether to be mailed, since when."""

import datetime as dt
import functools
import re
from collections.abc import Mapping
from typing import Final

from subscribers.import_columns import fold
from subscribers.models import Frequency

FREQUENCIES: Final[Mapping[Frequency, tuple[str, ...]]] = {
    Frequency.AT_ONCE: (
        "at-once",
        "immediate",
        "immediately",
        "instant",
        "instantly",
        "send immediately",
        "as it happens",
        "real time",
        "each",
        "every",
        "0",  # GovDelivery counts days
        "sofort",
        "immédiatement",
        "tout de suite",
        "inmediatamente",
        "al momento",
        "сразу",
        "немедленно",
        "فورا",
        "立即",
        "即时",
    ),
    Frequency.DAILY: (
        "daily",
        "day",
        "once a day",
        "every day",
        "daily digest",
        "digest",
        "1",
        "täglich",
        "quotidien",
        "chaque jour",
        "diario",
        "diaria",
        "cada día",
        "ежедневно",
        "يوميا",
        "每天",
        "每日",
    ),
    Frequency.WEEKLY: (
        "weekly",
        "week",
        "once a week",
        "every week",
        "weekly digest",
        "7",
        "wöchentlich",
        "hebdomadaire",
        "chaque semaine",
        "semanal",
        "cada semana",
        "еженедельно",
        "أسبوعيا",
        "每周",
    ),
}
NOT_TO_BE_MAILED: Final = (
    # Our own export's.
    "suspended",
    "suppressed",
    "ended",
    # Mailchimp's, listmonk's, GovDelivery's, and those of other programs.
    "unsubscribed",
    "unsubscribe",
    "non-subscribed",
    "not subscribed",
    "opted out",
    "opt-out",
    "cleaned",
    "blocklisted",
    "blacklisted",
    "blocked",
    "disabled",
    "deactivated",
    "inactive",
    "archived",
    "deleted",
    "removed",
    "bounced",
    "bouncing",
    "hard bounce",
    "undeliverable",
    "invalid",
    "complained",
    "complaint",
    "abuse",
    "spam",
    "désabonné",
    "désinscrit",
    "abgemeldet",
    "dado de baja",
    "отписан",
    "отписался",
)
NOT_CONFIRMED: Final = (
    "pending",  # our own export's, too
    "pending confirmation",
    "pending opt-in",
    "pending verification",
    "confirmation pending",
    "confirmation sent",
    "opt-in pending",
    "double opt-in pending",
    "unconfirmed",
    "not confirmed",
    "not yet confirmed",
    "non-confirmed",
    "awaiting confirmation",
    "awaiting opt-in",
    "waiting",
    "waiting for confirmation",
    "to be confirmed",
    "unverified",
    "not verified",
    "unactivated",
    "not activated",
    "invited",
    "ausstehend",
    "unbestätigt",
    "nicht bestätigt",
    "en attente",
    "en attente de confirmation",
    "non confirmé",
    "à confirmer",
    "pendiente",
    "pendiente de confirmación",
    "no confirmado",
    "sin confirmar",
    "ожидает",
    "ожидает подтверждения",
    "не подтверждён",
    "не подтверждена",
    "не подтверждено",
    "неподтверждённый",
    "غير مؤكد",
    "قيد الانتظار",
    "بانتظار التأكيد",
    "未确认",
    "待确认",
)
NO: Final = (
    *("no", "n", "false", "f", "0", "0.0", "off", "none", "never"),
    *("not given", "not granted", "not agreed", "no consent", "without consent"),
    *("refused", "declined", "denied", "rejected", "objected", "withdrawn", "revoked", "expired"),
    *("nein", "falsch", "nicht erteilt", "abgelehnt", "widerrufen", "nee", "nej", "nie"),
    *("non", "faux", "refusé", "retiré", "falso", "não", "rechazado", "retirado", "revocado"),
    *("нет", "н", "ложь", "отказ", "отозвано", "لا", "كلا", "غير موافق", "خطأ"),
    *("否", "不", "没有", "无", "不同意", "假"),
)
YES: Final = (
    *("yes", "y", "true", "t", "1", "1.0", "on", "x", "ok", "given", "granted", "agreed"),
    *("accepted", "ja", "j", "wahr", "erteilt", "oui", "o", "vrai", "accordé", "donné"),
    *("si", "s", "sim", "verdadero", "vero", "да", "д", "истина"),
    *("نعم", "موافق", "صحيح", "是", "有", "同意", "真"),
)
NOTHING: Final = ("", "null", "nan", "n/a")
"""What programs write where there is nothing; a dash has no letters, and so it is empty."""
_NO_MARKS: Final = frozenset("✗✘❌✕✖☐")
_YES_MARKS: Final = frozenset("✓✔✅☑☒")
DATE_MAX_CHARACTERS: Final = 60
_BY_WORD: Final = {
    fold(word): frequency for frequency, words in FREQUENCIES.items() for word in words
}
_STOPS: Final = frozenset(map(fold, NOT_TO_BE_MAILED))
_UNCONFIRMED: Final = frozenset(map(fold, NOT_CONFIRMED))
_NO: Final = frozenset(map(fold, NO))
_YES: Final = frozenset(map(fold, YES))
_NOTHING: Final = frozenset(map(fold, NOTHING))
_DAY_FIRST: Final = re.compile(r"(\d{1,2})\.\s?(\d{1,2})\.\s?(\d{4})\b.*")
_SLASHES: Final = re.compile(r"(\d{1,2})/(\d{1,2})/(\d{4})\b.*")


@functools.lru_cache(maxsize=1024)
def frequency_of(cell: str) -> Frequency | None:
    """How often somebody wants mail; None where the word is not known."""
    return _BY_WORD.get(fold(cell))


@functools.lru_cache(maxsize=1024)
def stops_mail(cell: str) -> bool:
    """Whether the state says that there shall be no mail; a word that is not known says nothing."""
    return bool(cell) and fold(cell) in _STOPS


@functools.lru_cache(maxsize=1024)
def is_unconfirmed(cell: str) -> bool:
    """Whether it says that somebody has not confirmed yet that they want mail."""
    return bool(cell) and fold(cell) in _UNCONFIRMED


@functools.lru_cache(maxsize=1024)
def says_no(cell: str) -> bool:
    """Whether a cell that answers a question says no."""
    return bool(cell) and (fold(cell) in _NO or cell.strip()[:1] in _NO_MARKS)


@functools.lru_cache(maxsize=1024)
def says_yes(cell: str) -> bool:
    """Whether a cell that answers a question says yes, and no more than that."""
    return bool(cell) and (fold(cell) in _YES or cell.strip() in _YES_MARKS)


@functools.lru_cache(maxsize=1024)
def says_nothing(cell: str) -> bool:
    """Whether the cell is as good as empty."""
    return fold(cell) in _NOTHING and cell.strip()[:1] not in _NO_MARKS | _YES_MARKS


def date_of(cell: str) -> str:
    """The day or moment in ISO 8601; as it is written where it cannot be told which is meant."""
    cell = cell.strip()
    found = _iso(cell)
    if found is not None:
        return found
    parts = _DAY_FIRST.fullmatch(cell)
    if parts is not None:
        found = _day(parts[3], parts[2], parts[1])
    else:
        parts = _SLASHES.fullmatch(cell)
        if parts is not None:
            # 3/4 is in March here and in April there: then what is written is kept.
            ways = {_day(parts[3], parts[1], parts[2]), _day(parts[3], parts[2], parts[1])} - {None}
            found = ways.pop() if len(ways) == 1 else None
    return found or cell[:DATE_MAX_CHARACTERS]


def _iso(cell: str) -> str | None:
    try:
        if len(cell) == len("2026-01-31"):
            return dt.date.fromisoformat(cell).isoformat()
        return dt.datetime.fromisoformat(cell).isoformat(timespec="seconds")
    except ValueError:
        return None


def _day(year: str, month: str, day: str) -> str | None:
    try:
        return dt.date(int(year), int(month), int(day)).isoformat()
    except ValueError:
        return None

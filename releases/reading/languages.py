"""In which language a text is written: by its script, then by its small words."""

import re
from collections import Counter
from dataclasses import dataclass

_STOP_WORDS = {
    "en": "the of and to in that for is on with by this "
    "are was as be from at have has will it not which their",
    "es": "el la de que y en los del las por con para "
    "una su al se es como lo más fue sus este entre",
    "fr": "le la les des et en du une est pour dans que "
    "par sur au aux ce cette qui avec plus son ont été",
    "de": "der die das und den von zu mit dem des für "
    "ist auf eine im nicht sich wird bei auch als einer wurde",
    "it": "il di che della per una con del dei le nel alla gli sono si i "
    "chi ai dai sui agli ho hanno questo è delle al più anche dal nella ha stato",
    "pt": "o de a que do da em para uma os com no "
    "na por dos as das ao mais foi são à pela entre também",
    "nl": "de het een van en in is dat op te voor "
    "met zijn aan door worden niet ook bij naar wordt heeft",
    "sv": "och att det som en på är av för med till den har inte om ett vid från kommer också",
    "da": "og at det som en på er af for med til den har ikke om et ved fra vil også der blev",
    "nb": "og at det som en på er av for med til den har ikke om et ved fra vil også ble etter",
    "fi": "ja on että ei se oli myös ovat joka kun mukaan sekä tai ole hän vuoden sen",
    "pl": "i w na z do się nie że jest o przez oraz dla od po jak są tym został",
    "cs": "a v na se je že s z do o k pro by jako za ve po při také bude",
    "sk": "a v na sa je že s z do o k pre by ako za vo po pri aj bude",
    "hu": "a az és hogy nem egy is meg ez volt van már mint csak el vagy után szerint",
    "ro": "și în de la a cu pe din care este pentru o să au fost mai ce prin sau",
    "tr": "ve bir bu için ile olarak da de olan çok daha gibi kadar sonra tarafından oldu",
    "ca": "el la de que i en els del les per amb una al és com més va seu aquest entre dels",
    "hr": "i u je na se da su za od s koji o kao će iz što bi biti",
    "id": "yang dan di untuk dengan dari ini pada dalam akan tidak oleh itu telah kepada",
    "vi": "và của là các có được cho trong với những một người không này đã về",
    "et": "ja on ei et see oli ka kui mis oma või aga ning selle",
    "sl": "in je na v se za da ki so z s pa kot tudi po bo",
}
_SCRIPTS = (
    ("ar", "\u0600-\u06ff\u0750-\u077f\ufb50-\ufdff\ufe70-\ufeff"),
    ("ru", "\u0400-\u052f"),
    ("zh", "\u3400-\u4dbf\u4e00-\u9fff"),
    ("ja", "\u3040-\u30ff"),
    ("ko", "\uac00-\ud7af\u1100-\u11ff"),
    ("he", "\u0590-\u05ff"),
    ("el", "\u0370-\u03ff\u1f00-\u1fff"),
    ("th", "\u0e00-\u0e7f"),
    ("hi", "\u0900-\u097f"),
    ("bn", "\u0980-\u09ff"),
    ("ta", "\u0b80-\u0bff"),
    ("ka", "\u10a0-\u10ff"),
    ("hy", "\u0530-\u058f"),
    ("am", "\u1200-\u137f"),
)
_SAMPLE = 20_000
_LETTER_CLASSES = [(language, re.compile(f"[{letters}]")) for language, letters in _SCRIPTS]
_LATIN = re.compile("[A-Za-z\u00c0-\u024f\u1e00-\u1eff]")
_STOP_SETS = {language: frozenset(words.split()) for language, words in _STOP_WORDS.items()}
_SHARED = Counter(word for words in _STOP_SETS.values() for word in words)
# Letters of other scripts; punctuation and symbols lie between.
_NOT_LATIN = re.compile("[\u0370-\u1dff\u1f00-\u1fff\u2e80-\ufeff]")


@dataclass(frozen=True, slots=True)
class Guess:
    """A language (BCP 47), and whether it may well be another."""

    language: str | None
    why_unsure: str | None = None


def language_of(text: str, *, opening: str = "") -> Guess:
    """The language of a text, or none; `why_unsure` says what stands against it.

    The script is that of its `opening`: a translation may follow the text itself.
    """
    sample = text[:_SAMPLE]
    script = _script(opening or sample)
    if script != "latin":
        return Guess(script) if script else Guess(None, "the text has no letters to tell it by")
    return _latin(sample)


def differs_in_script(text: str, language: str) -> str | None:
    """The language of a paragraph in another script than the release's, else None."""
    if text.isascii() or (language in _STOP_SETS and not _NOT_LATIN.search(text)):
        return None if language in _STOP_SETS else _latin_paragraph(text)
    script = _script(text[:2000])
    if script is None or script == language or (script == "latin" and language in _STOP_SETS):
        return None
    if script == "latin":
        return _latin_paragraph(text)
    same_script = {"zh": ("ja",), "ja": ("zh",)}
    own = _own_script(language)
    if script in same_script.get(language, ()) or own == _own_script(script):
        return None
    return script if len(text) >= 12 else None


def _latin_paragraph(text: str) -> str | None:
    return _latin(text).language if len(text.split()) >= 8 else None


def _own_script(language: str) -> str:
    return {"uk": "ru", "bg": "ru", "sr": "ru", "fa": "ar", "ur": "ar"}.get(language, language)


def _script(text: str) -> str | None:
    if text.isascii():
        return "latin" if _LATIN.search(text) else None
    counts = {"latin": len(_LATIN.findall(text)) / 3}  # foreign names and links are often Latin
    for language, letters in _LETTER_CLASSES:
        counts[language] = len(letters.findall(text))
    kana = counts.pop("ja")
    if kana and kana * 5 >= counts["zh"]:
        return "ja" if kana + counts["zh"] >= counts["latin"] else "latin"
    found = max(counts, key=lambda language: counts[language])
    if not counts[found]:
        return None
    if found == "ar":
        return _arabic(text)
    return _cyrillic(text) if found == "ru" else found


def _arabic(text: str) -> str:
    if len(re.findall("[ٹڈڑںے]", text)) * 100 > len(text):
        return "ur"
    return "fa" if len(re.findall("[پچژگکی]", text)) * 30 > len(text) else "ar"


def _cyrillic(text: str) -> str:
    if re.search("[ђћџљњј]", text) and not re.search("[ыэ]", text):
        return "sr"
    if len(re.findall("[іїєґІЇЄҐ]", text)) * 100 > len(text):
        return "uk"
    if not re.search("[ыэЫЭ]", text) and len(re.findall("ъ", text)) * 150 > len(text):
        return "bg"
    return "ru"


def _latin(text: str) -> Guess:
    """By small words; one that many languages share tells little."""
    counts = Counter(re.findall(r"[^\W\d_]+", text.lower()))
    total = sum(counts.values())
    scores = {
        language: sum(counts[word] / _SHARED[word] for word in stop)
        for language, stop in _STOP_SETS.items()
    }
    (language, best), (rival, second) = sorted(scores.items(), key=lambda item: -item[1])[:2]
    found = sum(counts[word] for word in _STOP_SETS[language])
    if found < 3 or found * 20 < total:
        return Guess(None, "too few words that tell one language from another")
    margin = 0.95 if {language, rival} == {"da", "nb"} else 0.8
    if second > best * margin:
        return Guess(language, f"it may also be {rival!r}")
    return Guess(language)

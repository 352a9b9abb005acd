"""Lines that speak of an embargo: understood, or refused, and never passed over."""

import datetime
import re

from releases.clocks import find_times
from releases.embargo import parse_moment
from releases.errors import EmbargoError
from releases.reading.dates import find_dates
from releases.reading.lines import Line, fold, is_caps

_WORD = r"(?:embargo(?:ed|es|ado|ada|to|ll?d)?|embargoed|эмбарго|엠바고|αμπαργκο)"
_UNTIL = (
    r"(?:until|till?|to|for (?:release|publication|use)|before|ends?|ending|lifts?|lifted"
    r"|expires?|time|date|jusqu|au\b"
    r"|hasta|fino|ate\b|bis\b|tot\b|til\b|до\b|:|：|\(|-|\d|released?|release)"
)
_STRONG = re.compile(
    rf"^[^\w]{{0,6}}(?:(?:strict(?:ly)?|under|press|media|news|advance|confidential|absolute"
    rf"|stricte?|total|sous|bajo|sotto|sob|onder|unter) ){{0,3}}{_WORD}(?: ?{_UNTIL}"
    rf"|[\s*#!.\])]*$)"
    rf"|\bembargo(?:ed|to|ado|ada)? (?:for (?:release|publication) )?(?:until|till?|jusqu|hasta"
    rf"|fino a|ate|bis|tot|до)\b"
    r"|\b(?:strictly|currently|now) embargoed\b|\b(?:sous|bajo|sotto|sob|onder"
    r"|unter) (?:strict[eo]? )?embargo\b|\bunder (?:strict )?embargo (?:until|till|to|for)\b"
    r"|\[embargoed\b|\bembargoed (?:copy|version|advance)\b|\bembargoed$"
    r"|\bsperrfrist\b|\bgesperrt bis\b|\bfrei (?:ab|erst ab|zur veroffentlichung ab)\b"
    r"|\bnicht vor .{3,40}veroffentlich"
    r"|\bnot (?:for|to be) (?:release|released|publication|published|broadcast|use|used"
    r"|distribution|quoted)[^.]{0,60}? (?:before|until|till|prior to)\b"
    r"|\bno (?:publication|release|use|broadcast) (?:before|until|till|prior)\b"
    r"|\bhold(?: for release)? (?:until|till)\b|^hold for release\b"
    r"|\bdo not (?:publish|release|use|broadcast)[^.]{0,40}? (?:before|until|till|prior to)\b"
    r"|\bne pas (?:publier|diffuser) avant\b|\bno (?:publicar|difundir) (?:antes|hasta)\b"
    r"|\bnon (?:pubblicare|diffondere) prima\b|\bnao (?:publicar|divulgar) antes\b"
    r"|не (?:публиковать|для публикации|распространять) (?:до|ранее)|محظور النشر|حظر النشر"
    r"|يحظر النشر|ممنوع النشر|النشر محظور"
    r"|禁发|禁發|发布禁令|禁止发布|解禁(?!なし)|发布时间限制"
)
# FOR RELEASE AT 2:00 P.M. EST; FOR RELEASE ON DELIVERY: an embargo without the word.
_FOR_RELEASE = re.compile(
    r"^[^\w]{0,4}for (?:immediate )?(?:release|publication|use)[:,]? (?:at |on |after |from "
    r"|not before )?"
    r"(?:(?:[a-z]+,? )?(?:[a-z]+\.? \d{1,2},? \d{4}"
    r"|\d{1,2} [a-z]+ \d{4}),? (?:at )?)?(?:\d{1,2}(?:[:.]\d\d)? ?(?:[ap]\.? ?m|hrs|hours"
    r"|[a-z]{2,4}\b|\()|noon|midnight|delivery)"
)
# To be released on 5 March 2024 at 06:00; Not before 06:00; For release: Monday, 6 p.m.
_RELEASED_AT = re.compile(
    r"^[^\w]{0,4}(?:please )?(?:for (?:release|publication|use)"
    r"|(?:to|may|can|must|should) (?:only |not )?be (?:released|published|used)"
    r"|(?:release|publication) time|not before|zur veroffentlichung)[:,]? "
    r"(?:(?:only|at|on|after|from|before|not before|am|ab|den) )*(?:[a-z]+,? (?:the )?)?"
    r"(?:(?:[a-z]+\.? \d{1,2},? \d{4}|\d{1,2}\.? [a-z]+,? \d{4}|\d{1,2}[./]\d{1,2}[./]\d{2,4}"
    r"|\d{4}-\d\d-\d\d),? (?:at |um )?)?"
    r"(?:at )?(?:\d{1,2}[:.]\d\d\b|\d{1,2} ?[ap]\.? ?m\b|noon\b|midnight\b)"
)
_RELEASED_AT_LONGEST = 120
"""Characters; what is longer tells of something that will be published."""
_SPEAKS_OF_RELEASE = re.compile(
    r"\b(?:releas|publi[sc]|embargo|sperrfrist|veroffentlich|divulg|difus|diffus|pubblic|публик)"
)
# A press release has a time, too, and what was released is out.
_RELEASE = re.compile(
    r"(?<!press )(?<!news )(?<!media )(?<!immediate )\brelease\b|\b(?:publication|publish|embargo"
    r"|sperrfrist|veroffentlichung|diffusion|difusion|publicacion|pubblicazione|divulgacao"
    r"|публикац\w*)\b|\bbe (?:released|published)\b"
)
_DO_NOT_USE = re.compile(r"\bdo not use\b")
_NONE = re.compile(
    r"^[^\w]{0,4}(?:no embargo|not embargoed|embargo:? (?:none|no|lifted|aucun|keine|ninguno"
    r"|nessuno|нет)|keine sperrfrist|embargo (?:has been )?lifted)\b"
)
_ABOUT = re.compile(
    r"\b(?:arms|oil|trade|weapons?|gas|grain|economic|export|import|fuel|food|military|naval"
    r"|air|beef|diamond|timber|the|an|this|that|its|their|sur les|d'|l'|el|un|del|al"
    r"|waffen|ol|handels|das|ein|des|armi|sulle|petrolero|petrolier|commercial|comercial|armes"
    r"|armas|u\.?s\.?|eu|un|cuban?|нефтяно\w+|оружейно\w+|торгово\w+"
    r"|на)[ -]?embargo(?! (?:lifts|ends|expires|is|time|date|will|for))"
    r"|\bembargo(?:es)? (?:on|against|sur|contre|sobre|contra|su|contro|gegen|auf|imposed|de|of"
    r"|in|by|measures|and|or|regime|op|на|против)\b|\bembargoes\b|embargoed (?:goods|countries"
    r"|arms|oil|country)"
)
_ANY_WORDS = ("embargo", "sperrfrist", "эмбарго", "엠바고", "حظر النشر", "محظور النشر",
              "يحظر النشر",
              "禁发",
              "禁發", "解禁",
              "not for release", "not for publication", "hold for release", "hold until",
              "gesperrt bis")  # fmt: skip
_HOUR_WORD = re.compile(
    r"\b(?:noon|midday|midnight|mittag\w*|mitternacht|midi|minuit|mediod[ií]a|medianoche"
    r"|mezzogiorno|mezzanotte|полдень|полдня|полноч\w*)\b|中午|正午|午夜|ظهر|منتصف",
    re.IGNORECASE,
)
_FILLER = re.compile(r"[\W\d_]+")
_GLUE = frozenset(
    ("at", "on", "the", "of", "from", "a", "p", "am", "pm", "uhr", "hrs", "hours", "h", "le",
     "la", "el", "um", "il", "den", "alle", "ore", "las", "m", "et", "est", "edt", "gmt",
     "utc", "bst",      "cet", "cest", "mez", "mesz", "noon", "until", "till")
)  # fmt: skip


def mentions(text: str) -> bool:
    """Whether a word of embargoes stands anywhere in the text: a quick look at all of it."""
    lowered = text.lower()
    return any(word in lowered for word in _ANY_WORDS)


def is_embargo(words: str) -> bool:
    """Whether the line holds its release back, beyond mentioning some embargo."""
    folded = fold(words[:600])
    if _NONE.match(folded):
        return False
    # Somebody else's embargo is taken out first ("lifts its arms embargo until May").
    own = _ABOUT.sub(" ", folded)
    return _STRONG.search(own) is not None or _says_when_released(own)


def _says_when_released(folded: str) -> bool:
    if _FOR_RELEASE.match(folded):
        return True
    return len(folded) <= _RELEASED_AT_LONGEST and _RELEASED_AT.match(folded) is not None


def speaks_of_release_and_time(words: str) -> bool:
    """Whether a line names a release to come and a time of day, in whatever words."""
    return _RELEASE.search(fold(words[:600])) is not None and bool(find_times(words[:600]))


def smells_of_embargo(words: str) -> bool:
    """Whether a headline or line near the top has the word without speaking of an arms embargo."""
    folded = fold(words[:600])
    if not re.search(r"embargo|sperrfrist|эмбарго", folded) or _NONE.match(folded):
        return False
    return _ABOUT.search(folded) is None


def is_loud_embargo(words: str) -> bool:
    """An embargo line that stands outside the header: in capitals, or nothing but that."""
    if len(words) > 300 or not is_embargo(words):
        return False
    folded = fold(words)
    return is_caps(words) or _STRONG.match(folded) is not None or _says_when_released(folded)


def is_closing_embargo(words: str) -> bool:
    """A last paragraph that holds the release back as one on top would: it says until when.

    "Do not use the water before 18:00" may well end a text, and holds nothing back.
    """
    if len(words) > 300 or not is_embargo(words):
        return False
    folded = fold(words)
    if _SPEAKS_OF_RELEASE.search(folded):
        return is_loud_embargo(words) or not names_no_moment(words)
    return is_loud_embargo(words) and not _DO_NOT_USE.search(folded)


def read_embargo(
    lines: list[Line], date: datetime.date | None
) -> tuple[datetime.datetime, int, bool]:
    """The moment that an embargo line and those after it name, how many lines that took, and
    whether the release's own `date` had to be taken for it.

    Raises EmbargoError, of the first line, when none of this can be read.
    """
    printed = ""
    first_error: EmbargoError | None = None
    for count, line in enumerate(lines[:4], 1):
        if count > 1 and not _is_only_time(line.words, allowed=0 if line.after_blank else 3):
            break
        printed = f"{printed} {line.words}".strip()
        try:
            return parse_moment(printed, what="the embargo"), count, False
        except EmbargoError as error:
            # What the last line still lacked is what has to be mended.
            first_error = error if first_error is None or first_error.lacks_date else first_error
    if first_error is not None and date is not None and first_error.lacks_date:
        return parse_moment(lines[0].words, date=date, what="the embargo"), 1, True
    raise first_error or EmbargoError("an embargo that cannot be read")


def names_no_moment(words: str) -> bool:
    """Whether a line says that there is an embargo, and nothing of until when."""
    has_digit = any(letter.isdigit() for letter in words)
    return not (has_digit or find_dates(words, is_year_needed=False) or _HOUR_WORD.search(words))


def _is_only_time(words: str, *, allowed: int) -> bool:
    """Whether a line goes on with a date, a time and a zone and says nothing else."""
    left = words
    for found in reversed(find_dates(words, is_year_needed=False)):
        left = left[: found.start] + " " + left[found.end :]
    tokens = _FILLER.sub(" ", fold(left)).split()
    has_number = any(letter.isdigit() for letter in words)
    return (
        has_number and len(words) <= 90 and sum(token not in _GLUE for token in tokens) <= allowed
    )

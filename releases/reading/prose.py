"""Telling sentences from headings, and what else a body may begin with."""

import re

from releases.reading.lines import Line, Page, fold, is_caps

_UNSPACED = re.compile("[\u3040-\u30ff\u3400-\u4dbf\u4e00-\u9fff\u0e00-\u0e7f]")
_CASELESS = re.compile("[\u0590-\u06ff\u0900-\u097f\uac00-\ud7af]")
_ENDS = (".", "!", "?", "…", "。", "！", "？", "؟", "۔", "।")
_CLOSERS = "\"”’'»)]」』）*"
# A full stop between two sentences; abbreviations are shorter words or single letters.
_TWO_SENTENCES = re.compile(
    r"(?:[^\W\d_A-Z]{5,}|\b(?:19|20)\d\d)[\"”»)]?[.!?]['\"”»)]?\s+['\"“«(¿¡]?[^\W\d_a-z]"
)
BULLET = re.compile(
    r"^(?:[•●○◦▪▫■□◆◇▶►‣⁃∙·➢➤✓✔★☆→]\s*|(?:--|[-–—*+»>])\s+|o\s+(?=[A-ZÀ-Þ])"
    r"|[\uf0b7\uf0a7\uf0d8]\s*)(?=\S)"
)
NUMBERED = re.compile(r"^\(?(?P<number>\d{1,3}|[a-z]|[ivx]{1,5})(?P<mark>[.)])\s+(?=\S)")
_ADVISORY = re.compile(
    r"^(?:who|what|when|where|why|how|event|date(?: and time)?|time|location|venue|details"
    r"|background|rsvp|accreditation|participants|topic|speakers?|note|media access|dial-in"
    r"|quand|quoi|qui"
    r"|ou|wer|was|wann|wo|que|quien|quienes|cuando|donde|что|кто|когда|где|متى|اين|من|ماذا|时间"
    r"|地点|内容|日時|場所)\s?[:：]\s*\S?"
)
_PREAMBLE = re.compile(
    r"^[(\[*]*(?:(?:on the record|on background|not for attribution) unless otherwise"
    r"|esta traduccion (?:se |es |ha sido )|cette traduction (?:est|vous)|diese ubersetzung"
    r"|(?:the following is )?an? (?:unofficial|courtesy) translation|this is an unofficial"
    r"|for (?:background|information) (?:use|purposes) only"
    r"|this (?:transcript|text|document|briefing) (?:is|was|has been) (?:being )?(?:provided"
    r"|prepared"
    r"|produced|unedited|a rush)|please (?:find|see) (?:below|attached)|the following is a press"
    r" release from)\b"
)
_SALUTATION = re.compile(
    r"^(?:ladies and gentlemen|excellenc|your excellenc|dear |mr\.? (?:president|speaker|chair"
    r"|secretary)|madam |good (?:morning|afternoon|evening)|distinguished |friends,|colleagues,"
    r"|fellow "
    r"|thank you\b|sehr geehrte|meine (?:sehr geehrten )?damen|liebe |mesdames|monsieur "
    r"|madame |chers |cheres |senoras|senores|senor |buen(?:os|as) |estimad|queridos |gentili "
    r"|signore e signori"
    r"|senhoras|bom dia|уважаем|дорогие |дамы и господа|добрый день|السيدات|السيد |ايها"
    r"|بسم الله|女士们|各位|尊敬的|同志们)"
)
_CLOCK_LINE = re.compile(
    r"^(?:\d{1,2}[:.]\d\d\s?(?:[ap]\.?\s?m\.?|uhr|h)?|\d{1,2}\s?[ap]\.?m\.?"
    r"|\d{1,2}h\d\d)(?:\s?[-–]\s?\d{1,2}[:.]?\d{0,2}\s?(?:[ap]\.?m\.?|uhr|h)?)?[:,]?\s+\S",
    re.IGNORECASE,
)


def is_unspaced(words: str) -> bool:
    """Chinese, Japanese or Thai, which put no blanks between words."""
    if words.isascii():
        return False
    return len(_UNSPACED.findall(words[:400])) * 3 > len(words[:400])


def ends_sentence(words: str) -> bool:
    """Whether it ends as a sentence does, closing quotes and brackets aside."""
    return words[-20:].rstrip(_CLOSERS + " ").endswith(_ENDS)


def is_prose(words: str) -> bool:
    """Whether it is running text: sentences, rather than a heading of any length."""
    length = len(words)
    words = words if length <= 3000 else words[:3000] + "."
    if is_unspaced(words):
        return length >= 100 or (length >= 30 and "。" in words)
    if _CASELESS.match(words.lstrip('"“«(')):
        return length >= 200 or (length >= 70 and ends_sentence(words))
    tokens = [token for token in words.split() if token[0].isalpha()]
    small = sum(1 for token in tokens if token[0].islower())
    if is_caps(words):
        return length >= 350 and ends_sentence(words) and ". " in words
    ratio = small / len(tokens) if tokens else 0.0
    if length >= 220:
        return ratio >= 0.3
    if _TWO_SENTENCES.search(words) and length >= 40:
        return ratio >= 0.35
    return length >= 60 and ratio >= 0.45 and (ends_sentence(words) or words.endswith((":", ";")))


def has_two_sentences(words: str) -> bool:
    """Whether one sentence ends in it and another begins."""
    return _TWO_SENTENCES.search(words[:3000]) is not None


_NAME_END = re.compile(
    r"(?:\b(?:Jr|Sr|Inc|Ltd|Co|Corp|Ph\.?D|M\.?D|Esq|U\.S|D\.C|D\.F|U\.S\.A|U\.K|EE\. ?UU)"
    r"|, [A-Z][a-z]{1,5})\.$"
)


def ends_abbreviated(words: str) -> bool:
    """Whether the full stop at its end is an abbreviation's."""
    return _NAME_END.search(words[-20:]) is not None


def is_sentence(words: str) -> bool:
    """A sentence of its own, however short: for lines that can be no headline any more."""
    if len(words) <= 60 and ends_abbreviated(words):
        return False
    if words.endswith(":") and len(words) <= 200:
        return _is_lead_in(words)
    return ends_sentence(words) and (len(words.split()) >= 4 or is_unspaced(words))


def _is_lead_in(words: str) -> bool:
    """The Minister made the following statement today:"""
    tokens = words.split()
    small = sum(1 for token in tokens if token[0].islower())
    return len(tokens) >= 6 and small * 2 >= len(tokens) - 2 and not is_caps(words)


def is_preamble(words: str) -> bool:
    """What an office says of its own text, above it ("This is an unofficial announcement …")."""
    return len(words) <= 400 and _PREAMBLE.match(fold(words)) is not None


def is_item(words: str) -> bool:
    """Whether the line begins as an item of a list does."""
    return BULLET.match(words) is not None or NUMBERED.match(words) is not None


def is_advisory_field(words: str) -> bool:
    """WHO:, WHAT:, WHEN: and their like, of which a media advisory is made."""
    return _ADVISORY.match(fold(words[:80])) is not None


def is_salutation(words: str) -> bool:
    """The address that a speech begins with."""
    return _SALUTATION.match(fold(words[:80])) is not None


def is_schedule_line(words: str) -> bool:
    """A time and what happens then."""
    return _CLOCK_LINE.match(words) is not None


_RUN_MAX = 60


def run_length(lines: list[Line], start: int, page: Page) -> int:
    """How many lines from `start` on are set alike, as one headline or one paragraph is.

    It ends after 60: it is asked for many a line, and longer ones are text in any case.
    """
    group_width = max(len(line.words) for line in _group(lines, start))
    width = max(group_width, min(page.width, 72))
    count = 1
    while start + count < len(lines) and count < _RUN_MAX:
        line, following = lines[start + count - 1], lines[start + count]
        is_cut = following.after_page and following.words[0].islower()
        if is_cut and not ends_sentence(line.words):
            count += 1
            continue
        if following.after_blank or not _goes_on(line, following, width, page):
            break
        count += 1
    return count


def _group(lines: list[Line], start: int) -> list[Line]:
    found = [lines[start]]
    for line in lines[start + 1 : start + 40]:
        if line.after_blank:
            break
        found.append(line)
    return found


def _goes_on(line: Line, following: Line, width: int, page: Page) -> bool:
    if _is_indented_start(line, following, width):
        return True
    if is_caps(line.words) != is_caps(following.words) and len(following.words) > 3:
        return False
    if is_item(following.words) or is_unjoined(line.words, following.words):
        return False
    if is_joined(line.words, following.words):
        return True
    if page.is_centred(line) != page.is_centred(following):
        return False
    if page.is_centred(line):
        return True
    if not page.is_wrapped or (
        ends_sentence(line.words) != ends_sentence(following.words)
        and len(line.words) < width * 0.6
    ):
        return False
    return has_no_room(line, following, width)


def _is_indented_start(line: Line, following: Line, width: int) -> bool:
    """A paragraph whose first line is set in, and broke where the paper ends."""
    set_in = line.indent - following.indent
    return (
        2 <= set_in <= 15
        and following.indent <= 8
        and set_in + len(line.words) > width * 0.85
        and len(following.words) > set_in
        and not is_caps(line.words)
        and has_no_room(line, following, width - set_in)
    )


def has_no_room(line: Line, following: Line, width: int) -> bool:
    """Whether the line broke because the next word would not have fitted, more or less."""
    first_word = len(following.words.split(maxsplit=1)[0])
    if is_unspaced(line.words):
        return len(line.words) >= width * 0.8
    return len(line.words) + 1 + first_word > width * 0.82


_OPEN_END = re.compile(
    r"(?:[,:;–—-]|\b(?:and|or|of|the|a|an|on|in|at|by|for|to|from|with|as|&|y|de|del|la|el|en"
    r"|los|las|et|du|des|les|und|der|die|das|des|mit|fur|zu|von|il|di|e|da|do|um|и|в|на|с|по"
    r"|для|о|от|من|في|على|و|إلى))$"
)
_JOINING_START = re.compile(
    r"^(?:and|or|of|for|to|with|in|on|at|by|as|after|before|following|during|upon|regarding|y|de"
    r"|del|et|und|e|и|в|на|with|from)\b"
)


def is_joined(first: str, second: str) -> bool:
    """Whether the words themselves run on from one line into the next."""
    return (
        _OPEN_END.search(fold(first[-20:])) is not None
        or second[0].islower()
        or _JOINING_START.match(fold(second[:12])) is not None
    ) and not ends_sentence(first)


def is_unjoined(first: str, second: str) -> bool:
    """Whether the second begins something else whatever its looks."""
    return is_salutation(second) and ends_sentence(first)

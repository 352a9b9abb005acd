"""Text that stands below every release of its sender: notes to editors, About …, disclaimers."""

import re

from releases.reading.addresses import is_address
from releases.reading.lines import Line, fold
from releases.reading.prose import ends_sentence, is_prose

_NOTES = re.compile(
    r"^[#*\[(-]*\s?(?:notes? (?:to|for) (?:the )?(?:news ?|picture )?(?:editors?|desks?"
    r"|journalists?|media)|editors?'? notes?|editor's notes?|notes"
    r"|forward[- ]looking statements?|safe harbou?r.{0,60}"
    r"|cautionary (?:note|statement|language).{0,60}|disclaimers?|legal (?:notice|disclaimer)"
    r"|trademarks?|boilerplate|hinweise? (?:an|fur) (?:die )?redaktion(?:en)?"
    r"|anmerkungen? (?:an|fur) die redaktion"
    r"|notes? (?:aux redactions|a l'attention des redactions|aux editeurs)"
    r"|notas? (?:a los editores|al editor|para editores|a redaccion)|nota per (?:la redazione"
    r"|i redattori)|nota aos editores"
    r"|примечани[ея](?: для редакц\w+)?|ملاحظات? (?:ل|الى )\w+|编者按|编辑注意"
    r"|zukunftsgerichtete aussagen|rechtlicher hinweis"
    r"|uber diese mitteilung)[\])]*\s?[:.]?(?:\s|$)"
)
_ABOUT = re.compile(
    r"^[#*-]*\s?(?:about|uber|a propos(?: de| d'| du)?|acerca de|sobre|quienes somos"
    r"|informazioni su|chi siamo|chi e|о компании|об? |про |نبذة عن|عن |关于|關於|over|om|tietoja"
    r"|o spolocnosti|o spolecnosti|o firmie|hakkinda)"
    r"\s?(?=[^\W\d_])(?P<name>.{2,70}?)\s?(?P<end>:|：|$|\s[-–—]\s)"
)
_COMPANY_END = re.compile(r"\b(?:Inc|Ltd|Corp|Co|Bros|S\.A|N\.V|p\.l\.c|plc|A\.S)\.$")
_ARTICLE = re.compile(
    r"(?:the|us|uns|nous|nosotros|das|die|den|der|dem|la|le|les|l'|el|los|las|os|as|o|a|il|lo"
    r"|gli|i)\b"
)
_ABOUT_BEHIND = re.compile(r"^.{2,40}(?:について|會社槪要|会社概要|소개|hakkında)\s?[:：]?$")
_DISCLAIMER = re.compile(
    r"manages this site|external links to other|construed as an endorsement"
    r"|forward-looking statements|all rights reserved|alle rechte vorbehalten"
    r"|tous droits reserves|todos los derechos reservados"
    r"|^(?:copyright|©|\(c\)) ?\d{0,4}|intended (?:only |solely )?for the (?:named "
    r"|intended )?(?:recipient|addressee|use of)|views expressed (?:herein|here|in this)"
    r"|unofficial document|for information media|not an official record"
    r"|this (?:document|text|transcript|translation) (?:is|was|has been) (?:provided|prepared"
    r"|translated) .{0,60}(?:courtesy|convenience|information)|the source text remains"
    r"|is an equal opportunity|reproduction (?:is|of this .{0,40}) (?:permitted|authori[sz]ed"
    r"|allowed)"
    r"|may be (?:freely )?reproduced|reproduction autorisee|nachdruck"
)
_ADDRESS = re.compile(
    r"(?:\b\d{1,5}\s+[^\W\d_]+.{0,40}\b(?:street|st|avenue|ave|road|rd|boulevard|blvd|drive|nw"
    r"|sw|ne|se|plaza|square|way|lane)\b)|(?:strasse|straße|platz|allee)\s+\d+"
    r"|\b(?:rue|avenue|boulevard|place|calle|via|avenida|plaza|paseo|rua)\s.{2,40}\b\d{1,5}\b"
    r"|\b\d{1,4},? (?:rue|avenue|boulevard|place)\b|\bp\.? ?o\.? box\b",
    re.IGNORECASE,
)
_POINTER = re.compile(
    r"^(?:for|to|more|further|learn|read|visit|see|follow)\b.*(?:https?://|www\.|ftp://)\S+\.?$"
)


def heads_boilerplate(group: list[Line]) -> bool:
    """Whether a section begins that is no part of the body ("About Acme", "Notes to editors")."""
    words = group[0].words
    folded = fold(words[:160])
    if _NOTES.match(folded) and (len(words) <= 60 or ":" in words[:60]):
        return True
    match = _ABOUT.match(folded)
    if match is None:
        return len(words) <= 50 and _ABOUT_BEHIND.match(words) is not None
    is_open = words.endswith((".", "?", "!", ",", ";")) and not _COMPANY_END.search(words)
    if match["end"] == "" and (len(words) > 80 or is_open):
        return False
    name = words[match.start("name") :]
    return not name[0].islower() or _ARTICLE.match(match["name"]) is not None


def is_standing(group: list[Line]) -> bool:
    """A disclaimer, a copyright line, a postal address: the same below every release."""
    words = " ".join(line.words for line in group)[:1500]
    if _DISCLAIMER.search(fold(words)):
        return True
    is_postal = _ADDRESS.search(words) is not None or is_address(words)
    small = sum(word[0].islower() and len(word) > 2 for word in words.split())
    is_said = is_prose(words) or (ends_sentence(words) and small >= 4)
    return len(words) <= 160 and is_postal and not is_said


def is_notes(words: str) -> bool:
    """Whether notes to editors begin with these words."""
    return _NOTES.match(fold(words[:160])) is not None


def is_pointer(words: str) -> bool:
    """Whether all it says is where on the web there is more."""
    return len(words) <= 300 and _POINTER.match(fold(words)) is not None

"""Postal addresses, as letterheads and footers print them."""

import re

from releases.reading.lines import fold

_STREET = (
    r"(?:street|st|avenue|ave|road|rd|boulevard|blvd|drive|dr|lane|ln|plaza|square|sq|parkway"
    r"|pkwy|highway|hwy|court|place|terrace|circle)"
)
_ADDRESS = re.compile(
    rf"^(?:.{{2,60}}[,·•|-] )?(?:(?:room|suite|building|floor|rm"
    rf"|bldg)\.? \w{{1,6}},? )?\d{{1,5}}[a-z]?"
    rf" (?:[\w.'-]+ ){{1,4}}{_STREET}\b\.?(?:$|,|\s?[·•|;-] |\s?\d| [ns]\.?\s?[ew]\.?\b)"
    r"|\bp\.? ?o\.? box \d|^(?:room|suite) \w{1,6}(?:,|$)"
    r"|^(?:[\w.'-]+ ){0,3}(?:rue|avenue|boulevard|calle|via|avenida|paseo|rua|plaza|piazza)"
    r" .{2,40},? (?:n[o°º]\.? ?)?\d{1,6}\b"
    r"|^\d{1,4}(?: ?(?:bis|ter))?,? (?:rue|avenue|boulevard|place|quai|via) "
    r"|^[\w. -]{2,40}(?:strasse|str\.|platz|allee|ring|damm|weg|ufer) ?\d{1,4}\b"
    r"|^(?:[a-z]{1,2}-)?\d{4,6},? [^\W\d_][\w.-]+(?: [\w.-]+)?(?:$|[,;] )"
    r"|\b(?:ул\.|улица|пл\.|площадь|просп\.|проспект|наб\.) ?[^\W\d_]"
    r"|^[^\W\d_][\w. '-]{1,30},? (?:d\. ?c\.|[a-z]{2,5}\.?),? \d{5}(?:-\d{4})?(?:,? u\.?s\.?a\.?)?$"
)
_PHONE = re.compile(r"[ ,;.|·•-]+(?:tel|telephone|phone|fax)\b.{5,60}$")


def is_address(words: str) -> bool:
    """Whether the line is a street, a box or a town with its postal code, and nothing else."""
    if len(words) > 140 or not any(letter.isdigit() for letter in words):
        return False
    if words.endswith(("?", "!")) or not (words[0].isupper() or words[0].isdigit()):
        return False
    return _ADDRESS.search(_PHONE.sub("", fold(words))) is not None

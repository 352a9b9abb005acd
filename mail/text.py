"""Which characters may travel: text cleaned for header lines, display names and bodies.

A mail header is a line protocol, and names come from spreadsheets: a carriage return in a
name would begin a header of its own, a right-to-left override would make an address read as
another one. What cannot be shown is taken out here, once, so that no encoder below has to
think of it. Nothing that is part of a word is lost: joiners (U+200C, U+200D), which Persian
and the Indic scripts need, stay.
"""

import re
import unicodedata

NAME_MAX_CHARACTERS = 120

# C0 without tab, line feed and carriage return; DEL; C1 without NEL.
_CONTROLS = re.compile("[\x00-\x08\x0e-\x1f\x7f-\x84\x86-\x9f]")
_SURROGATES = re.compile("[\ud800-\udfff]")
# Unicode's own line and paragraph ends count, since displays break lines there.
_LINE_ENDS = re.compile("\r\n|[\n\r\x0b\x0c\x85]")
_HEADER_SPACE = re.compile("[\t\n\x0b\x0c\r\x85\u2028\u2029 ]+")
# UAX #9: marks, embeddings, overrides and isolates; and the byte order mark.
_BIDI_CONTROLS = re.compile("[\u061c\u200e\u200f\u202a-\u202e\u2066-\u2069\ufeff]")
_UNFIT_FOR_A_NAME = re.compile(
    "[\x00-\x1f\x7f-\x9f\u061c\u200e\u200f\u2028-\u202e\u2066-\u2069\ufeff\ud800-\udfff]"
)


def clean_line(text: str) -> str:
    """One line without control characters: runs of white space become one space."""
    if text.isascii() and text.isprintable() and "  " not in text:
        return text.strip(" ")
    text = _HEADER_SPACE.sub(" ", text)
    text = _CONTROLS.sub("", text)
    # Taking a control character out may have brought two spaces together.
    return re.sub(" {2,}", " ", _SURROGATES.sub("\N{REPLACEMENT CHARACTER}", text)).strip(" ")


def clean_name(name: str) -> str:
    """A display name as it may stand in a header: one line, NFC, no bidirectional controls.

    Never refuses: a strange name must not cost a journalist the mail. At most
    NAME_MAX_CHARACTERS characters remain. `name_fault` says what is wrong with a name where
    someone can still mend it.
    """
    if len(name) <= NAME_MAX_CHARACTERS and name.isascii():
        return clean_line(name)
    # Cut first: what is long beyond reason must not cost time either.
    name = unicodedata.normalize("NFC", name[: 4 * NAME_MAX_CHARACTERS])
    name = clean_line(_BIDI_CONTROLS.sub("", name))
    return name[:NAME_MAX_CHARACTERS].rstrip(" ")


def name_fault(name: str) -> str | None:
    """Why a display name is not taken as it is, in one plain line; None when it is fine.

    White space around the name is no fault.
    """
    name = name.strip()
    if len(name) > NAME_MAX_CHARACTERS:
        return f"the name is longer than {NAME_MAX_CHARACTERS} characters"
    found = _UNFIT_FOR_A_NAME.search(name)
    if found is None:
        return None
    character = found.group()
    if character in "\n\r\x0b\x0c\x85\u2028\u2029":
        return "the name has a line break in it"
    what = unicodedata.name(character, f"U+{ord(character):04X}").lower()
    return f"the name has an invisible character in it ({what})"


def clean_body(text: str) -> str:
    """Body text: line feeds only, tabs kept, other control characters taken out."""
    if text.isprintable():
        return text  # which has no line end, either: most of what pages print
    text = _LINE_ENDS.sub("\n", text)
    text = _CONTROLS.sub("", text)
    return _SURROGATES.sub("\N{REPLACEMENT CHARACTER}", text)

"""From the octets of a file to its text."""

import codecs
import re

from releases.errors import ReleaseError

MAX_OCTETS = 20_000_000
"""More than any release; a body of that size could not be mailed."""

_MARKED = (
    (codecs.BOM_UTF8, "utf-8"),
    (codecs.BOM_UTF32_LE, "utf-32-le"),
    (codecs.BOM_UTF32_BE, "utf-32-be"),
    (codecs.BOM_UTF16_LE, "utf-16-le"),
    (codecs.BOM_UTF16_BE, "utf-16-be"),
)
_OTHER_FORMATS = (
    (b"%PDF", "a PDF file"),
    (b"PK\x03\x04", "a Word, OpenDocument or zip file"),
    (b"\xd0\xcf\x11\xe0", "an old Word file"),
    (b"{\\rtf", "an RTF file"),
)
_HTML = re.compile(rb"\s*(?:<!doctype html|<html|<head|<body)", re.IGNORECASE)
# The five octets that Windows-1252 leaves open; a file with one of them is something else.
_NOT_WINDOWS_1252 = re.compile(rb"[\x81\x8d\x8f\x90\x9d]")
_HIGH_LETTERS = bytes(range(0xC0, 0x100))
_LETTERS = b"abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ" + _HIGH_LETTERS


def decode(data: bytes) -> tuple[str, str]:
    """The text without its byte order mark, and the encoding it was in.

    UTF-8, UTF-16 and UTF-32 with a byte order mark, and Windows-1252 where it is not UTF-8.
    Raises ReleaseError for what is no text, or text in some other encoding.
    """
    if len(data) > MAX_OCTETS:
        raise ReleaseError(
            f"the file has {len(data):,} octets, more than any release ({MAX_OCTETS:,})"
        )
    for mark, encoding in _MARKED:
        if data.startswith(mark):
            return _decoded(data[len(mark) :], encoding), encoding
    for start, name in _OTHER_FORMATS:
        if data.startswith(start):
            raise ReleaseError(f"this is {name}: save the release as plain text or Markdown")
    if _HTML.match(data[:1000]):
        raise ReleaseError("this is an HTML page: save the release as plain text or Markdown")
    if b"\x00" in data[:10_000]:
        raise ReleaseError("this is no text (it has NUL octets): save it as plain text in UTF-8")
    try:
        return data.decode("utf-8"), "utf-8"
    except UnicodeDecodeError as error:
        return _windows_1252(data, error), "windows-1252"


def _decoded(data: bytes, encoding: str) -> str:
    try:
        return data.decode(encoding)
    except UnicodeDecodeError as error:
        raise ReleaseError(
            f"the file says it is {encoding.upper()} but is not, at octet {error.start}"
        ) from None


def _windows_1252(data: bytes, why_not_utf8: UnicodeDecodeError) -> str:
    """Western text has few letters beyond ASCII; Russian in Windows-1251 has little else."""
    letters = len(data) - len(data.translate(None, _LETTERS))
    high = len(data) - len(data.translate(None, _HIGH_LETTERS))
    if _NOT_WINDOWS_1252.search(data) or high * 3 > letters:
        raise ReleaseError(
            "the text is neither UTF-8 "
            f"(octet {why_not_utf8.start}) nor Windows-1252: save it as UTF-8"
        )
    return data.decode("windows-1252")

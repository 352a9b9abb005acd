"""Reading a release: plain text as press offices send it, or Markdown with front matter."""

import contextlib
import gc
from collections.abc import Iterator

from releases.errors import EmbargoError, ReleaseError
from releases.reading.decoding import decode
from releases.reading.front_matter import has_front_matter
from releases.reading.markdown import read_markdown
from releases.reading.parsed import Parsed, Unsure
from releases.reading.plain_text import read_plain_text
from releases.reading.spans import Label, Span

__all__ = ["EmbargoError", "Label", "Parsed", "ReleaseError", "Span", "Unsure", "parse"]


_MARKDOWN = (".md", ".markdown", ".mdown")
_LONG = 500_000


def parse(
    data: bytes | str, *, filename: str | None = None, is_embargo_known: bool = False
) -> Parsed:
    """Reads a release, given as the octets of a file or as text.

    `filename` tells Markdown (`.md`, `.markdown`) from plain text where the text itself does not.
    `is_embargo_known`: a line that says EMBARGOED need not say until when, as the caller does.
    Raises ReleaseError (EmbargoError among them): one plain line that says what is wrong, what
    was looked for and where.
    """
    text = data if isinstance(data, str) else decode(data)[0]
    is_markdown = filename is not None and filename.lower().endswith(_MARKDOWN)
    with _uncollected() if len(text) > _LONG else contextlib.nullcontext():
        if is_markdown or has_front_matter(text):
            return read_markdown(text, is_embargo_known=is_embargo_known)
        return read_plain_text(text, is_embargo_known=is_embargo_known)


@contextlib.contextmanager
def _uncollected() -> Iterator[None]:
    """Without the search for cyclic garbage, of which reading makes none: it costs a quarter.

    A second thread that reads meanwhile may find it going again, which is no matter.
    """
    was_on = gc.isenabled()
    gc.disable()
    try:
        yield
    finally:
        if was_on:
            gc.enable()

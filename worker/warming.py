"""What takes long the first time is done before anybody waits for it.

A worker renders a sample before it forks: templates, catalogues and libraries are then loaded,
its children share them, and the first mail of a release leaves sooner.
"""

import datetime as dt
from typing import Final

from releases.content import Content, Paragraph, Run
from releases.rendering import Lead, Sending, render

_SAMPLE: Final = Content(title="Sample", body=(Paragraph((Run("Sample."),)),))


def warm_up(sending: Sending) -> None:
    """Render a sample, and throw it away."""
    render(
        _SAMPLE,
        slug="sample",
        lead=Lead("sample", "Sample"),
        sending=sending,
        language="en",
        format="html",
        is_embargoed=False,
        date=dt.datetime(2000, 1, 1, tzinfo=dt.UTC),
    )

"""A notice's HTML. Styles are inlined once for all notices of a shape, which costs most of it.

What differs from one to the next is put in afterwards, in places of its own.
"""

import functools
import re
from collections.abc import Mapping
from dataclasses import replace
from typing import Any, Final

from markupsafe import Markup, escape

from mail.text import clean_body
from releases.inlining import inline_styles
from releases.templating import environment
from worker.notice_words import Said

_PLACE: Final = re.compile(r"notice-place-(\d+)-")
inlined: Final = functools.lru_cache(maxsize=256)(inline_styles)
"""By the page with places: language, sender and how many paragraphs there are make a shape."""


def notice_html(view: Mapping[str, Any]) -> str:
    """The page of a view with `said` and `subject`.

    Paragraphs hold no elements that our styles name: those would stay without.
    """
    values: list[Markup] = []

    def place(value: str) -> Markup:
        values.append(escape(clean_body(value) if type(value) is str else value))
        return Markup("notice-place-{}-").format(len(values) - 1)

    said: Said = view["said"]
    subject = place(view["subject"])
    said = replace(
        said,
        paragraphs=tuple(map(place, said.paragraphs)),
        action=said.action and (place(said.action[0]), place(said.action[1])),
        rest=tuple(map(place, said.rest)),
    )
    page = (
        environment()
        .get_template("email/notice.html")
        .render({**view, "said": said, "subject": subject})
    )
    return _PLACE.sub(lambda found: values[int(found[1])], inlined(page))

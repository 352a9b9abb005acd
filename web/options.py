"""The options of a `<select>`, made once: most of what a page prints is the same for everybody."""

import functools
from collections.abc import Sequence
from typing import Final

from markupsafe import Markup

from runtime.i18n import supported, words

_OPTION: Final = Markup('<option value="{}"{}>{}</option>\n')
_LANGUAGE: Final = Markup('<option value="{0}" lang="{0}" dir="{1}"{2}>{3}</option>\n')
_SELECTED: Final = Markup(" selected")
HOURS: Final = tuple((str(hour), f"{hour:02}:00") for hour in range(24))


def options(choices: Sequence[tuple[str, str]], selected: str) -> Markup:
    """An option for each value and name; `selected` may be a value that is not among them."""
    known = tuple(choices)
    return _options(known, selected if any(selected == value for value, _ in known) else "")


def language_options(selected: str) -> Markup:
    """An option for each of our languages, by what it calls itself."""
    return _language_options(selected if selected in supported() else "")


@functools.lru_cache(500)
def _options(choices: tuple[tuple[str, str], ...], selected: str) -> Markup:
    return Markup("").join(
        _OPTION.format(value, _SELECTED if value == selected else "", name)
        for value, name in choices
    )


@functools.lru_cache(20)
def _language_options(selected: str) -> Markup:
    return Markup("").join(
        _LANGUAGE.format(
            one.language,
            one.direction,
            _SELECTED if one.language == selected else "",
            one.own_name(),
        )
        for one in map(words, supported())
    )

"""What the template of `/p/TOKEN` speaks of."""

import functools
from dataclasses import dataclass
from typing import Any

from markupsafe import Markup, escape

from runtime.i18n import Words
from runtime.zones import zone_label, zone_labels
from subscribers.masking import in_full
from subscribers.models import Frequency
from subscribers.pausing import days_offered
from subscribers.queries import Choice
from web.boxes import Box
from web.options import HOURS, language_options, options
from web.preference_form import Asked, Draft, draft
from web.unsubscribe import shown_address


@dataclass(frozen=True, slots=True)
class Row:
    """A list as the page shows it."""

    key: str
    title: Markup
    description: str | None
    choice: Choice


def view(asked: Asked, typed: Draft | None, ours: Words) -> dict[str, Any]:
    """The page as things are, or with what was `typed`."""
    found = asked.found
    shown = typed or draft(asked)
    first, last = days_offered(asked.now, asked.zone)
    return {
        "visitor": asked.visitor,
        "profile": found,
        "address": shown_to(asked),
        "rows": _rows(asked, ours),
        "draft": shown,
        "paused_to": asked.paused_to,
        "pause_first": first.isoformat(),
        "pause_last": last.isoformat(),
        "often": often_choices(ours),
        "options": options,
        "language_options": language_options,
        "zone_label": zone_label(shown.timezone, ours.language),
        "zone_options": _zone_options(ours.language),
        "hours": HOURS,
    }


def shown_to(asked: Asked) -> Markup:
    """The address: in full to the subscriber alone."""
    if asked.visitor.is_private:
        return Markup('<bdi dir="ltr">{}</bdi>').format(in_full(asked.found.address))
    return shown_address(asked.found.address)


def link_sent(address: str, ours: Words) -> Box:
    """The same whatever happened: how many links were asked for is nobody else's business."""
    _ = ours.gettext
    text = _(
        "A private link comes to %(address)s within a few minutes. At most three are sent in an "
        "hour."
    )
    return Box(_("Asked for."), escape(text) % {"address": shown_address(address)})


def _rows(asked: Asked, ours: Words) -> list[Row]:
    rows: list[Row] = []
    unnamed = sum(one.is_private for one in asked.choices.values())
    number = 0
    for key, one in asked.choices.items():
        if asked.visitor.is_private or not one.is_private:
            title = Markup("<bdi>{}</bdi>").format(one.title)
            rows.append(Row(key, title, one.description, one))
            continue
        number += 1
        rows.append(Row(key, escape(_unnamed(number, unnamed, ours)), None, one))
    return rows


def _unnamed(number: int, of: int, ours: Words) -> str:
    if of == 1:
        return ours.gettext("A list for accredited press")
    return ours.gettext("A list for accredited press (%(number)d)") % {"number": number}


def often_choices(ours: Words) -> list[tuple[str, str]]:
    """How often a list can come: the value, and what people call it."""
    _ = ours.gettext
    return [
        (Frequency.AT_ONCE.value, _("At once")),
        (Frequency.DAILY.value, _("Once a day")),
        (Frequency.WEEKLY.value, _("Once a week")),
    ]


@functools.cache
def _zone_options(language: str) -> Markup:
    """Four hundred options, the same for everybody."""
    option = Markup('<option value="{}">{}</option>\n')
    return Markup("").join(option.format(name, label) for name, label in zone_labels(language))

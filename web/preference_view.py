"""What the template of `/p/TOKEN` speaks of."""

import functools
from dataclasses import dataclass
from typing import Any

from markupsafe import Markup, escape

from runtime.i18n import Words
from runtime.zones import zone_label, zone_labels
from subscribers.digest_times import Clock, Wish, clock_of
from subscribers.digest_words import hour_of, often_choices, when
from subscribers.frequencies import DIGESTS
from subscribers.masking import in_full
from subscribers.models import SubscriptionState
from subscribers.pausing import days_offered
from subscribers.queries import Choice
from web.boxes import Box
from web.options import HOURS, language_options, options
from web.preference_form import Asked, Draft, draft
from web.topics import by_topic
from web.unsubscribe import shown_address


@dataclass(frozen=True, slots=True)
class Row:
    """A list as the page shows it."""

    key: str
    title: Markup
    topic: str | None
    about: tuple[str, ...]
    """What it is, and how often something comes, in the office's words."""
    choice: Choice


def view(asked: Asked, typed: Draft | None, ours: Words) -> dict[str, Any]:
    """The page as things are, or with what was `typed`."""
    found = asked.found
    shown = typed or draft(asked)
    first, last = days_offered(asked.now, asked.zone)
    usual, own = _usual(asked), Wish(found.timezone, found.digest_hour)
    return {
        "visitor": asked.visitor,
        "profile": found,
        "address": shown_to(asked),
        "topics": by_topic(_rows(asked, ours), lambda row: row.topic),
        "draft": shown,
        "paused_to": asked.paused_to,
        "pause_first": first.isoformat(),
        "pause_last": last.isoformat(),
        "often": often_choices(ours),
        "when": {key: when(_clock(asked, own, one), ours) for key, one in asked.choices.items()},
        "usual_hour": hour_of(usual),
        "usual_zone": zone_label(usual.zone.key, ours.language),
        "options": options,
        "language_options": language_options,
        "zone_label": zone_label(shown.timezone, ours.language),
        "zone_options": zone_options(ours.language),
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
            about = tuple(filter(None, (one.description, one.cadence)))
            rows.append(Row(key, title, one.topic, about, one))
            continue
        number += 1
        rows.append(Row(key, escape(_unnamed(number, unnamed, ours)), None, (), one))
    return rows


def _unnamed(number: int, of: int, ours: Words) -> str:
    if of == 1:
        return ours.gettext("A list for accredited press")
    return ours.gettext("A list for accredited press (%(number)d)") % {"number": number}


def _clock(asked: Asked, own: Wish, *more: Choice) -> Clock:
    """When digests come to who wishes so, and has these lists so besides those they have so now."""
    found = asked.found
    lists = {one.list_id: one.wish for one in (*_digests(asked), *more)}
    wishes = [lists[list_id] for list_id in sorted(lists)]
    return clock_of(own, wishes, found.language, asked.office_zone)


def _digests(asked: Asked) -> list[Choice]:
    return [
        one
        for one in asked.found.choices
        if one.state == SubscriptionState.ACTIVE and one.frequency in DIGESTS
    ]


def _usual(asked: Asked) -> Clock:
    """When digests come to who says nothing of it themselves."""
    on = [one for one in asked.found.choices if one.is_on]
    return _clock(asked, Wish(None, None), *([] if _digests(asked) else on))


@functools.cache
def zone_options(language: str) -> Markup:
    """Four hundred options, the same for everybody."""
    option = Markup('<option value="{}">{}</option>\n')
    return Markup("").join(option.format(name, label) for name, label in zone_labels(language))

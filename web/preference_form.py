"""The form of `/p/TOKEN`: what stands in it, and what somebody wants who posts it."""

import datetime as dt
from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Final
from zoneinfo import ZoneInfo

from mail.text import NAME_MAX_CHARACTERS, clean_line, clean_name
from runtime.i18n import Words, best_language
from runtime.zones import known_zones, zone_or
from subscribers.commands import KEEP, Keep, Wanted
from subscribers.pausing import beginning, days_offered, first_day
from subscribers.queries import Choice, Profile
from subscribers.subscription_rows import NotOffered
from web.forms import Form, Seals
from web.visitors import Visitor

PERSON: Final = ("name", "outlet")


@dataclass(frozen=True, slots=True)
class Asked:
    """Who looks at whose page, and when: what decides how the form is shown and read."""

    found: Profile
    visitor: Visitor
    now: dt.datetime
    office_zone: ZoneInfo
    seals: Seals

    @property
    def zone(self) -> dt.tzinfo:
        """Where the subscriber is."""
        return zone_or(self.found.timezone, self.office_zone)

    @property
    def paused_to(self) -> dt.date | None:
        """The first day on which mail comes again; None without a pause."""
        until = self.found.paused_until
        return None if until is None or until <= self.now else first_day(until, self.zone)

    @property
    def choices(self) -> dict[str, Choice]:
        """The lists by what the form calls them, in their order.

        On the shared view private lists come last, in an order and by names that say nothing,
        not even beside other people's pages.
        """
        found = self.found.choices
        if self.visitor.is_private:
            return {one.slug: one for one in found}
        alias, person = self.seals.alias, self.found.subscriber_id
        hidden = {alias(person, one.list_id): one for one in found if one.is_private}
        return {one.slug: one for one in found if not one.is_private} | {
            key: hidden[key] for key in sorted(hidden)
        }


@dataclass(frozen=True, slots=True)
class Draft:
    """What stands in the form: what is so, or what was typed."""

    on: frozenset[str]
    often: Mapping[str, str]
    format: str
    language: str
    pause: str
    timezone: str
    hour: str
    name: str
    outlet: str
    removes: frozenset[str] = frozenset()


@dataclass(frozen=True, slots=True)
class Fault:
    """What is amiss in a field of the form, and what to do about it."""

    field: str
    text: str


def draft(asked: Asked) -> Draft:
    """The form as things are."""
    found, is_private = asked.found, asked.visitor.is_private
    return Draft(
        on=frozenset(key for key, one in asked.choices.items() if one.is_on),
        often={key: one.frequency.value for key, one in asked.choices.items()},
        format=found.format,
        language=best_language(found.language),
        pause=asked.paused_to.isoformat() if asked.paused_to else "",
        timezone=found.timezone or "",
        hour="" if found.digest_hour is None else str(found.digest_hour),
        name=(is_private and found.name) or "",
        outlet=(is_private and found.outlet) or "",
    )


def typed(asked: Asked, form: Form) -> Draft:
    """The form as it was posted; what was not posted is as it is."""
    as_it_is = draft(asked)
    shown = set(form.every("shown"))
    ticked = set(form.every("list"))
    posted = {
        field: value
        for field in ("format", "language", "pause", "timezone", "hour", *PERSON)
        if (value := form.one(field)) is not None
    }
    return replace(
        as_it_is,
        on=frozenset(ticked | (as_it_is.on - shown)),
        often={key: form.one(f"often-{key}") or how for key, how in as_it_is.often.items()},
        removes=frozenset(field for field in PERSON if form.one(f"no-{field}")),
        **posted,
    )


def wanted(asked: Asked, form: Form, ours: Words) -> Wanted | tuple[Fault, ...]:
    """What the form asks for, or what is amiss; raises NotOffered for what no page of ours sends.

    Only what the page showed is changed: a list that came since was neither taken nor left.
    """
    choices = asked.choices
    shown, ticked = set(form.every("shown")), set(form.every("list"))
    if not ticked <= set(choices):
        raise NotOffered("a list that is not on the page")
    reading = _Reading(asked, form, ours)
    # In the order of the page, and so of what is said to be amiss.
    pause, timezone, hour = reading.pause(), reading.timezone(), _hour(form)
    name, outlet = reading.person("name"), reading.person("outlet")
    if reading.faults:
        return tuple(reading.faults)
    return Wanted(
        on=frozenset(choices[key].list_id for key in ticked),
        off=frozenset(one.list_id for key, one in choices.items() if key in shown - ticked),
        frequencies={
            choices[key].list_id: how for key in ticked if (how := form.one(f"often-{key}"))
        },
        language=form.one("language"),
        format=form.one("format"),
        name=name,
        outlet=outlet,
        timezone=timezone,
        digest_hour=hour,
        paused_until=pause,
    )


def _hour(form: Form) -> int | Keep | None:
    hour = form.one("hour")
    if not hour:
        return KEEP if hour is None else None
    if not (hour.isascii() and hour.isdigit() and len(hour) <= 2):
        raise NotOffered("there is no such hour")
    return int(hour)


class _Reading:
    """Reads what people type; what is amiss is noted in `faults`, and then nothing is kept."""

    def __init__(self, asked: Asked, form: Form, ours: Words) -> None:
        self._asked = asked
        self._form = form
        self._ours = ours
        self.faults: list[Fault] = []

    def timezone(self) -> str | Keep | None:
        """An IANA name; None: that of each list."""
        name = self._form.one("timezone")
        if name is None or name == (self._asked.found.timezone or ""):
            return KEEP
        if name and not self._is_known(name):
            self.faults.append(
                Fault("timezone", self._ours.gettext("Choose a time zone from the list."))
            )
        return name or None

    def pause(self) -> dt.datetime | Keep | None:
        """Until the beginning of a day, where the subscriber is from now on."""
        asked, _ = self._asked, self._ours.gettext
        posted, zone = self._form.one("pause"), self._zone()
        if posted is None:
            day = asked.paused_to
            return KEEP if day is None or zone == asked.zone else beginning(day, zone)
        text = posted.strip()
        if not text:
            return KEEP if asked.paused_to is None else None
        first, last = days_offered(asked.now, zone)
        try:
            day = dt.date.fromisoformat(text)
        except ValueError:
            how = _("Enter a date like %(date)s, or none.") % {"date": first.isoformat()}
            self.faults.append(Fault("pause", how))
            return KEEP
        until = asked.found.paused_until
        if until is not None and zone == asked.zone and day == first_day(until, zone):
            return KEEP
        if not first <= day <= last:
            days = {"first": self._ours.date(first), "last": self._ours.date(last)}
            how = _("Choose a day from %(first)s to %(last)s, or none.") % days
            self.faults.append(Fault("pause", how))
        return beginning(day, zone)

    def person(self, field: str) -> str | Keep | None:
        """A name or an outlet. The shared view shows none: there an empty field says nothing."""
        is_private = self._asked.visitor.is_private
        posted = self._form.one(field)
        text = clean_line(posted or "")
        removes = self._form.one(f"no-{field}") is not None
        if not removes and (posted is None or (is_private and text == self._known(field))):
            return KEEP
        if removes and text:
            self.faults.append(Fault(field, self._not_both(field)))
        elif len(text) > NAME_MAX_CHARACTERS:
            self.faults.append(Fault(field, self._too_long(field)))
        elif removes or (is_private and not text):
            return None
        return clean_name(text) or KEEP

    def _not_both(self, field: str) -> str:
        _ = self._ours.gettext
        if field == "name":
            return _("Either enter a name or have it removed, not both.")
        return _("Either enter an outlet or have it removed, not both.")

    def _too_long(self, field: str) -> str:
        ours, most = self._ours, NAME_MAX_CHARACTERS
        if field == "name":
            text = ours.ngettext(
                "Enter a name of at most %(count)d character.",
                "Enter a name of at most %(count)d characters.",
                most,
            )
        else:
            text = ours.ngettext(
                "Enter an outlet of at most %(count)d character.",
                "Enter an outlet of at most %(count)d characters.",
                most,
            )
        return text % {"count": most}

    def _known(self, field: str) -> str:
        return clean_line(getattr(self._asked.found, field) or "")

    def _zone(self) -> dt.tzinfo:
        name = self._form.one("timezone")
        if name is None or (name and not self._is_known(name)):
            return self._asked.zone
        return zone_or(name, self._asked.office_zone)

    @staticmethod
    def _is_known(name: str) -> bool:
        return name in known_zones()

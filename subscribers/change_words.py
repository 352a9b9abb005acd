"""What a page or a notice says after a change: a sentence for each thing that is different."""

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, replace
from typing import Any, Final
from zoneinfo import ZoneInfo

from markupsafe import Markup, escape
from sqlalchemy.orm import Session

from runtime.i18n import Words, words
from runtime.zones import zone_label, zone_or
from subscribers.changes import Change
from subscribers.digest_words import clock_for, digests_of, time_of
from subscribers.masking import in_full
from subscribers.models import Format, Frequency, Subscriber
from subscribers.pausing import first_day
from subscribers.queries import Name, frequencies, names, titles

_UTC: Final = ZoneInfo("UTC")


@dataclass(frozen=True, slots=True)
class Reader:
    """Who reads what was changed, and so what may be named."""

    office_zone: ZoneInfo = _UTC
    """The zone of dates and times, for subscribers who have not chosen one."""
    is_private: bool = False
    """Whether it is the subscriber for certain: then names, outlets and private lists are told."""
    may_name: frozenset[int] = frozenset()
    """Private lists that are told all the same: those of the copy whose link it is."""


ANYBODY: Final = Reader()


def told(session: Session, change: Change, ours: Words, reader: Reader = ANYBODY) -> Markup:
    """The sentences, as HTML; list titles are isolated, for they may be in any script."""
    sentences = [*_lists(session, change, ours, reader), *_reading(change, ours)]
    sentences += _digests(session, change, ours, reader)
    if "paused_until" in change.after:
        sentences.append(_pause(session, change, ours, reader))
    sentences += _person(change, ours, reader)
    return Markup(" ").join(sentences)


def rhythms(
    session: Session,
    often: Mapping[int, str],
    ours: Words,
    office: ZoneInfo,
    subscriber: Subscriber | None = None,
) -> list[Markup]:
    """When lists come of which digests are wanted, a sentence for each frequency.

    `often`: how often, by list. `subscriber`: who wants it, where they are known.
    """
    _ = ours.gettext
    clock = clock_for(session, subscriber, digests_of(often), ours.language, office)
    said: list[Markup] = []
    for frequency, sentence in (
        (Frequency.DAILY, _("%(lists)s: once a day, at %(time)s.")),
        (Frequency.WEEKLY, _("%(lists)s: once a week, on Mondays at %(time)s.")),
    ):
        lists = titles(session, [one for one, how in often.items() if how == frequency])
        if lists:
            values = {"lists": named(lists, ours), "time": escape(time_of(clock, ours))}
            said.append(escape(sentence) % values)
    return said


def named(lists: tuple[str, ...], ours: Words) -> Markup:
    """Titles as a phrase, each emphasised and isolated."""
    return _phrase([_title(title) for title in lists], ours)


def _lists(session: Session, change: Change, ours: Words, reader: Reader) -> Iterator[Markup]:
    """What comes now, by how often; then what comes no longer."""
    _ = ours.gettext
    often = frequencies(session, change.subscriber_id, change.joined)
    paced = {one.list_id: one.after for one in change.paced}
    is_joined = set(change.joined)
    known = names(session, [*change.joined, *change.left, *paced])
    digests = digests_of({**often, **paced})
    time = ""
    if digests:
        person = session.get(Subscriber, change.subscriber_id)
        clock = clock_for(session, person, digests, ours.language, reader.office_zone)
        time = time_of(clock, ours)

    def phrase(which: Callable[[int], bool]) -> Markup:
        return _called([one for one in known if which(one.list_id)], ours, reader)

    for sentence, lists in (
        (
            _("You now get %(lists)s."),
            phrase(lambda one: one in is_joined and often.get(one) in (Frequency.AT_ONCE, None)),
        ),
        (
            _("You now get %(lists)s at once."),
            phrase(lambda one: paced.get(one) == Frequency.AT_ONCE),
        ),
        (
            _("You now get %(lists)s once a day, at %(time)s."),
            phrase(lambda one: Frequency.DAILY in (often.get(one), paced.get(one))),
        ),
        (
            _("You now get %(lists)s once a week, on Mondays at %(time)s."),
            phrase(lambda one: Frequency.WEEKLY in (often.get(one), paced.get(one))),
        ),
        (_("You no longer get %(lists)s."), phrase(set(change.left).__contains__)),
    ):
        if lists:
            yield escape(sentence) % {"lists": lists, "time": escape(time)}


def _called(lists: list[Name], ours: Words, reader: Reader) -> Markup:
    """The lists as a phrase; how many private ones, to who must not know which."""
    may_name = reader.may_name
    shown = [
        one for one in lists if reader.is_private or not one.is_private or one.list_id in may_name
    ]
    items = [_title(one.title) for one in shown]
    hidden = len(lists) - len(shown)
    if hidden:
        more = ours.ngettext(
            "a list for accredited press", "%(count)d lists for accredited press", hidden
        )
        items.append(escape(more % {"count": hidden}))
    return _phrase(items, ours) if items else Markup("")


def _reading(change: Change, ours: Words) -> Iterator[Markup]:
    _ = ours.gettext
    if change.language:
        language = words(change.language).own_name()
        name = Markup('<bdi lang="{}">{}</bdi>').format(change.language, language)
        yield escape(_("Your language is now %(language)s.")) % {"language": name}
    match change.format:
        case Format.TEXT:
            yield escape(_("Your mails now come as plain text."))
        case Format.HTML:
            yield escape(_("Your mails now come with layout."))
        case None:
            pass


def _digests(session: Session, change: Change, ours: Words, reader: Reader) -> Iterator[Markup]:
    _ = ours.gettext
    if "timezone" in change.after:
        zone = change.after["timezone"]
        if zone is None:
            yield escape(_("Your time zone is now that of each list."))
        else:
            label = Markup("<bdi>{}</bdi>").format(zone_label(zone, ours.language))
            yield escape(_("Your time zone is now %(zone)s.")) % {"zone": label}
    if "digest_hour" in change.after:
        hour = change.after["digest_hour"]
        if hour is None:
            yield escape(_("Your daily and weekly mails now come at the usual hour of each list."))
        else:
            person = session.get(Subscriber, change.subscriber_id)
            clock = clock_for(session, person, (), ours.language, reader.office_zone)
            at = _("Your daily and weekly mails now come at %(time)s.")
            yield escape(at % {"time": time_of(replace(clock, hour=hour), ours)})


def _pause(session: Session, change: Change, ours: Words, reader: Reader) -> Markup:
    _ = ours.gettext
    until = change.after["paused_until"]
    if until is None or until <= change.at:
        return escape(_("Mail comes again."))
    found = session.get(Subscriber, change.subscriber_id)
    day = first_day(until, zone_or(found.timezone if found else None, reader.office_zone))
    return escape(_("No mail comes until %(date)s.") % {"date": ours.date(day)})


def _person(change: Change, ours: Words, reader: Reader) -> Iterator[Markup]:
    """Name, outlet and address: what they are is for the subscriber alone."""
    _ = ours.gettext
    if "address" in change.after:
        shown = Markup('<strong><bdi dir="ltr">{}</bdi></strong>').format(
            in_full(change.after["address"])
        )
        if reader.is_private:
            yield escape(_("Your address is now %(address)s.")) % {"address": shown}
        else:
            yield escape(_("Your address was changed."))
    for field, now, changed, removed in (
        (
            "name",
            _("Your name is now %(name)s."),
            _("Your name was changed."),
            _("Your name was removed."),
        ),
        (
            "outlet",
            _("Your outlet is now %(name)s."),
            _("Your outlet was changed."),
            _("Your outlet was removed."),
        ),
    ):
        if field not in change.after:
            continue
        value: Any = change.after[field]
        if value is None:
            yield escape(removed)
        elif reader.is_private:
            yield escape(now) % {"name": Markup("<strong><bdi>{}</bdi></strong>").format(value)}
        else:
            yield escape(changed)


def _title(title: str) -> Markup:
    return Markup("<strong><bdi>{}</bdi></strong>").format(title)


def _phrase(items: list[Markup], ours: Words) -> Markup:
    # The items are escaped, and the rest is Babel's conjunction.
    return Markup(ours.listing([str(item) for item in items]))  # noqa: S704

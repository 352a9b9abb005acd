"""When somebody's daily and weekly mails come, in words."""

from collections.abc import Collection, Mapping
from zoneinfo import ZoneInfo

import sqlalchemy as sa
from sqlalchemy.orm import Session

from runtime.i18n import Words
from runtime.zones import zone_city
from subscribers.digest_times import Clock, Wish, clock_of
from subscribers.frequencies import DIGESTS
from subscribers.models import (
    Frequency,
    MailingList,
    Subscriber,
    Subscription,
    SubscriptionState,
)


def clock_for(
    session: Session,
    subscriber: Subscriber | None,
    lists: Collection[int],
    language: str,
    office: ZoneInfo,
) -> Clock:
    """When digests come to somebody who has these lists so, besides those that they have so now.

    `language`: of who is no subscriber yet.
    """
    own = Wish(None, None)
    is_digest: sa.ColumnElement[bool] = MailingList.id.in_(lists)
    if subscriber is not None:
        own, language = Wish(subscriber.timezone, subscriber.digest_hour), subscriber.language
        followed = sa.select(Subscription.list_id).where(
            Subscription.subscriber_id == subscriber.id,
            Subscription.state == SubscriptionState.ACTIVE,
            Subscription.frequency.in_(DIGESTS),
        )
        is_digest = sa.or_(is_digest, MailingList.id.in_(followed))
    wishes = session.execute(
        sa.select(MailingList.timezone, MailingList.digest_hour)
        .where(is_digest)
        .order_by(MailingList.id)
    )
    return clock_of(own, (Wish(*row) for row in wishes), language, office)


def hour_of(clock: Clock) -> str:
    """The hour: "08:00"."""
    return f"{clock.hour:02}:00"


def time_of(clock: Clock, ours: Words) -> str:
    """The hour and where: "08:00 (Brussels time)"."""
    hour, zone = hour_of(clock), clock.zone.key
    city = zone_city(zone, ours.language)
    if city is None:
        return f"{hour} ({zone})"
    return ours.gettext("%(time)s (%(city)s time)") % {"time": hour, "city": city}


def often_choices(ours: Words) -> list[tuple[str, str]]:
    """How often a list can come: the value, and what people call it."""
    _ = ours.gettext
    return [
        (Frequency.AT_ONCE.value, _("At once")),
        (Frequency.DAILY.value, _("Once a day")),
        (Frequency.WEEKLY.value, _("Once a week")),
    ]


def when(clock: Clock, ours: Words) -> str:
    """The sentence beside these choices."""
    # Mondays: digest_times.WEEKDAY.
    said = ours.gettext("Daily mails come at %(time)s, weekly ones on Mondays at the same hour.")
    return said % {"time": time_of(clock, ours)}


def digests_of(often: Mapping[int, str]) -> list[int]:
    """Of lists and how often they come: those that digests bring."""
    return [list_id for list_id, how in often.items() if how in DIGESTS]

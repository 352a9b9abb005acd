"""Less mail instead of none: what the unsubscribe page offers beside its button."""

import datetime as dt
from dataclasses import dataclass

from runtime.zones import zone_or
from subscribers.commands import Wanted
from subscribers.models import Frequency
from subscribers.pausing import a_month_on, beginning
from subscribers.queries import Choice, Copy


@dataclass(frozen=True, slots=True)
class Less:
    """What one press could make less."""

    weekly: tuple[Choice, ...]
    """The lists of the copy that could come in one mail a week."""
    pause_to: dt.date | None
    """The day on which mail would come again after a pause of a month; None during a longer one."""
    pause_until: dt.datetime
    """When that day begins where the subscriber is."""

    @property
    def is_nothing(self) -> bool:
        """Whether there is nothing to offer."""
        return not self.weekly and self.pause_to is None

    def once_a_week(self, ticked: set[str]) -> Wanted:
        """The lists with these slugs, once a week."""
        return Wanted(
            frequencies={one.list_id: Frequency.WEEKLY for one in self.weekly if one.slug in ticked}
        )

    def pause(self) -> Wanted:
        """No mail for a month; a longer pause stays."""
        return Wanted() if self.pause_to is None else Wanted(paused_until=self.pause_until)


def less_mail(found: Copy, now: dt.datetime, office_zone: dt.tzinfo) -> Less:
    """What can be offered to who got this copy."""
    zone = zone_or(found.timezone, office_zone)
    day = a_month_on(now.astimezone(zone).date())
    until = beginning(day, zone)
    is_paused = found.paused_until is not None and found.paused_until >= until
    is_more = [one for one in found.choices if one.is_on and one.frequency != Frequency.WEEKLY]
    return Less(
        weekly=tuple(is_more),
        pause_to=None if is_paused else day,
        pause_until=until,
    )

"""The guard against link scanners that submit forms: a form that comes too soon changes nothing.

Programs that look at mail on its way open its links, and some press every button they find.
People need longer than ten seconds; who does not presses once more (docs/adr/0019).
"""

import datetime as dt
from typing import Final

from markupsafe import escape

from releases.acceptance import JUST_NOW, Arrival
from runtime.i18n import Words
from web.boxes import Box
from web.forms import SEAL_FIELD, Form, Seals

ON_ITS_WAY: Final = dt.timedelta(seconds=2)
"""A notice is taken by a mail server about so long after it was queued."""


def is_too_soon(arrival: Arrival, form: Form, seals: Seals) -> bool:
    """Whether a form came with a mail that a mail server took within the last ten seconds.

    While that is not known yet, a form counts that is itself no older: a person's second press
    gets through. The form bears a seal of ours.
    """
    match arrival:
        case Arrival.JUST_NOW:
            return True
        case Arrival.PERHAPS:
            return seals.age_seconds(form.one(SEAL_FIELD) or "") < JUST_NOW.total_seconds()
        case Arrival.EARLIER:
            return False


def was_just_queued(queued_at: dt.datetime, now: dt.datetime) -> bool:
    """Whether a notice that was queued then was taken within the last ten seconds."""
    return now - queued_at < JUST_NOW + ON_ITS_WAY


def too_soon(ours: Words, undo_token: str | None = None) -> Box:
    """What the page says then, above its form; with the undo that was pressed, if that it was."""
    _ = ours.gettext
    return Box(
        _("Please wait ten seconds, then press once more."),
        escape(_("Programs that check mail press buttons, too. Nothing was changed yet.")),
        undo_token,
        is_error=True,
    )

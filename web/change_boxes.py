"""The box that says what a form has saved."""

from markupsafe import escape
from sqlalchemy.orm import Session

from runtime.i18n import Words
from subscribers.change_words import Reader, told
from subscribers.changes import Change
from subscribers.links import Links
from web.boxes import Box


def saved_box(session: Session, change: Change, ours: Words, reader: Reader, links: Links) -> Box:
    """What saving has done, with its undo."""
    _ = ours.gettext
    if change.is_nothing:
        return Box(_("Saved."), escape(_("Nothing was different from before.")))
    return Box(_("Saved."), told(session, change, ours, reader), links.undo_token(change.undo))

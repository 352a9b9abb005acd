"""What `publish` says of a distribution that it has ordered, in one line."""

import datetime as dt

from cli.status_text import people_text, what_line
from releases.overview import Carried
from releases.publishing import Published
from releases.readership import Readership


def published_line(published: Published, what: Carried, people: Readership, zone: dt.tzinfo) -> str:
    """Title, lists, and how many people; or when it goes on, if that is not now."""
    parts = [what_line(what)]
    if what.resends_id is not None:
        parts.append(f"once more to whoever failed in distribution {what.resends_id}")
    elif not published.is_new_version and not what.is_again:
        parts.append("to who has not had it yet")
    else:
        parts.append(people_text(people.at_once))
    if people.by_digest:
        get = "gets" if people.by_digest == 1 else "get"
        parts.append(f"{people.by_digest:,} more {get} it with their digests")
    if published.is_scheduled and not published.has_undo:
        parts.append(f"goes on {published.due_at.astimezone(zone):%Y-%m-%d %H:%M %Z}")
    return f"{parts[0]}: {', '.join(parts[1:])}"

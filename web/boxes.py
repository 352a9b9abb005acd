"""The box on top of a page."""

from dataclasses import dataclass

from markupsafe import Markup


@dataclass(frozen=True, slots=True)
class Box:
    """The box on top of a page that says what was changed, or what is amiss."""

    lead: str
    text: Markup
    undo_token: str | None = None
    is_error: bool = False

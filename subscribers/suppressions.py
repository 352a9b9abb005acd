"""Why an address is not mailed, and which reasons its owner can take back."""

from typing import Final

OFFICE: Final = "office"
"""The press office has stopped it, and only the press office lifts it."""


def is_liftable_by_sign_up(reason: str) -> bool:
    """Whether a sign-up that was confirmed by mail lifts a suppression of this reason."""
    return reason != OFFICE

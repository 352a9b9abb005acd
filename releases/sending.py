"""What the settings say about the mail of this installation."""

from mail.addresses import parse_mailbox
from releases.rendering import Sending
from runtime.settings import Settings


def sending_of(settings: Settings) -> Sending:
    """The facts that every rendering needs; raises AddressError for a bad MEDIANOTE_FROM."""
    return Sending(
        from_=parse_mailbox(settings.sender),
        base_url=settings.public_url,
        list_domain=settings.lists_domain,
        bounce_domain=settings.bounce_domain,
        postal_address=settings.office_address,
        timezone=settings.zone,
        is_rehearsal=settings.is_rehearsal,
    )

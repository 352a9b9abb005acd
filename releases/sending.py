"""What the settings say about the mail of this installation."""

from mail.addresses import AddressError, Mailbox, parse_sender
from releases.rendering import Sending
from runtime.settings import Settings, SettingsError, variable


def sending_of(settings: Settings) -> Sending:
    """The facts that every rendering needs; raises SettingsError for a bad MEDIANOTE_FROM."""
    return Sending(
        from_=sender_of(settings),
        base_url=settings.public_url,
        list_domain=settings.lists_domain,
        bounce_domain=settings.bounce_domain,
        postal_address=settings.office_address,
        timezone=settings.zone,
        is_rehearsal=settings.is_rehearsal,
    )


def sender_of(settings: Settings) -> Mailbox:
    """Who releases come from; raises SettingsError where that cannot stand in every mail."""
    try:
        return parse_sender(settings.sender)
    except AddressError as error:
        raise SettingsError(f"{variable('from_')}: {error.reason}") from error

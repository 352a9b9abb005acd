"""The links that mail carries, and what their tokens say (design: one purpose, one subject)."""

import datetime as dt
from dataclasses import dataclass
from typing import Final

from mail.tokens import Keyring, Purpose, TokenError
from subscribers.undo import Undo

PRIVATE_HOURS: Final = 24
"""How long a private link is good for."""
CONFIRM_DAYS: Final = 7
"""How long what is asked for by mail can be confirmed: a sign-up, an address, an invitation."""


class ExpiredLinkError(TokenError):
    """A private link of a day ago or more; `subscriber_id`: whom a new one may be mailed to."""

    reason = "This link is too old. Please ask for a new one."

    def __init__(self, subscriber_id: int) -> None:
        super().__init__()
        self.subscriber_id = subscriber_id


@dataclass(frozen=True, slots=True)
class Unsubscribing:
    """What an unsubscribe link may do: end one subscriber's lists of one copy."""

    subscriber_id: int
    list_set_id: int


class Links:
    """Makes links from the base URL and nothing else, and reads their tokens.

    What reads a token raises a `mail.tokens.TokenError`, whose `reason` is for its holder.
    """

    def __init__(self, base_url: str, keyring: Keyring) -> None:
        self.base_url = base_url.rstrip("/")
        self._keyring = keyring

    def unsubscribe_token(self, subscriber_id: int, list_set_id: int) -> str:
        """The token that ends the lists of a copy; it works for ever."""
        return self._keyring.sign(Purpose.UNSUBSCRIBE, subscriber_id, list_set_id)

    def unsubscribe_url(self, subscriber_id: int, list_set_id: int) -> str:
        """The link of List-Unsubscribe and of "Stop these mails"."""
        return f"{self.base_url}/u/{self.unsubscribe_token(subscriber_id, list_set_id)}"

    def preferences_token(self, subscriber_id: int) -> str:
        """The token that shows and changes what a subscriber gets."""
        return self._keyring.sign(Purpose.PREFERENCES, subscriber_id)

    def preferences_url(self, subscriber_id: int) -> str:
        """The link of "Change what you get"."""
        return f"{self.base_url}/p/{self.preferences_token(subscriber_id)}"

    def private_url(self, subscriber_id: int, now: dt.datetime) -> str:
        """The link that shows and changes everything, for a day; it is mailed when asked for."""
        minute = int(now.timestamp()) // 60
        return f"{self.base_url}/p/{self._keyring.sign(Purpose.MANAGE, subscriber_id, minute)}"

    def sign_up_url(self, sign_up_id: int) -> str:
        """The link that confirms a sign-up."""
        return f"{self.base_url}/c/{self._keyring.sign(Purpose.CONFIRM, sign_up_id)}"

    def address_url(self, address_change_id: int) -> str:
        """The link that confirms a new address."""
        return f"{self.base_url}/c/{self._keyring.sign(Purpose.CHANGE_ADDRESS, address_change_id)}"

    def undo_url(self, undo: Undo) -> str:
        """The link of a mail that tells of a change."""
        return f"{self.base_url}/c/{self.undo_token(undo)}"

    def invitation_url(self, member_id: int) -> str:
        """The link by which somebody accepts what a desk forwards to them."""
        return f"{self.base_url}/c/{self._keyring.sign(Purpose.DESK_INVITATION, member_id)}"

    def release_url(self, slug: str) -> str:
        """A release's page on the web."""
        return f"{self.base_url}/r/{slug}"

    def feed_url(self) -> str:
        """The feed of what is public."""
        return f"{self.base_url}/feed.atom"

    def undo_token(self, undo: Undo) -> str:
        """The token in an "Undo" button: good for that one change."""
        return self._keyring.sign(Purpose.UNDO, undo.subscriber_id, undo.entry_id)

    def reason_token(self, left: Undo) -> str:
        """The token in the form that asks why somebody left: good for that one leaving."""
        return self._keyring.sign(Purpose.REASON, left.subscriber_id, left.entry_id)

    def unsubscribing(self, token: str) -> Unsubscribing:
        """What an unsubscribe token may do."""
        return Unsubscribing(*self._read(Purpose.UNSUBSCRIBE, token, 2))

    def preferring(self, token: str) -> int:
        """Whose preferences a token of a release's mail opens: the subscriber's id."""
        return self._read(Purpose.PREFERENCES, token, 1)[0]

    def managing(self, token: str, now: dt.datetime) -> int:
        """Whose private link it is: the subscriber's id. Raises ExpiredLinkError after a day."""
        subscriber_id, minute = self._read(Purpose.MANAGE, token, 2)
        if int(now.timestamp()) // 60 - minute >= PRIVATE_HOURS * 60:
            raise ExpiredLinkError(subscriber_id)
        return subscriber_id

    def undoing(self, token: str) -> Undo:
        """The change that an undo token names."""
        return Undo(*self._read(Purpose.UNDO, token, 2))

    def reasoning(self, token: str) -> Undo:
        """The leaving that a reason's token names."""
        return Undo(*self._read(Purpose.REASON, token, 2))

    def confirming_sign_up(self, token: str) -> int:
        """The id of the sign-up that a token confirms."""
        return self._read(Purpose.CONFIRM, token, 1)[0]

    def confirming_address(self, token: str) -> int:
        """The id of the change of address that a token confirms."""
        return self._read(Purpose.CHANGE_ADDRESS, token, 1)[0]

    def accepting(self, token: str) -> int:
        """The id of the desk's member whose invitation it is."""
        return self._read(Purpose.DESK_INVITATION, token, 1)[0]

    def _read(self, purpose: Purpose, token: str, length: int) -> tuple[int, ...]:
        subject = self._keyring.verify(purpose, token)
        if len(subject) != length:
            raise TokenError
        return subject

"""The links that mail carries, and what their tokens say (design: one purpose, one subject)."""

from dataclasses import dataclass

from mail.tokens import Keyring, Purpose, TokenError
from subscribers.undo import Undo


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

    def release_url(self, slug: str) -> str:
        """A release's page on the web."""
        return f"{self.base_url}/r/{slug}"

    def feed_url(self) -> str:
        """The feed of what is public."""
        return f"{self.base_url}/feed.atom"

    def undo_token(self, undo: Undo) -> str:
        """The token in an "Undo" button: good for that one change."""
        return self._keyring.sign(Purpose.UNDO, *undo.to_subject())

    def unsubscribing(self, token: str) -> Unsubscribing:
        """What an unsubscribe token may do."""
        subject = self._keyring.verify(Purpose.UNSUBSCRIBE, token)
        if len(subject) != 2:
            raise TokenError
        return Unsubscribing(*subject)

    def preferring(self, token: str) -> int:
        """Whose preferences a token opens: the subscriber's id."""
        subject = self._keyring.verify(Purpose.PREFERENCES, token)
        if len(subject) != 1:
            raise TokenError
        return subject[0]

    def undoing(self, token: str, *, subscriber_id: int) -> Undo:
        """The change that an undo token names, which must be this subscriber's."""
        subject = self._keyring.verify(Purpose.UNDO, token)
        if len(subject) != 5 or subject[0] != subscriber_id:
            raise TokenError
        return Undo.from_subject(subject)

"""What one connection may still do under its relay's limits."""

from worker.limits.lanes import RelayLane


class Allowance:
    """One connection's: messages left on it, and its part of the relay's rate."""

    __slots__ = ("_left", "_tokens", "is_leaving")

    def __init__(self, lane: RelayLane) -> None:
        """Begin with a new connection."""
        self.is_leaving = False
        """The connection is one too many by now."""
        self._tokens = lane.tokens
        self._left = lane.per_connection

    @property
    def is_spent(self) -> bool:
        """Tell whether nothing more goes over this connection."""
        return self.is_leaving or self._left == 0

    def lets(self, now: float) -> bool:
        """Tell whether a message may go over it now."""
        return not self.is_spent and (self._tokens is None or self._tokens.has(now))

    def use(self, now: float) -> None:
        """A message goes."""
        if self._tokens is not None:
            self._tokens.take(now)
        if self._left is not None:
            self._left -= 1

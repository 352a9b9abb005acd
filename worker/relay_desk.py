"""One relay as the postman sees it: its connections, its troubles, when to try it again."""

import random

from runtime.relays import Relay
from worker.connections import Connection, ConnectionOptions, describe_error
from worker.limits.allowance import Allowance
from worker.limits.lanes import RelayLane
from worker.resolving import Lookup, SocketAddress

_MOST_STRIKES = 3
_ADDRESSES_KEPT_SECONDS = 60.0
FIRST_WAIT_SECONDS = 1.0
LONGEST_WAIT_SECONDS = 30.0


class RelayDesk:
    """Opens connections to one relay, and backs off while it is in trouble.

    ``trouble`` is one plain line, or None while the relay works. While it is in trouble one
    connection at a time is tried: each attempt may cost a message its certainty.
    """

    def __init__(
        self,
        relay: Relay,
        options: ConnectionOptions,
        most_connections: int,
        jitter: random.Random,
        lane: RelayLane | None = None,
    ) -> None:
        """Begin without a connection, and without a trouble."""
        self.relay = relay
        self.lane = lane
        self.connections: list[Connection] = []
        self.trouble: str | None = None
        self.retry_at = 0.0
        self.has_worked = False  # since it last could not be opened
        self._failures = 0  # in a row; each doubles the wait
        self._strikes = 0  # connections in a row that ended at a message
        self._options = options
        self._most_connections = most_connections
        self._jitter = jitter
        self._lookup: Lookup | None = None
        self._lookup_at = 0.0
        self._unreachable: set[SocketAddress] = set()

    @property
    def is_looking_up(self) -> bool:
        """Tell whether the relay's addresses are being asked for."""
        return self._lookup is not None and not self._lookup.is_done

    @property
    def is_doubted(self) -> bool:
        """Tell whether the relay has yet to show that it works."""
        return not self.has_worked or self._strikes > 0 or self._failures > 0

    def free_places(self, now: float) -> int:
        """Say how many further connections may be opened now."""
        if now < self.retry_at:
            return 0
        most = 1 if self.trouble is not None else self._most_connections
        if self.lane is not None:
            most = self._most_allowed(self.lane, most, now)
        return max(0, most - len(self.connections))

    def open(self, now: float) -> Connection | None:
        """Begin a connection; None while the address is looked up, or when there is none."""
        lookup = self._lookup
        if lookup is None or (now - self._lookup_at > _ADDRESSES_KEPT_SECONDS and lookup.is_done):
            lookup = self._lookup = Lookup(self.relay.host, self.relay.port)
            self._lookup_at = now
            self._unreachable.clear()
        if lookup.why_not is not None:
            self._failed(lookup.why_not, now)
            return None
        if not lookup.addresses:
            return None
        address = next(a for a in lookup.addresses if a not in self._unreachable)
        try:
            connection = Connection(self.relay, address, self._options, now)
        except OSError as error:
            self._note_unreachable(address, describe_error(error), now)
            return None
        if self.lane is not None:
            connection.allowance = Allowance(self.lane)
        self.connections.append(connection)
        self.note_count()
        return connection

    def note_count(self) -> None:
        """Others may have what we do not use."""
        if self.lane is not None:
            self.lane.open_connections = len(self.connections)

    def is_at_limit(self, now: float) -> bool:
        """Tell whether what could be sent here waits for a limit alone."""
        lane = self.lane
        if lane is None or now < self.retry_at:
            return False
        if self.connections:
            return True
        return lane.connections_allowed(self._most_connections, now) == 0

    def give_up_surplus(self, now: float) -> list[Connection]:
        """Return the connections to take leave of: spent, or too many by now; when idle."""
        lane = self.lane
        if lane is None:
            return []
        surplus = len(self.connections) - lane.connections_allowed(len(self.connections), now)
        by_idleness = sorted(self.connections, key=lambda one: not one.session.is_idle)
        for connection in by_idleness[: max(0, surplus)]:
            assert connection.allowance is not None
            connection.allowance.is_leaving = True
        return [
            connection
            for connection in self.connections
            if connection.allowance is not None
            and connection.allowance.is_spent
            and connection.session.is_idle
        ]

    def note_end(self, connection: Connection, why: str, now: float) -> None:
        """Note what a connection's end says about the relay."""
        if connection.is_connecting:
            self._note_unreachable(connection.address, why, now)
        elif not connection.session.was_open:
            self.has_worked = False
            self._failed(why, now)
        elif connection.has_lost_items and not connection.has_progressed:
            # It may be the message's fault: others are tried at once.
            self._strikes += 1
            if self._strikes >= _MOST_STRIKES:
                self._failed(why, now)

    def works(self) -> None:
        """Note that the relay answered a message."""
        self.trouble = None
        self.has_worked = True
        self.retry_at = 0.0
        self._failures = 0
        self._strikes = 0

    def _most_allowed(self, lane: RelayLane, most: int, now: float) -> int:
        allowed = lane.connections_allowed(most, now)
        if lane.tokens is not None and self.connections and not lane.tokens.has(now):
            return len(self.connections)  # more connections would wait like these
        return allowed

    def _note_unreachable(self, address: SocketAddress, why: str, now: float) -> None:
        """Try every address before backing off."""
        self._unreachable.add(address)
        addresses = self._lookup.addresses if self._lookup is not None else None
        if not addresses or self._unreachable.issuperset(addresses):
            self._unreachable.clear()
            self.has_worked = False
            self._failed(why, now)

    def _failed(self, why: str, now: float) -> None:
        self.trouble = why if why.startswith(self.relay.name) else f"{self.relay.name}: {why}"
        if now < self.retry_at:
            return  # the same trouble, seen on a second connection
        self._lookup = None
        wait = min(LONGEST_WAIT_SECONDS, FIRST_WAIT_SECONDS * 2 ** min(self._failures, 10))
        self._failures += 1
        self.retry_at = now + min(LONGEST_WAIT_SECONDS, wait * self._jitter.uniform(1.0, 1.25))

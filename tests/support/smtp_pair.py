"""A session and a model server, talking without sockets; the connection can be cut anywhere."""

from collections import deque
from collections.abc import Callable, Sequence
from random import Random

from mail.replies import Outcome, Unsent
from mail.smtp import Closed, Event, Opened, Session, Settled, Window
from mail.smtp_items import Item
from mail.smtp_opening import OpeningOptions
from tests.support.smtp_model import SmtpModel


def new_session(
    *, flights: bool = False, window: Window | None = None, **options: object
) -> Session:
    """A session to a loopback relay."""
    settings = {"ehlo_name": "press.example", "relay_name": "relay.example:25"} | options
    return Session(
        OpeningOptions(**settings),  # type: ignore[arg-type]
        flights_proved=flights,
        window=window or Window(),
    )


class Pair:
    """One connection: what either says lies on the wire until it is moved."""

    def __init__(self, session: Session, model: SmtpModel) -> None:
        self.session = session
        self.model = model
        self.to_client = model.greet()
        self.to_server = b""
        self.events: list[Event] = []
        self.outcomes: dict[object, list[Outcome]] = {}
        self.begun: list[Item] = []
        self.round_trips = 0
        self.is_over = False

    def submit_from(self, waiting: deque[Item]) -> None:
        """Fill the session's room, and put what it says on the wire."""
        while waiting and self.session.has_room:
            self.session.submit(waiting.popleft())
        self.begun += self.session.begun()
        self.to_server += self.session.data_to_send()

    def move_to_server(self, count: int | None = None) -> None:
        """Let the server have some of what was sent, or all of it."""
        count = len(self.to_server) if count is None else count
        octets, self.to_server = self.to_server[:count], self.to_server[count:]
        if not self.model.is_closed:
            self.to_client += self.model.receive(octets)

    def move_to_client(self, count: int | None = None) -> None:
        """Let the client have some of what was answered, or all of it."""
        count = len(self.to_client) if count is None else count
        octets, self.to_client = self.to_client[:count], self.to_client[count:]
        self._note(self.session.receive(octets))

    def cut(self, octets_not_sent: int = 0) -> None:
        """The connection is lost."""
        self._note(self.session.connection_lost("cut", octets_not_sent))

    def run(self, items: Sequence[Item]) -> None:
        """Talk until nobody has anything to say; then the connection is lost."""
        waiting = deque(items)
        while not self.is_over:
            self.submit_from(waiting)
            if self.to_server and not self.model.is_closed:
                self.move_to_server()
                self.round_trips += 1
            elif self.to_client:
                self.move_to_client()
            elif self.session.is_idle and not waiting and not self.model.is_closed:
                return
            else:
                self.cut()

    def outcome(self, key: object) -> Outcome:
        """The one outcome of an item."""
        (outcome,) = self.outcomes[key]
        return outcome

    @property
    def closed(self) -> Closed | None:
        """How the session ended, if it did."""
        return next((event for event in self.events if isinstance(event, Closed)), None)

    @property
    def opened(self) -> Opened | None:
        """What the server can do, if it came to that."""
        return next((event for event in self.events if isinstance(event, Opened)), None)

    def _note(self, events: Sequence[Event]) -> None:
        self.events += events
        for event in events:
            if isinstance(event, Settled):
                self.outcomes.setdefault(event.item.key, []).append(event.outcome)
            self.is_over = self.is_over or isinstance(event, Closed)


def talk_at_random(
    items: Sequence[Item],
    new_pair: Callable[[], Pair],
    random: Random,
    most_connections: int = 12,
) -> dict[object, list[Outcome]]:
    """Send the items over connection after connection, cutting the octets anywhere.

    What is unsent is sent again by the next connection; an unsent culprit not more than twice.
    """
    outcomes: dict[object, list[Outcome]] = {item.key: [] for item in items}
    waiting = deque(items)
    for _ in range(most_connections):
        if not waiting:
            break
        pair = new_pair()
        _talk_once(pair, waiting, random)
        by_key = {item.key: item for item in items}
        for key, settled in pair.outcomes.items():
            assert len(settled) == 1, "an item was settled twice on one connection"
            if isinstance(settled[0], Unsent):
                waiting.append(by_key[key])
            else:
                outcomes[key] += settled
    for item in waiting:
        outcomes[item.key].append(Unsent("no more connections"))
    return outcomes


def _talk_once(pair: Pair, waiting: deque[Item], random: Random) -> None:
    quiet_turns = 0
    while not pair.is_over:
        pair.submit_from(waiting)
        before = (len(pair.to_server), len(pair.to_client))
        if pair.to_server and (random.random() < 0.5 or not pair.to_client):
            pair.move_to_server(random.choice([1, 7, 60, 400, None]))
        elif pair.to_client:
            pair.move_to_client(random.choice([1, 3, 20, None]))
        if pair.model.is_closed and not pair.to_client:
            pair.cut(len(pair.to_server) if random.random() < 0.5 else 0)
        elif pair.session.is_idle and not waiting and not pair.to_client and not pair.to_server:
            return
        quiet_turns = quiet_turns + 1 if before == (len(pair.to_server), len(pair.to_client)) else 0
        if quiet_turns > 3:
            pair.cut()

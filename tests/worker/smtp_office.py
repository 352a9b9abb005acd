"""What the SMTP tests share: an office that sends by a postman and keeps what it was told."""

import random
import time
from collections import Counter
from collections.abc import Callable

from mail.replies import Outcome
from tests.support.smtp_model import ESMTP, Action, Script, SmtpModel
from tests.support.smtp_server import ModelFactory, SmtpServer
from worker.connections import Timeouts
from worker.smtp import Item, Postman, Relay, RunEnd

CHUNKING = (*ESMTP, "CHUNKING")
QUICK = Timeouts(connect=2, command=0.5, content=0.7, write=0.5, farewell=0.3)


class Office:
    """Sends items by a postman and keeps what it was told."""

    def __init__(self, *relays: Relay, **options: object) -> None:
        options = {"timeouts": QUICK, "jitter": random.Random(1)} | options
        self.postman = Postman(relays, **options)  # type: ignore[arg-type]
        self.outcomes: dict[object, list[Outcome]] = {}
        self.begun: list[object] = []
        self.is_open = True

    def send(self, items: list[Item]) -> RunEnd:
        """Run until the items are through."""
        source = iter(items)
        return self.postman.run(
            lambda: next(source, None),
            lambda item: self.begun.append(item.key),
            lambda item, outcome: self.outcomes.setdefault(item.key, []).append(outcome),
            lambda: self.is_open,
        )

    def outcome(self, key: object) -> Outcome:
        """The one outcome of an item."""
        (outcome,) = self.outcomes[key]
        return outcome

    def kinds(self) -> Counter[str]:
        """How many of each; every item must have exactly one."""
        return Counter(type(self.outcome(key)).__name__ for key in self.outcomes)


def relay_of(server: SmtpServer, **fields: object) -> Relay:
    """The relay at a server of ours."""
    return Relay("127.0.0.1", server.port, **fields)  # type: ignore[arg-type]


def make_items(count: int, size_octets: int = 200) -> list[Item]:
    """Items whose data tells whose they are."""
    filler = b"x" * 70 + b"\r\n"
    return [
        Item(
            key,
            f"b-{key}@press.example",
            f"u{key}@news.example",
            b"X-Key: %d\r\n\r\n" % key + filler * (size_octets // len(filler)),
        )
        for key in range(count)
    ]


def on_connection(number: int, verb: str, count: int, action: Action) -> ModelFactory:
    """Models of which one connection misbehaves once."""

    def new_model(connection: int) -> SmtpModel:
        return SmtpModel(
            script=lambda heard, _, counted: (
                action if (connection, heard, counted) == (number, verb, count) else None
            )
        )

    return new_model


def every_connection(script: Script, capabilities: tuple[str, ...] = ESMTP) -> ModelFactory:
    """Models that all follow one script."""
    return lambda number: SmtpModel(script=script, capabilities=capabilities)


def wait_for(claim: Callable[[], bool]) -> None:
    """Give the server, which has threads of its own, a moment."""
    until = time.monotonic() + 5
    while not claim():
        assert time.monotonic() < until
        time.sleep(0.005)

"""Mail transactions on an open session: what is sent when, and what each reply means.

The tables are in :mod:`mail.smtp_commands`: ``PLANS``, which commands go out together, and
``EXPECTED``, which replies let the transaction go on. Everything else is a refusal, or the end
of the connection.
"""

from collections import deque
from collections.abc import Sequence
from typing import NamedTuple

from mail.replies import (
    Accepted,
    Deferred,
    Failed,
    InDoubt,
    Outcome,
    Reply,
    Unsent,
    judge_mail,
    judge_recipient,
)
from mail.smtp_capabilities import Capabilities
from mail.smtp_commands import (
    CONTENT,
    DATA,
    EXPECTED,
    MAIL,
    OF_THE_MESSAGE,
    PLANS,
    RSET,
    START,
    Command,
    Flow,
    frame_content,
    write_commands,
)
from mail.smtp_items import Item


class Settled(NamedTuple):
    """An item has its outcome; a culprit is one at whose recipient or content things went wrong."""

    item: Item
    outcome: Outcome
    is_culprit: bool = False


class _Transaction:
    __slots__ = ("content_end", "is_culprit", "item", "refusal")

    def __init__(self, item: Item) -> None:
        self.item = item
        self.refusal: Deferred | Failed | Unsent | None = None
        self.is_culprit = False
        self.content_end = 0  # how many octets of the connection it takes to complete it


class Transactions:
    """The transactions of one connection.

    ``submit`` items while there is ``has_room``; call ``take`` with the replies; send ``out``
    in order, journalling what is in ``begun`` before; read ``settled``. ``trouble`` is why
    nothing further is taken; ``is_broken`` that the connection must be dropped at once.
    """

    def __init__(
        self,
        capabilities: Capabilities,
        *,
        may_fly: bool,
        window_messages: int,
        window_octets: int,
    ) -> None:
        """Choose the flow by what the server can do; ``may_fly``: flights were proved here."""
        self.capabilities = capabilities
        self.uses_bdat = capabilities.has_chunking
        if not capabilities.has_pipelining:
            self.flow = Flow.DIALOGUE
        elif may_fly and capabilities.has_chunking:
            self.flow = Flow.FLIGHT
        else:
            self.flow = Flow.AHEAD
        self._plan = PLANS[self.flow, self.uses_bdat]
        self._window_messages = window_messages if self.flow is Flow.FLIGHT else 2
        self._window_octets = window_octets
        self._is_flying = self.flow is Flow.FLIGHT

        self.out: list[bytes] = []
        self.begun: list[Item] = []
        self.settled: list[Settled] = []
        self.trouble: str | None = None
        self.is_broken = False
        self._pending: deque[tuple[Command, _Transaction]] = deque()
        self._envelope: _Transaction | None = None  # sent, and not yet told to go on
        self._open_messages = 0
        self._is_one_alone = False
        self._open_octets = 0
        self._octets_produced = 0
        self._must_reset = False
        self._last_accepted: Accepted | None = None
        self.said_farewell = False

    @property
    def has_room(self) -> bool:
        """Tell whether a further item may be submitted now."""
        if self.trouble is not None:
            return False
        if self._is_flying:
            return (
                not self._is_one_alone
                and self._open_messages < self._window_messages
                and self._open_octets < self._window_octets
            )
        if self.flow is Flow.AHEAD:
            return self._envelope is None
        return not self._pending

    @property
    def is_idle(self) -> bool:
        """Tell whether every item submitted has its outcome."""
        return not self._pending

    @property
    def awaits_content_reply(self) -> bool:
        """Tell whether the next reply will answer a message's content, which may take long."""
        return bool(self._pending) and self._pending[0][0] is CONTENT

    def unfit(self, item: Item) -> str | None:
        """Say why this server can never take the item; None when it can."""
        can = self.capabilities
        if can.max_size_octets is not None and len(item.data) > can.max_size_octets:
            return (
                f"the message has {len(item.data)} octets, "
                f"and the relay takes {can.max_size_octets}"
            )
        if not can.has_smtputf8 and item.needs_smtputf8:
            return "the address needs SMTPUTF8, which the relay does not offer"
        if not can.has_8bitmime and item.needs_8bitmime:
            return "the message needs 8BITMIME, which the relay does not offer"
        return None

    def submit(self, item: Item) -> None:
        """Begin a transaction; only while ``has_room``, and with what is not ``unfit``."""
        transaction = _Transaction(item)
        self._is_one_alone = item.goes_alone
        self._open_messages += 1
        self._open_octets += len(item.data)
        self._envelope = transaction
        if self._must_reset:
            self._must_reset = False
            self._send((RSET,), transaction)
            if self.flow is Flow.DIALOGUE:
                return
        self._send(self._plan[START], transaction)

    def take(self, replies: Sequence[Reply]) -> None:
        """Match each reply to the command that it answers, and go on from there.

        What came together with the replies before it cannot answer what these only led to.
        """
        pending, plan = self._pending, self._plan
        answerable = len(pending)
        for reply in replies:
            if not answerable:
                self._take_unasked(reply)
                return
            answerable -= 1
            command, transaction = pending.popleft()
            self.said_farewell = False
            if reply.code // 100 != EXPECTED[command] or transaction.refusal is not None:
                self._take_no(command, transaction, reply)
                if self.is_broken:
                    return
            elif command is CONTENT:
                self._settle(transaction, self._accepted(reply))
            elif command in plan:
                self._send(plan[command], transaction)

    def _accepted(self, reply: Reply) -> Accepted:
        """Make the outcome; where the server always says the same, it is always the same one."""
        if self._last_accepted is None or self._last_accepted.reply is not reply:
            self._last_accepted = Accepted(reply)
        return self._last_accepted

    def _take_no(self, command: Command, transaction: _Transaction, reply: Reply) -> None:
        """Take a reply that refuses something, or comes after one that did."""
        if reply.code // 100 == EXPECTED[command]:
            self._go_on_refused(command, transaction)
        elif reply.code == 421:
            self._take_farewell(command, transaction, reply)
        elif transaction.refusal is not None and reply.code >= 400:
            self._close_refused(transaction)
        else:
            self._take_unexpected(command, transaction, reply)

    def end(self, why: str, octets_not_sent: int = 0) -> None:
        """Give every open item its outcome: the connection is lost.

        ``octets_not_sent`` counts what was taken from ``out`` and never left: a message whose
        end is among them cannot have been taken.
        """
        octets_left = sum(map(len, self.out)) + octets_not_sent
        octets_gone = self._octets_produced - octets_left
        self.trouble = self.trouble or why
        if self._pending and self._pending[0][1].refusal is None:
            command, transaction = self._pending[0]
            transaction.is_culprit = command in OF_THE_MESSAGE
        while self._pending:
            _, transaction = self._pending.popleft()
            if self._is_under_way(transaction):
                continue
            outcome: Outcome
            if transaction.refusal is not None:
                outcome = transaction.refusal
            elif 0 < transaction.content_end <= octets_gone and not self.said_farewell:
                outcome = InDoubt(why)
            else:
                outcome = Unsent(why)
            self._settle(transaction, outcome)
        self.out.clear()
        self.begun.clear()

    def _send(self, group: tuple[Command, ...], transaction: _Transaction) -> None:
        pending = self._pending
        for command in group:
            pending.append((command, transaction))
        item = transaction.item
        if group[-1] is CONTENT:
            before, data, end = frame_content(item, uses_bdat=self.uses_bdat)
            if len(group) > 1:
                before = write_commands(group, item, self.capabilities) + before
            self._produce(before, data, end)
            transaction.content_end = self._octets_produced
            self.begun.append(item)
            if self._envelope is transaction:
                self._envelope = None
        else:
            self._produce(write_commands(group, item, self.capabilities))

    def _produce(self, *pieces: bytes) -> None:
        for piece in pieces:
            self._octets_produced += len(piece)
        self.out += pieces

    def _go_on_refused(self, command: Command, transaction: _Transaction) -> None:
        """Bring a refused transaction to its end where the server would go on with it."""
        refusal = transaction.refusal
        if command is DATA:
            if isinstance(refusal, Unsent):
                self._break(
                    command, transaction, "the relay refused MAIL and yet wants the message"
                )
                return
            # The recipient was refused: an empty message for nobody (RFC 2920 section 3.1).
            self._pending.append((CONTENT, transaction))
            self._produce(b".\r\n")
            return
        if command is CONTENT and isinstance(refusal, Unsent):
            transaction.refusal = None
            self._settle(transaction, InDoubt("the relay refused MAIL and yet took the message"))
            return
        self._close_refused(transaction, is_over=command is CONTENT)

    def _close_refused(self, transaction: _Transaction, *, is_over: bool = False) -> None:
        """Settle a refused transaction once no reply to it is outstanding."""
        if self._is_under_way(transaction):
            return
        assert transaction.refusal is not None
        self._must_reset = self._must_reset or not is_over
        self._settle(transaction, transaction.refusal)

    def _take_unexpected(self, command: Command, transaction: _Transaction, reply: Reply) -> None:
        if reply.code == 503 or reply.code < 400 or command is RSET:
            if command is CONTENT:
                transaction.content_end = 0  # answered: it was not taken
            self._break(
                command,
                transaction,
                f"the relay is out of step, it answers {command.value}: {reply}",
            )
        else:
            if command is MAIL:
                needs_smtputf8 = transaction.item.needs_smtputf8
                transaction.refusal = judge_mail(reply, needs_smtputf8=needs_smtputf8)
            else:
                transaction.refusal = judge_recipient(reply)
            transaction.is_culprit = command in OF_THE_MESSAGE
            if isinstance(transaction.refusal, Unsent):
                self.trouble = transaction.refusal.why
            self._close_refused(transaction, is_over=command is CONTENT)

    def _take_farewell(self, command: Command, transaction: _Transaction, reply: Reply) -> None:
        """Send nothing more; the server closes the connection (RFC 5321 section 3.8)."""
        self.trouble = f"the relay closed the connection: {reply}"
        self.said_farewell = True
        transaction.refusal = transaction.refusal or Unsent(self.trouble)
        transaction.is_culprit = command in OF_THE_MESSAGE
        self._octets_produced -= sum(map(len, self.out))
        self.out.clear()
        self.begun.clear()
        self._close_refused(transaction)

    def _take_unasked(self, reply: Reply) -> None:
        self.is_broken = True
        if reply.code == 421:
            self.trouble = self.trouble or f"the relay closed the connection: {reply}"
        else:
            self.trouble = f"the relay says more than it was asked: {reply}"

    def _break(self, command: Command, transaction: _Transaction, why: str) -> None:
        """Drop the connection; the transaction whose reply it was is still among the open."""
        self._pending.appendleft((command, transaction))
        self.is_broken = True
        self.trouble = why

    def _is_under_way(self, transaction: _Transaction) -> bool:
        return bool(self._pending) and self._pending[0][1] is transaction

    def _settle(self, transaction: _Transaction, outcome: Outcome) -> None:
        self._is_one_alone = False
        self._open_messages -= 1
        self._open_octets -= len(transaction.item.data)
        if self._envelope is transaction:
            self._envelope = None
        self.settled.append(Settled(transaction.item, outcome, transaction.is_culprit))

"""The ledger under every order of events: a model that knows which copies really arrived.

Several workers lease, send, crash, stall and come back; officers pause, resume and cancel;
sweeps adopt, give up and settle. After each step the books agree with the deliveries and nobody
has more copies than one and the repeats that are counted; in the end everyone is accounted for.
"""

import functools
import random
import shutil
import tempfile
from collections import Counter
from pathlib import Path

import pytest
import sqlalchemy as sa
from hypothesis import settings as hypothesis_settings
from hypothesis import strategies as st
from hypothesis.stateful import (
    Bundle,
    RuleBasedStateMachine,
    consumes,
    initialize,
    invariant,
    multiple,
    precondition,
    rule,
    run_state_machine_as_test,
)

from mail.replies import Accepted, Deferred, Failed, InDoubt, Outcome, Reply
from releases import commands, expansion
from releases.batches import count_range
from releases.expansion import expand
from releases.leasing import Leased, release_lease, take_lease
from releases.ledger import Report, take_turn
from releases.models import Batch, Delivery, Distribution, DistributionList, Lease
from releases.publishing import NobodyLeft
from releases.queries import status
from releases.recording import Entry
from releases.recovery import adopt, apply_late
from releases.renderings import make_copies
from releases.settling import Completed, Unbalanced, settle
from releases.upkeep import batches_to_deliver, finish_cancelled, give_up_late, hold
from runtime.database import Database
from subscribers.models import Subscription
from tests.support.office import LONG_AGO, SENDING, Office

PEOPLE = 9
SMALL = {"FIRST_RANGE_SIZE": 2, "RANGE_GROWTH": 2, "RANGE_SIZE": 4, "BATCH_SIZE": 3}
FATES = {
    # What happened to a message: did a copy arrive, and what does the worker know of it?
    "accepted": (True, Accepted(Reply(250, (2, 0, 0), "Ok"))),
    "taken, no answer": (True, InDoubt("the connection was lost")),
    "lost, no answer": (False, InDoubt("the connection was lost")),
    "deferred": (False, Deferred(Reply(450, (4, 2, 0), "Later"), "450 Later")),
    "refused": (False, Failed(Reply(550, (5, 1, 1), "Never"), "550 Never")),
}
SOME_FATES = st.lists(st.sampled_from(sorted(FATES)), max_size=3)
PAST = sa.literal(LONG_AGO, Batch.due_at.type)


class Hand:
    """A batch in a worker's hands, and what the worker has begun and knows of it."""

    def __init__(self, lease: int, leased: Leased) -> None:
        self.lease = lease
        self.leased = leased
        self.left = list(leased.recipients)
        self.noted: list[Entry] = []  # in the journal
        self.reported = 0  # of those, how many the ledger has


class LedgerMachine(RuleBasedStateMachine):
    """The world; `copies` says what really arrived."""

    hands = Bundle("hands")
    distributions = Bundle("distributions")

    def __init__(self, template: Path) -> None:
        super().__init__()
        self.folder = Path(tempfile.mkdtemp())
        file = self.folder / "ledger.sqlite"
        shutil.copy(template, file)
        self.office = Office(Database(f"sqlite:///{file}"))
        self.database = self.office.database
        self.sizes = {name: getattr(expansion, name) for name in SMALL}
        for name, size in SMALL.items():
            setattr(expansion, name, size)
        self.copies: Counter[int] = Counter()
        self.may_have_arrived: Counter[int] = Counter()  # as far as workers could know
        self.all: list[int] = []
        self.open_hands: list[Hand] = []

    @initialize(target=distributions)
    def found_office(self) -> object:
        """Two lists that overlap, and a release on its way to one of them."""
        lists = self.office.lists("press", "europe")
        self.people = self.office.people(PEOPLE)
        self.office.subscribe(self.people[:6], lists["press"])
        self.office.subscribe(self.people[4:], lists["europe"])
        return self.publish(("press",))

    @rule(
        target=distributions, lists=st.sampled_from([("press",), ("europe",), ("press", "europe")])
    )
    def publish(self, lists: tuple[str, ...]) -> object:
        """The same text, to some lists."""
        if len(self.all) >= 4:
            return multiple()
        try:
            made = self.office.publish(*lists)
        except NobodyLeft:
            return multiple()
        self.all.append(made)
        self._expand(made, ranges=2)
        return made

    @rule(distribution=distributions)
    def expand(self, distribution: int) -> None:
        """One range."""
        self._expand(distribution, ranges=1)

    @precondition(lambda self: self._has_open_batch())
    @rule(target=hands, fates=SOME_FATES)
    def lease(self, fates: list[str]) -> object:
        """A worker takes a lease and a batch, and sends some of it."""
        with self.database.transaction() as session:
            lease = take_lease(session, "model:1", "here", "j")
        leased = self._turn(lease, wants_next=True)
        if leased is None:
            with self.database.transaction() as session:
                release_lease(session, lease)
            return multiple()
        hand = Hand(lease, leased)
        self.open_hands.append(hand)
        self.send(hand, fates)
        return hand

    @rule(hand=hands, fates=SOME_FATES)
    def send(self, hand: Hand, fates: list[str]) -> None:
        """The worker sends some of its batch; the ledger does not know yet."""
        if not self._is_held(hand):
            return  # a lease that is not fresh begins nothing
        for fate in fates:
            if hand.left:
                self._send(hand, fate)

    @rule(hand=hands)
    def report_some(self, hand: Hand) -> None:
        """The ledger's thread writes what came back so far."""
        self._report(hand, is_done=False)

    @rule(hand=consumes(hands))
    def finish(self, hand: Hand) -> None:
        """The batch goes back, sent or not."""
        self._report(hand, is_done=True)
        with self.database.transaction() as session:
            release_lease(session, hand.lease)
        self.open_hands.remove(hand)

    @rule(hand=consumes(hands), is_journal_lost=st.booleans(), is_read_again=st.booleans())
    def crash(self, hand: Hand, is_journal_lost: bool, is_read_again: bool) -> None:
        """The worker is gone; a sweep applies its journal, if there is one, or two sweeps do."""
        journal = {} if is_journal_lost else {hand.leased.batch_id: hand.noted}
        if is_journal_lost:
            self.may_have_arrived.update(one.subscriber_id for one in hand.leased.recipients)
        with self.database.transaction() as session:
            is_freed = (
                adopt(
                    session,
                    hand.lease,
                    journal,
                    is_whole=not is_journal_lost,
                    even_if_it_lives=True,
                )
                is not None
            )
        # It had stalled before: its journal is found without a lease. Or it is read once more.
        if not is_freed or (is_read_again and not is_journal_lost):
            with self.database.transaction() as session:
                apply_late(session, hand.lease, hand.leased.batch_id, hand.noted)
        self.open_hands.remove(hand)

    @rule(hand=hands, unanswered=st.integers(0, 2))
    def stall(self, hand: Hand, unanswered: int) -> None:
        """The worker is stopped with messages under way, and its batch is taken over.

        Later it may report what it finds when it goes on.
        """
        if not self._is_held(hand):
            return
        begun = hand.noted.copy()
        under_way = [hand.left.pop() for _ in range(min(unanswered, len(hand.left)))]
        for recipient in under_way:
            entry = self._entry(hand, recipient, InDoubt("stopped"))
            begun.append(entry)
            # The server takes it; the answer is read when the process goes on.
            self.copies[recipient.subscriber_id] += 1
            self.may_have_arrived[recipient.subscriber_id] += 1
            hand.noted.append(Entry(entry.subscriber_id, entry.attempt, FATES["accepted"][1]))
        with self.database.transaction() as session:
            adopt(session, hand.lease, {hand.leased.batch_id: begun}, even_if_it_lives=True)

    @rule(hand=hands)
    def run_out(self, hand: Hand) -> None:
        """The lease runs out while the worker is silent: a sweep takes its batch over.

        The worker may report, crash or be found dead after that.
        """
        with self.database.transaction() as session:
            session.execute(
                sa.update(Lease).where(Lease.id == hand.lease).values(expires_at=LONG_AGO)
            )
            is_held = session.get(Lease, hand.lease) is not None
        with self.database.transaction() as session:
            freed = adopt(session, hand.lease, {hand.leased.batch_id: hand.noted})
        assert (freed is not None) == is_held

    @rule(distribution=distributions)
    def put_on_hold(self, distribution: int) -> None:
        """Held, as stale work is, or what cannot be rendered."""
        with self.database.transaction() as session:
            hold(session, distribution, "held by the model")

    @rule(distribution=distributions, word=st.sampled_from(["pause", "resume"]))
    def pause_or_resume(self, distribution: int, word: str) -> None:
        """An officer's word, where it is allowed."""
        with self.database.transaction() as session:
            try:
                getattr(commands, word)(session, distribution)
            except commands.DistributionError:
                return

    @rule(distribution=distributions, is_it=st.integers(0, 3))
    def cancel(self, distribution: int, is_it: int) -> None:
        """Cancelled: the sweep finds it."""
        if is_it:
            return
        with self.database.transaction() as session:
            try:
                commands.cancel(session, distribution)
            except commands.DistributionError:
                return

    @rule()
    def sweep(self) -> None:
        """What a sweep does with distributions."""
        self._sweep()

    @rule()
    def time_passes(self) -> None:
        """What was deferred is due."""
        self._make_due()

    @rule(distribution=distributions, is_it=st.integers(0, 3))
    def deadline(self, distribution: int, is_it: int) -> None:
        """A deadline has come: nothing more is tried."""
        if is_it:
            return
        with self.database.transaction() as session:
            session.execute(
                sa.update(Distribution)
                .where(Distribution.id == distribution)
                .values(deadline_at=LONG_AGO)
            )
        give_up_late(self.database, distribution)

    @invariant()
    def the_books_agree(self) -> None:
        """Each batch's counts are those of its deliveries; nobody is in two hands."""
        with self.database.reading() as session:
            for batch in session.scalars(sa.select(Batch)).all():
                counted = count_range(session, batch).columns()
                assert {name: getattr(batch, name) for name in counted} == counted
                assert (batch.state == "leased") == (batch.lease_id is not None)

    @invariant()
    def nobody_has_more_than_is_counted(self) -> None:
        """Copies beyond the first are counted as repeats, and nothing else is."""
        with self.database.reading() as session:
            repeats: Counter[int] = Counter()
            holders: Counter[int] = Counter()
            for row in session.scalars(sa.select(Delivery)).all():
                repeats[row.subscriber_id] += row.repeats
                if row.state in {"queued", "deferred", "accepted", "uncertain"}:
                    holders[row.subscriber_id] += 1
        cancelled = self._states()["cancelled"]
        for person, count in holders.items():
            # While a cancelled distribution is undecided its rows may still be open.
            assert count <= 1 + cancelled, person
        reported = self._unreported()
        for person, count in self.copies.items():
            assert count - 1 <= repeats[person] + reported[person], person
        for person, count in repeats.items():
            assert count <= max(0, self.may_have_arrived[person] - 1), person

    def teardown(self) -> None:
        """Everything goes on to its end: it balances, and everyone is accounted for."""
        try:
            if self.all:
                self._to_the_end()
        finally:
            for name, size in self.sizes.items():
                setattr(expansion, name, size)
            self.database.dispose()
            shutil.rmtree(self.folder)

    def _to_the_end(self) -> None:
        for hand in self.open_hands:
            self._report(hand, is_done=True)
            with self.database.transaction() as session:
                release_lease(session, hand.lease)
        self.open_hands = []
        for distribution in self.all:
            self.pause_or_resume(distribution, "resume")
        for _ in range(30):
            for distribution in self.all:
                self._expand(distribution, ranges=100)
            self._make_due()
            while (hand := self.lease([])) is not None and isinstance(hand, Hand):
                for _ in range(len(hand.left)):
                    self._send(hand, "accepted")
                self.finish(hand)
            self._sweep()
        with self.database.reading() as session:
            assert session.scalar(sa.select(sa.func.count()).select_from(Lease)) == 0
            for distribution in self.all:
                said = status(session, distribution)
                assert said is not None
                assert said.is_finished, said
                if said.state == "complete":
                    assert said.balances, said
            reached = set(
                session.scalars(
                    sa.select(Delivery.subscriber_id).where(Delivery.state == "accepted")
                )
            )
        assert reached <= set(self.copies)
        self.nobody_is_missed()
        self.nobody_has_more_than_is_counted()

    def nobody_is_missed(self) -> None:
        """Whoever a complete distribution was for has a decided delivery of this version."""
        with self.database.reading() as session:
            meant = set(
                session.scalars(
                    sa.select(Subscription.subscriber_id)
                    .join(DistributionList, DistributionList.list_id == Subscription.list_id)
                    .join(Distribution, Distribution.id == DistributionList.distribution_id)
                    .where(Distribution.state == "complete")
                )
            )
            rows = session.execute(
                sa.select(Delivery.subscriber_id, Delivery.state, Delivery.is_in_doubt)
            ).all()
        kept: dict[int, list[tuple[str, bool]]] = {}
        for person, state, is_in_doubt in rows:
            kept.setdefault(person, []).append((state, is_in_doubt))
        assert meant <= set(kept)
        for person, stands in kept.items():
            # Refused, or never tried, and nothing in doubt: nothing has arrived.
            if all(state in {"failed", "cancelled"} and not doubt for state, doubt in stands):
                assert self.copies[person] == 0, person

    def _expand(self, distribution: int, ranges: int) -> None:
        left = iter(range(ranges - 1))
        expand(
            self.database,
            distribution,
            make_copies=functools.partial(
                make_copies, self.database, distribution, sending=SENDING
            ),
            on_batches=lambda _: None,
            may_go_on=lambda: next(left, None) is not None,
        )

    def _turn(self, lease: int, *reports: Report, wants_next: bool = False) -> Leased | None:
        with self.database.transaction() as session:
            return take_turn(
                session,
                lease,
                reports,
                wants_next=wants_next,
                jitter=random.Random(1),
                why_withheld=lambda address, is_rehearsal: None,
            ).leased

    def _entry(self, hand: Hand, recipient: object, outcome: Outcome) -> Entry:
        return Entry(recipient.subscriber_id, recipient.attempts + 1, outcome)  # type: ignore[attr-defined]

    def _send(self, hand: Hand, fate: str) -> None:
        recipient = hand.left.pop(0)
        has_arrived, outcome = FATES[fate]
        self.copies[recipient.subscriber_id] += has_arrived
        self.may_have_arrived[recipient.subscriber_id] += isinstance(outcome, Accepted | InDoubt)
        hand.noted.append(self._entry(hand, recipient, outcome))

    def _report(self, hand: Hand, *, is_done: bool) -> None:
        entries = hand.noted[hand.reported :]
        self._turn(hand.lease, Report(hand.leased.batch_id, entries, is_done=is_done))
        hand.reported = len(hand.noted)

    def _has_open_batch(self) -> bool:
        with self.database.reading() as session:
            return batches_to_deliver(session, 1) > 0

    def _is_held(self, hand: Hand) -> bool:
        with self.database.reading() as session:
            return session.get(Lease, hand.lease) is not None

    def _unreported(self) -> Counter[int]:
        """Copies that a worker knows of, and the ledger not yet."""
        return Counter(
            entry.subscriber_id for hand in self.open_hands for entry in hand.noted[hand.reported :]
        )

    def _states(self) -> Counter[str]:
        with self.database.reading() as session:
            return Counter(session.scalars(sa.select(Distribution.state)))

    def _make_due(self) -> None:
        with self.database.transaction() as session:
            session.execute(sa.update(Batch).values(due_at=PAST))
            session.execute(
                sa.update(Delivery).where(Delivery.due_at.is_not(None)).values(due_at=PAST)
            )

    def _sweep(self) -> None:
        states = {}
        with self.database.reading() as session:
            states = dict(session.execute(sa.select(Distribution.id, Distribution.state)).all())
        for distribution, state in states.items():
            if state == "cancelled":
                finish_cancelled(self.database, distribution)
            elif state == "running":
                give_up = sa.select(Distribution.id).where(
                    Distribution.id == distribution, Distribution.deadline_at == LONG_AGO
                )
                with self.database.reading() as session:
                    is_late = session.scalar(give_up) is not None
                if is_late:
                    give_up_late(self.database, distribution)
                with self.database.transaction() as session:
                    settlement = settle(session, distribution)
                assert not isinstance(settlement, Unbalanced)
                if isinstance(settlement, Completed):
                    with self.database.reading() as session:
                        said = status(session, distribution)
                    assert said is not None
                    assert said.balances


@pytest.mark.timeout(600)
def test_the_ledger_holds_in_any_order_of_events(migrated_sqlite_file: Path) -> None:
    """Whatever happens in whatever order: the books agree, repeats are counted, all is settled."""
    run_state_machine_as_test(
        lambda: LedgerMachine(migrated_sqlite_file),
        settings=hypothesis_settings(max_examples=15, stateful_step_count=40, deadline=None),
    )

"""The ledger on both databases: leasing, recording, recovery, settling."""

import datetime as dt
import functools
import random
import secrets
from collections.abc import Sequence

import pytest
import sqlalchemy as sa

from mail.replies import Accepted, Deferred, Failed, InDoubt, Outcome, Reply
from releases import commands
from releases.expansion import expand
from releases.leasing import Leased, release_lease, renew_lease, take_lease
from releases.ledger import Report, Turn, take_turn
from releases.models import Batch, Delivery, Distribution, Lease
from releases.queries import Status, status
from releases.recording import Entry
from releases.recovery import adopt, other_leases
from releases.renderings import make_copies
from releases.resending import ResendOrder, resend
from releases.settling import Completed, NotYet, Unbalanced, settle
from releases.upkeep import (
    finish_cancelled,
    give_up_late,
    keep_pulse,
    pulse_is_fresh,
    start,
)
from runtime.database import Database, read_clock
from runtime.facts import Fact
from tests.support.office import SENDING, Office

OK = Accepted(Reply(250, (2, 0, 0), 'Ok: "queued" as \\4XyZ'))
NOT_NOW = Deferred(Reply(450, (4, 2, 0), "Greylisted"), "450 4.2.0 Greylisted")
NEVER = Failed(Reply(550, (5, 1, 1), "No such user"), "550 5.1.1 No such user")
DOUBT = InDoubt("the connection was lost")


class Desk:
    """An office with one list, and the ledger's functions on it, a transaction each."""

    def __init__(self, url: str, people: int = 10) -> None:
        self.office = Office(Database(url))
        self.database = self.office.database
        self.list_id = self.office.lists("press")["press"]
        self.people = self.office.people(people)
        self.office.subscribe(self.people, self.list_id)

    def publish(self, **order: object) -> int:
        """Publish and expand; the distribution's id."""
        distribution = self.office.publish("press", **order)
        self.expand(distribution)
        return distribution

    def expand(self, distribution: int) -> None:
        """Expand to the end."""
        expand(
            self.database,
            distribution,
            make_copies=functools.partial(
                make_copies, self.database, distribution, sending=SENDING
            ),
            on_batches=lambda _: None,
            may_go_on=lambda: True,
        )

    def resend(self, distribution: int, **order: object) -> int:
        """Order a resend; its id."""
        published = resend(
            self.database, ResendOrder(distribution, **order), salt=secrets.token_bytes(16)
        )
        return published.distribution_id

    def rows(self, distribution: int) -> dict[int, str]:
        """State by subscriber."""
        with self.database.reading() as session:
            return dict(
                session.execute(
                    sa.select(Delivery.subscriber_id, Delivery.state).where(
                        Delivery.distribution_id == distribution
                    )
                ).all()
            )

    def lease(self, folder: str = "here", journal: str = "j") -> int:
        """A new lease."""
        with self.database.transaction() as session:
            return take_lease(session, "tests:1", folder, journal)

    def turn(
        self,
        lease: int,
        *reports: Report,
        wants_next: bool = False,
        in_hand: Sequence[int] = (),
    ) -> Turn:
        """One turn of the ledger."""
        with self.database.transaction() as session:
            return take_turn(
                session,
                lease,
                reports,
                wants_next=wants_next,
                jitter=random.Random(1),
                why_withheld=lambda address, is_rehearsal: None,
                in_hand=in_hand,
            )

    def next(self, lease: int) -> Leased | None:
        """Lease a batch."""
        return self.turn(lease, wants_next=True).leased

    def report(
        self, lease: int, leased: Leased, outcomes: Sequence[Outcome | None], **more: object
    ) -> Turn:
        """Report outcomes for the batch's recipients, in their order, and give it back."""
        entries = [
            Entry(recipient.subscriber_id, recipient.attempts + 1, outcome)
            for recipient, outcome in zip(leased.recipients, outcomes, strict=False)
            if outcome is not None
        ]
        return self.turn(lease, Report(leased.batch_id, entries, **{"is_done": True, **more}))

    def run_out(self, lease: int) -> None:
        """The lease has run out."""
        with self.database.transaction() as session:
            session.execute(
                sa.update(Lease)
                .where(Lease.id == lease)
                .values(expires_at=read_clock(session) - dt.timedelta(seconds=1))
            )

    def make_due(self) -> None:
        """Whatever waits is due."""
        with self.database.transaction() as session:
            moment = read_clock(session)
            session.execute(sa.update(Batch).values(due_at=moment))
            session.execute(
                sa.update(Delivery).where(Delivery.due_at.is_not(None)).values(due_at=moment)
            )

    def status(self, distribution: int) -> Status:
        """How it stands; the batches' books agree with the deliveries."""
        with self.database.reading() as session:
            found = status(session, distribution)
            counted = dict(
                session.execute(
                    sa.select(Delivery.state, sa.func.count())
                    .where(Delivery.distribution_id == distribution)
                    .group_by(Delivery.state)
                ).all()
            )
        assert found is not None
        for state in ("queued", "accepted", "deferred", "failed", "suppressed", "cancelled"):
            assert getattr(found, state) == counted.get(state, 0)
        return found

    def settle(self, distribution: int) -> object:
        """Settle it."""
        with self.database.transaction() as session:
            return settle(session, distribution)

    def batch(self) -> Batch:
        """The only batch."""
        with self.database.transaction() as session:
            return session.scalars(sa.select(Batch)).one()

    def change(self, distribution: int, **values: object) -> None:
        """Change the distribution's row."""
        with self.database.transaction() as session:
            session.execute(
                sa.update(Distribution).where(Distribution.id == distribution).values(**values)
            )


@pytest.fixture
def desk(database_url: str) -> Desk:
    """Ten people on a list."""
    return Desk(database_url)


def test_a_run_from_lease_to_complete(desk: Desk) -> None:
    """All accepted: the batch is done, the books agree, the distribution is complete."""
    distribution = desk.publish()
    lease = desk.lease()
    leased = desk.next(lease)
    assert leased is not None
    assert [one.subscriber_id for one in leased.recipients] == desk.people
    assert leased.recipients[0].address == "reader1@example.net"
    assert (leased.recipients[0].since.year, leased.recipients[0].since.month) == (2024, 3)
    assert isinstance(desk.settle(distribution), NotYet)
    turn = desk.report(lease, leased, [OK] * 10)
    assert turn.finished == {distribution}
    assert desk.batch().state == "done"
    assert isinstance(desk.settle(distribution), Completed)
    said = desk.status(distribution)
    assert (said.state, said.accepted, said.repeats) == ("complete", 10, 0)
    assert said.balances
    with desk.database.reading() as session:
        rows = session.execute(sa.select(Delivery.reply, Delivery.attempts).distinct()).all()
    assert rows == [('250 2.0.0 Ok: "queued" as \\4XyZ', 1)]


def test_a_batch_is_in_one_hand_only(desk: Desk) -> None:
    """Two leases never hold the same batch."""
    desk.publish()
    first, second = desk.lease(), desk.lease()
    assert desk.next(first) is not None
    assert desk.next(second) is None


def test_what_is_urgent_is_leased_first_and_stops_the_others(desk: Desk) -> None:
    """An urgent one overtakes what was published before, and what is being sent makes way."""
    ordinary, waiting = desk.publish(), desk.publish(title="Another")
    lease = desk.lease()
    leased = desk.next(lease)
    assert leased is not None
    assert desk.turn(lease, Report(leased.batch_id, ())).stopped == set()
    urgent = desk.publish(title="Urgent", is_urgent=True)
    turn = desk.turn(lease, Report(leased.batch_id, ()), wants_next=True)
    assert turn.stopped == {ordinary}
    assert turn.leased is not None
    assert turn.leased.distribution_id == urgent
    # It is in somebody's hands: the others may go on.
    assert desk.turn(lease, Report(leased.batch_id, ())).stopped == set()
    other = desk.next(desk.lease())
    assert other is not None
    assert other.distribution_id == waiting


def test_what_is_urgent_overtakes_what_is_in_hand_and_not_reported_now(desk: Desk) -> None:
    """Who leases the urgent batch itself stops what it was about to go on with."""
    ordinary = desk.publish()
    lease = desk.lease()
    assert desk.next(lease) is not None
    urgent = desk.publish(title="Urgent", is_urgent=True)
    turn = desk.turn(lease, wants_next=True, in_hand=[ordinary])
    assert turn.leased is not None
    assert (turn.leased.distribution_id, turn.stopped) == (urgent, {ordinary})


def test_what_is_deferred_goes_again_together_and_later(desk: Desk) -> None:
    """Deferred ones reopen their batch for a later round; the others stay decided."""
    distribution = desk.publish()
    lease = desk.lease()
    leased = desk.next(lease)
    assert leased is not None
    desk.report(lease, leased, [OK, NOT_NOW, NEVER, NOT_NOW, *[OK] * 6])
    said = desk.status(distribution)
    assert (said.accepted, said.deferred, said.failed) == (7, 2, 1)
    assert desk.next(lease) is None
    batch = desk.batch()
    with desk.database.reading() as session:
        wait = (batch.due_at - read_clock(session)).total_seconds()
    assert (batch.state, batch.round) == ("open", 1)
    assert 40 < wait < 80
    desk.make_due()
    again = desk.next(lease)
    assert again is not None
    assert [one.subscriber_id for one in again.recipients] == [desk.people[1], desk.people[3]]
    assert again.recipients[0].attempts == 1
    desk.report(lease, again, [OK, OK])
    assert isinstance(desk.settle(distribution), Completed)
    assert desk.status(distribution).repeats == 0


def test_who_left_meanwhile_is_not_mailed(desk: Desk) -> None:
    """Between expansion and sending people leave, are suspended or suppressed: none is mailed."""
    distribution = desk.publish()
    desk.office.leave(desk.people[0], desk.list_id)
    desk.office.suppress(desk.people[1], "complaint")
    lease = desk.lease()
    leased = desk.next(lease)
    assert leased is not None
    assert leased.withheld == {desk.people[0]: "left", desk.people[1]: "complaint"}
    assert len(leased.recipients) == 8
    desk.report(lease, leased, [OK] * 8)
    assert isinstance(desk.settle(distribution), Completed)
    assert desk.status(distribution).suppressed == 2


def test_who_paused_meanwhile_is_not_mailed(desk: Desk) -> None:
    """A pause begun after expansion withholds, also what was deferred; one that ended does not."""
    distribution = desk.publish()
    now = dt.datetime.now(dt.UTC)
    desk.office.pause(desk.people[0], now + dt.timedelta(days=1))
    desk.office.pause(desk.people[1], now - dt.timedelta(seconds=5))
    lease = desk.lease()
    leased = desk.next(lease)
    assert leased is not None
    assert leased.withheld == {desk.people[0]: "paused"}
    assert [one.subscriber_id for one in leased.recipients] == desk.people[1:]
    desk.report(lease, leased, [OK] * 7 + [NOT_NOW] * 2)
    desk.office.pause(desk.people[9], now + dt.timedelta(days=1))
    desk.make_due()
    again = desk.next(lease)
    assert again is not None
    assert again.withheld == {desk.people[9]: "paused"}
    desk.report(lease, again, [OK])
    assert isinstance(desk.settle(distribution), Completed)
    said = desk.status(distribution)
    assert (said.accepted, said.suppressed) == (8, 2)


def test_what_was_not_sent_goes_back(desk: Desk) -> None:
    """A batch given back half done is open at once for the rest."""
    distribution = desk.publish()
    lease = desk.lease()
    leased = desk.next(lease)
    assert leased is not None
    desk.report(lease, leased, [OK] * 4)
    assert (desk.batch().state, desk.batch().round) == ("open", 0)
    again = desk.next(lease)
    assert again is not None
    assert [one.subscriber_id for one in again.recipients] == desk.people[4:]
    desk.report(lease, again, [OK] * 6)
    assert desk.status(distribution).accepted == 10


def test_a_relay_that_is_down_is_said_and_waited_for(desk: Desk) -> None:
    """The note says why; the batch comes back later; the note goes when the relay answers."""
    distribution = desk.publish()
    lease = desk.lease()
    leased = desk.next(lease)
    assert leased is not None
    assert not leased.has_note
    desk.report(lease, leased, [], relay_trouble="relay:25: refused", retry_after_seconds=30)
    assert desk.status(distribution).note == "relay:25: refused"
    assert desk.next(lease) is None
    desk.make_due()
    again = desk.next(lease)
    assert again is not None
    assert again.has_note
    desk.report(lease, again, [OK] * 10, clears_note=True)
    assert desk.status(distribution).note is None


def test_a_relay_that_is_down_costs_the_deferred_no_round(desk: Desk) -> None:
    """What could not be tried is no further try: it goes as soon as the relay is back."""
    desk.publish()
    lease = desk.lease()
    leased = desk.next(lease)
    assert leased is not None
    desk.report(lease, leased, [OK] * 8 + [NOT_NOW] * 2)
    for _ in range(3):
        desk.make_due()
        again = desk.next(lease)
        assert again is not None
        desk.report(lease, again, [], relay_trouble="relay:25: refused", retry_after_seconds=30)
        batch = desk.batch()
        with desk.database.reading() as session:
            wait = (batch.due_at - read_clock(session)).total_seconds()
        assert batch.round == 1
        assert 20 < wait <= 30


def test_a_journal_that_lost_its_end_leaves_the_rest_in_doubt(desk: Desk) -> None:
    """What it says counts; whoever it does not mention may have it."""
    distribution = desk.publish()
    lease = desk.lease()
    leased = desk.next(lease)
    assert leased is not None
    journal = [Entry(desk.people[0], 1, OK), Entry(desk.people[1], 1, NOT_NOW)]
    with desk.database.transaction() as session:
        adopt(session, lease, {leased.batch_id: journal}, is_whole=False, even_if_it_lives=True)
    assert desk.status(distribution).accepted == 1
    with desk.database.reading() as session:
        doubtful = session.scalars(
            sa.select(Delivery.subscriber_id).where(Delivery.is_in_doubt)
        ).all()
    assert sorted(doubtful) == desk.people[2:]


def test_a_lost_worker_is_replaced_after_its_journal(desk: Desk) -> None:
    """What was accepted is not sent again; what was under way is, and counts as repeats."""
    distribution = desk.publish()
    lease = desk.lease()
    leased = desk.next(lease)
    assert leased is not None
    journal = [Entry(person, 1, OK) for person in desk.people[:5]]
    journal += [Entry(person, 1, DOUBT) for person in desk.people[5:7]]
    with desk.database.transaction() as session:
        assert adopt(session, lease, {leased.batch_id: journal}) is None  # it lives
    desk.run_out(lease)
    with desk.database.transaction() as session:
        assert adopt(session, lease, {leased.batch_id: journal}) == [leased.batch_id]
    other = desk.lease()
    again = desk.next(other)
    assert again is not None
    assert [one.subscriber_id for one in again.recipients] == desk.people[5:]
    desk.report(other, again, [OK] * 5)
    assert isinstance(desk.settle(distribution), Completed)
    said = desk.status(distribution)
    assert (said.accepted, said.repeats) == (10, 2)


def test_a_stalled_worker_only_brings_acceptances(desk: Desk) -> None:
    """Who has lost the lease changes nothing but what was accepted, and takes nothing new."""
    distribution = desk.publish()
    lease = desk.lease()
    leased = desk.next(lease)
    assert leased is not None
    desk.run_out(lease)
    with desk.database.transaction() as session:
        adopt(session, lease, {leased.batch_id: [Entry(desk.people[0], 1, DOUBT)]})
    with desk.database.transaction() as session:
        assert not renew_lease(session, lease)
    turn = desk.report(lease, leased, [OK, NEVER, NOT_NOW])
    assert (turn.is_lease_held, turn.lost) == (False, {leased.batch_id})
    assert desk.turn(lease, wants_next=True).leased is None
    said = desk.status(distribution)
    assert (said.accepted, said.queued, said.repeats) == (1, 9, 0)


def test_a_lost_host_leaves_everything_in_doubt(desk: Desk) -> None:
    """Without its journal nobody knows what was sent: all that is undecided may be a repeat."""
    distribution = desk.publish()
    lease = desk.lease(folder="elsewhere")
    leased = desk.next(lease)
    assert leased is not None
    alive = desk.lease(folder="elsewhere")
    desk.run_out(lease)
    with desk.database.reading() as session:
        seen = {one.id: one for one in other_leases(session)[1]}
    assert (seen[lease].is_expired, seen[lease].is_folder_alive) == (True, True)
    desk.run_out(alive)
    with desk.database.reading() as session:
        seen = {one.id: one for one in other_leases(session)[1]}
    assert not seen[lease].is_folder_alive
    with desk.database.transaction() as session:
        adopt(session, lease, {}, is_whole=False)
    other = desk.lease()
    again = desk.next(other)
    assert again is not None
    desk.report(other, again, [OK] * 10)
    assert isinstance(desk.settle(distribution), Completed)
    assert desk.status(distribution).repeats == 10


def test_a_batch_that_kills_its_workers_is_given_up(desk: Desk) -> None:
    """A batch whose worker dies again and again fails with the reason, and does not loop."""
    distribution = desk.publish()
    for _ in range(25):
        lease = desk.lease()
        assert desk.next(lease) is not None
        desk.run_out(lease)
        with desk.database.transaction() as session:
            adopt(session, lease, {})
    assert desk.next(desk.lease()) is None
    assert isinstance(desk.settle(distribution), Completed)
    assert desk.status(distribution).failed == 10


def test_a_lease_given_back_frees_its_batches(desk: Desk) -> None:
    """What a worker did not begin is open again at once."""
    desk.publish()
    lease = desk.lease()
    assert desk.next(lease) is not None
    with desk.database.transaction() as session:
        release_lease(session, lease)
    assert desk.next(desk.lease()) is not None


def test_pause_is_seen_by_the_next_turn(desk: Desk) -> None:
    """A paused distribution's batch is stopped, nothing of it is leased, and it can go on."""
    distribution = desk.publish()
    lease = desk.lease()
    leased = desk.next(lease)
    assert leased is not None
    with desk.database.transaction() as session:
        commands.pause(session, distribution)
    turn = desk.report(lease, leased, [OK] * 3)
    assert turn.stopped == {distribution}
    assert desk.next(lease) is None
    with desk.database.transaction() as session:
        commands.resume(session, distribution)
    again = desk.next(lease)
    assert again is not None
    assert len(again.recipients) == 7


def test_cancelling_decides_what_is_open(desk: Desk) -> None:
    """Queued and deferred are cancelled, in doubt is uncertain, accepted stays; it balances."""
    distribution = desk.publish()
    lease = desk.lease()
    leased = desk.next(lease)
    assert leased is not None
    with desk.database.transaction() as session:
        commands.cancel(session, distribution)
    finish_cancelled(desk.database, distribution)
    assert desk.status(distribution).finished_at is None  # a worker still holds a batch
    desk.report(lease, leased, [OK, DOUBT, NOT_NOW, NEVER])
    finish_cancelled(desk.database, distribution)
    said = desk.status(distribution)
    assert (said.accepted, said.uncertain, said.cancelled, said.failed) == (1, 1, 7, 1)
    assert said.is_finished
    assert said.balances


def test_after_cancelling_the_next_reaches_who_was_left(desk: Desk) -> None:
    """Publishing again after a cancel reaches exactly those who have not had it."""
    first = desk.publish()
    lease = desk.lease()
    leased = desk.next(lease)
    assert leased is not None
    desk.report(lease, leased, [OK] * 4)
    with desk.database.transaction() as session:
        commands.cancel(session, first)
    finish_cancelled(desk.database, first)
    second = desk.publish()
    again = desk.next(lease)
    assert again is not None
    assert again.distribution_id == second
    assert [one.subscriber_id for one in again.recipients] == desk.people[4:]


def test_a_deadline_ends_the_trying(desk: Desk) -> None:
    """After it deferred and queued ones fail with the reason, those in doubt are uncertain."""
    distribution = desk.publish()
    lease = desk.lease()
    leased = desk.next(lease)
    assert leased is not None
    desk.report(lease, leased, [OK, DOUBT, NOT_NOW])
    with desk.database.reading() as session:
        past = read_clock(session) - dt.timedelta(seconds=1)
    desk.change(distribution, deadline_at=past)
    assert desk.next(lease) is None
    give_up_late(desk.database, distribution)
    assert isinstance(desk.settle(distribution), Completed)
    said = desk.status(distribution)
    assert (said.accepted, said.uncertain, said.failed) == (1, 1, 8)


def test_books_that_do_not_agree_are_held(desk: Desk) -> None:
    """A missing delivery is never hidden behind `complete`."""
    distribution = desk.publish()
    lease = desk.lease()
    leased = desk.next(lease)
    assert leased is not None
    desk.report(lease, leased, [OK] * 10)
    with desk.database.transaction() as session:
        session.execute(sa.delete(Delivery).where(Delivery.subscriber_id == desk.people[0]))
    assert isinstance(desk.settle(distribution), Unbalanced)
    with desk.database.reading() as session:
        row = session.get_one(Distribution, distribution)
        assert row.state == "held"
        assert "do not agree" in (row.note or "")


def test_an_empty_audience_completes(desk: Desk) -> None:
    """When everybody left before the distribution was expanded, it completes all the same."""
    distribution = desk.office.publish("press")
    with desk.database.reading() as session:
        cutoff = session.get_one(Distribution, distribution).due_at
    desk.change(distribution, due_at=cutoff - dt.timedelta(days=3650))
    desk.expand(distribution)
    assert isinstance(desk.settle(distribution), Completed)
    assert desk.status(distribution).eligible == 0


def test_urgent_goes_first_and_fresh_before_again(desk: Desk) -> None:
    """Lane, then round, then age decide what is leased next."""
    plain = desk.publish()
    urgent = desk.publish(title="Urgent", is_urgent=True)
    lease = desk.lease()
    leased = desk.next(lease)
    assert leased is not None
    assert leased.distribution_id == urgent
    second = desk.next(lease)
    assert second is not None
    assert second.distribution_id == plain
    desk.report(lease, second, [NOT_NOW] * 10)
    fresh = desk.publish(title="Fresh")
    desk.make_due()
    third = desk.next(lease)
    assert third is not None
    assert third.distribution_id == fresh


def test_after_an_outage_running_work_is_held(desk: Desk) -> None:
    """More than an hour without a worker: what ran before is held, what came since is not."""
    before, since = desk.publish(), desk.publish(title="Since")
    with desk.database.transaction() as session:
        keep_pulse(session)
    with desk.database.transaction() as session:
        moment = read_clock(session)
        session.execute(sa.update(Fact).values(known_at=moment - dt.timedelta(hours=3)))
    desk.change(before, due_at=moment - dt.timedelta(hours=4))
    with desk.database.reading() as session:
        assert not pulse_is_fresh(session)
    with desk.database.transaction() as session:
        assert keep_pulse(session) == [before]
    with desk.database.transaction() as session:
        assert pulse_is_fresh(session)
        assert keep_pulse(session) == []
    assert desk.status(before).state == "held"
    assert "resume it" in (desk.status(before).note or "")
    assert desk.status(since).state == "running"
    with desk.database.transaction() as session:
        commands.resume(session, before)
    assert desk.status(before).state == "running"


def test_a_scheduled_distribution_starts_when_due_and_not_much_later(desk: Desk) -> None:
    """In time it runs; hours late it is held, unless people wait for an embargo to lift."""
    with desk.database.reading() as session:
        moment = read_clock(session)
    soon = moment + dt.timedelta(hours=1)
    scheduled = desk.office.publish("press", at=soon)
    lift = desk.office.publish("press", title="Embargoed", at=soon, embargo=soon)
    with desk.database.transaction() as session:
        assert not start(session, scheduled)
    late = moment - dt.timedelta(hours=3)
    desk.change(scheduled, due_at=moment - dt.timedelta(minutes=5))
    with desk.database.transaction() as session:
        assert start(session, scheduled)
    desk.change(scheduled, state="scheduled", due_at=late)
    desk.change(lift, due_at=late)
    with desk.database.transaction() as session:
        session.execute(
            sa.text(
                "UPDATE release_version SET embargo_at = (SELECT due_at FROM "
                "distribution WHERE id = :id) WHERE embargo_at IS NOT NULL"
            ),
            {"id": lift},
        )
    with desk.database.transaction() as session:
        assert not start(session, scheduled)
        assert start(session, lift)
    with desk.database.reading() as session:
        deadline_at = session.get_one(Distribution, lift).deadline_at
        assert deadline_at - read_clock(session) > dt.timedelta(hours=47)
    assert desk.status(scheduled).state == "held"


def test_who_left_the_lists_of_their_copy_is_not_mailed(database_url: str) -> None:
    """Who left every list that their copy comes through is not mailed for a list joined since."""
    desk = Desk(database_url, people=3)
    europe = desk.office.lists("europe")["europe"]
    distribution = desk.office.publish("press", "europe")
    desk.expand(distribution)
    person = desk.people[1]
    desk.office.leave(person, desk.list_id)
    desk.office.subscribe([person], europe, began_at=dt.datetime.now(dt.UTC))
    leased = desk.next(desk.lease())
    assert leased is not None
    assert {one.subscriber_id for one in leased.recipients} == {desk.people[0], desk.people[2]}
    assert leased.withheld == {person: "left"}

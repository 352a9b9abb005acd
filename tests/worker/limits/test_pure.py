"""What decides, without a clock, a thread or a server of its own."""

import random

from hypothesis import given
from hypothesis import strategies as st

from mail.replies import Accepted, Deferred, Failed, InDoubt, Reply
from runtime.limits import DomainLimits, Rate, RelayLimits
from runtime.relays import Relay
from tests.worker.limits.shops import most_in
from worker.limits.asks import Asks, Grants, RateAsk, RestNews, SlotAsk
from worker.limits.buckets import TOKEN_SECONDS, Bucket, pace_of
from worker.limits.gate import Gate
from worker.limits.rests import (
    FIRST_REST_SECONDS,
    LONGEST_REST_SECONDS,
    STRIKES,
    Temper,
    rest_seconds,
    speaks_for_the_domain,
)
from worker.limits.shares import Shares

RATES = st.builds(Rate, st.integers(1, 500), st.sampled_from([1, 60, 3600]))
LATER = Deferred(Reply(451, (4, 7, 1), "later"), "451 4.7.1 later")
TAKEN = Accepted(Reply(250, (2, 0, 0), "ok"))


@given(
    rate=RATES,
    draws=st.lists(
        st.tuples(
            st.floats(0, 3, allow_nan=False),
            st.integers(0, 400),
            st.floats(0, TOKEN_SECONDS, exclude_max=True),
        ),
        max_size=60,
    ),
)
def test_no_window_sees_more_than_its_rate(
    rate: Rate, draws: list[tuple[float, int, float]]
) -> None:
    """However it is drawn, and however late each token is used while it is good."""
    now = 0.0
    bucket = Bucket(pace_of(rate), now)
    used: list[float] = []
    for pause, want, lateness in draws:
        now += pause * rate.seconds / 3
        used += [now + lateness] * bucket.draw(want, now)
    assert most_in(sorted(used), rate.seconds) <= rate.count


@given(rate=RATES)
def test_nearly_all_of_a_rate_is_used(rate: Rate) -> None:
    """Who draws twenty times a second gets four fifths of a rate per second, or more."""
    periods = 20 if rate.seconds == 1 else 2
    steps = int(periods * rate.seconds / 0.05)
    steps, step = (steps, 0.05) if steps < 5000 else (5000, periods * rate.seconds / 5000)
    bucket = Bucket(pace_of(rate), 0.0)
    least = 0.8
    if step > 0.05:  # a bucket is shallow: who draws seldom gets less
        least *= 0.05 / step
    assert sum(bucket.draw(1000, n * step) for n in range(1, steps + 1)) >= int(
        least * periods * rate.count
    )


def test_who_comes_after_a_pause_need_not_wait() -> None:
    """There is a token where nothing has gone for long."""
    bucket = Bucket(pace_of(Rate(5, 60)), 0.0)
    assert bucket.draw(3, 60.0) == 1


def test_a_rest_begins_with_the_third_in_a_row_and_grows() -> None:
    """Each time a little random, twice as long, to half an hour at most; one acceptance ends it."""
    temper, now = Temper(), 100.0
    for _ in range(STRIKES - 1):
        assert not temper.hear(LATER, now, 0.0)
    assert not temper.hear(TAKEN, now, 0.0)  # somebody was taken: it begins anew
    for _ in range(STRIKES - 1):
        assert not temper.hear(LATER, now, 0.0)
    assert temper.hear(LATER, now, 0.0)
    assert not temper.may_try(now + FIRST_REST_SECONDS - 1, 0)
    assert not temper.hear(LATER, now + 1, 0.0)  # it was under way when the rest began
    now += FIRST_REST_SECONDS
    assert temper.may_try(now, 0)
    assert not temper.may_try(now, 1)  # one at a time
    assert temper.hear(LATER, now, 0.0)
    assert not temper.may_try(now + 2 * FIRST_REST_SECONDS - 1, 0)
    now += 2 * FIRST_REST_SECONDS
    assert temper.hear(TAKEN, now, 0.0)
    assert temper.may_try(now, 7)
    assert rest_seconds(50, 0.0) == LONGEST_REST_SECONDS
    assert rest_seconds(0, 1.0) > rest_seconds(0, 0.0)


def test_one_persons_deferral_is_not_the_domains() -> None:
    """A full mailbox, an unknown state of one address, or a doubt says nothing of the others."""
    assert speaks_for_the_domain(Reply(421, None, "busy"))
    assert speaks_for_the_domain(Reply(451, (4, 7, 1), "greylisted"))
    assert not speaks_for_the_domain(Reply(452, (4, 2, 2), "full"))
    assert not speaks_for_the_domain(Reply(450, (4, 1, 1), "unknown for now"))
    assert not speaks_for_the_domain(Reply(552, (5, 2, 2), "full"))
    assert not speaks_for_the_domain(None)
    temper = Temper()
    for outcome in [Failed(None, "no"), InDoubt("?")] * 5:
        assert not temper.hear(outcome, 1.0, 0.0)


class Clock:
    """A clock that is set."""

    def __init__(self) -> None:
        self.now = 1000.0

    def __call__(self) -> float:
        return self.now


def test_what_was_drawn_is_good_for_a_moment_only() -> None:
    """A process that was stopped in between does not use old tokens, nor old slots."""
    clock = Clock()
    relay = Relay("mx.example", 25, limits=RelayLimits(connections=4))
    gate = Gate([relay], DomainLimits.parse(("slow.example 5/s",)), clock=clock)
    lane, relay_lane = gate.lane_of("a@slow.example"), gate.relay_lane(relay)
    assert lane is not None
    assert relay_lane is not None
    lane.waiting = 2
    assert relay_lane.connections_allowed(8, clock.now) == 0
    asks = gate.asks()
    assert [(ask.name, ask.want) for ask in asks.rates] == [("domain slow.example", 2)]
    assert [(ask.held, ask.want) for ask in asks.slots] == [(0, 4)]
    gate.take(asks, Grants([2], [3]), clock.now)
    assert relay_lane.connections_allowed(8, clock.now) == 3
    assert lane.enter(clock.now)
    clock.now += TOKEN_SECONDS
    assert not lane.enter(clock.now)
    clock.now += 5
    assert relay_lane.connections_allowed(8, clock.now) == 0


def test_a_rest_is_told_to_others_and_heard_from_them() -> None:
    """What one process learnt the others know; what one saw end ends for all."""
    clock = Clock()
    domains = DomainLimits.parse(("*",))
    one = Gate([], domains, clock=clock, jitter=random.Random(1))
    two = Gate([], domains, clock=clock)
    lane = one.lane_of("a@slow.example")
    assert lane is not None
    for _ in range(STRIKES):
        assert lane.enter(clock.now)
        one.settled(lane, LATER)
    (news,) = one.asks().rests
    assert news.name == "slow.example"
    two.take(Asks(), Grants(rests=[news], knows_rests=True), clock.now)
    other = two.lane_of("b@slow.example")
    assert other is not None
    assert not other.has_room(clock.now + news.seconds - 1)
    clock.now += news.seconds + 1
    assert other.enter(clock.now)
    two.settled(other, TAKEN)
    assert two.asks().rests == [RestNews("slow.example", None)]
    one.take(Asks(), Grants(knows_rests=True), clock.now)
    assert lane.temper.rest is None


def test_batches_of_a_slow_domain_come_back_one_after_another() -> None:
    """Each when those before it have had their time: nothing is leased again and again."""
    clock = Clock()
    gate = Gate([], DomainLimits.parse(("slow.example 20/s",)), clock=clock)
    lane = gate.lane_of("a@slow.example")
    assert lane is not None
    assert [lane.book(200, clock.now) for _ in range(3)] == [0, 10, 20]


def test_alone_all_of_a_limit_is_ours_and_a_newcomer_waits_to_be_seen() -> None:
    """Without Redis: never more than the limit while somebody comes, and none for who has gone."""
    present: set[str] = set()
    first, second = (Shares(name, lambda: present) for name in ("a", "b"))
    relay = Relay("mx.example", 25, limits=RelayLimits(connections=5))
    gate = Gate([relay], DomainLimits(), clock=lambda: 0.0)
    lane = gate.relay_lane(relay)
    assert lane is not None
    lane.connections_allowed(5, 0.0)
    asks = gate.asks()
    assert first.turn(asks, 0.0).slots == [0]  # nobody has looked yet
    present.add("a")
    for moment, granted in ((-0.4, 0), (-0.2, 0), (-0.1, 5), (0.0, 5)):
        first.look(moment)
        assert first.turn(asks, moment).slots == [granted], moment
    rates = Asks(rates=[RateAsk("domain d", Rate(1, 60), 5)])
    assert first.turn(rates, 0.1).rates == [1]  # there is room: nobody waits for a minute
    assert first.turn(rates, 0.2).rates == [0]
    present.add("b")
    second.look(0.5)
    assert second.turn(asks, 0.5).slots == [0]
    first.look(1.0)
    assert first.turn(asks, 1.0).slots == [3]
    for now in (1.5, 2.5):
        second.look(now)
    assert second.turn(asks, 2.5).slots == [2]
    present.remove("a")
    for now in (3.5, 4.5, 5.5, 6.5, 7.5):
        second.look(now)
    assert second.turn(asks, 7.5).slots == [5]


def test_who_comes_back_waits_like_who_is_new() -> None:
    """The others have forgotten it, and look once a second."""
    asks = Asks((), [SlotAsk("relay", 10, 0, 10)])
    present = {"a"}
    first, second = (Shares(name, lambda: present) for name in ("a", "b"))
    for moment in (-0.4, 0.0):
        first.look(moment)
    assert first.turn(asks, 0.0).slots == [10]
    present = {"a", "b"}
    for moment in (1.0, 2.0, 3.1):
        first.look(moment)
        second.look(moment)
    assert (first.turn(asks, 3.1).slots, second.turn(asks, 3.1).slots) == ([5], [5])
    present = {"a"}
    for moment in range(4, 12):
        first.look(float(moment))
    assert first.turn(asks, 11.0).slots == [10]
    present = {"a", "b"}
    second.look(11.5)  # the first looks half a second later
    assert second.turn(asks, 11.5).slots == [0]
    for moment in (12.0, 12.6, 13.6):
        first.look(moment)
        second.look(moment)
    assert (first.turn(asks, 13.6).slots, second.turn(asks, 13.6).slots) == ([5], [5])


def test_who_comes_between_two_slices_of_another_is_not_alone() -> None:
    """One look may find the other without a lease; it waits until the other must have seen it."""
    asks = Asks((), [SlotAsk("relay", 10, 0, 10)])
    present = {"a"}
    first, second = (Shares(name, lambda: present) for name in ("a", "b"))
    for moment in (0.0, 0.4, 1.4):
        first.look(moment)
    assert first.turn(asks, 1.4).slots == [10]
    present = {"b"}
    second.look(1.5)
    present = {"a", "b"}
    for moment in (1.5, 1.6, 1.8, 2.3, 2.5, 3.5, 4.3):
        first.look(moment)
        second.look(moment)
        granted = first.turn(asks, moment).slots[0] + second.turn(asks, moment).slots[0]
        assert granted <= 10, moment
    assert (first.turn(asks, 4.3).slots, second.turn(asks, 4.3).slots) == ([5], [5])


def test_who_comes_and_goes_believes_no_single_look() -> None:
    """Between two slices a process that delivers has no lease for a moment, and its connections."""
    asks = Asks((), [SlotAsk("relay", 1, 0, 1)])
    lane = Shares("(lane)", lambda: {"(lane)"}, is_patient=True)
    for moment, granted in ((0.0, 0), (1.0, 0), (2.1, 1), (3.1, 1), (60.0, 0), (62.1, 1)):
        lane.look(moment)
        assert lane.turn(asks, moment).slots == [granted], moment

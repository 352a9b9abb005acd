"""What outcomes make of a delivery: nothing counted twice, nothing forgotten."""

import datetime as dt

import pytest
from hypothesis import given
from hypothesis import strategies as st

from mail.replies import Accepted, Deferred, Failed, InDoubt, Outcome, Reply, Unsent
from releases.outcomes import (
    TEXT_MAX_CHARACTERS,
    Attempt,
    GivenUp,
    Standing,
    Withheld,
    after_attempt,
    cut,
    without_attempt,
)

LATER = dt.datetime(2026, 1, 1, tzinfo=dt.UTC)
OK = Accepted(Reply(250, (2, 0, 0), "Ok"))
NOT_NOW = Deferred(Reply(450, (4, 2, 0), "Greylisted"), "450 Greylisted")
NEVER = Failed(Reply(550, (5, 1, 1), "No such user"), "550 No such user")
DOUBT = InDoubt("the connection was lost")
QUEUED = Standing("queued")

OUTCOMES = st.sampled_from([OK, NOT_NOW, NEVER, DOUBT, Unsent("no relay")])
STEPS = st.lists(st.tuples(st.integers(1, 3), st.integers(1, 3), OUTCOMES, st.booleans()))


def step(
    standing: Standing, attempt: Attempt, outcome: Outcome, *, holder: bool = True
) -> Standing:
    """One outcome."""
    return after_attempt(standing, attempt, outcome, is_holder=holder, retry_at=LATER)


def test_an_acceptance_is_the_end() -> None:
    """The first 250 makes a delivery accepted, without a repeat."""
    after = step(QUEUED, Attempt(1, 1), OK)
    assert (after.state, after.attempts, after.repeats) == ("accepted", 1, 0)


def test_a_deferred_delivery_is_due_again_and_can_then_be_accepted() -> None:
    """A deferral says why and when again; a later acceptance is no repeat."""
    deferred = step(QUEUED, Attempt(1, 1), NOT_NOW)
    assert (deferred.state, deferred.due_at) == ("deferred", LATER)
    after = step(deferred, Attempt(2, 2), OK)
    assert (after.state, after.due_at, after.reason, after.repeats) == ("accepted", None, None, 0)


def test_what_is_sent_again_after_a_doubt_counts_as_a_repeat() -> None:
    """A second copy may have arrived: it is counted, once for each further attempt."""
    doubt = step(QUEUED, Attempt(1, 1), DOUBT)
    assert (doubt.state, doubt.is_in_doubt, doubt.repeats) == ("deferred", True, 0)
    again = step(doubt, Attempt(2, 2), DOUBT)
    assert again.repeats == 1
    assert step(again, Attempt(3, 3), OK).repeats == 2


def test_a_late_acceptance_dissolves_its_own_doubt() -> None:
    """A stalled worker's acceptance counts, and is no repeat when nobody sent again."""
    doubt = step(QUEUED, Attempt(1, 1), DOUBT)
    late = step(doubt, Attempt(1, 1), OK, holder=False)
    assert (late.state, late.repeats) == ("accepted", 0)


def test_a_late_acceptance_after_a_second_copy_is_not_counted_twice() -> None:
    """Two copies are one repeat, whatever the order in which they are recorded."""
    doubt = step(QUEUED, Attempt(1, 1), DOUBT)
    again = step(doubt, Attempt(2, 2), OK)
    assert again.repeats == 1
    assert step(again, Attempt(1, 1), OK, holder=False) == again


def test_an_acceptance_of_which_nobody_knew_is_a_repeat() -> None:
    """What a stalled worker sent after its journal was read makes a second copy: counted once."""
    accepted = step(QUEUED, Attempt(2, 1), OK)
    late = step(accepted, Attempt(1, 1), OK, holder=False)
    assert (late.state, late.repeats) == ("accepted", 1)
    assert step(late, Attempt(1, 1), OK, holder=False) == late


@pytest.mark.parametrize("second", [OK, DOUBT])
def test_a_second_copy_counts_though_the_first_is_accepted_meanwhile(second: Outcome) -> None:
    """A stalled worker's acceptance dissolves no doubt about copies that followed it."""
    doubt = step(QUEUED, Attempt(1, 1), DOUBT)
    late = step(doubt, Attempt(1, 1), OK, holder=False)
    after = step(late, Attempt(2, 2), second)
    assert (after.state, after.repeats) == ("accepted", 1)
    assert step(after, Attempt(2, 2), second) == after


def test_a_late_acceptance_does_not_make_a_recorded_attempt_new() -> None:
    """What the journal says again after a late acceptance is known already."""
    doubt = step(QUEUED, Attempt(1, 1), DOUBT)
    again = step(doubt, Attempt(2, 2), DOUBT)
    late = step(again, Attempt(1, 1), OK, holder=False)
    assert (late.state, late.repeats) == ("accepted", 1)
    assert step(late, Attempt(2, 2), DOUBT) == late


def test_a_late_acceptance_of_a_counted_doubt_is_no_repeat() -> None:
    """The doubt was one copy, and the deferral after it none."""
    doubt = step(QUEUED, Attempt(1, 1), DOUBT)
    deferred = step(doubt, Attempt(2, 2), NOT_NOW)
    late = step(deferred, Attempt(1, 1), OK, holder=False)
    assert (late.state, late.repeats) == ("accepted", 0)


def test_a_refusal_after_a_doubt_leaves_it_uncertain() -> None:
    """The earlier attempt may have been taken: nobody is told that they certainly lack it."""
    doubt = step(QUEUED, Attempt(1, 1), DOUBT)
    refused = step(doubt, Attempt(2, 2), NEVER)
    assert (refused.state, refused.reason) == ("uncertain", "550 No such user")
    assert step(QUEUED, Attempt(1, 1), NEVER).state == "failed"


def test_only_the_holder_fails_or_defers() -> None:
    """Who has lost the lease can only bring acceptances and doubts."""
    for outcome in (NOT_NOW, NEVER):
        assert step(QUEUED, Attempt(1, 1), outcome, holder=False) == QUEUED


def test_a_late_acceptance_corrects_what_was_given_up() -> None:
    """Uncertain and cancelled were guesses; a 250 is a fact."""
    doubt = step(QUEUED, Attempt(1, 1), DOUBT)
    uncertain = without_attempt(doubt, GivenUp(is_cancelled=True, reason="cancelled"))
    assert uncertain.state == "uncertain"
    assert step(uncertain, Attempt(1, 1), OK, holder=False).state == "accepted"


def test_giving_up_says_what_is_known() -> None:
    """Cancelled, failed with the last reason, uncertain when in doubt, suppressed with why."""
    deferred = step(QUEUED, Attempt(1, 1), NOT_NOW)
    cancelled = GivenUp(is_cancelled=True, reason="cancelled")
    late = GivenUp(is_cancelled=False, reason="not delivered in time")
    assert without_attempt(QUEUED, cancelled).state == "cancelled"
    failed = without_attempt(deferred, late)
    assert (failed.state, failed.reason) == ("failed", "not delivered in time: 450 Greylisted")
    assert without_attempt(QUEUED, Withheld("left")).state == "suppressed"
    accepted = step(QUEUED, Attempt(1, 1), OK)
    assert without_attempt(accepted, cancelled) is accepted


@given(STEPS)
def test_an_outcome_applied_twice_counts_once(steps: list[tuple[int, int, Outcome, bool]]) -> None:
    """Whatever came before, saying the same again at once changes nothing."""
    standing = QUEUED
    for lease, number, outcome, holder in steps:
        once = step(standing, Attempt(lease, number), outcome, holder=holder)
        assert step(once, Attempt(lease, number), outcome, holder=holder) == once
        standing = once


@given(STEPS)
def test_accepted_is_for_ever_and_repeats_never_shrink(
    steps: list[tuple[int, int, Outcome, bool]],
) -> None:
    """No outcome takes an acceptance back; who was accepted by any attempt is accepted."""
    standing = QUEUED
    for lease, number, outcome, holder in steps:
        after = step(standing, Attempt(lease, number), outcome, holder=holder)
        assert after.repeats >= standing.repeats
        if standing.state == "accepted" or isinstance(outcome, Accepted):
            assert after.state == "accepted"
        standing = after


@pytest.mark.unmeasured
@given(st.text())
def test_what_is_stored_is_bounded_and_storable(text: str) -> None:
    """Replies of any server fit into a column of any database."""
    stored = cut(text)
    assert len(stored) <= TEXT_MAX_CHARACTERS
    assert "\x00" not in stored
    assert stored.encode().decode() == stored

"""What an attempt's outcome makes of a delivery: the whole policy, as a function of values.

An attempt is known by the lease under which it was made and its number, so that an outcome
that is applied twice (from the journal, and by the worker that wrote it) counts once. Three
rules keep the count honest whoever speaks last:

- an acceptance counts whoever holds the lease by then; anything else only from the holder;
- an attempt without a final reply may have been taken: it leaves the delivery *in doubt*, for
  good, and each further copy that may have arrived counts as a repeat;
- what is decided stays decided, but for an acceptance that comes late.
"""

import datetime as dt
from dataclasses import dataclass, replace
from typing import Final, assert_never

from mail.replies import Accepted, Deferred, Failed, InDoubt, Outcome, Reply, Unsent
from releases.models import DeliveryState

TEXT_MAX_CHARACTERS: Final = 500
"""Replies and reasons are cut at this."""

OPEN: Final = (DeliveryState.QUEUED.value, DeliveryState.DEFERRED.value)
"""The states in which something is still to be done about a delivery."""


@dataclass(frozen=True, slots=True)
class Attempt:
    """One try at a delivery: the `number`-th, under a lease."""

    lease_id: int
    number: int


@dataclass(frozen=True, slots=True)
class Standing:
    """How a delivery stands: what an outcome may change of its row."""

    state: str
    attempts: int = 0
    lease_id: int | None = None
    is_in_doubt: bool = False
    repeats: int = 0
    reason: str | None = None
    reply: str | None = None
    due_at: dt.datetime | None = None

    @property
    def is_open(self) -> bool:
        """Whether something is still to be done about it."""
        return self.state in OPEN


@dataclass(frozen=True, slots=True)
class Withheld:
    """Chosen, but not to be mailed after all: why, in a word or a plain line."""

    reason: str


@dataclass(frozen=True, slots=True)
class GivenUp:
    """Nothing more will be tried. A cancelled distribution, or its deadline has passed."""

    is_cancelled: bool
    reason: str


def after_attempt(
    standing: Standing,
    attempt: Attempt,
    outcome: Outcome,
    *,
    is_holder: bool,
    retry_at: dt.datetime,
) -> Standing:
    """How the delivery stands after an attempt; the same standing when nothing changes."""
    match outcome:
        case Accepted(reply):
            return _accepted(standing, attempt, reply, is_holder=is_holder)
        case InDoubt(why):
            return _in_doubt(standing, attempt, why, is_holder=is_holder, retry_at=retry_at)
        case Deferred() | Failed():
            return _refused(standing, attempt, outcome, is_holder=is_holder, retry_at=retry_at)
        case Unsent():
            return standing
        case _:
            assert_never(outcome)


def without_attempt(standing: Standing, decision: Withheld | GivenUp) -> Standing:
    """How an open delivery stands when no attempt will follow."""
    if not standing.is_open:
        return standing
    if standing.is_in_doubt:
        state = DeliveryState.UNCERTAIN
    elif isinstance(decision, Withheld):
        state = DeliveryState.SUPPRESSED
    elif decision.is_cancelled:
        state = DeliveryState.CANCELLED
    else:
        state = DeliveryState.FAILED
    earlier = standing.reason if isinstance(decision, GivenUp) else None
    reason = f"{decision.reason}: {earlier}" if earlier else decision.reason
    return replace(standing, state=state, due_at=None, reason=cut(reason))


def cut(text: str) -> str:
    """A reply or reason as it is stored: bounded, and without what a database refuses."""
    text = text[:TEXT_MAX_CHARACTERS]
    if text.isascii() and "\x00" not in text:
        return text
    text = text.replace("\x00", "\N{REPLACEMENT CHARACTER}")
    return text.encode("utf-8", "replace").decode()


def _is_same(standing: Standing, attempt: Attempt) -> bool:
    return (standing.lease_id, standing.attempts) == (attempt.lease_id, attempt.number)


def _has_arrived(standing: Standing) -> bool:
    """Whether an attempt is known that was, or may have been, taken."""
    return standing.is_in_doubt or standing.state == DeliveryState.ACCEPTED


def _tried(standing: Standing, attempt: Attempt) -> Standing:
    """It is the last attempt by now. Only a holder's is: theirs come one after another."""
    return replace(standing, attempts=attempt.number, lease_id=attempt.lease_id)


def _said(standing: Standing, reply: Reply | None, why: str | None) -> Standing:
    return replace(
        standing,
        reply=cut(str(reply)) if reply is not None else None,
        reason=cut(why) if why is not None else None,
    )


def _accepted(standing: Standing, attempt: Attempt, reply: Reply, *, is_holder: bool) -> Standing:
    is_same = _is_same(standing, attempt)
    if not (is_holder or is_same):
        return _accepted_late(standing, attempt, reply)
    is_accepted = standing.state == DeliveryState.ACCEPTED
    if is_same and is_accepted:
        return standing
    repeats = standing.repeats + (_has_arrived(standing) and not is_same)
    tried = replace(_tried(standing, attempt), repeats=repeats)
    if is_accepted:
        return tried
    return replace(_said(tried, reply, None), state=DeliveryState.ACCEPTED, due_at=None)


def _accepted_late(standing: Standing, attempt: Attempt, reply: Reply) -> Standing:
    """By a worker that had lost its lease. Whoever took that over counted it as in doubt.

    Hardly ever it did not, when it began after its journal was read: then it is in doubt from
    now on, so that it counts once.
    """
    if standing.state == DeliveryState.ACCEPTED:
        if standing.is_in_doubt:
            return standing
        return replace(standing, is_in_doubt=True, repeats=standing.repeats + 1)
    if standing.lease_id is None:
        standing = _tried(standing, attempt)
    return replace(
        _said(standing, reply, None), state=DeliveryState.ACCEPTED, is_in_doubt=True, due_at=None
    )


def _refused(
    standing: Standing,
    attempt: Attempt,
    outcome: Deferred | Failed,
    *,
    is_holder: bool,
    retry_at: dt.datetime,
) -> Standing:
    if not (is_holder and standing.is_open):
        return standing
    said = _said(_tried(standing, attempt), outcome.reply, outcome.why)
    if isinstance(outcome, Deferred):
        return replace(said, state=DeliveryState.DEFERRED, due_at=retry_at)
    # Refused for good, but an earlier attempt may have been taken: they may have it.
    state = DeliveryState.UNCERTAIN if standing.is_in_doubt else DeliveryState.FAILED
    return replace(said, state=state, due_at=None)


def _in_doubt(
    standing: Standing, attempt: Attempt, why: str, *, is_holder: bool, retry_at: dt.datetime
) -> Standing:
    if _is_same(standing, attempt) or (standing.is_in_doubt and not is_holder):
        return standing  # said before, or counted when the lease was taken over
    doubtful = replace(
        standing, is_in_doubt=True, repeats=standing.repeats + _has_arrived(standing)
    )
    if not is_holder:
        return doubtful
    doubtful = _tried(doubtful, attempt)
    if not standing.is_open:  # accepted late, while this attempt was under way
        return doubtful
    return replace(_said(doubtful, None, why), state=DeliveryState.DEFERRED, due_at=retry_at)

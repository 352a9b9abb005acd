"""What an attempt's outcome makes of a delivery: the whole policy, as a function of values.

An attempt is known by the lease under which it was made and its number, so that an outcome
that is applied twice (from the journal, and by the worker that wrote it) counts once. Three
rules keep the count honest whoever speaks last:

- an acceptance counts whoever holds the lease by then; anything else only from the holder;
- an attempt without a final reply may have been taken: it leaves the delivery *in doubt*, and
  each further copy that may have arrived counts as a repeat;
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
            return _accepted(standing, attempt, reply)
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


def _tried(standing: Standing, attempt: Attempt, reply: Reply | None, why: str | None) -> Standing:
    return replace(
        standing,
        attempts=attempt.number,
        lease_id=attempt.lease_id,
        reply=cut(str(reply)) if reply is not None else None,
        reason=cut(why) if why is not None else None,
    )


def _accepted(standing: Standing, attempt: Attempt, reply: Reply) -> Standing:
    is_same = _is_same(standing, attempt)
    if standing.state == DeliveryState.ACCEPTED:
        if is_same or standing.is_in_doubt:
            return standing  # said before, or counted when it was in doubt
        return replace(standing, is_in_doubt=True, repeats=standing.repeats + 1)
    is_repeat = standing.is_in_doubt and not is_same
    return replace(
        _tried(standing, attempt, reply, None),
        state=DeliveryState.ACCEPTED,
        due_at=None,
        repeats=standing.repeats + is_repeat,
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
    is_final = isinstance(outcome, Failed)
    return replace(
        _tried(standing, attempt, outcome.reply, outcome.why),
        state=DeliveryState.FAILED if is_final else DeliveryState.DEFERRED,
        due_at=None if is_final else retry_at,
    )


def _in_doubt(
    standing: Standing, attempt: Attempt, why: str, *, is_holder: bool, retry_at: dt.datetime
) -> Standing:
    if _is_same(standing, attempt):
        return standing
    if is_holder and standing.is_open:
        return replace(
            _tried(standing, attempt, None, why),
            state=DeliveryState.DEFERRED,
            is_in_doubt=True,
            repeats=standing.repeats + standing.is_in_doubt,
            due_at=retry_at,
        )
    if standing.is_in_doubt:
        return standing  # counted when the lease was taken over
    is_repeat = standing.state == DeliveryState.ACCEPTED
    return replace(standing, is_in_doubt=True, repeats=standing.repeats + is_repeat)

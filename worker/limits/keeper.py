"""The limits' thread: draws in bulk what the gate lets through, some twenty times a second.

With Redis as the broker it asks there. Where that does not answer, this process keeps to its share
of the rates at once, and to its share of the slots when nothing that Redis gave to anybody is
good any more. Without Redis the share is what there is.
"""

import random
import threading
from collections.abc import Callable, Collection
from dataclasses import replace
from typing import Final

import redis

from runtime.database import DATABASE_IS_AWAY, plain_reason
from runtime.logging import get_logger
from worker.limits.asks import SLOT_SECONDS, Asks, Grants
from worker.limits.gate import Gate
from worker.limits.redis_pool import RedisPool
from worker.limits.shares import Shares

TURN_SECONDS: Final = 0.05
IDLE_TURN_SECONDS: Final = 1.0
_RETRY_SECONDS: Final = 1.5
"""All come back within it, and a call, to a Redis that answers again: it waits for them."""
_PATIENCE_SECONDS: Final = SLOT_SECONDS + 1.0
_STOP_SECONDS: Final = 2.0

log = get_logger("worker")


class LimitKeeper:
    """Serves a gate until it is closed."""

    def __init__(
        self,
        gate: Gate,
        process: str,
        who_delivers: Callable[[], Collection[str]],
        *,
        redis_url: str | None = None,
        on_turn: Callable[[], None] = lambda: None,
        is_patient: bool = False,
    ) -> None:
        """Begin; ``on_turn`` is called after each turn. ``is_patient``: it comes and goes."""
        self._gate = gate
        self._pool = RedisPool(redis_url, process) if redis_url is not None else None
        self._shares = Shares(
            process,
            who_delivers,
            is_all_there_is=self._pool is None,
            is_patient=is_patient,
        )
        self._on_turn = on_turn
        self._answered_at = float("-inf")
        self._retry_at = 0.0
        self._is_told = False
        self._ended = threading.Event()
        self._wanted = threading.Event()
        gate.on_want = self._wanted.set
        self._thread = threading.Thread(target=self._run, name="medianote-limits", daemon=True)
        self._thread.start()

    def close(self) -> None:
        """End it."""
        self._ended.set()
        self._wanted.set()
        self._thread.join(_STOP_SECONDS)
        if self._pool is not None:
            self._pool.close()

    def _run(self) -> None:
        jitter = random.Random()  # noqa: S311 (spreads turns, no secret)
        while not self._ended.is_set():
            self._wanted.clear()
            is_busy = False
            try:
                is_busy = self._turn()
                self._on_turn()
            except Exception:  # nobody else draws
                log.exception("the limits could not be drawn")
            if is_busy:
                # Uneven, so that nobody is always the first to ask.
                self._ended.wait(TURN_SECONDS * jitter.uniform(0.7, 1.1))
            else:
                self._wanted.wait(IDLE_TURN_SECONDS)

    def _turn(self) -> bool:
        gate = self._gate
        asks = gate.asks()
        is_busy = bool(asks.rates) or any(ask.want for ask in asks.slots)
        if is_busy:
            self._look_round()
        now = gate.clock()
        grants = self._ask_redis(asks, now)
        is_share = grants is None
        if grants is None:
            now = gate.clock()
            asks, grants = self._share(asks, now)
        gate.take(asks, grants, now, is_share=is_share)
        return is_busy

    def _look_round(self) -> None:
        """Also while Redis answers: when it does not, it has to be known who shares."""
        try:
            self._shares.look(self._gate.clock())
        except DATABASE_IS_AWAY as error:
            log.warning("who else delivers is not known now", reason=plain_reason(error))

    def _ask_redis(self, asks: Asks, now: float) -> Grants | None:
        if self._pool is None or now < self._retry_at:
            return None
        try:
            grants = self._pool.turn(asks)
        except redis.RedisError as error:
            self._retry_at = self._gate.clock() + _RETRY_SECONDS
            self._gate.put_back(asks)
            if not self._is_told:
                self._is_told = True
                log.warning(
                    "Redis does not answer: each worker keeps to its share of the limits",
                    reason=str(error)[:200],
                )
            return None
        if self._pool.is_warming:
            # It does not know of all of us yet, nor of what rests.
            self._gate.tell_again()
            return None
        if self._is_told:
            self._gate.tell_again()
            grants = replace(grants, knows_rests=False)
        if self._is_told:
            self._is_told = False
            log.info("Redis answers again: the limits are shared there")
        self._answered_at = now
        return grants

    def _share(self, asks: Asks, now: float) -> tuple[Asks, Grants]:
        grants = self._shares.turn(asks, now)
        silent_seconds = now - self._answered_at
        if self._pool is None or silent_seconds >= _PATIENCE_SECONDS:
            return asks, grants
        if silent_seconds < SLOT_SECONDS:
            # The slots that Redis gave are still good, here and elsewhere.
            return replace(asks, slots=()), replace(grants, slots=())
        # Others may still use what it gave them: no more than is open here, and than the share.
        kept = [min(ask.held, share) for ask, share in zip(asks.slots, grants.slots, strict=True)]
        return asks, replace(grants, slots=kept)

"""Without Redis: each worker process keeps to its share of every limit.

Who shares is seen in SQL: the processes that hold a lease with a journal, which are those that
deliver now. A process alone has all of every limit; it believes that at its second look, for
between two slices a process that delivers has no lease for a moment. One that comes to others
waits until they have seen it; one that is gone is forgotten `_REMEMBERED_SECONDS` after its
lease.
"""

from collections.abc import Callable, Collection
from typing import Final

from runtime.limits import Rate, share_of
from worker.limits.asks import Asks, Grants
from worker.limits.buckets import Bucket, pace_of

LOOK_EVERY_SECONDS: Final = 1.0
_LOOK_AGAIN_SECONDS: Final = 0.3
_REMEMBERED_SECONDS: Final = 5.0
_JOINING_SECONDS: Final = 2.0


class Shares:
    """This process's share. ``who_delivers`` names the processes that deliver now."""

    def __init__(
        self,
        process: str,
        who_delivers: Callable[[], Collection[str]],
        *,
        is_all_there_is: bool = True,
        is_patient: bool = False,
    ) -> None:
        """Begin knowing of nobody; ``is_all_there_is``: nothing is ever drawn elsewhere.

        ``is_patient``: it comes and goes, and waits until others must have seen it also where it
        sees none: who delivers has no lease for a moment now and then, but has its connections.
        """
        self._is_patient = is_patient
        self._is_all_there_is = is_all_there_is
        self._process = process
        self._who_delivers = who_delivers
        self._seen: dict[str, float] = {}
        self._here_since: float | None = None
        self._is_unsure = False
        """It has just come, and its first look saw nobody else."""
        self._looked_at = float("-inf")
        self._buckets: dict[tuple[str, int], Bucket] = {}

    def look(self, now: float) -> None:
        """Look who is there, once a second; raises what the database does."""
        every = _LOOK_AGAIN_SECONDS if self._is_unsure else LOOK_EVERY_SECONDS
        if now - self._looked_at < every:
            return
        found = self._who_delivers()
        if now - self._looked_at > _REMEMBERED_SECONDS:
            self._here_since, self._is_unsure = None, False  # the others have forgotten us
        self._looked_at = now
        self._seen |= dict.fromkeys(found, now)
        self._seen = {name: at for name, at in self._seen.items() if now - at < _REMEMBERED_SECONDS}
        is_alone = self._seen.keys() == {self._process} and not self._is_patient
        self._is_unsure = is_alone and self._here_since is None and not self._is_unsure
        if self._is_unsure:
            return
        if is_alone:
            # Whoever comes now sees us, and waits until we have seen them.
            self._here_since = float("-inf")
        elif self._process not in self._seen:
            self._here_since = None
        elif self._here_since is None:
            self._here_since = now

    def turn(self, asks: Asks, now: float) -> Grants:
        """Give the share; nothing while others may not know yet that we are here."""
        others = len(self._seen.keys() - {self._process})
        is_here = self._here_since is not None and now - self._here_since >= _JOINING_SECONDS
        is_waiting = self._is_unsure or ((others or self._is_patient) and not is_here)
        if self._looked_at == float("-inf") or is_waiting:
            return Grants([0] * len(asks.rates), [0] * len(asks.slots))
        workers = sorted(self._seen.keys() | {self._process})
        rank = workers.index(self._process)
        return Grants(
            [
                self._draw(ask.name, ask.rate, share_of(ask.rate.count, len(workers), rank), now)(
                    ask.want
                )
                for ask in asks.rates
            ],
            [min(ask.want, share_of(ask.most, len(workers), rank)) for ask in asks.slots],
        )

    def _draw(self, name: str, rate: Rate, count: int, now: float) -> Callable[[int], int]:
        if count == 0:
            return lambda _want: 0
        key = (name, count)
        if key not in self._buckets:
            # One bucket a name: with another share it begins anew, and empty. Who is alone and
            # begins need not wait for the first.
            is_first = not any(known == name for known, _ in self._buckets)
            may_begin = is_first and self._is_all_there_is and len(self._seen) <= 1
            self._buckets = {
                known: bucket for known, bucket in self._buckets.items() if known[0] != name
            }
            self._buckets[key] = Bucket(
                pace_of(Rate(count, rate.seconds)), now, tokens=float(may_begin)
            )
        return lambda want: self._buckets[key].draw(want, now)

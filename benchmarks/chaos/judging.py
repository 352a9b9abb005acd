"""The verdict on a scene: our ledger against the relay's own record, person by person."""

import bisect
from dataclasses import dataclass
from typing import Final

from benchmarks.chaos import faults
from benchmarks.chaos.ground import Scene
from benchmarks.chaos.record import VANISHED
from releases.queries import Status

RECOVER_SECONDS_MAX: Final = 10.0
ENDS_A_CONNECTION: Final = (
    VANISHED,
    faults.CUT,
    faults.HANG,
    faults.FAREWELL_RCPT,
    faults.FAREWELL_CONTENT,
)
HELD_BY_A_CONNECTION: Final = 2
"""Messages that have no answer yet when a connection ends."""


@dataclass(frozen=True)
class Verdict:
    """What a scene came to; `wrong` says in plain lines what must not be."""

    stands: Status
    seconds: float
    missed: int
    repeated: int
    """Copies beyond the first that the relay took."""
    recover_seconds: float
    silence_seconds: float
    """The longest time in which the relay accepted nothing, between the first and the last."""
    wrong: tuple[str, ...]


def judge(scene: Scene, stands: Status, *, state: str = "complete") -> Verdict:
    """Compare everything with everything."""
    record, plan = scene.relay.record.read_on(), scene.relay.plan
    ledger = scene.ledger()
    wrong: list[str] = []

    def must(is_so: bool, what: str) -> None:
        if not is_so:
            wrong.append(what)

    must(stands.state == state, f"it is {stands.state}, not {state}")
    must(stands.balances, f"it does not balance: {stands}")
    must(
        stands.eligible == scene.people == len(ledger) or state == "cancelled",
        f"{stands.eligible} eligible, {len(ledger)} deliveries, {scene.people} people",
    )
    missed = [
        address
        for address, (kept, _) in ledger.items()
        if address not in record.taken and kept != "cancelled" and not plan.refuses(address)
    ]
    must(not missed, f"{len(missed)} missed, {missed[:3]} among them")
    must(set(record.taken) <= set(ledger), "somebody has it who is in no ledger")
    lied = [a for a, (kept, _) in ledger.items() if kept == "accepted" and a not in record.taken]
    must(not lied, f"{len(lied)} accepted by our ledger alone, {lied[:3]} among them")
    denied = [
        address
        for address in record.taken
        if ledger.get(address, ("", 0))[0] not in ("accepted", "uncertain")
    ]
    must(not denied, f"{len(denied)} have it and are said not to, {denied[:3]} among them")
    ids = [address for address, got in record.taken.items() if len(set(got)) > 1 or "-" in got]
    must(not ids, f"{len(ids)} got more than one Message-ID, {ids[:3]} among them")
    uncounted = [
        address
        for address, got in record.taken.items()
        if len(got) - 1 > ledger.get(address, ("", 0))[1]
    ]
    must(not uncounted, f"{len(uncounted)} have repeats that are not counted: {uncounted[:3]}")
    ends = sum(record.fates[fate] for fate in ENDS_A_CONNECTION)
    allowed = scene.repeats_max + HELD_BY_A_CONNECTION * ends
    must(record.repeated <= allowed, f"{record.repeated} repeats, where {allowed} can be")
    # A host that is lost with its journal leaves whole batches in doubt: counted, mostly not sent.
    must(stands.repeats <= allowed, f"{stands.repeats} counted repeats, where {allowed} can be")
    recover = _recover_seconds(scene)
    must(recover <= RECOVER_SECONDS_MAX, f"it took {recover:.1f} s to recover")
    unfreed = [fault.what for fault in scene.faults if not fault.is_freed]
    must(not unfreed, f"leases outlived: {unfreed}")
    wrong += scene.notes
    return Verdict(
        stands=stands,
        seconds=scene.ended_at - scene.began_at,
        missed=len(missed),
        repeated=record.repeated,
        recover_seconds=recover,
        silence_seconds=max(
            (
                later - earlier
                for earlier, later in zip(record.times, record.times[1:], strict=False)
            ),
            default=0.0,
        ),
        wrong=tuple(wrong),
    )


def _recover_seconds(scene: Scene) -> float:
    """The worst of: from a fault's end to the next accepted mail, and to the freeing of batches.

    When the next fault comes before that, it is counted from the end of the last that did.
    """
    accepted = sorted(scene.relay.record.times)
    ends = sorted(fault.ended_at for fault in scene.faults)
    recovered = [
        accepted[place]
        for end in ends
        if (place := bisect.bisect_right(accepted, end)) < len(accepted)
    ]
    recovered += [fault.freed_at for fault in scene.faults if fault.freed_at is not None]
    return max((at - ends[bisect.bisect_left(ends, at) - 1] for at in recovered), default=0.0)

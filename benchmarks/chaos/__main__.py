"""`make chaos`: every scene, judged by the relay's own record, and a table.

`make chaos ARGS="--people 10000 kill stop"` plays two scenes with fewer people; `--seed` repeats
a run's faults and moments.
"""

import argparse
import random
import signal
import sys
import tempfile
from pathlib import Path

from benchmarks.chaos.ground import ground
from benchmarks.chaos.judging import Verdict
from benchmarks.chaos.scenes import Act, all_acts, perform

HEAD = (
    "| scene | what happens | people | accepted | failed | cancelled | uncertain | missed |"
    " repeats, counted | to recover | longest silence | in all |\n|" + " --- |" * 12
)


def main() -> int:
    """Play the named scenes, or all; 1 when anything was wrong."""
    acts = all_acts()
    parser = argparse.ArgumentParser(prog="make chaos ARGS=…", description=__doc__)
    names = ", ".join(act.name for act in acts)
    parser.add_argument("names", nargs="*", metavar="SCENE", help=f"of: {names}")
    parser.add_argument("--people", type=int, default=100_000, help="to whom each is sent")
    parser.add_argument("--seed", type=int, default=random.SystemRandom().randrange(10**6))
    parser.add_argument("--kills", type=int, default=20)
    chosen = parser.parse_args()
    by_name = {act.name: act for act in all_acts(chosen.kills)}
    acts = [by_name[name] for name in chosen.names or by_name]
    print(f"seed {chosen.seed}, {chosen.people:,} people a scene\n\n{HEAD}", flush=True)
    wrong: list[str] = []
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(1))  # what was started ends with us
    with (
        tempfile.TemporaryDirectory(prefix="medianote-chaos-") as folder,
        ground(Path(folder), chosen.people) as grounds,
    ):
        for act in acts:
            try:
                verdict = perform(act, grounds, chosen.seed)
            except AssertionError as error:  # the other scenes are played all the same
                wrong.append(f"{act.name}: {error}")
                continue
            print(row(act, verdict), flush=True)
            wrong += [f"{act.name}: {what}" for what in verdict.wrong]
    print("\n" + ("\n".join(wrong) if wrong else "Nobody was missed, and all adds up."))
    return 1 if wrong else 0


def row(act: Act, verdict: Verdict) -> str:
    """A line of the table."""
    stands = verdict.stands
    cells = (
        act.name,
        act.what,
        f"{stands.eligible or 0:,}",
        f"{stands.accepted:,}",
        f"{stands.failed:,}",
        f"{stands.cancelled:,}",
        f"{stands.uncertain:,}",
        f"{verdict.missed:,}",
        f"{verdict.repeated:,}, {stands.repeats:,}",
        f"{verdict.recover_seconds:.1f} s" if verdict.recover_seconds else "–",
        f"{verdict.silence_seconds:.1f} s",
        f"{verdict.seconds:.0f} s",
    )
    return f"| {' | '.join(cells)} |"


if __name__ == "__main__":
    sys.exit(main())

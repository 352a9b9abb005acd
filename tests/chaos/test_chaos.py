"""The chaos suite's short form: everything at once, judged by the relay's own record."""

from pathlib import Path

import pytest

from benchmarks.chaos.ground import ground
from benchmarks.chaos.scenes import perform, short_acts

PEOPLE = 10_000
SEED = 20240305


@pytest.mark.unmeasured
@pytest.mark.timeout(300)
def test_nobody_is_missed_whatever_happens(tmp_path: Path) -> None:
    """Kills, stops, outages, faults, words: all adds up, and repeats are counted."""
    with ground(tmp_path, PEOPLE) as grounds:
        verdicts = {act.name: perform(act, grounds, SEED) for act in short_acts()}
    assert {name: verdict.wrong for name, verdict in verdicts.items()} == dict.fromkeys(
        verdicts, ()
    )
    for verdict in verdicts.values():
        assert verdict.stands.accepted > PEOPLE / 2

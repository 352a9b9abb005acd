"""What processes cost is counted for all of a family."""

import subprocess
import sys

from benchmarks.processes import cpu_seconds, family, peak_megabytes

# A parent whose first child has burnt its time and ended, and whose second waits.
FAMILY = """
import subprocess, sys
burn = "import time\\nwhile time.process_time() < 0.3: pass"
subprocess.run([sys.executable, "-c", burn])
waiting = subprocess.Popen([sys.executable, "-c", "input()"], stdin=sys.stdin)
print("ready", flush=True)
waiting.wait()
"""


def test_children_count_that_wait_and_that_have_ended() -> None:
    """Processor time of a descendant is its family's, also when it is gone."""
    parent = subprocess.Popen(
        [sys.executable, "-c", FAMILY], stdin=subprocess.PIPE, stdout=subprocess.PIPE
    )
    with parent:
        assert parent.stdout is not None
        assert parent.stdout.readline() == b"ready\n"
        members = family(parent.pid)
        assert members[0] == parent.pid
        assert len(members) == 2
        assert 0.25 < cpu_seconds(parent.pid) < 30
        assert 2 < peak_megabytes(members) < 200
        assert parent.stdin is not None
        parent.stdin.close()
    assert cpu_seconds(parent.pid) == 0
    assert peak_megabytes([parent.pid]) == 0

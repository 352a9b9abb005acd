"""The journal: what it says after whatever ended its writer."""

import contextlib
import os
import signal
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from mail.replies import Accepted, Deferred, Failed, InDoubt, Outcome, Reply, Unsent
from releases.recording import Entry
from worker.journal import (
    IN_DOUBT_WHY,
    SLOT_SIZE,
    SLOTS,
    Journal,
    JournalError,
    SlotRead,
    boot_id,
    is_abandoned,
    read_journal,
)
from worker.journal_folder import JournalFolder

OK = Accepted(Reply(250, None, "2.0.0 Ok: queued as 4XyZ"))
TEXTS = st.text(st.characters(exclude_categories=["Cs"]), max_size=100)
OUTCOMES: st.SearchStrategy[Outcome] = st.one_of(
    st.builds(lambda text: Accepted(Reply(250, None, text)), TEXTS.filter(str.strip)),
    st.builds(lambda why: Deferred(None, why), TEXTS),
    st.builds(lambda why: Failed(None, why), TEXTS),
    st.builds(InDoubt, TEXTS),
)


def slots_of(path: Path) -> tuple[SlotRead, ...]:
    """What the journal holds."""
    read = read_journal(path)
    assert read is not None
    assert read.is_whole
    return read.slots


def test_begun_without_an_outcome_is_in_doubt(tmp_path: Path) -> None:
    """What was under way when the process ended may have arrived, and nothing else."""
    journal = Journal(tmp_path)
    slot = journal.open_slot(lease_id=7, batch_id=3)
    for subscriber in (1, 2, 3):
        slot.begun(subscriber, 1)
    slot.outcome(2, 1, OK)
    slot.outcome(3, 1, Unsent("no relay"))
    (read,) = slots_of(journal.path)
    assert (read.lease_id, read.batch_id) == (7, 3)
    assert list(read.entries) == [
        Entry(2, 1, OK),
        Entry(1, 1, InDoubt(IN_DOUBT_WHY)),
        Entry(3, 1, InDoubt(IN_DOUBT_WHY)),
    ]


def test_a_journal_of_before_a_restart_is_not_whole(tmp_path: Path) -> None:
    """What a host had noted when it went down may not have reached its disk."""
    journal = Journal(tmp_path)
    journal.open_slot(7, 3).outcome(2, 1, OK)
    octets = journal.path.read_bytes()
    at = octets.index(boot_id())
    journal.path.write_bytes(octets[:at] + bytes(len(boot_id())) + octets[at + len(boot_id()) :])
    read = read_journal(journal.path)
    assert read is not None
    assert not read.is_whole
    assert read.slots[0].entries == (Entry(2, 1, OK),)


def test_a_full_disk_costs_no_descriptor(tmp_path: Path) -> None:
    """A journal that cannot be made leaves nothing open and nothing behind."""
    program = (
        "import os, resource, signal, sys; from pathlib import Path\n"
        "from worker.journal import Journal, JournalError\n"
        "signal.signal(signal.SIGXFSZ, signal.SIG_IGN)\n"
        "resource.setrlimit(resource.RLIMIT_FSIZE, (1 << 20, 1 << 20))\n"
        "before = len(os.listdir('/proc/self/fd'))\n"
        "for _ in range(10):\n"
        "    try: Journal(Path(sys.argv[1]))\n"
        "    except JournalError: pass\n"
        "    else: sys.exit('a journal was made')\n"
        "sys.exit(len(os.listdir('/proc/self/fd')) - before)\n"
    )
    root = Path(__file__).parents[2]
    done = subprocess.run([sys.executable, "-c", program, tmp_path], cwd=root, check=False)
    assert done.returncode == 0
    assert list(tmp_path.iterdir()) == []


def test_a_slot_used_anew_forgets_its_earlier_batch(tmp_path: Path) -> None:
    """Records of an earlier batch are not read as records of the next, however short it is."""
    journal = Journal(tmp_path)
    slot = journal.open_slot(1, 1)
    for subscriber in range(100):
        slot.begun(subscriber, 1)
        slot.outcome(subscriber, 1, OK)
    slot.close()
    assert slots_of(journal.path) == ()
    slot = journal.open_slot(1, 2)
    slot.begun(5, 2)
    (read,) = slots_of(journal.path)
    assert read.entries == (Entry(5, 2, InDoubt(IN_DOUBT_WHY)),)


def test_a_torn_record_ends_the_journal_and_spoils_nothing(tmp_path: Path) -> None:
    """Wherever a write was cut, the records before it are read and nothing is made up."""
    journal = Journal(tmp_path)
    slot = journal.open_slot(1, 1)
    slot.begun(1, 1)
    slot.outcome(1, 1, OK)
    whole = journal.path.read_bytes()
    slot.begun(2, 1)
    longer = journal.path.read_bytes()
    torn = tmp_path / "torn"
    places = [place for place in range(len(whole)) if whole[place] != longer[place]]
    for cut in range(places[0], places[-1] + 1):
        torn.write_bytes(longer[:cut] + whole[cut:])
        (read,) = slots_of(torn)
        assert read.entries == (Entry(1, 1, OK),)


@given(st.lists(st.tuples(st.integers(1, 2**62), st.integers(1, 60_000), OUTCOMES), max_size=30))
def test_what_was_noted_is_read(
    tmp_path_factory: pytest.TempPathFactory, noted: list[tuple[int, int, Outcome]]
) -> None:
    """Every outcome comes back as it was, in its order."""
    journal = Journal(tmp_path_factory.mktemp("journal"))
    slot = journal.open_slot(1, 1)
    for subscriber, attempt, outcome in noted:
        slot.outcome(subscriber, attempt, outcome)
    (read,) = slots_of(journal.path)
    assert [(entry.subscriber_id, entry.attempt) for entry in read.entries] == [
        (subscriber, attempt) for subscriber, attempt, _ in noted
    ]
    for entry, (_, _, outcome) in zip(read.entries, noted, strict=True):
        assert type(entry.outcome) is type(outcome)
        if isinstance(outcome, Accepted):
            assert str(entry.outcome.reply) == str(outcome.reply)  # type: ignore[union-attr]
        else:
            assert entry.outcome.why == outcome.why  # type: ignore[union-attr]
    journal.slots[0].close()
    journal.close()


@given(st.binary(max_size=300), st.integers(0, SLOT_SIZE))
def test_a_damaged_journal_is_read_without_an_error(
    tmp_path_factory: pytest.TempPathFactory, noise: bytes, place: int
) -> None:
    """Garbage anywhere ends the reading; it never raises."""
    folder = tmp_path_factory.mktemp("journal")
    journal = Journal(folder)
    slot = journal.open_slot(1, 1)
    slot.begun(1, 1)
    data = bytearray(journal.path.read_bytes())
    data[place : place + len(noise)] = noise
    damaged = folder / "damaged"
    damaged.write_bytes(bytes(data))
    read_journal(damaged)
    slot.close()
    journal.close()


def test_a_full_slot_says_so_before_anything_begins(tmp_path: Path) -> None:
    """There is room for the outcome of everything that has begun."""
    slot = Journal(tmp_path).open_slot(1, 1)
    long = Failed(None, "x" * 5000)
    count = 0
    while slot.has_room:
        count += 1
        slot.begun(count, 1)
        slot.outcome(count, 1, long)
    assert count > 1000
    with pytest.raises(JournalError):
        any(slot.begun(subscriber, 1) for subscriber in range(50_000))


def test_an_emptied_journal_is_deleted_and_another_is_kept(tmp_path: Path) -> None:
    """Only what SQL does not know stays behind."""
    first, second = Journal(tmp_path), Journal(tmp_path)
    first.open_slot(1, 1).close()
    second.open_slot(1, 2).begun(1, 1)
    assert not is_abandoned(second.path)
    first.close()
    second.close()
    assert [path.name for path in tmp_path.iterdir()] == [second.name]
    assert is_abandoned(second.path)


def test_there_are_as_many_slots_as_batches_in_hand(tmp_path: Path) -> None:
    """Each batch in a process's hands has a slot of its own."""
    journal = Journal(tmp_path)
    for batch in range(1, SLOTS + 1):
        journal.open_slot(1, batch).begun(batch, 1)
    assert [read.batch_id for read in slots_of(journal.path)] == [1, 2, 3, 4]


WRITER = """
import sys, time
from pathlib import Path
from mail.replies import Accepted, Reply
from worker.journal_folder import JournalFolder
journal = JournalFolder(Path(sys.argv[1])).new_journal()
slot = journal.open_slot(11, 22)
print(journal.name, flush=True)
number = 0
while slot.has_room:
    number += 1
    slot.begun(number, 1)
    if number % 10:
        slot.outcome(number, 1, Accepted(Reply(250, None, f"Ok {number}")))
    if number == 500:
        print("half", flush=True)
    if number > 500:
        time.sleep(0.0005)
"""


@contextlib.contextmanager
def writer(state: Path) -> Iterator[tuple[subprocess.Popen[str], str]]:
    """A process that writes a journal, and the journal's name, when it has written a lot."""
    process = subprocess.Popen(
        [sys.executable, "-c", WRITER, str(state)],
        stdout=subprocess.PIPE,
        text=True,
        cwd=Path(__file__).parents[2],
    )
    assert process.stdout is not None
    name = process.stdout.readline().strip()
    assert process.stdout.readline().strip() == "half"
    try:
        yield process, name
    finally:
        process.kill()
        process.wait()
        process.stdout.close()


def check(folder: JournalFolder, name: str) -> int:
    """All before the end are known; those without an outcome are in doubt. How many there are."""
    (read,) = slots_of(folder.path / name)
    assert (read.lease_id, read.batch_id) == (11, 22)
    numbers = sorted(entry.subscriber_id for entry in read.entries)
    assert numbers == list(range(1, len(numbers) + 1))
    last = numbers[-1]
    for entry in read.entries:
        if entry.subscriber_id < last:
            is_open = entry.subscriber_id % 10 == 0
            assert isinstance(entry.outcome, InDoubt) == is_open
    return last


def test_a_killed_process_leaves_all_it_noted(tmp_path: Path) -> None:
    """After kill -9 the journal has no owner and holds everything up to that moment."""
    folder = JournalFolder(tmp_path)
    with writer(tmp_path) as (process, name):
        assert not folder.is_abandoned(name)
        process.kill()
        process.wait()
        assert folder.is_abandoned(name)
        assert check(folder, name) >= 500
        folder.forget(name)
        assert folder.names() == []


def test_a_stopped_process_can_be_read_and_keeps_its_journal(tmp_path: Path) -> None:
    """SIGSTOP: the journal has its owner still, can be read, and is not deleted."""
    folder = JournalFolder(tmp_path)
    with writer(tmp_path) as (process, name):
        os.kill(process.pid, signal.SIGSTOP)
        assert not folder.is_abandoned(name)
        assert check(folder, name) >= 500
        folder.forget(name)
        assert folder.names() == [name]
        os.kill(process.pid, signal.SIGCONT)


def test_a_journal_folder_keeps_its_id(tmp_path: Path) -> None:
    """All workers of a host know the folder by the same id."""
    ids = {JournalFolder(tmp_path).id for _ in range(3)}
    assert len(ids) == 1
    assert len(ids.pop()) == 32

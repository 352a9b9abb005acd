"""Takes over what dead and stalled workers left: their journals first, then their batches."""

from collections.abc import Sequence

from releases.recording import Entry
from releases.recovery import OtherLease, adopt, apply_late, other_leases
from runtime.database import Database
from runtime.logging import get_logger
from worker.journal import SlotRead
from worker.journal_folder import JournalFolder

log = get_logger("worker")


def adopt_lost_leases(database: Database, folder: JournalFolder) -> None:
    """Free the batches of every lease that has run out, or whose worker is known to be dead.

    Leases of this journal folder come after their journal. Those of another folder wait while
    a lease of that folder lives; a folder without one is lost, and its journals with it.
    """
    # Before the leases are read: who dies later has a lease that is read, or a journal that is
    # not among these.
    abandoned = [name for name in folder.names() if folder.is_abandoned(name)]
    with database.reading() as session:
        leases = other_leases(session)
    for lease in leases:
        if lease.folder == folder.id:
            _adopt_here(database, folder, lease)
        elif lease.is_expired and not lease.is_folder_alive:
            _adopt(database, lease, None if lease.journal else {}, is_dead=False)
    known = {lease.journal for lease in leases}
    _apply_orphans(database, folder, [name for name in abandoned if name not in known])


def _adopt_here(database: Database, folder: JournalFolder, lease: OtherLease) -> None:
    if not lease.journal:
        if lease.is_expired:  # of a sweep: it has no batches
            _adopt(database, lease, {}, is_dead=False)
        return
    is_dead = folder.is_abandoned(lease.journal)
    if not (is_dead or lease.is_expired):
        return
    slots = folder.read(lease.journal)
    journal = None if slots is None else _by_batch(slots, lease.id)
    if _adopt(database, lease, journal, is_dead=is_dead) and is_dead:
        folder.forget(lease.journal)


def _adopt(
    database: Database,
    lease: OtherLease,
    journal: dict[int, Sequence[Entry]] | None,
    *,
    is_dead: bool,
) -> bool:
    """Whether the lease is gone now."""
    with database.transaction() as session:
        freed = adopt(session, lease.id, journal, even_if_it_lives=is_dead)
    if freed:
        log.warning("a worker was lost; its batches are free again", worker=lease.worker)
    return freed is not None


def _by_batch(slots: Sequence[SlotRead], lease_id: int) -> dict[int, Sequence[Entry]]:
    return {slot.batch_id: slot.entries for slot in slots if slot.lease_id == lease_id}


def _apply_orphans(database: Database, folder: JournalFolder, names: Sequence[str]) -> None:
    """Journals of dead processes whose lease was taken over while they still ran."""
    for name in names:
        for slot in folder.read(name) or ():
            with database.transaction() as session:
                apply_late(session, slot.lease_id, slot.batch_id, slot.entries)
        folder.forget(name)

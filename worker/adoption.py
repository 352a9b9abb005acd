"""Takes over what dead and stalled workers left: their journals first, then their batches."""

import datetime as dt
from collections.abc import Callable, Iterable, Sequence
from dataclasses import replace
from typing import TypeVar

from releases.recording import Entry
from releases.recovery import OtherLease, adopt, apply_late, other_leases, shorten_leases
from runtime.database import DATABASE_IS_AWAY, Database
from runtime.logging import get_logger
from worker.clock_watch import ClockWatch
from worker.journal import JournalRead
from worker.journal_folder import JournalFolder

log = get_logger("worker")

T = TypeVar("T")
_LOST = JournalRead((), is_whole=False)
_NONE_NEEDED = JournalRead((), is_whole=True)


def adopt_lost_leases(
    database: Database, folder: JournalFolder, watch: ClockWatch | None = None
) -> None:
    """Free the batches of every lease that has run out, or whose worker is known to be dead.

    Leases of this journal folder come after their journal. Those of another folder wait while
    a lease of that folder lives; a folder without one is lost, and its journals with it. A
    lease or journal that cannot be taken over keeps none of the others: the first such error is
    raised at the end. Just after the database's clock may have jumped, as `watch` sees it, only
    who is known to be dead counts as lost; without a watch the clock is believed.
    """
    # Before the leases are read: who dies later has a lease that is read, or a journal that is
    # not among these.
    abandoned: list[str] = []
    errors = _each(folder.names(), lambda name: _note_abandoned(folder, name, abandoned))
    leases: list[OtherLease] = []

    def look() -> dt.datetime:
        with database.reading() as session:
            moment, found = other_leases(session)
        leases.extend(found)
        return moment

    if watch is None:
        look()
    is_expiry_trusted = watch is None or watch.trusts(look)
    if any(lease.is_too_long for lease in leases):
        with database.transaction() as session:
            shorten_leases(session)
    if not is_expiry_trusted:
        leases[:] = [replace(lease, is_expired=False) for lease in leases]

    def take_over(lease: OtherLease) -> None:
        if lease.folder == folder.id:
            _adopt_here(database, folder, lease)
        elif lease.is_expired and not lease.is_folder_alive:
            _adopt(database, lease, _LOST if lease.journal else _NONE_NEEDED, is_dead=False)

    errors += _each(leases, take_over)
    known = {lease.journal for lease in leases}
    orphans = [name for name in abandoned if name not in known]
    errors += _each(orphans, lambda name: _apply_orphan(database, folder, name))
    if errors:
        raise errors[0]


def _each(things: Iterable[T], perform: Callable[[T], object]) -> list[Exception]:
    """What went wrong; a database that is away ends it at once."""
    errors: list[Exception] = []
    for thing in things:
        try:
            perform(thing)
        except DATABASE_IS_AWAY:
            raise
        except Exception as error:  # the others go on
            errors.append(error)
    return errors


def _note_abandoned(folder: JournalFolder, name: str, abandoned: list[str]) -> None:
    if folder.is_abandoned(name):
        abandoned.append(name)


def _adopt_here(database: Database, folder: JournalFolder, lease: OtherLease) -> None:
    if not lease.journal:
        if lease.is_expired:  # of a sweep: it has no batches
            _adopt(database, lease, _NONE_NEEDED, is_dead=False)
        return
    is_dead = folder.is_abandoned(lease.journal)
    if not (is_dead or lease.is_expired):
        return
    journal = folder.read(lease.journal) or _LOST
    if _adopt(database, lease, journal, is_dead=is_dead) and is_dead:
        folder.forget(lease.journal)


def _adopt(database: Database, lease: OtherLease, journal: JournalRead, *, is_dead: bool) -> bool:
    """Whether the lease is gone now."""
    with database.transaction() as session:
        freed = adopt(
            session,
            lease.id,
            _by_batch(journal, lease.id),
            is_whole=journal.is_whole,
            even_if_it_lives=is_dead,
        )
    if freed:
        log.warning("a worker was lost; its batches are free again", worker=lease.worker)
    return freed is not None


def _by_batch(journal: JournalRead, lease_id: int) -> dict[int, Sequence[Entry]]:
    return {slot.batch_id: slot.entries for slot in journal.slots if slot.lease_id == lease_id}


def _apply_orphan(database: Database, folder: JournalFolder, name: str) -> None:
    """The journal of a dead process whose lease was taken over while it still ran."""
    journal = folder.read(name) or _LOST
    for slot in journal.slots:
        with database.transaction() as session:
            apply_late(session, slot.lease_id, slot.batch_id, slot.entries)
    folder.forget(name)

"""The journal: what a worker process has begun and what came of it, where `kill -9` leaves it.

One file per process, its blocks allocated beforehand and mapped: noting something is a store
into memory that the kernel owns, no system call, and survives the process (not the host). It
has a few slots, one for each batch in the process's hands; a slot is used anew when SQL knows
all of its batch. The file is locked (flock) while the process lives.

    file    magic, the boot id of the host, then SLOTS slots of SLOT_SIZE octets
    slot    lease id, batch id, serial: 8 octets each, then records; all zero when free
    record  length of the body (2), checksum of serial and body (4), body
    body    kind (1), subscriber id (8), attempt (2), code (2), reply's text or reason

The checksum begins with the slot's serial, so that what an earlier use left in the slot is not
read as records of this one; the first record that does not fit its checksum is where the
process was killed, or the end.
"""

import contextlib
import fcntl
import mmap
import os
import struct
import uuid
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Final
from zlib import crc32

from mail.replies import Accepted, Deferred, Failed, InDoubt, Outcome, Reply
from releases.recording import Entry

MAGIC: Final = b"medianote journal 2\n".ljust(32, b"\0")
_HEADER_SIZE: Final = len(MAGIC) + 64
SLOTS: Final = 4
SLOT_SIZE: Final = 1 << 20
ROOM_KEPT: Final = 256 << 10
"""A batch whose slot has less room than this begins nothing more: what is out must fit."""
TEXT_MAX_OCTETS: Final = 500
SUFFIX: Final = ".journal"

_SLOT: Final = struct.Struct("<QQQ")
_FRAME: Final = struct.Struct("<HI")
_BODY: Final = struct.Struct("<cQHH")
_BEGUN, _ACCEPTED, _DEFERRED, _FAILED, _IN_DOUBT = b"b", b"a", b"d", b"f", b"q"
IN_DOUBT_WHY: Final = "the worker ended before the mail server's answer was known"


class JournalError(Exception):
    """A journal cannot be kept: the folder or the disk; one plain line."""


class Slot:
    """The part of a journal that belongs to one batch."""

    def __init__(self, memory: mmap.mmap, start: int) -> None:
        self._memory = memory
        self._start = start
        self._end = start + SLOT_SIZE
        self._position = start
        self._seed = 0
        self._last_accepted: Accepted | None = None
        self._last_text = b""
        self.is_free = True

    @property
    def has_room(self) -> bool:
        """Whether another delivery may begin, and all that are out can still be noted."""
        return self._end - self._position > ROOM_KEPT

    def open(self, lease_id: int, batch_id: int, serial: int) -> None:
        """Use the slot for a batch."""
        self.is_free = False
        self._seed = serial & 0xFFFFFFFF
        # The header last: what is read under it was written under it.
        position = self._start + _SLOT.size
        self._memory[position : position + _FRAME.size] = bytes(_FRAME.size)
        self._memory[self._start : position] = _SLOT.pack(lease_id, batch_id, serial)
        self._position = position

    def close(self) -> None:
        """SQL knows all of it."""
        self._memory[self._start : self._start + _SLOT.size] = bytes(_SLOT.size)
        self.is_free = True

    def begun(self, subscriber_id: int, attempt: int) -> None:
        """The message may be complete at the server any moment now."""
        if not self._note(_BODY.pack(_BEGUN, subscriber_id, attempt, 0)):
            raise JournalError("the journal is full, which cannot be: nothing more is begun")

    def outcome(self, subscriber_id: int, attempt: int, outcome: Outcome) -> None:
        """What came of it; nothing is noted of what was not sent."""
        if type(outcome) is Accepted:  # nearly all are
            if outcome is not self._last_accepted:
                self._last_accepted, self._last_text = outcome, _text(str(outcome.reply))
            body = _BODY.pack(_ACCEPTED, subscriber_id, attempt, outcome.reply.code)
            self._note(body + self._last_text)
            return
        match outcome:
            case Deferred(reply, why):
                body = _BODY.pack(_DEFERRED, subscriber_id, attempt, reply.code if reply else 0)
                text = why
            case Failed(reply, why):
                body = _BODY.pack(_FAILED, subscriber_id, attempt, reply.code if reply else 0)
                text = why
            case InDoubt(why):
                body = _BODY.pack(_IN_DOUBT, subscriber_id, attempt, 0)
                text = why
            case _:
                return
        self._note(body + _text(text))

    def _note(self, body: bytes) -> bool:
        record = _FRAME.pack(len(body), crc32(body, self._seed)) + body
        position = self._position
        end = position + len(record)
        if end > self._end:
            return False  # an outcome that does not fit leaves its delivery in doubt
        self._memory[position:end] = record
        self._position = end
        return True


def _text(text: str) -> bytes:
    return text.encode("utf-8", "replace")[:TEXT_MAX_OCTETS]


class Journal:
    """This process's journal: locked, and gone when it is closed with nothing in it."""

    def __init__(self, folder: Path) -> None:
        self.path = folder / f"{uuid.uuid4().hex}{SUFFIX}"
        size = _HEADER_SIZE + SLOTS * SLOT_SIZE
        # It gets its name when it is locked: nobody takes it for abandoned before.
        draft = self.path.with_suffix(".draft")
        with contextlib.ExitStack() as undo:
            try:
                self._file = os.open(
                    draft, os.O_RDWR | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC, 0o600
                )
                undo.callback(os.close, self._file)
                undo.callback(draft.unlink, missing_ok=True)
                fcntl.flock(self._file, fcntl.LOCK_EX)
                os.posix_fallocate(self._file, 0, size)
                self._memory = mmap.mmap(self._file, size)
                self._memory[:_HEADER_SIZE] = (MAGIC + boot_id()).ljust(_HEADER_SIZE, b"\0")
                draft.rename(self.path)
            except OSError as error:
                raise JournalError(
                    f"no journal can be kept in {folder}: {error.strerror}"
                ) from error
            undo.pop_all()
        self.slots = [
            Slot(self._memory, _HEADER_SIZE + number * SLOT_SIZE) for number in range(SLOTS)
        ]
        self._serial = int.from_bytes(os.urandom(4), "little")

    @property
    def name(self) -> str:
        """The file's name in the journal folder."""
        return self.path.name

    def open_slot(self, lease_id: int, batch_id: int) -> Slot:
        """A free slot, used for this batch from now on."""
        slot = next(slot for slot in self.slots if slot.is_free)
        self._serial += 1
        slot.open(lease_id, batch_id, self._serial)
        return slot

    def close(self, *, is_known: bool = True) -> None:
        """Leave it: deleted when SQL knows all of it, else to be applied by whoever finds it.

        Not `is_known`: a lease is left with it that may have a batch of which it says nothing.
        """
        is_empty = is_known and all(slot.is_free for slot in self.slots)
        self._memory.close()
        if is_empty:
            self.path.unlink(missing_ok=True)
        os.close(self._file)


@dataclass(frozen=True, slots=True)
class SlotRead:
    """What a journal says of one batch."""

    lease_id: int
    batch_id: int
    entries: tuple[Entry, ...]
    """Begun without an outcome is in doubt."""


def is_abandoned(path: Path) -> bool:
    """Whether the process that wrote this journal is gone."""
    try:
        file = os.open(path, os.O_RDWR | os.O_CLOEXEC)
    except FileNotFoundError:
        return True
    try:
        fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        return False
    finally:
        os.close(file)
    return True


@dataclass(frozen=True, slots=True)
class JournalRead:
    """What a journal says."""

    slots: tuple[SlotRead, ...]
    is_whole: bool
    """False when the host went down after it was begun: the last that was noted may be missing."""


def boot_id() -> bytes:
    """What tells this run of the host's kernel from the one before."""
    try:
        return Path("/proc/sys/kernel/random/boot_id").read_bytes().strip()
    except OSError:
        return b""


def read_journal(path: Path) -> JournalRead | None:
    """All that a journal holds, also of a process that is stopped; None when there is none."""
    try:
        data = path.read_bytes()
    except FileNotFoundError:
        return None
    if not data.startswith(MAGIC):
        return None
    found = []
    for start in range(_HEADER_SIZE, len(data) - _SLOT.size, SLOT_SIZE):
        lease_id, batch_id, serial = _SLOT.unpack_from(data, start)
        if batch_id:
            slot = data[start + _SLOT.size : start + SLOT_SIZE]
            found.append(SlotRead(lease_id, batch_id, tuple(_entries(slot, serial))))
    of_boot = data[len(MAGIC) : _HEADER_SIZE].rstrip(b"\0")
    return JournalRead(tuple(found), is_whole=of_boot == boot_id())


def _entries(slot: bytes, serial: int) -> Iterator[Entry]:
    begun: dict[tuple[int, int], None] = {}
    for kind, subscriber_id, attempt, code, text in _records(slot, serial):
        if kind == _BEGUN:
            begun[subscriber_id, attempt] = None
            continue
        begun.pop((subscriber_id, attempt), None)
        yield Entry(subscriber_id, attempt, _outcome(kind, code, text))
    for subscriber_id, attempt in begun:
        yield Entry(subscriber_id, attempt, InDoubt(IN_DOUBT_WHY))


def _records(slot: bytes, serial: int) -> Iterator[tuple[bytes, int, int, int, str]]:
    position = 0
    while position + _FRAME.size <= len(slot):
        length, checksum = _FRAME.unpack_from(slot, position)
        position += _FRAME.size
        body = slot[position : position + length]
        if length < _BODY.size or crc32(body, serial & 0xFFFFFFFF) != checksum:
            return
        yield *_BODY.unpack_from(body), body[_BODY.size :].decode("utf-8", "replace")
        position += length


def _outcome(kind: bytes, code: int, text: str) -> Outcome:
    if kind == _ACCEPTED:
        # The text begins with the code and the enhanced code, as it is shown.
        return Accepted(Reply(code, None, text.removeprefix(f"{code} ")))
    reply = Reply(code, None, text) if code else None
    if kind == _DEFERRED:
        return Deferred(reply, text)
    if kind == _FAILED:
        return Failed(reply, text)
    return InDoubt(text)

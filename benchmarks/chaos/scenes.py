"""The scenes: what is done to a distribution while it runs."""

import contextlib
import os
import random
import shutil
import signal
import threading
import time
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Final

from benchmarks.chaos import faults
from benchmarks.chaos.faults import Plan
from benchmarks.chaos.ground import Ground, Scene, in_flight, scene, sweepers
from benchmarks.chaos.judging import Verdict, judge
from releases import commands
from tests.support.fleet import Worker

BATCH_PEOPLE: Final = 1000
STOPPED_SECONDS: Final = 12.0
"""Longer than the lease of 8 s."""
JUMP_SECONDS: Final = 1800
CLEAN_STOP_SECONDS: Final = 10.0
WORD_SECONDS: Final = 1.0
FINISH_SECONDS: Final = 900.0
MESSAGES_PER_SECOND_MAX: Final = 4000.0

Play = Callable[[Scene], str | None]
"""Does it, from the publishing on; returns the state in which it ends, if not complete."""


@dataclass(frozen=True)
class Act:
    """A scene as it is announced: its name, what happens, and what the relay does."""

    name: str
    what: str
    play: Play
    lasts_seconds: float = 0.0
    """The relay is slowed down so that the faults find it at work; 0: it is not."""
    shares: dict[str, float] = field(default_factory=dict)
    hang_seconds: float = 3.0
    has_chunking: bool = False


def perform(act: Act, grounds: Ground, seed: int) -> Verdict:
    """Play it, wait for the end, and judge."""
    pace = (
        min(grounds.people / act.lasts_seconds, MESSAGES_PER_SECOND_MAX) if act.lasts_seconds else 0
    )
    plan = Plan(seed, act.shares, act.hang_seconds, pace, act.has_chunking)
    with scene(grounds, act.name, plan) as stage:
        state = act.play(stage)
        stands = stage.finish(FINISH_SECONDS)
        return judge(stage, stands, state=state or "complete")


def _start(stage: Scene, count: int = 2, *, concurrency: int = 1) -> list[Worker]:
    workers = stage.workers.start(count, concurrency=concurrency)
    stage.begin()
    return workers


def undisturbed(stage: Scene) -> None:
    """Nothing but what the relay does."""
    _start(stage)


def _kill_at_random(stage: Scene, workers: list[Worker], times: int, most: float = 0.95) -> None:
    shares = sorted(stage.random.uniform(0.02, most) for _ in range(times))
    for share in shares:
        if not stage.wait_for(share):
            stage.notes.append(f"it had ended before it was killed at {share:.2f}")
            return
        place = stage.random.randrange(len(workers))
        _wait_for_another(stage, workers, workers[place])
        if stage.random.random() < 0.3:
            children = workers[place].children()
            for child in children:
                with contextlib.suppress(ProcessLookupError):
                    os.kill(child, signal.SIGKILL)
            stage.repeats_max += in_flight(len(children))
            stage.hit("kill -9 of a child", *children)
        else:
            stage.kill(workers[place])
            workers[place : place + 1] = stage.workers.start(1)


def _wait_for_another(stage: Scene, workers: list[Worker], but: Worker) -> None:
    """How long a new worker takes to start is not what is measured: another one is there."""
    stage.wait_until(lambda: any(one.is_ready for one in workers if one is not but), 60)


def killed(times: int) -> Play:
    """kill -9 at random, of a worker with its children or of the children alone."""

    def play(stage: Scene) -> None:
        _kill_at_random(stage, _start(stage, 3), times)

    return play


def stopped(stage: Scene) -> None:
    """SIGSTOP past the lease, then SIGCONT: twice, each of the two once."""
    workers = _start(stage, 2)
    for share, worker in zip((0.2, 0.6), workers, strict=True):
        if stage.wait_for(share):
            _stop(stage, worker)
            time.sleep(STOPPED_SECONDS)
            worker.send(signal.SIGCONT)


def _stop(stage: Scene, worker: Worker) -> None:
    pids = [worker.process.pid, *worker.children()]
    worker.send(signal.SIGSTOP)
    stage.repeats_max += in_flight(len(pids) - 1)
    stage.hit("SIGSTOP", *pids)


def redis(stage: Scene) -> None:
    """Flushed, killed and back after 3 s, silent for 8 s, restarted."""
    _start(stage, 2)
    _redis_troubles(stage, (0.1, 0.25, 0.5, 0.8))


def _redis_troubles(stage: Scene, shares: tuple[float, float, float, float]) -> None:
    server = stage.ground.redis
    if stage.wait_for(shares[0]):
        for _ in range(5):
            server.clear()
            stage.hit("FLUSHALL")
            time.sleep(0.2)
    if stage.wait_for(shares[1]):
        server.kill()
        time.sleep(3)
        server.start()
        stage.hit("Redis killed")
    if stage.wait_for(shares[2]):
        server.send(signal.SIGSTOP)
        time.sleep(8)
        server.send(signal.SIGCONT)
        stage.hit("Redis silent")
    if stage.wait_for(shares[3]):
        server.terminate()
        server.start()
        stage.hit("Redis restarted")


def postgresql(stage: Scene) -> None:
    """Connections cut, a crash with 3 s of absence, a restart."""
    _start(stage, 2)
    server = stage.ground.postgresql
    for share in (0.1, 0.2, 0.3):
        if stage.wait_for(share):
            server.cut_connections(stage.database_name)
            stage.hit("connections cut")
    for share, absence in ((0.5, 3.0), (0.75, 0.0)):
        if stage.wait_for(share):
            server.stop_at_once()
            time.sleep(absence)
            server.start()
            stage.hit("PostgreSQL was gone")


def relay_gone(stage: Scene) -> None:
    """The relay is killed and back after 3 s, then silent for 5 s."""
    _start(stage, 2)
    if stage.wait_for(0.3):
        stage.relay.kill()
        stage.repeats_max += in_flight(2)
        time.sleep(3)
        stage.relay.start()
        stage.hit("relay killed")
    if stage.wait_for(0.6):
        stage.relay.send(signal.SIGSTOP)
        time.sleep(5)
        stage.relay.send(signal.SIGCONT)
        stage.hit("relay silent")


def journal_lost(stage: Scene) -> None:
    """A worker's host is lost with its journal."""
    (far,) = stage.workers.start(1, MEDIANOTE_STATE_DIR=str(stage.folder / "far"))
    _start(stage, 1)
    if stage.wait_for(0.4):
        _lose_host(stage, far, stage.folder / "far")


def _lose_host(stage: Scene, worker: Worker, state: Path) -> None:
    stage.repeats_max += 2 * BATCH_PEOPLE * len(worker.children())
    stage.kill(worker)
    shutil.rmtree(state)


def many_sweeps(stage: Scene) -> None:
    """Four processes sweep fifty times a second while workers are killed."""
    with sweepers(stage, 4):
        _kill_at_random(stage, _start(stage, 3), 4)
        stage.wait_until(lambda: False, FINISH_SECONDS)


def clock(stage: Scene) -> None:
    """The database's clock jumps ahead and back while workers live: nothing is repeated."""
    with stage.ground.faked_clock() as wall:
        _start(stage, 2)
        for number, share in enumerate((0.15, 0.25, 0.35, 0.45, 0.6, 0.75)):
            if stage.wait_for(share):
                wall.set_forward(0 if number == 5 else (number + 1) * JUMP_SECONDS)
                stage.hit("the clock was set")
        stage.wait_until(lambda: False, FINISH_SECONDS)


def clock_and_host(stage: Scene) -> None:
    """A host is lost, and the clock goes back at that moment: its lease ends late."""
    with stage.ground.faked_clock() as wall:
        wall.set_forward(JUMP_SECONDS)
        (far,) = stage.workers.start(1, MEDIANOTE_STATE_DIR=str(stage.folder / "far"))
        _start(stage, 2)
        if stage.wait_for(0.5):
            _lose_host(stage, far, stage.folder / "far")
            wall.set_forward(0)
            stage.hit("the clock was set")
        stage.wait_until(lambda: False, FINISH_SECONDS)


def words(stage: Scene) -> str:
    """Pause and resume, ten times in a second, and cancel."""
    _start(stage, 2)
    stage.wait_for(0.2)
    _say(stage, "pause")
    _is_silent(stage, "pause")
    _say(stage, "resume")
    stage.hit("resume")
    stage.wait_for(0.4)
    for _ in range(10):
        _say(stage, "pause")
        time.sleep(0.05)
        _say(stage, "resume")
        time.sleep(0.05)
    stage.hit("resume")
    stage.wait_for(0.6)
    _say(stage, "cancel")
    _is_silent(stage, "cancel")
    return "cancelled"


def _say(stage: Scene, word: str) -> None:
    with stage.database.transaction() as session:
        getattr(commands, word)(session, stage.distribution)


def _is_silent(stage: Scene, word: str) -> None:
    """Nothing is accepted any more a second after the word."""
    said_at = time.time()
    time.sleep(WORD_SECONDS + 1.5)
    last = max(stage.relay.record.read_on().times)
    if last > said_at + WORD_SECONDS:
        stage.notes.append(f"{word} took {last - said_at:.1f} s to take effect")


def asked_to_end(stage: Scene) -> None:
    """SIGTERM for one worker after the other; another is started in its place."""
    workers = _start(stage, 2, concurrency=2)
    for number, share in enumerate((0.15, 0.35, 0.55, 0.75)):
        if stage.wait_for(share):
            _wait_for_another(stage, workers[number:], workers[number])
            _end(stage, workers[number])
            workers += stage.workers.start(1, concurrency=2)


def _end(stage: Scene, worker: Worker) -> None:
    seconds = worker.end()
    if seconds > CLEAN_STOP_SECONDS:
        stage.notes.append(f"SIGTERM took {seconds:.1f} s")
    stage.hit("SIGTERM")


def together(kills: int) -> Play:
    """All of it at once."""

    def play(stage: Scene) -> None:
        (far,) = stage.workers.start(1, MEDIANOTE_STATE_DIR=str(stage.folder / "far"))
        stalled, *others = _start(stage, 3)
        with sweepers(stage, 1):
            stage.wait_for(0.05)
            _stop(stage, stalled)
            going_on = threading.Timer(STOPPED_SECONDS, stalled.send, (signal.SIGCONT,))
            going_on.start()
            _kill_at_random(stage, others, kills // 2, most=0.3)
            stage.ground.redis.clear()
            stage.ground.redis.kill()
            time.sleep(2)
            stage.ground.redis.start()
            stage.hit("Redis killed")
            if stage.wait_for(0.35):
                _lose_host(stage, far, stage.folder / "far")
            if stage.wait_for(0.45):
                stage.ground.postgresql.cut_connections(stage.database_name)
                stage.hit("connections cut")
            if stage.wait_for(0.6):
                stage.ground.postgresql.stop_at_once()
                stage.ground.postgresql.start()
                stage.hit("PostgreSQL was gone")
            _say(stage, "pause")
            time.sleep(1)
            _say(stage, "resume")
            stage.hit("resume")
            if stage.wait_for(0.7):
                _wait_for_another(stage, others, others[0])
                _end(stage, others[0])
                others[:1] = stage.workers.start(1)
            for share in sorted(
                random.Random(kills).uniform(0.75, 0.95) for _ in range(kills // 2)
            ):
                if stage.wait_for(share):
                    _wait_for_another(stage, others, others[0])
                    stage.kill(others[0])
                    others = [*others[1:], *stage.workers.start(1)]
            going_on.join()

    return play


SOME_FAULTS: Final = {
    faults.REFUSE: 0.005,
    faults.REFUSE_CONTENT: 0.005,
    faults.DEFER: 0.005,
    faults.DEFER_CONTENT: 0.005,
    faults.VANISH: 0.001,
    faults.CUT: 0.001,
    faults.HANG: 0.0005,
    faults.FAREWELL_RCPT: 0.001,
    faults.FAREWELL_CONTENT: 0.001,
    faults.FAREWELL_GREETING: 0.05,
    faults.FAREWELL_EHLO: 0.05,
    faults.FAREWELL_MAIL: 0.05,
    faults.BYTE_BY_BYTE: 0.1,
}


def all_acts(kills: int = 20) -> list[Act]:
    """The whole programme."""
    relay = "the relay, for a share of mails: "
    return [
        Act("kill", f"kill -9 of workers or children, {kills} times at random", killed(kills), 45),
        Act("stop", "SIGSTOP for 12 s, past the lease, then SIGCONT; twice", stopped, 45),
        Act("redis", "Redis flushed, killed for 3 s, silent for 8 s, restarted", redis, 40),
        Act("postgresql", "connections cut; a crash, 3 s away; a restart", postgresql, 40),
        Act(
            "refuse",
            relay + "550 at RCPT, 554 after the content",
            undisturbed,
            shares={faults.REFUSE: 0.02, faults.REFUSE_CONTENT: 0.02},
        ),
        Act(
            "defer",
            relay + "450 at RCPT, 451 after the content",
            undisturbed,
            shares={faults.DEFER: 0.02, faults.DEFER_CONTENT: 0.02},
        ),
        Act("vanish", relay + "taken, then gone", undisturbed, shares={faults.VANISH: 0.002}),
        Act("cut", relay + "gone in mid-data", undisturbed, shares={faults.CUT: 0.002}),
        Act(
            "hang",
            relay + "silent for 5 s, then gone",
            undisturbed,
            shares={faults.HANG: 0.0005},
            hang_seconds=5,
        ),
        Act(
            "421",
            "the relay: 421 as greeting, at EHLO, MAIL, RCPT and after the content",
            undisturbed,
            shares={
                faults.FAREWELL_GREETING: 0.2,
                faults.FAREWELL_EHLO: 0.2,
                faults.FAREWELL_MAIL: 0.5,
                faults.FAREWELL_RCPT: 0.001,
                faults.FAREWELL_CONTENT: 0.001,
            },
        ),
        Act(
            "bytes",
            "the relay: each reply octet by octet",
            undisturbed,
            shares={faults.BYTE_BY_BYTE: 1.0},
        ),
        Act("relay", "the relay killed for 3 s, then silent for 5 s", relay_gone, 30),
        Act("journal", "a host lost with its journal", journal_lost, 25),
        Act("sweeps", "200 sweeps a second, and 4 kills", many_sweeps, 30),
        Act(
            "clock", "the database's clock set half an hour ahead, five times, and back", clock, 40
        ),
        Act(
            "clock-host",
            "a host lost with its journal, and the clock set back half an hour",
            clock_and_host,
            30,
        ),
        Act("words", "pause, resume, both ten times in a second, cancel", words, 25),
        Act("sigterm", "SIGTERM, four times", asked_to_end, 30),
        Act(
            "together",
            f"all of these at once, {kills} kills",
            together(kills),
            60,
            SOME_FAULTS,
            has_chunking=True,
        ),
    ]


def short_acts() -> list[Act]:
    """What `make test` has time for."""
    return [
        Act(
            "together",
            "all of it at once, 4 kills",
            together(4),
            12,
            SOME_FAULTS,
            has_chunking=True,
        )
    ]

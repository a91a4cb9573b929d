# SPDX-License-Identifier: GPL-3.0-or-later
"""Hand out jobs to workers: claims, progress, watchdog, bounded retries, and an end that leaves nothing half-done.

A job is files in and files out, so the pool keeps no state of its own: after any kill the same call does the rest.
"""

from __future__ import annotations

import contextlib
import time
from collections import deque
from collections.abc import Callable, Generator
from dataclasses import dataclass, field
from pathlib import Path
from queue import Empty, SimpleQueue

from harmonize_core.errors import EnvironmentFault, HarmonizeError, OutputError
from rdharmony_gen.run.claims import MAX_LOST, Claim, Register
from rdharmony_gen.run.environment import versions
from rdharmony_gen.run.failures import ATTEMPTS, Failure, bad_message, failure_of, mark_failed
from rdharmony_gen.run.jobs import require_same_blender
from rdharmony_gen.run.local import Engine, Event, OnEvent, Worker
from rdharmony_gen.spec.layout import SetLayout

JOBS_PER_PROCESS = 12
"""A worker is replaced after so many jobs: Blender's memory only grows."""
FRUITLESS_STARTS = 5
"""So many workers in a row that end before they are ready mean that none ever will be."""
LOOK_AROUND_S = 5.0
"""How often the pool looks at the disk and at what other runs do."""


@dataclass(frozen=True)
class Work:
    """What the pool is to do and how it knows that it is done."""

    layout: SetLayout
    jobs: list[Path]
    is_done: Callable[[Path], bool]
    """Whether nothing is left to do of a job file, looking at the disk."""
    check: Callable[[], None]
    """Called all the time; raises if the run should stop (the disk is nearly full)."""
    timeout_s: float = 1800.0
    """Longest time without a finished file before a worker is taken for stuck."""


@dataclass
class _Seat:
    """A worker and the job it is at."""

    number: int
    worker: Worker | None = None
    ready: bool = False
    given: int = 0
    claim: Claim | None = None
    stuck: bool = False
    last_sign: float = field(default_factory=time.monotonic)


def run_pool(work: Work, engine: Engine, register: Register, on_event: OnEvent) -> list[Failure]:
    """Do all jobs that no other living run does, wait for the others, and take over those of dead runs.

    Args:
        work: The jobs.
        engine: Where workers come from.
        register: Claims jobs in the name of this run.
        on_event: Gets every event of every worker (started, file, rendered, composed, done, and failed for good), and
            `elsewhere` with a number of jobs when only jobs of other runs are left.

    Returns:
        The jobs that failed, by whichever run, in the order of the jobs.

    Raises:
        OutputError: a full disk or a folder without rights; the whole run stops at once.
        EnvironmentFault: workers do not start.
    """
    pool = _Pool(work, engine, register, on_event)
    pool.run()
    return [f for path in work.jobs if (f := failure_of(work.layout, _job_id(path)))]


class _Pool:
    def __init__(self, work: Work, engine: Engine, register: Register, on_event: OnEvent) -> None:
        self.work, self.engine, self.register, self.on_event = work, engine, register, on_event
        self.waiting = deque(work.jobs)
        self.elsewhere: list[Path] = []
        self.seats: list[_Seat] = []
        self.tries: dict[str, int] = {}
        self.inbox: SimpleQueue[tuple[_Seat, Event]] = SimpleQueue()
        self.fruitless = 0
        self.last_look = self.last_check = time.monotonic()

    def run(self) -> None:
        with self._team():
            while self.waiting or self.elsewhere or any(seat.claim for seat in self.seats):
                self._hire()
                with contextlib.suppress(Empty):
                    seat, event = self.inbox.get(timeout=0.25)
                    seat.last_sign = time.monotonic()
                    self._handle(seat, event)
                self.register.beat()
                self._watch()
                self._look_around()

    @contextlib.contextmanager
    def _team(self) -> Generator[None]:
        """Nobody is left when the block ends: idle workers leave by themselves, busy ones are killed."""
        try:
            yield
        finally:
            for seat in self.seats:
                if seat.worker is not None:
                    seat.worker.kill() if seat.claim or not seat.ready else seat.worker.retire()
            for seat in self.seats:
                if seat.worker is not None:
                    seat.worker.wait()
                self._release(seat)
            self.engine.close()

    def _hire(self) -> None:
        """Give every idle worker a job; start workers while there are jobs for them and retire the old ones."""
        for seat in [s for s in self.seats if s.claim is None and s.given >= JOBS_PER_PROCESS]:
            self._dismiss(seat)
        busy = sum(seat.claim is not None for seat in self.seats)
        while self.waiting and len(self.seats) < min(self.engine.room(), len(self.waiting) + busy):
            seat = _Seat(next(n for n in range(1, len(self.seats) + 2) if all(s.number != n for s in self.seats)))
            seat.worker = self.engine.start(seat.number, lambda event, seat=seat: self.inbox.put((seat, event)))
            self.seats.append(seat)
        for seat in self.seats:
            if seat.ready and seat.claim is None and (found := self._next()):
                path, seat.claim = found
                seat.given += 1
                seat.last_sign = time.monotonic()
                assert seat.worker is not None
                seat.worker.give(path)

    def _next(self) -> tuple[Path, Claim] | None:
        """A job that is ours now; those of other runs are set aside."""
        while self.waiting:
            self.register.beat()
            path = self.waiting.popleft()
            claim = self.register.claim(_job_id(path))
            if claim is None:
                self.elsewhere.append(path)
            elif self.work.is_done(path) or failure_of(self.work.layout, claim.job):
                self.register.release(claim)
            elif claim.lost >= MAX_LOST:
                message = f"{claim.lost} machines went away while they worked on it; look at their memory"
                self._give_up(claim, {"reason": "lost", "message": message})
            else:
                return path, claim
        return None

    def _handle(self, seat: _Seat, event: Event) -> None:
        kind = event["event"]
        if kind == "ready":
            mine, theirs = versions().get("rdharmony"), event["versions"].get("rdharmony")
            if mine and theirs and mine != theirs:
                raise EnvironmentFault(
                    f"{event['host']} has rdharmony {theirs} but this machine has {mine}, whose pictures differ; "
                    "install the same version there"
                )
            require_same_blender(self.work.layout, event["versions"].get("blender"))
            seat.ready, self.fruitless = True, 0
        elif kind == "ended":
            self._ended(seat, event)
        elif kind == "failed":
            self._failed(seat, event)
        else:
            self.on_event(event)
            if kind == "done":
                if seat.claim:
                    self.work.layout.job_log(seat.claim.job).unlink(missing_ok=True)
                self._release(seat)

    def _ended(self, seat: _Seat, event: Event) -> None:
        if seat in self.seats:
            self.seats.remove(seat)
            self.fruitless += not seat.ready
        if self.fruitless >= FRUITLESS_STARTS:
            log = seat.worker.log if seat.worker else self.work.layout.logs
            raise EnvironmentFault(f"{self.fruitless} workers in a row ended before they began; {log} tells why")
        if seat.claim is not None:
            said = bad_message(self.work.layout.job_log(seat.claim.job))
            self._failed(seat, _crash(seat, event, said, self.work.timeout_s))

    def _failed(self, seat: _Seat, event: Event) -> None:
        """Try the job again, or give it up; a full disk stops everything."""
        claim = seat.claim
        if claim is None:  # it was taken from us, or the worker complains before it has a job
            if event.get("fatal"):
                raise EnvironmentFault(event["message"])
            return
        path = self.work.layout.job(claim.job)
        if event.get("fatal"):
            with contextlib.suppress(HarmonizeError, OSError):
                self._give_up(claim, event, seat)
            raise OutputError(event["message"])
        self.tries[claim.job] = self.tries.get(claim.job, 0) + 1
        if not self.register.holds(claim):
            self.elsewhere.append(path)
        elif self.tries[claim.job] < ATTEMPTS.get(event["reason"], 1):
            self.waiting.append(path)
        elif not self.work.is_done(path):
            self._give_up(claim, event, seat)
            self.on_event({**event, "job": claim.job})
        self._release(seat)

    def _give_up(self, claim: Claim, event: Event, seat: _Seat | None = None) -> None:
        log = self.work.layout.job_log(claim.job)
        if not log.is_file() and seat and seat.worker:
            log = seat.worker.log
        where = log.relative_to(self.work.layout.root).as_posix()
        mark_failed(self.work.layout, Failure(claim.job, event["reason"], event["message"], where))
        self.register.release(claim)

    def _release(self, seat: _Seat) -> None:
        if seat.claim is not None:
            self.register.release(seat.claim)
            seat.claim = None

    def _dismiss(self, seat: _Seat) -> None:
        self.seats.remove(seat)
        if seat.worker is not None:
            seat.worker.retire()

    def _watch(self) -> None:
        """End workers that show no progress."""
        for seat in self.seats:
            if seat.claim and not seat.stuck and time.monotonic() - seat.last_sign > self.work.timeout_s:
                seat.stuck = True
                if seat.worker is not None:
                    seat.worker.kill()

    def _look_around(self) -> None:
        """Now and then: is there room on the disk, did somebody take our jobs, are jobs of others free or done?"""
        if time.monotonic() - self.last_check > 0.5:
            self.last_check = time.monotonic()
            self.work.check()
        idle = not self.waiting and not any(seat.claim for seat in self.seats)
        if time.monotonic() - self.last_look < (0.5 if idle else LOOK_AROUND_S):
            return
        self.last_look = time.monotonic()
        for seat in [s for s in self.seats if s.claim and not self.register.holds(s.claim)]:
            assert seat.claim is not None
            self.elsewhere.append(self.work.layout.job(seat.claim.job))
            seat.claim = None
            if seat.worker is not None:
                seat.worker.kill()
        if idle and self.elsewhere:
            self.on_event({"event": "elsewhere", "jobs": len(self.elsewhere)})
            self.waiting.extend(self.elsewhere)
            self.elsewhere.clear()
            self._take_what_is_free()

    def _take_what_is_free(self) -> None:
        """Leave only those jobs waiting that can be claimed at once, so that no worker starts for the others."""
        found = self._next()
        if found:
            path, claim = found
            self.register.release(claim)
            self.waiting.appendleft(path)


def _crash(seat: _Seat, event: Event, said: tuple[str, str] | None, timeout_s: float) -> Event:
    """The failure of the job at which a worker ended."""
    code = event["code"]
    if seat.stuck:
        reason = "timeout"
        message = f"no picture was finished in {timeout_s:.0f} s; raise --timeout-s or lower --samples"
    elif code is None:
        reason, message = "lost", "the machine that worked on it went away"
    elif event.get("oom"):
        reason, message = "memory", "the system killed the worker because memory ran out; use fewer --workers"
    elif said and said[0] == "memory":
        reason, message = "memory", f"memory ran out: {said[1]}"
    else:
        how = f"signal {-code}" if code < 0 else f"exit code {code}"
        hint = " (the system kills processes this way when memory runs out)" if code == -9 else ""
        reason, message = "crash", f"the worker ended with {how}{hint}"
    return {"event": "failed", "reason": reason, "message": message, "fatal": False}


def _job_id(path: Path) -> str:
    return f"{path.parent.name}/{path.stem}"
